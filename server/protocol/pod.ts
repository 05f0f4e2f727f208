/** Stages of a pod's life, which are not health. Their order is not part of any wire format. */
export const LIFECYCLES = ['starting', 'ready', 'not-ready', 'terminating', 'gone'] as const;

/** A stage of a pod's life; see `LIFECYCLES`. */
export type Lifecycle = (typeof LIFECYCLES)[number];

/**
 * Whether a pod is to be judged by its links: it is ready, or was (or is tried again and again), and so one that is silent
 * or cannot be reached is a fault. One that starts, terminates or is gone is none.
 */
export function isJudged({ lifecycle }: { lifecycle: Lifecycle }): boolean {
  return lifecycle === 'ready' || lifecycle === 'not-ready';
}

/** A pod that matches our label selector, as the Kubernetes API describes it. Strings are '' where unknown. */
export interface Pod {
  uid: string;
  name: string;
  namespace: string;
  node: string;
  /** The node's `topology.kubernetes.io/zone`; '' without the right to read nodes. */
  zone: string;
  /** All of `status.podIPs`, primary first; empty until the pod has an address, early in its start. */
  podIPs: string[];
  /** All of `status.hostIPs` (or `status.hostIP`), primary first. */
  hostIPs: string[];
  lifecycle: Lifecycle;
  /** Since when it is in that stage, ms since the epoch, as far as we know. */
  sinceMs: number;
  /** `metadata.creationTimestamp`, ms since the epoch. */
  createdMs: number;
  /** uid of the controlling owner (ReplicaSet, DaemonSet, ...). */
  owner: string;
  /** `metadata.labels` as `key=value`, sorted, joined by commas (which neither may contain); at most `MAX_LABELS` long. */
  labels: string;
  /** uid of the pod that took this one's place (same owner, created after it left). */
  replacedBy: string;
}

/** What a pod report says of a peer: enough to find it among the pods of whoever reads the report. */
export interface PeerRef {
  uid: string;
  name: string;
  namespace: string;
  podIP: string;
}

/** The order in which pods are listed everywhere: by namespace, name, uid. */
export function comparePods(a: Pod, b: Pod): number {
  return order(a.namespace, b.namespace) || order(a.name, b.name) || order(a.uid, b.uid);
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The longest `labels` of a pod that are kept; labels that do not fit are left out whole. */
export const MAX_LABELS = 2048;

/** One address that a probe goes to: a pod in one IP family. */
export interface Target {
  /** `${uid}/${family}`: unique, and stable as long as the pod lives. */
  id: string;
  uid: string;
  name: string;
  namespace: string;
  node: string;
  hostIP: string;
  podIP: string;
  family: 4 | 6;
  /** Where to connect: the pod's IP, or its host's with USE_HOST_IP. '' if it has none in this family. */
  address: string;
  port: number;
}

/** Why the pod list could not be had. */
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

/** Why the pod list could not be had; see `DISCOVERY_FAULTS`. */
export type DiscoveryFault = (typeof DISCOVERY_FAULTS)[number];

/**
 * How well we know our peers.
 * `waiting`: no list has arrived since start-up. `synced`: the list is current.
 * `stale`: the list is the last known one, the API server has been away (or answers nonsense) since `sinceMs`.
 */
export interface DiscoveryStatus {
  phase: 'waiting' | 'synced' | 'stale';
  /** Since when it is in that phase, ms since the epoch. */
  sinceMs: number;
  /** How changes reach us: by a watch, or by listing again every REFRESH_INTERVAL where watch is forbidden. */
  mode: 'watch' | 'list';
  /** When the list was last known to be right, ms since the epoch; 0 = never. */
  lastGoodMs: number;
  /** Failed attempts since the last good one. */
  attempts: number;
  /** When the next attempt comes, ms since the epoch; 0 = one is running or none is due. */
  nextAttemptMs: number;
  /** The last fault; null once the list is right again. Message at most 300 characters. */
  lastError: { fault: DiscoveryFault; message: string; atMs: number } | null;
  namespace: string;
  labelSelector: string;
}

/** What discovery knows at one moment. Pods are sorted by namespace, name, uid; gone ones stay for GONE_RETENTION. */
export interface DiscoverySnapshot {
  pods: readonly Pod[];
  status: DiscoveryStatus;
}

/**
 * Fingerprint of a table of peers in the order of the table: 16 hexadecimal digits, the same in every process that knows
 * the same uids and IPs. Two 32-bit FNV-1a hashes from different beginnings; an accident needs 2^32 lists of peers.
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
