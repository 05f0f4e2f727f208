import * as v from 'valibot';
import { type KubeObject, metadataFields, type NewObject, podSpec, serviceSpec, workloadSpec } from './objects.ts';
import {
  apiVersionOf,
  CLUSTER_ROLE_BINDINGS,
  CLUSTER_ROLES,
  DEPLOYMENTS,
  PODS,
  REPLICA_SETS,
  type Resource,
  ROLE_BINDINGS,
  ROLES,
  SERVICES,
} from './resources.ts';
import { badRequest, invalid } from './status.ts';

const texts = v.optional(v.array(v.string()));
const rules = v.nullish(
  v.array(v.looseObject({ verbs: v.array(v.string()), apiGroups: texts, resources: texts, resourceNames: texts })),
);
const binding = {
  subjects: v.nullish(
    v.array(v.looseObject({ kind: v.string(), name: v.string(), namespace: v.optional(v.string()) })),
  ),
  roleRef: v.looseObject({ kind: v.string(), name: v.string() }),
};

const FIELDS = new Map<Resource, v.ObjectEntries>([
  [PODS, { spec: podSpec }],
  [DEPLOYMENTS, { spec: workloadSpec }],
  [REPLICA_SETS, { spec: workloadSpec }],
  [SERVICES, { spec: serviceSpec }],
  [CLUSTER_ROLES, { rules }],
  [ROLES, { rules }],
  [CLUSTER_ROLE_BINDINGS, binding],
  [ROLE_BINDINGS, binding],
]);

/**
 * Checks the fields of a client's object that this cluster reads, and returns the object with its unknown fields. Sets a
 * missing kind or apiVersion. Throws ApiError 400 for another kind than the URL's, and 422 for invalid fields.
 */
export function validated(resource: Resource, body: unknown): NewObject {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw badRequest('the body is not an object');
  const { kind = resource.kind, apiVersion = apiVersionOf(resource), ...rest } = body as Record<string, unknown>;
  if (kind !== resource.kind || apiVersion !== apiVersionOf(resource)) {
    throw badRequest(
      `the object provided is ${brief(apiVersion)} ${brief(kind)}, expected ${apiVersionOf(resource)} ${resource.kind}`,
    );
  }
  const parsed = v.safeParse(v.looseObject({ metadata: metadataFields, ...FIELDS.get(resource) }), rest);
  if (!parsed.success) {
    const causes = parsed.issues
      .slice(0, 5)
      .map((issue) => ({ field: v.getDotPath(issue) ?? '', message: brief(issue.message) }));
    throw invalid(resource, brief((rest['metadata'] as { name?: unknown } | undefined)?.name ?? ''), causes);
  }
  return { ...(parsed.output as object), kind: resource.kind, apiVersion: apiVersionOf(resource) } as NewObject;
}

/** Checks an object that replaces a stored one, whose name it must keep. Throws as `validated` does. */
export function validatedUpdate(resource: Resource, body: unknown, stored: KubeObject): KubeObject {
  const next = validated(resource, body);
  const { uid = '', resourceVersion = '' } = next.metadata;
  if (next.metadata.name !== stored.metadata.name) {
    throw badRequest(
      `the name of the object (${brief(next.metadata.name)}) does not match the name on the URL (${stored.metadata.name})`,
    );
  }
  const metadata = { ...stored.metadata, ...next.metadata, name: stored.metadata.name, uid, resourceVersion };
  if (stored.metadata.namespace !== undefined) metadata.namespace = stored.metadata.namespace;
  return { ...next, metadata };
}

function brief(value: unknown): string {
  return String(value).slice(0, 200);
}
