import * as v from './validators.ts';

/** Stages of a pod's life. They say nothing about its health. Their order is not part of any wire format. */
export const LIFECYCLES = ['starting', 'ready', 'not-ready', 'terminating', 'gone'] as const;
export type Lifecycle = (typeof LIFECYCLES)[number];

/**
 * Whether failed links are a fault of the pod: if it is ready, or `not-ready` (it was ready, or restarts again and again). They are
 * not while it starts or terminates, when it is gone, or when its node is cordoned and IGNORE_CORDONED is set.
 */
export function isJudged({ lifecycle, cordon }: Pick<Pod, 'lifecycle' | 'cordon'>): boolean {
  return cordon !== 'ignored' && (lifecycle === 'ready' || lifecycle === 'not-ready');
}

/** Whether a pod is ready and counts for health: see `isJudged`. */
export function isJudgedReady({ lifecycle, cordon }: Pick<Pod, 'lifecycle' | 'cordon'>): boolean {
  return cordon !== 'ignored' && lifecycle === 'ready';
}

/** Kubernetes' default grace period of a pod, s (core/v1 PodSpec, terminationGracePeriodSeconds). */
export const DEFAULT_GRACE_S = 30;

/** The maximum length of `Pod.labels` (a label that does not fit is left out as a whole) and of `Pod.reason`. */
export const MAX_LABELS = 2048;
export const MAX_REASON = 200;

const ips = v.boundedArray(v.boundedText(45), 8);

/** A pod that matches our label selector, as the Kubernetes API describes it. Strings are '' where unknown. */
export const podSchema = v.object({
  uid: v.boundedText(128),
  name: v.boundedText(253),
  namespace: v.boundedText(63),
  node: v.boundedText(253),
  /** The node's `topology.kubernetes.io/zone`; '' without the right to read nodes. */
  zone: v.boundedText(253),
  /** Whether its node is cordoned (`spec.unschedulable`), and ignored for that (IGNORE_CORDONED). */
  cordon: v.optional(v.picklist(['', 'cordoned', 'ignored']), ''),
  /** All of `status.podIPs`, primary first; empty until the pod has an address, early in its start. */
  podIPs: ips,
  /** All of `status.hostIPs` (or `status.hostIP`), primary first. */
  hostIPs: ips,
  lifecycle: v.picklist(LIFECYCLES),
  /** Since when the pod is in that stage, ms since the epoch, as far as we know. */
  sinceMs: v.finiteNumber,
  /** A gone pod may have left up to so long before `sinceMs`, ms, because only a later list showed that it was missing. */
  unseenMs: v.optional(v.pipe(v.finiteNumber, v.minValue(0)), 0),
  /** Why it is in that stage, in the API's own words (Evicted, DeletionByTaintManager, ImagePullBackOff); '' = no reason. */
  reason: v.optional(v.boundedText(MAX_REASON), ''),
  /** By when its deletion should be complete (`deletionTimestamp`), ms since the epoch; 0 = its deletion was not requested. */
  goneByMs: v.optional(v.finiteNumber, 0),
  /** `metadata.creationTimestamp`, ms since the epoch. */
  createdMs: v.finiteNumber,
  /** uid of the controlling owner (ReplicaSet, DaemonSet, ...). */
  owner: v.boundedText(128),
  /** `metadata.labels` as `key=value`, sorted, joined by commas (which neither may contain); at most `MAX_LABELS` long. */
  labels: v.boundedText(MAX_LABELS),
  /** uid of the pod that took the place of this one: it has the same owner and was created after this one left. */
  replacedBy: v.boundedText(128),
});
export type Pod = v.InferOutput<typeof podSchema>;

/** Validates what names a pod. It may be gone from every list by now. */
export const podNameSchema = v.pick(podSchema, ['uid', 'name', 'namespace', 'node']);

/** The most departed pods in one answer. */
export const MAX_DEPARTED = 500;

/** The most stages that are known of the life of one pod: a pod whose readiness flaps must not fill the memory. */
export const MAX_STAGES = 32;

/** A pod that has left, with its life: other pods tell it to a process that did not see it. Ages count from the answer. */
const departedPodSchema = v.object({
  pod: podSchema,
  /** The newest stages of its life, oldest first, and how long ago each began, ms. The last one is `gone`. */
  stages: v.boundedArray(v.tuple([v.picklist(LIFECYCLES), v.finiteNumber]), MAX_STAGES),
});
export type DepartedPod = v.InferOutput<typeof departedPodSchema>;

const departedPodsSchema = v.object({ pods: v.eachOf(departedPodSchema, MAX_DEPARTED) });

/** Validates the answer of `/api/v1/departed-pods` from another pod, and gives the list. */
export function* parseDepartedPodsSliced(wire: unknown, skipped: v.Skipped): Generator<void, DepartedPod[]> {
  return (yield* v.parseSliced(departedPodsSchema, wire, skipped)).pods;
}

/** Identifies a pod in a pod report, with what a reader needs to find it among the pods that it knows itself. */
export interface PeerRef {
  uid: string;
  name: string;
  namespace: string;
  podIP: string;
}

type OrderedPod = Pick<Pod, 'namespace' | 'name' | 'uid'>;

/** Compares pods by namespace, name, uid. Pods are listed in this order everywhere. */
export function comparePods(a: OrderedPod, b: OrderedPod): number {
  return order(a.namespace, b.namespace) || order(a.name, b.name) || order(a.uid, b.uid);
}

function order(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** Where a pod is or would be in a list of pods, or of what belongs to them, that is in the order of `comparePods`. */
export function orderedPlace<T>(list: readonly T[], pod: OrderedPod, podOf: (item: T) => OrderedPod): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = list[middle];
    if (other !== undefined && comparePods(podOf(other), pod) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * What differs between two lists of pods or targets, both in the order of `comparePods`. One that has changed is another object: it
 * is in both results. With 6000 pods of which one has changed this takes some 10 us.
 */
export function listChanges<T extends OrderedPod>(
  before: readonly T[],
  now: readonly T[],
): { added: T[]; removed: T[] } {
  const added: T[] = [];
  const removed: T[] = [];
  let [b, n] = [0, 0];
  for (;;) {
    const [former, present] = [before[b], now[n]];
    if (former === undefined && present === undefined) return { added, removed };
    const isSame = former === present;
    const first = former === undefined ? 1 : present === undefined ? -1 : isSame ? 0 : comparePods(former, present);
    if (former !== undefined && first <= 0) {
      b++;
      if (!isSame) removed.push(former);
    }
    if (present !== undefined && first >= 0) {
      n++;
      if (!isSame) added.push(present);
    }
  }
}

/** The target of a probe: a pod in one IP family. */
export interface Target {
  /** `${uid}/${family}`: unique, and the same as long as the pod exists. */
  id: string;
  uid: string;
  name: string;
  namespace: string;
  node: string;
  hostIP: string;
  podIP: string;
  family: 4 | 6;
  /** Where to connect: the IP of the pod, or of its host with USE_HOST_IP. '' if there is none that may be called. */
  address: string;
  /** Why there is no address; continues a sentence that begins with the pod. */
  whyNoAddress?: string;
  port: number;
}

/** Why a request for the pods failed. */
export const DISCOVERY_FAULTS = [
  'refused',
  'reset',
  'timeout',
  'unreachable',
  'dns',
  'tls',
  'unauthorized',
  'forbidden',
  'not-found',
  'server-error',
  'malformed',
  'suspicious-empty',
  'config',
] as const;
export type DiscoveryFault = (typeof DISCOVERY_FAULTS)[number];

/**
 * How well this process knows the pods. `waiting`: no list has come since the start. `stale`: requests to the API server fail and
 * nothing was heard from it for MAX_LIST_AGE_MS. Health, findings, events, metrics, verdicts and page all go by this phase:
 * `discovery/status.ts` decides it.
 */
export const discoverySchema = v.object({
  phase: v.picklist(['waiting', 'synced', 'stale']),
  /** Since when discovery is in that phase, ms since the epoch. */
  sinceMs: v.finiteNumber,
  /** How changes reach us: by a watch, or by a list every REFRESH_INTERVAL where watching is forbidden. */
  mode: v.picklist(['watch', 'list']),
  /** When something was last heard from the API server that keeps the list up to date, ms since the epoch; 0 = never. */
  lastGoodMs: v.finiteNumber,
  /** Failed attempts since the last one that succeeded. */
  attempts: v.finiteNumber,
  /** When the next attempt starts, ms since the epoch; 0 = an attempt is running, or none is needed. */
  nextAttemptMs: v.finiteNumber,
  /** The last fault; null once an attempt has succeeded. The sender cuts the message to 300 characters. */
  lastError: v.nullable(
    v.object({ fault: v.picklist(DISCOVERY_FAULTS), message: v.boundedText(400), atMs: v.finiteNumber }),
  ),
  namespace: v.boundedText(253),
  labelSelector: v.boundedText(2048),
});
export type DiscoveryStatus = v.InferOutput<typeof discoverySchema>;

/**
 * How often pods are listed and external targets are probed, ms: REFRESH_INTERVAL, or 30 s (Goldpinger's default) if it is 0
 * because pinging is switched off.
 */
export function intervalWithoutPingsMs(refreshIntervalMs: number): number {
  return refreshIntervalMs > 0 ? refreshIntervalMs : 30_000;
}

/** A list of pods is old when nothing was heard from the API server for this long, ms. */
export const MAX_LIST_AGE_MS = 14_000;

/** What discovery knows at one moment. Pods are sorted by namespace, name, uid. Gone pods stay for GONE_RETENTION. */
export interface DiscoverySnapshot {
  pods: readonly Pod[];
  status: DiscoveryStatus;
}

/** What is known before discovery has started, at `nowMs` (ms since the epoch). */
export function nothingKnown(
  { namespace, labelSelector }: { namespace: string | null; labelSelector: string },
  nowMs: number,
): DiscoverySnapshot {
  const status: DiscoveryStatus = {
    phase: 'waiting',
    sinceMs: nowMs,
    mode: 'watch',
    lastGoodMs: 0,
    attempts: 0,
    nextAttemptMs: 0,
    lastError: null,
    namespace: (namespace ?? '').slice(0, 253),
    labelSelector: labelSelector.slice(0, 2048),
  };
  return { pods: [], status };
}

/**
 * Hashes the uids and IPs of a list of peers to 16 hexadecimal digits: two 32-bit FNV-1a hashes with different initial values, so
 * that a collision needs about 2^32 lists.
 */
export function peersHashOf(peers: readonly PeerRef[]): string {
  let high = 0x811c9dc5;
  let low = 0x2f0b4c47;
  for (const { uid, podIP } of peers) {
    const text = `${uid}\n${podIP}\n`;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      high = Math.imul(high ^ unit, 0x01000193);
      low = Math.imul(low ^ unit ^ (low >>> 15), 0x01000193);
    }
  }
  return [high, low].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
}
