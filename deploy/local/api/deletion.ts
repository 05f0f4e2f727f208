import { type KubeObject, kubeTime, type PodObject } from './objects.ts';
import { NAMESPACES, PODS, RESOURCES, type Resource } from './resources.ts';
import { badRequest, conflict, failure } from './status.ts';
import type { Store } from './store.ts';

/** What a client asks for when it deletes (meta/v1 DeleteOptions). */
interface DeleteOptions {
  /** Seconds that a pod has to end by itself; undefined = as its spec says. */
  graceSeconds?: number;
  uid?: string;
  resourceVersion?: string;
  dryRun?: boolean;
}

const MAX_GRACE_S = 86_400;

/** Reads delete options from the body (may be missing) and the query, which wins. Throws ApiError 400. */
export function deleteOptions(body: unknown, query: URLSearchParams): DeleteOptions {
  const wire = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  const asked = query.get('gracePeriodSeconds') ?? wire['gracePeriodSeconds'];
  const seconds = asked === undefined || asked === null || asked === '' ? undefined : Number(asked);
  if (seconds !== undefined && !(Number.isInteger(seconds) && Math.abs(seconds) <= MAX_GRACE_S)) {
    throw badRequest(`gracePeriodSeconds must be a whole number up to ${MAX_GRACE_S}`);
  }
  const { uid, resourceVersion } = (wire['preconditions'] ?? {}) as Record<string, unknown>;
  return {
    // A negative period means the least there is, one second (apiserver's rest.BeforeDelete).
    ...(seconds === undefined ? {} : { graceSeconds: seconds < 0 ? 1 : seconds }),
    ...(typeof uid === 'string' ? { uid } : {}),
    ...(typeof resourceVersion === 'string' ? { resourceVersion } : {}),
    dryRun: query.get('dryRun') === 'All' || JSON.stringify(wire['dryRun']) === '["All"]',
  };
}

/**
 * Deletes an object and gives its last state. A pod that runs somewhere is only marked: its kubelet removes it when its
 * processes have ended; with grace 0 it is removed at once. Throws ApiError 404, 409.
 */
export function deleteObject(
  store: Store,
  resource: Resource,
  object: KubeObject,
  options: DeleteOptions = {},
  nowMs = 0,
) {
  const { name, namespace = '', uid, resourceVersion } = object.metadata;
  if (options.uid !== undefined && options.uid !== uid) {
    throw conflict(
      resource,
      name,
      `Precondition failed: UID in precondition: ${options.uid.slice(0, 100)}, UID in object meta: ${uid}`,
    );
  }
  if (options.resourceVersion !== undefined && options.resourceVersion !== resourceVersion) {
    throw conflict(
      resource,
      name,
      `Precondition failed: ResourceVersion in precondition: ${options.resourceVersion.slice(0, 100)}, ResourceVersion in object meta: ${resourceVersion}`,
    );
  }
  if (resource === NAMESPACES && (name === 'default' || name === 'kube-system')) {
    throw failure(403, 'Forbidden', `namespaces "${name}" is forbidden: this namespace may not be deleted`);
  }
  if (options.dryRun === true) return object;
  if (resource === PODS) return deletePod(store, object as PodObject, options.graceSeconds, nowMs);
  const last = store.remove(resource, namespace, name);
  if (resource === NAMESPACES) emptyNamespace(store, name, nowMs);
  return last;
}

function deletePod(store: Store, pod: PodObject, asked: number | undefined, nowMs: number): KubeObject {
  const { name, namespace = '', deletionGracePeriodSeconds: already } = pod.metadata;
  const ended = pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed';
  const wanted = asked ?? pod.spec.terminationGracePeriodSeconds ?? 30;
  // A pod that nobody has begun to run ends at once; a running one may be hurried, never given more time.
  const graceS = pod.spec.nodeName === undefined || ended ? 0 : Math.min(wanted, already ?? wanted);
  if (graceS === 0) {
    const last = store.remove(PODS, namespace, name);
    return {
      ...last,
      metadata: { ...last.metadata, deletionTimestamp: kubeTime(nowMs), deletionGracePeriodSeconds: 0 },
    };
  }
  if (graceS === already) return pod;
  const deletion = { deletionTimestamp: kubeTime(nowMs + graceS * 1000), deletionGracePeriodSeconds: graceS };
  return store.update(PODS, { ...pod, metadata: { ...pod.metadata, ...deletion } });
}

function emptyNamespace(store: Store, namespace: string, nowMs: number): void {
  for (const resource of RESOURCES.filter((one) => one.namespaced)) {
    for (const object of store.list(resource, namespace))
      deleteObject(store, resource, object, { graceSeconds: 0 }, nowMs);
  }
}
