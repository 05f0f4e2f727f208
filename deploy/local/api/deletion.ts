import { type KubeObject, kubeTime, type PodObject } from './objects.ts';
import { NAMESPACES, PODS, RESOURCES, type Resource } from './resources.ts';
import { badRequest, checkPrecondition, failure } from './status.ts';
import type { Store } from './store.ts';

/** What a client asks for when it deletes an object (meta/v1 DeleteOptions). */
interface DeleteOptions {
  /** Seconds that a pod has to end by itself. If it is missing, the pod's spec decides. */
  graceSeconds?: number | undefined;
  uid?: string | undefined;
  resourceVersion?: string | undefined;
  dryRun?: boolean;
}

const MAX_GRACE_S = 86_400;
const DEFAULT_GRACE_S = 30;

/** Reads delete options from the body, which may be missing, and the query, which wins. Throws ApiError 400. */
export function deleteOptions(body: unknown, query: URLSearchParams): DeleteOptions {
  const wire = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  const grace = query.get('gracePeriodSeconds') ?? wire['gracePeriodSeconds'] ?? '';
  const seconds = grace === '' ? undefined : Number(grace);
  if (seconds !== undefined && !(Number.isInteger(seconds) && Math.abs(seconds) <= MAX_GRACE_S)) {
    throw badRequest(`gracePeriodSeconds must be a whole number up to ${MAX_GRACE_S}`);
  }
  const { uid, resourceVersion } = (wire['preconditions'] ?? {}) as Record<string, unknown>;
  return {
    // A negative period means the shortest one, 1 s (rest.BeforeDelete of the API server).
    graceSeconds: seconds !== undefined && seconds < 0 ? 1 : seconds,
    uid: typeof uid === 'string' ? uid : undefined,
    resourceVersion: typeof resourceVersion === 'string' ? resourceVersion : undefined,
    dryRun: query.get('dryRun') === 'All' || JSON.stringify(wire['dryRun']) === '["All"]',
  };
}

/**
 * Deletes an object and returns its last state. A pod that runs on a node is only marked, and its kubelet removes it when
 * its processes have ended; with grace 0 it is removed at once. `nowMs` is in ms since the epoch. Throws ApiError 403 for
 * the namespaces of the cluster, 404, and 409 if a precondition fails.
 */
export function deleteObject(
  store: Store,
  resource: Resource,
  object: KubeObject,
  nowMs: number,
  options: DeleteOptions = {},
): KubeObject {
  const { name, namespace = '', uid, resourceVersion } = object.metadata;
  checkPrecondition(resource, name, 'UID', options.uid, uid);
  checkPrecondition(resource, name, 'ResourceVersion', options.resourceVersion, resourceVersion);
  if (resource === NAMESPACES && (name === 'default' || name === 'kube-system')) {
    throw failure(403, 'Forbidden', `namespaces "${name}" is forbidden: this namespace may not be deleted`);
  }
  if (options.dryRun === true) return object;
  if (resource === PODS) return deletePod(store, object as PodObject, options.graceSeconds, nowMs);
  const last = store.remove(resource, namespace, name);
  if (resource === NAMESPACES) {
    for (const inside of RESOURCES.filter((one) => one.namespaced)) {
      for (const item of store.list(inside, name)) deleteObject(store, inside, item, nowMs, { graceSeconds: 0 });
    }
  }
  return last;
}

function deletePod(store: Store, pod: PodObject, requestedS: number | undefined, nowMs: number): KubeObject {
  const { name, namespace = '', deletionGracePeriodSeconds: currentS } = pod.metadata;
  const ended = pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed';
  const wantedS = requestedS ?? pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_S;
  // A pod without a node ends at once. The period of a running one can be shortened, never extended.
  const graceS = pod.spec.nodeName === undefined || ended ? 0 : Math.min(wantedS, currentS ?? wantedS);
  if (graceS === currentS) return pod;
  const deletion = {
    deletionTimestamp: kubeTime(nowMs + graceS * 1000),
    deletionGracePeriodSeconds: graceS,
  };
  if (graceS > 0) return store.update(PODS, { ...pod, metadata: { ...pod.metadata, ...deletion } });
  const last = store.remove(PODS, namespace, name);
  return { ...last, metadata: { ...last.metadata, ...deletion } };
}
