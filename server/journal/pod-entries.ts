import type { EventKind, EventPod } from '../contract/event.ts';
import type { Lifecycle, Pod } from '../contract/pod.ts';
import type { PodChange } from './pod-book.ts';

/** What a change of a pod says to the journal; `atMs` is monotonic. */
export interface PodEntry {
  kind: EventKind;
  pod: EventPod;
  atMs: number;
  toldMs: number;
  detail: string;
}

const KINDS: Record<Lifecycle, EventKind | null> = {
  starting: null,
  ready: 'pod-ready',
  'not-ready': 'pod-not-ready',
  terminating: 'pod-terminating',
  gone: 'pod-gone',
};

/**
 * The entries that a change of a pod makes. Of a pod that is seen for the first time also that it was created, at the
 * time that the API tells: so a pod that starts later tells the same of it as those that were there.
 */
export function entriesOf({ pod, kind, first, atMs, by }: PodChange, bornMs: number): PodEntry[] {
  const named = eventPodOf(pod);
  if (kind === 'replaced') {
    const toldMs = by?.createdMs ?? 0;
    return [{ kind: 'pod-replaced', pod: named, atMs, toldMs, detail: by?.name.slice(0, 300) ?? '' }];
  }
  const entries: PodEntry[] = [];
  if (first) entries.push({ kind: 'pod-seen', pod: named, atMs: bornMs, toldMs: pod.createdMs, detail: '' });
  const stage = KINDS[kind];
  if (stage !== null) entries.push({ kind: stage, pod: named, atMs, toldMs: toldMsOf(pod), detail: '' });
  return entries;
}

/** A pod as events name it. */
export function eventPodOf({ uid, name, namespace, node }: Pick<Pod, keyof EventPod>): EventPod {
  return { uid, name, namespace, node };
}

/** Since when the API says that a pod is in its stage; 0 = it does not. Its times are whole seconds, ours hardly ever. */
function toldMsOf({ sinceMs }: Pod): number {
  return sinceMs % 1000 === 0 ? sinceMs : 0;
}
