import { isReady, type PodObject } from './api/objects.ts';
import { PODS } from './api/resources.ts';
import type { Change } from './api/store.ts';

/** Something that people who watch a cluster want to know of a pod. */
export interface PodNews {
  atMs: number;
  what: 'created' | 'started' | 'ready' | 'not-ready' | 'restarting' | 'no-image' | 'terminating' | 'gone';
  name: string;
  namespace: string;
  uid: string;
  /** '' until it has one. */
  ip: string;
  node: string;
}

/** What a change of the store tells people; null if nothing. */
export function newsOf(change: Change, atMs: number): PodNews | null {
  if (change.resource !== PODS) return null;
  const pod = change.object as PodObject;
  const what = whatHappened(change.type, change.previous as PodObject | null, pod);
  if (what === null) return null;
  const { name, namespace = '', uid } = pod.metadata;
  return { atMs, what, name, namespace, uid, ip: pod.status.podIP ?? '', node: pod.spec.nodeName ?? '' };
}

function whatHappened(type: Change['type'], before: PodObject | null, pod: PodObject): PodNews['what'] | null {
  if (type === 'DELETED') return 'gone';
  if (before === null) return 'created';
  if (pod.metadata.deletionTimestamp !== undefined) {
    return before.metadata.deletionTimestamp === undefined ? 'terminating' : null;
  }
  if (isReady(pod) !== isReady(before)) return isReady(pod) ? 'ready' : (newWaiting(before, pod) ?? 'not-ready');
  if (pod.status.phase === 'Running' && before.status.phase === 'Pending') return 'started';
  return newWaiting(before, pod);
}

function newWaiting(before: PodObject, pod: PodObject): 'restarting' | 'no-image' | null {
  const reasons = (of: PodObject) => of.status.containerStatuses?.map((one) => one.state.waiting?.reason) ?? [];
  const fresh = reasons(pod).find((reason, i) => reason !== reasons(before)[i]);
  return fresh === 'CrashLoopBackOff' ? 'restarting' : fresh === 'ImagePullBackOff' ? 'no-image' : null;
}
