import { isReady, type PodObject } from './api/objects.ts';
import { PODS } from './api/resources.ts';
import type { Change } from './api/store.ts';

/** A change of a pod that `npm start` reports. */
export interface PodEvent {
  atMs: number;
  what: 'created' | 'started' | 'ready' | 'not-ready' | 'restarting' | 'no-image' | 'terminating' | 'gone';
  name: string;
  namespace: string;
  uid: string;
  /** '' until the pod has an address. */
  ip: string;
  node: string;
}

/** Converts a change of the store into an event; null if people need not see it. */
export function podEventOf(change: Change, atMs: number): PodEvent | null {
  if (change.resource !== PODS) return null;
  const pod = change.object as PodObject;
  const what = whatHappened(change.type, change.previous as PodObject | null, pod);
  if (what === null) return null;
  const { name, namespace = '', uid } = pod.metadata;
  return { atMs, what, name, namespace, uid, ip: pod.status.podIP ?? '', node: pod.spec.nodeName ?? '' };
}

function whatHappened(type: Change['type'], before: PodObject | null, pod: PodObject): PodEvent['what'] | null {
  if (type === 'DELETED') return 'gone';
  if (before === null) return 'created';
  if (pod.metadata.deletionTimestamp !== undefined) {
    return before.metadata.deletionTimestamp === undefined ? 'terminating' : null;
  }
  if (isReady(pod) !== isReady(before)) return isReady(pod) ? 'ready' : (newWaitReason(before, pod) ?? 'not-ready');
  if (pod.status.phase === 'Running' && before.status.phase === 'Pending') return 'started';
  return newWaitReason(before, pod);
}

function newWaitReason(before: PodObject, pod: PodObject): 'restarting' | 'no-image' | null {
  const reasonsOf = ({ status }: PodObject) => status.containerStatuses?.map((one) => one.state.waiting?.reason) ?? [];
  const newReason = reasonsOf(pod).find((reason, i) => reason !== reasonsOf(before)[i]);
  return newReason === 'CrashLoopBackOff' ? 'restarting' : newReason === 'ImagePullBackOff' ? 'no-image' : null;
}
