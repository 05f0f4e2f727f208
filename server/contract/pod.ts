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
