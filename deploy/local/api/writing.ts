import type { KubeObject, NewObject, PodObject, Workload } from './objects.ts';
import { patched } from './patch.ts';
import type { ObjectRequest } from './request.ts';
import { NAMESPACES, PODS, type Resource, SERVICES } from './resources.ts';
import { sameJson } from './sameness.ts';
import { badRequest, failure, invalid, notFound } from './status.ts';
import type { Store } from './store.ts';
import { validated, validatedUpdate } from './validate.ts';

/** The letters that Kubernetes makes name endings from: no vowels, so that no words come out. */
const LETTERS = 'bcdfghjklmnpqrstvwxz2456789';

/** The ending of a generated name. `random` gives [0, 1). */
export function nameEnding(random: () => number, length = 5): string {
  return Array.from({ length }, () => LETTERS[Math.floor(random() * LETTERS.length)]).join('');
}

/** Creates the object that a body describes. Throws ApiError 400, 404 (namespace), 409, 422. */
export function createObject(store: Store, request: ObjectRequest, body: unknown, random: () => number): KubeObject {
  const { resource, namespace } = request;
  const draft = validated(resource, body);
  const { generateName } = draft.metadata;
  const name = draft.metadata.name ?? (generateName === undefined ? undefined : generateName + nameEnding(random));
  if (name === undefined) {
    throw invalid(resource, '', [
      { field: 'metadata.name', message: 'Required value: name or generateName is required' },
    ]);
  }
  const inBody = draft.metadata.namespace ?? namespace;
  if (resource.namespaced && inBody !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  if (resource.namespaced && !store.get(NAMESPACES, '', namespace)) throw notFound(NAMESPACES, namespace);
  const { namespace: _, deletionTimestamp: __, deletionGracePeriodSeconds: ___, ...metadata } = draft.metadata;
  const complete = { ...draft, metadata: { ...metadata, name, ...(resource.namespaced ? { namespace } : {}) } };
  const ready = withDefaults(resource, complete);
  return isDryRun(request) ? preview(ready) : store.create(resource, ready);
}

/** Replaces the named object by the body. Throws ApiError 400, 404, 409, 422. */
export function replaceObject(store: Store, request: ObjectRequest, body: unknown): KubeObject {
  const stored = existing(store, request);
  return put(store, request, stored, validatedUpdate(request.resource, body, stored));
}

/** Applies a patch to the named object. Throws ApiError 400, 404, 409, 415, 422. */
export function patchObject(store: Store, request: ObjectRequest, body: unknown, contentType: string): KubeObject {
  const stored = existing(store, request);
  return put(store, request, stored, validatedUpdate(request.resource, patched(stored, body, contentType), stored));
}

/** The object that a request names. Throws ApiError 404. */
export function existing(store: Store, { resource, namespace, name }: ObjectRequest): KubeObject {
  const object = store.get(resource, namespace, name);
  if (!object) throw notFound(resource, name);
  return object;
}

/** A workload's `scale` subresource (autoscaling/v1 Scale). */
export function scaleOf(workload: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = workload.metadata;
  const { spec, status } = workload as Workload;
  const labels = Object.entries(spec.selector.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, uid, resourceVersion, creationTimestamp, ...(namespace === undefined ? {} : { namespace }) },
    spec: { replicas: spec.replicas },
    status: { replicas: status?.replicas ?? 0, selector: labels.join(',') },
  };
}

/** Sets a workload's replicas by its `scale` subresource: a Scale as body, or a patch of one. */
export function setScale(store: Store, request: ObjectRequest, body: unknown, contentType: string): KubeObject {
  const stored = existing(store, request) as Workload;
  const scale = request.verb === 'patch' ? patched(scaleOf(stored), body, contentType) : body;
  const { spec, metadata } = (scale ?? {}) as {
    spec?: { replicas?: unknown };
    metadata?: { resourceVersion?: unknown };
  };
  const version = typeof metadata?.resourceVersion === 'string' ? metadata.resourceVersion : '';
  const next = { ...stored, spec: { ...stored.spec, replicas: spec?.replicas ?? 0 } };
  const checked = validatedUpdate(request.resource, next, stored);
  return scaleOf(
    put(store, request, stored, { ...checked, metadata: { ...checked.metadata, resourceVersion: version } }),
  );
}

function put(store: Store, request: ObjectRequest, stored: KubeObject, next: KubeObject): KubeObject {
  const { resource } = request;
  if (resource === PODS && !sameJson(next['spec'], stored['spec'])) {
    const message = 'Forbidden: pod updates may not change fields other than metadata in this cluster';
    throw failure(422, 'Invalid', `Pod "${stored.metadata.name}" is invalid: spec: ${message}`);
  }
  // What an object is at the moment is for the controllers to say, not for its writer.
  const status = 'status' in stored ? { status: stored['status'] } : {};
  const { deletionTimestamp, deletionGracePeriodSeconds } = stored.metadata;
  const deletion = deletionTimestamp === undefined ? {} : { deletionTimestamp, deletionGracePeriodSeconds };
  const whole = { ...next, ...status, metadata: { ...next.metadata, ...deletion } } as KubeObject;
  return isDryRun(request) ? whole : store.update(resource, whole);
}

function withDefaults<T extends NewObject>(resource: Resource, draft: T): T {
  const spec = draft['spec'] as Record<string, unknown> | undefined;
  if (resource === PODS) return pendingPod(draft);
  if (resource === SERVICES) return { ...draft, spec: { type: 'ClusterIP', ...spec }, status: { loadBalancer: {} } };
  if (resource === NAMESPACES) return { ...draft, status: { phase: 'Active' } };
  return draft;
}

/** A new pod with the defaults of its spec, as it waits for a node. */
export function pendingPod<T extends NewObject>(draft: T): T & Pick<PodObject, 'status'> {
  const given = draft['spec'] as { serviceAccount?: unknown } | undefined;
  // `serviceAccount` is the old name, which the chapter uses.
  const serviceAccountName = typeof given?.serviceAccount === 'string' ? given.serviceAccount : 'default';
  const defaults = { restartPolicy: 'Always', terminationGracePeriodSeconds: 30, serviceAccountName };
  const spec = { ...defaults, ...given };
  return { ...draft, spec, status: { phase: 'Pending', qosClass: 'BestEffort' } };
}

function isDryRun({ query }: ObjectRequest): boolean {
  return query.get('dryRun') === 'All';
}

function preview(draft: NewObject & { metadata: { name: string } }): KubeObject {
  return { ...draft, metadata: { uid: '', resourceVersion: '', creationTimestamp: '', ...draft.metadata } };
}
