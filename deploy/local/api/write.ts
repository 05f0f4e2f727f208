import { DEFAULT_GRACE_S } from '../../../server/protocol/pod.ts';
import {
  type KubeObject,
  kubeTime,
  type NewObject,
  type PodObject,
  type PodSpec,
  sameJson,
  validated,
  type Workload,
} from './objects.ts';
import { patched } from './patch.ts';
import { isDryRun, type ObjectRequest } from './request.ts';
import {
  DAEMON_SETS,
  DEPLOYMENTS,
  EVENTS,
  NAMESPACES,
  PODS,
  REPLICA_SETS,
  RESOURCES,
  type Resource,
  SERVICES,
} from './resources.ts';
import { badRequest, failure, invalid, notFound } from './status.ts';
import type { Store } from './store.ts';

/** The letters that Kubernetes makes name endings from. There are no vowels, so that no words appear by chance. */
const LETTERS = 'bcdfghjklmnpqrstvwxz2456789';

/** Makes the ending of a generated name. `random` returns [0, 1). */
export function nameEnding(random: () => number, length = 5): string {
  return Array.from({ length }, () => LETTERS[Math.floor(random() * LETTERS.length)]).join('');
}

/** Creates the object of a request's body. Throws ApiError 400, 404 (namespace), 409, 422. */
export function createObject(store: Store, request: ObjectRequest, body: unknown): KubeObject {
  const { resource, namespace } = request;
  const draft = validated(resource, body);
  // Clients cannot create an object that is already being deleted.
  const {
    deletionTimestamp: _,
    deletionGracePeriodSeconds: __,
    namespace: given = namespace,
    ...rest
  } = draft.metadata;
  const name = rest.name ?? (rest.generateName && rest.generateName + nameEnding(store.random));
  if (!name) {
    throw invalid(resource, '', 'metadata.name', 'Required value: name or generateName is required', 'Required');
  }
  if (resource.namespaced && given !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  if (resource.namespaced && !store.get(NAMESPACES, '', namespace)) throw notFound(NAMESPACES, namespace);
  const metadata = { ...rest, name, ...(resource.namespaced ? { namespace } : {}) };
  const complete = withDefaults(resource, { ...draft, metadata });
  return store.create(resource, complete, isDryRun(request));
}

/** Replaces the object of a request by the body. Throws ApiError 400, 404, 409, 422. */
export function replaceObject(store: Store, request: ObjectRequest, body: unknown): KubeObject {
  return put(store, request, storedObject(store, request), body);
}

/** Applies a patch to the object of a request. Throws ApiError 400, 404, 409, 415, 422. */
export function patchObject(store: Store, request: ObjectRequest, body: unknown, contentType: string): KubeObject {
  const stored = storedObject(store, request);
  return put(store, request, stored, patched(stored, body, contentType));
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
  const { spec, metadata } = (scale ?? {}) as Partial<Workload>;
  return scaleOf(
    put(store, request, stored, {
      ...stored,
      // As in Kubernetes, whose JSON leaves out 0.
      spec: { ...stored.spec, replicas: spec?.replicas ?? 0 },
      // '' = of any version.
      metadata: { ...stored.metadata, resourceVersion: metadata?.resourceVersion ?? '' },
    }),
  );
}

/**
 * Writes what a client sends in place of `stored`. A dry run writes nothing. Throws ApiError 400, 404, 409, 422.
 */
function put(store: Store, request: ObjectRequest, stored: KubeObject, body: unknown): KubeObject {
  const { resource } = request;
  const next = validated(resource, body);
  const { name } = stored.metadata;
  if (next.metadata.name !== name) {
    throw badRequest(`the name of the object (${next.metadata.name}) does not match the name on the URL (${name})`);
  }
  if (resource === PODS && !sameJson(next['spec'], stored['spec'])) {
    const message = 'Forbidden: pod updates may not change fields other than metadata in this cluster';
    throw invalid(PODS, name, 'spec', message, 'Forbidden');
  }
  // Labels, annotations and owners are the client's: what it leaves out is removed. All else, and the status, stays.
  const { labels: _, annotations: __, ownerReferences: ___, ...kept } = stored.metadata;
  const { deletionTimestamp: _4, deletionGracePeriodSeconds: _5, ...given } = next.metadata;
  const metadata = { ...given, ...kept, resourceVersion: given.resourceVersion ?? '' };
  const whole = { ...next, metadata, ...('status' in stored && { status: stored['status'] }) };
  return store.update(resource, whole, isDryRun(request));
}

/** Completes a new object as the API server does. */
function withDefaults<T extends NewObject>(resource: Resource, draft: T): T {
  const spec = draft['spec'] as Record<string, unknown> | undefined;
  if (resource === PODS) return pendingPod(draft);
  if (resource === SERVICES) return { ...draft, spec: { type: 'ClusterIP', ...spec }, status: { loadBalancer: {} } };
  if (resource === NAMESPACES) return { ...draft, status: { phase: 'Active' } };
  // A status that a client sends is dropped. The controllers write the real one.
  return [DEPLOYMENTS, REPLICA_SETS, DAEMON_SETS].includes(resource) ? { ...draft, status: {} } : draft;
}

/** Returns a new pod with the defaults of its spec, waiting for a node. */
export function pendingPod<T extends object>(draft: T): T & Pick<PodObject, 'status'> {
  const { spec: given } = draft as { spec?: Partial<PodSpec> };
  const serviceAccountName = given?.serviceAccount ?? 'default';
  const defaults = { restartPolicy: 'Always', terminationGracePeriodSeconds: DEFAULT_GRACE_S, serviceAccountName };
  return { ...draft, spec: { ...defaults, ...given }, status: { phase: 'Pending', qosClass: 'BestEffort' } };
}

/** What a client asks for when it deletes an object (meta/v1 DeleteOptions). */
interface DeleteOptions {
  /** Seconds that a pod has to end by itself. If it is missing, the pod's spec decides. */
  graceSeconds?: number | undefined;
  dryRun?: boolean;
}

const MAX_GRACE_S = 86_400;

/** Reads delete options from the body, which may be missing, and the query, which wins. Throws ApiError 400. */
export function deleteOptions(body: unknown, query: URLSearchParams): DeleteOptions {
  const wire: Record<string, unknown> = Object(body);
  const grace = query.get('gracePeriodSeconds') ?? wire['gracePeriodSeconds'] ?? '';
  const graceSeconds = grace === '' ? undefined : Number(grace);
  if (
    graceSeconds !== undefined &&
    !(Number.isInteger(graceSeconds) && graceSeconds >= 0 && graceSeconds <= MAX_GRACE_S)
  ) {
    throw badRequest(`gracePeriodSeconds must be a whole number up to ${MAX_GRACE_S}`);
  }
  return { graceSeconds, dryRun: isDryRun({ query }) || JSON.stringify(wire['dryRun']) === '["All"]' };
}

/**
 * Deletes an object and returns its last state. A pod that runs on a node is only marked. When its processes have ended, its kubelet
 * deletes it again, with grace 0: that removes a pod at once, also if a client asks for it while processes still run. Throws ApiError
 * 403 for the namespaces of the cluster, and 404.
 */
export function deleteObject(
  store: Store,
  resource: Resource,
  object: KubeObject,
  { graceSeconds, dryRun = false }: DeleteOptions = {},
): KubeObject {
  const { name, namespace = '' } = object.metadata;
  if (resource === NAMESPACES && (name === 'default' || name === 'kube-system')) {
    throw failure(403, 'Forbidden', `namespaces "${name}" is forbidden: this namespace may not be deleted`);
  }
  if (dryRun) return object;
  if (resource === PODS) return deletePod(store, object as PodObject, graceSeconds);
  const last = store.remove(resource, namespace, name);
  if (resource === NAMESPACES) {
    for (const inside of RESOURCES.filter((one) => one.namespaced)) {
      for (const item of store.list(inside, name)) deleteObject(store, inside, item, { graceSeconds: 0 });
    }
  }
  return last;
}

function deletePod(store: Store, pod: PodObject, requestedS: number | undefined): KubeObject {
  const nowMs = store.nowMs();
  const { name, namespace = '', deletionTimestamp, deletionGracePeriodSeconds: currentS } = pod.metadata;
  const ended = pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed';
  const wantedS = requestedS ?? pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_S;
  // A pod without a node ends at once. The period of a running one can be shortened, never extended.
  const graceS = pod.spec.nodeName === undefined || ended ? 0 : Math.min(wantedS, currentS ?? wantedS);
  // A shorter period counts from the first request. A pod that ends now has the present time, however long it had left.
  const requestedMs = deletionTimestamp === undefined ? nowMs : Date.parse(deletionTimestamp) - (currentS ?? 0) * 1000;
  const deletion = {
    deletionTimestamp: kubeTime(graceS === 0 ? nowMs : requestedMs + graceS * 1000),
    deletionGracePeriodSeconds: graceS,
  };
  // As in a real cluster, the end of a pod is two changes: MODIFIED with a period of 0, then DELETED.
  const marked = store.update(PODS, { ...pod, metadata: { ...pod.metadata, ...deletion } });
  return graceS > 0 ? marked : store.remove(PODS, namespace, name);
}

/** The most Events in the whole cluster; the oldest are removed. Repeated Events are not merged. */
const MAX_EVENTS = 300;

/** Records an Event about an object, which `kubectl describe` shows, and removes the oldest Events beyond MAX_EVENTS. */
export function recordEvent(
  store: Store,
  object: KubeObject,
  component: string,
  reason: string,
  message: string,
  type: 'Normal' | 'Warning' = 'Normal',
): void {
  const { name, namespace = 'default', uid, resourceVersion } = object.metadata;
  const time = kubeTime(store.nowMs());
  store.create(EVENTS, {
    // `store.create` raises the version, so the next version makes the name unique.
    metadata: { name: `${name}.${(store.version + 1).toString(16).padStart(8, '0')}`, namespace },
    involvedObject: { apiVersion: object.apiVersion, kind: object.kind, name, namespace, uid, resourceVersion },
    type,
    reason,
    message,
    count: 1,
    firstTimestamp: time,
    lastTimestamp: time,
    source: { component },
    reportingComponent: component,
    reportingInstance: '',
  });
  const versionOf = ({ metadata }: KubeObject) => Number(metadata.resourceVersion);
  const byAge = store.list(EVENTS).sort((a, b) => versionOf(a) - versionOf(b));
  for (const { metadata } of byAge.slice(0, -MAX_EVENTS)) store.remove(EVENTS, metadata.namespace ?? '', metadata.name);
}
