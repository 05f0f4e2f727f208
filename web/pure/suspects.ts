import type { LinkState } from './link-state.ts';
import { shownName } from './names.ts';
import type { Picture } from './picture.ts';
import type { PodView } from './pod-view.ts';
import { podWords, slowNote } from './pod-words.ts';

/** A pod with which something is wrong, or several of one node with the same fault. */
export interface Suspect {
  /** Indexes in `Mesh.pods`; one that stands for all of them first in `anchor`. */
  pods: number[];
  anchor: number;
  /** Pod name, or "worker-05, 10 pods". */
  title: string;
  /** The node, where the title is a pod's. */
  place: string;
  note: string;
  tone: LinkState;
  /** The node to filter by, where it is several pods; '' otherwise. */
  node: string;
}

/** So many pods of one node with the same fault are told as one. */
const BUNDLE = 3;

/** Whether something is wrong with a pod as a whole, not just with one of its links. */
export function isAccused(view: PodView): boolean {
  return view.slowToReach || view.health === 'failing' || view.health === 'unknown' || view.health === 'starved';
}

/** Accused pods, those of one node and fault together, the worst first. */
export function suspectsOf(picture: Picture, nowMs: number): Suspect[] {
  const bundles = new Map<string, PodView[]>();
  for (const view of picture.pods.filter(isAccused)) {
    const key = view.pod.node === '' ? view.pod.uid : `${faultOf(view)} ${view.pod.node}`;
    const bundle = bundles.get(key);
    if (bundle === undefined) bundles.set(key, [view]);
    else bundle.push(view);
  }
  const suspects: [number, Suspect][] = [];
  for (const views of bundles.values()) {
    if (views.length >= BUNDLE) suspects.push([blame(views), bundled(picture, views, nowMs)]);
    else for (const view of views) suspects.push([blame([view]), alone(picture, view, nowMs)]);
  }
  suspects.sort(([a, one], [b, other]) => b - a || one.anchor - other.anchor);
  return suspects.map(([, suspect]) => suspect);
}

function faultOf(view: PodView): string {
  return view.health === 'healthy' ? 'slow' : view.health;
}

function blame(views: readonly PodView[]): number {
  return views.reduce((sum, view) => {
    const kind = view.health === 'failing' ? 3 : view.slowToReach ? 2 : view.health === 'unknown' ? 1 : 0;
    return Math.max(sum, kind * 1e9) + (kind === 2 ? view.slowIn : view.failedIn + view.failedOut);
  }, 0);
}

function alone(picture: Picture, view: PodView, nowMs: number): Suspect {
  const { note, tone } = wordsOf(picture, view, nowMs);
  const place = shownName(view.pod.node);
  return { pods: [view.index], anchor: view.index, title: view.name, place, note, tone, node: '' };
}

function bundled(picture: Picture, views: readonly PodView[], nowMs: number): Suspect {
  const notes = views.map((view) => wordsOf(picture, view, nowMs));
  const [first] = notes;
  const isSame = notes.every(({ note }) => note === first?.note);
  const pods = views.map(({ index }) => index);
  const node = views[0]?.pod.node ?? '';
  return {
    pods,
    anchor: pods[pods.length >> 1] ?? 0,
    title: `${shownName(node)}, ${pods.length} pods`,
    place: '',
    note: isSame ? (first?.note ?? '') : (first?.state ?? ''),
    tone: first?.tone ?? 'unknown',
    node,
  };
}

function wordsOf(picture: Picture, view: PodView, nowMs: number): { note: string; state: string; tone: LinkState } {
  if (view.health === 'healthy') return { note: slowNote(view), state: 'slow to reach', tone: 'slow' };
  const { note, state, noteTone } = podWords(picture, view, nowMs);
  return { note: note === '' ? state.toLowerCase() : note, state: state.toLowerCase(), tone: noteTone };
}
