import { type KubeObject, type NewObject, type PodObject, sameJson, type Workload } from './objects.ts';
import { patched } from './patch.ts';
import { isDryRun, type ObjectRequest } from './request.ts';
import { NAMESPACES, PODS, type Resource, SERVICES } from './resources.ts';
import { badRequest, failure, invalid, notFound } from './status.ts';
import type { Store } from './store.ts';
import { validated, validatedUpdate } from './validate.ts';

/** The letters that Kubernetes makes name endings from. There are no vowels, so that no words appear by chance. */
const LETTERS = 'bcdfghjklmnpqrstvwxz2456789';

/** Makes the random ending of a generated name. `random` returns [0, 1). */
export function nameEnding(random: () => number, length = 5): string {
  return Array.from({ length }, () => LETTERS[Math.floor(random() * LETTERS.length)]).join('');
}

/** Creates the object of a request's body. Throws ApiError 400, 404 (namespace), 409, 422. */
export function createObject(store: Store, request: ObjectRequest, body: unknown, random: () => number): KubeObject {
  const { resource, namespace } = request;
  const draft = validated(resource, body);
  const { generateName } = draft.metadata;
  const name = draft.metadata.name ?? (generateName === undefined ? undefined : generateName + nameEnding(random));
  if (name === undefined) {
    const message = 'Required value: name or generateName is required';
    throw invalid(resource, '', [{ field: 'metadata.name', message }]);
  }
  if (resource.namespaced && (draft.metadata.namespace ?? namespace) !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  if (resource.namespaced && !store.get(NAMESPACES, '', namespace)) throw notFound(NAMESPACES, namespace);
  // Clients cannot create an object that is already being deleted.
  const { namespace: _, deletionTimestamp: __, deletionGracePeriodSeconds: ___, ...metadata } = draft.metadata;
  const complete = { ...draft, metadata: { ...metadata, name, ...(resource.namespaced ? { namespace } : {}) } };
  const ready = withDefaults(resource, complete);
  if (!isDryRun(request)) return store.create(resource, ready);
  return { ...ready, metadata: { uid: '', resourceVersion: '', creationTimestamp: '', ...ready.metadata } };
}

/** Replaces the object of a request by the body. Throws ApiError 400, 404, 409, 422. */
export function replaceObject(store: Store, request: ObjectRequest, body: unknown): KubeObject {
  const stored = storedObject(store, request);
  return put(store, request, stored, validatedUpdate(request.resource, body, stored));
}

/** Applies a patch to the object of a request. Throws ApiError 400, 404, 409, 415, 422. */
export function patchObject(store: Store, request: ObjectRequest, body: unknown, contentType: string): KubeObject {
  const stored = storedObject(store, request);
  return put(store, request, stored, validatedUpdate(request.resource, patched(stored, body, contentType), stored));
}

/** Finds the object of a request. Throws ApiError 404. */
export function storedObject(store: Store, { resource, namespace, name }: ObjectRequest): KubeObject {
  const object = store.get(resource, namespace, name);
  if (!object) throw notFound(resource, name);
  return object;
}

/** Returns a workload's `scale` subresource (autoscaling/v1 Scale). */
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

/** Sets a workload's replicas through its `scale` subresource. The body is a Scale, or a patch of one. */
export function setScale(store: Store, request: ObjectRequest, body: unknown, contentType: string): KubeObject {
  const stored = storedObject(store, request) as Workload;
  const scale = request.verb === 'patch' ? patched(scaleOf(stored), body, contentType) : body;
  const { spec, metadata } = (scale ?? {}) as {
    spec?: { replicas?: unknown };
    metadata?: { resourceVersion?: unknown };
  };
  const version = typeof metadata?.resourceVersion === 'string' ? metadata.resourceVersion : '';
  const next = { ...stored, spec: { ...stored.spec, replicas: spec?.replicas ?? 0 } };
  const checked = validatedUpdate(request.resource, next, stored);
  checked.metadata.resourceVersion = version;
  return scaleOf(put(store, request, stored, checked));
}

function put(store: Store, request: ObjectRequest, stored: KubeObject, next: KubeObject): KubeObject {
  const { resource } = request;
  if (resource === PODS && !sameJson(next['spec'], stored['spec'])) {
    const message = 'Forbidden: pod updates may not change fields other than metadata in this cluster';
    throw failure(422, 'Invalid', `Pod "${stored.metadata.name}" is invalid: spec: ${message}`);
  }
  const whole: KubeObject = { ...next, metadata: { ...next.metadata } };
  // Only the controllers write the status and the deletion.
  if ('status' in stored) whole['status'] = stored['status'];
  const { deletionTimestamp, deletionGracePeriodSeconds } = stored.metadata;
  if (deletionTimestamp !== undefined) Object.assign(whole.metadata, { deletionTimestamp, deletionGracePeriodSeconds });
  return isDryRun(request) ? whole : store.update(resource, whole);
}

function withDefaults<T extends NewObject>(resource: Resource, draft: T): T {
  const spec = draft['spec'] as Record<string, unknown> | undefined;
  if (resource === PODS) return pendingPod(draft);
  if (resource === SERVICES) return { ...draft, spec: { type: 'ClusterIP', ...spec }, status: { loadBalancer: {} } };
  if (resource === NAMESPACES) return { ...draft, status: { phase: 'Active' } };
  return draft;
}

/** Returns a new pod with the defaults of its spec, waiting for a node. */
export function pendingPod<T extends NewObject>(draft: T): T & Pick<PodObject, 'status'> {
  const given = draft['spec'] as { serviceAccount?: unknown } | undefined;
  // `serviceAccount` is the old name of the field. The book chapter uses it.
  const serviceAccountName = typeof given?.serviceAccount === 'string' ? given.serviceAccount : 'default';
  const defaults = { restartPolicy: 'Always', terminationGracePeriodSeconds: 30, serviceAccountName };
  return { ...draft, spec: { ...defaults, ...given }, status: { phase: 'Pending', qosClass: 'BestEffort' } };
}
