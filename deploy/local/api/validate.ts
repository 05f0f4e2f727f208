import * as v from 'valibot';
import type { KubeObject, NewObject } from './objects.ts';
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

const MAX_REPLICAS = 200;

/** Names of objects are RFC 1123 subdomains. RBAC also allows colons, e.g. `system:x`. */
const name = v.pipe(v.string(), v.regex(/^[a-z0-9]([-a-z0-9.:]*[a-z0-9])?$/, 'not a valid name'), v.maxLength(253));
const labelMap = v.pipe(
  v.record(v.pipe(v.string(), v.maxLength(317)), v.pipe(v.string(), v.maxLength(63))),
  v.check((labels) => Object.keys(labels).length <= 100, 'too many labels'),
);
const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535));
const portOrName = v.union([port, v.pipe(v.string(), v.maxLength(63))]);
const count = (limit: number) => v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(limit));

const metadata = v.looseObject({
  name: v.optional(name),
  generateName: v.optional(v.pipe(v.string(), v.maxLength(240))),
  namespace: v.optional(v.pipe(v.string(), v.maxLength(63))),
  labels: v.nullish(labelMap),
  annotations: v.nullish(v.record(v.string(), v.string())),
  ownerReferences: v.nullish(
    v.pipe(
      v.array(v.looseObject({ apiVersion: v.string(), kind: v.string(), name: v.string(), uid: v.string() })),
      v.maxLength(20),
    ),
  ),
});

const container = v.looseObject({
  // Typed clients always send this field. The default keeps their copy of a template equal to the stored one.
  resources: v.optional(v.looseObject({}), {}),
  name: v.pipe(v.string(), v.regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'not a valid name'), v.maxLength(63)),
  image: v.pipe(v.string(), v.minLength(1), v.maxLength(500)),
  command: v.optional(v.pipe(v.array(v.string()), v.maxLength(200))),
  args: v.optional(v.pipe(v.array(v.string()), v.maxLength(200))),
  env: v.optional(
    v.pipe(
      v.array(
        v.looseObject({
          name: v.pipe(v.string(), v.regex(/^[^=\0]+$/, 'not a valid name')),
          value: v.optional(v.string()),
          valueFrom: v.optional(v.looseObject({ fieldRef: v.optional(v.looseObject({ fieldPath: v.string() })) })),
        }),
      ),
      v.maxLength(200),
    ),
  ),
  ports: v.optional(v.pipe(v.array(v.looseObject({ containerPort: port })), v.maxLength(50))),
  readinessProbe: v.optional(
    v.looseObject({
      httpGet: v.optional(v.looseObject({ path: v.optional(v.string()), port: portOrName })),
      periodSeconds: v.optional(count(3600)),
      timeoutSeconds: v.optional(count(3600)),
      failureThreshold: v.optional(count(100)),
    }),
  ),
  startupProbe: v.optional(
    v.looseObject({ exec: v.optional(v.looseObject({ command: v.optional(v.array(v.string())) })) }),
  ),
});

const podSpec = v.looseObject({
  containers: v.pipe(v.array(container), v.minLength(1, 'Required value'), v.maxLength(20)),
  initContainers: v.optional(v.pipe(v.array(container), v.maxLength(20))),
  nodeName: v.optional(v.string()),
  restartPolicy: v.optional(v.picklist(['Always', 'OnFailure', 'Never'])),
  serviceAccountName: v.optional(name),
  terminationGracePeriodSeconds: v.optional(count(86_400)),
});

const workloadSpec = v.looseObject({
  replicas: v.optional(count(MAX_REPLICAS), 1),
  selector: v.looseObject({ matchLabels: v.optional(labelMap) }),
  template: v.looseObject({
    metadata: v.optional(
      v.looseObject({ labels: v.optional(labelMap), annotations: v.nullish(v.record(v.string(), v.string())) }),
    ),
    spec: podSpec,
  }),
});

const serviceSpec = v.looseObject({
  type: v.optional(v.string()),
  selector: v.nullish(labelMap),
  ports: v.optional(v.pipe(v.array(v.looseObject({ port, targetPort: v.optional(portOrName) })), v.maxLength(50))),
});

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
  const parsed = v.safeParse(v.looseObject({ metadata, ...FIELDS.get(resource) }), rest);
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
