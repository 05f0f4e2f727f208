import type { Pod } from '../../server/contract/pod.ts';
import { codeOf } from './link-state.ts';
import { podLabels, shownName } from './names.ts';
import type { Picture } from './picture.ts';
import { STATES } from './picture-cells.ts';

/**
 * What a pod is drawn as. The stage of its life comes first (a starting pod is not ill), then what others say of it.
 * `failing`: most of those who probe it fail, or it fails itself, or it reaches most others not. `unknown`: others
 * reach it, but it did not report. `starved`: its own measurements are not to be trusted.
 */
export type PodHealth =
  | 'healthy'
  | 'failing'
  | 'unknown'
  | 'starved'
  | 'starting'
  | 'not-ready'
  | 'terminating'
  | 'gone';

/** One pod of a picture. Counts are of links between two pods (no self-link), measured by rows that may be trusted. */
export interface PodView {
  pod: Pod;
  /** Its index in `Mesh.pods`. */
  index: number;
  /** Its name, safe to show. */
  name: string;
  /** A short name, different from all others: without what all names share. Safe to show. */
  label: string;
  health: PodHealth;
  /** Most of those who probe it find it slow; it stays healthy and gets a badge. */
  slowToReach: boolean;
  /** Links into it that were probed; how many of them failed or were slow. */
  probedIn: number;
  failedIn: number;
  slowIn: number;
  /** Links out of it that it probed; how many of them failed or were slow. */
  probedOut: number;
  failedOut: number;
  slowOut: number;
}

const SLOW = codeOf('slow');
const FAILED = codeOf('failed');

/** Judges every pod of a picture whose states are filled in. */
export function viewPods(picture: Picture): PodView[] {
  const { mesh, n, state, into, outOf } = picture;
  const labels = podLabels(mesh.pods, mesh.settings.displayNodeName);
  const views = mesh.pods.map((pod, index): PodView => {
    const self = state[index * n + index] ?? 0;
    const inwards = talliesOf(into, index, self);
    const outwards = talliesOf(outOf, index, self);
    // One literal: made by spreading, a thousand of them take 20 ms.
    return {
      pod,
      index,
      name: shownName(pod.name),
      label: labels[index] ?? '',
      health: 'healthy',
      slowToReach: false,
      probedIn: inwards.probed,
      failedIn: inwards.failed,
      slowIn: inwards.slow,
      probedOut: outwards.probed,
      failedOut: outwards.failed,
      slowOut: outwards.slow,
    };
  });
  const down = views.flatMap((view) =>
    isUnreached(view, state[view.index * n + view.index] ?? 0) ? [view.index] : [],
  );
  const isDown = new Set(down);
  for (const view of views) {
    const self = state[view.index * n + view.index];
    view.slowToReach = view.probedIn === 0 ? self === SLOW : view.slowIn * 2 > view.probedIn;
    view.health = isDown.has(view.index) ? failingUnless(view) : healthOf(picture, view, down);
  }
  return views;
}

/** How many pairs of a pod were probed, failed and were slow, without its link to itself. */
function talliesOf(tally: Uint32Array, pod: number, self: number): { probed: number; failed: number; slow: number } {
  const at = (code: number) => (tally[pod * STATES + code] ?? 0) - (code === self ? 1 : 0);
  let probed = 0;
  for (let code = 0; code <= FAILED; code++) probed += at(code);
  return { probed, failed: at(FAILED), slow: at(SLOW) };
}

function isUnreached(view: PodView, self: number): boolean {
  return self === FAILED || view.failedIn * 2 > view.probedIn;
}

/** A pod that nobody reaches fails, unless the stage of its life explains it. */
function failingUnless({ pod }: PodView): PodHealth {
  return pod.lifecycle === 'ready' ? 'failing' : pod.lifecycle;
}

function healthOf(picture: Picture, view: PodView, down: readonly number[]): PodHealth {
  const { lifecycle } = view.pod;
  if (lifecycle !== 'ready') return lifecycle;
  if (isCutOff(picture, view, down)) return 'failing';
  const row = picture.mesh.rows[picture.rowOf[view.index] ?? -1];
  if (row === undefined || row.missing !== '') return 'unknown';
  return row.starvation?.unreliable === true ? 'starved' : 'healthy';
}

/** Whether it fails to reach most of the pods that others do reach, and at least two: its own way out is broken. */
function isCutOff({ n, state }: Picture, view: PodView, down: readonly number[]): boolean {
  let probed = view.probedOut;
  let failed = view.failedOut;
  if (failed < 2) return false;
  for (const to of down) {
    const code = state[view.index * n + to] ?? FAILED + 1;
    if (to === view.index || code > FAILED) continue;
    probed--;
    if (code === FAILED) failed--;
  }
  return failed >= 2 && failed * 2 > probed;
}
