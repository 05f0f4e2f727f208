import type { Finding } from '../../server/protocol/finding.ts';
import type { Pod } from '../../server/protocol/pod.ts';
import { codeOf } from './link-state.ts';
import type { PodNames } from './names.ts';
import type { Picture } from './picture.ts';
import { STATES } from './picture-cells.ts';
import { findingsByPod } from './pod-findings.ts';

/**
 * What a pod is drawn as. The stage of its life comes first (a starting pod is not ill), then what the server found.
 * `failing`: a finding says that others do not reach it, that it does not reach itself, or that it reaches nobody.
 * `unknown`: nothing is found against it, but it did not report. `starved`: its own measurements are not to be trusted.
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
  /** A finding says that it is slow to reach; it stays healthy and gets a badge. */
  slowToReach: boolean;
  /** The gravest finding about links into it (or about its link to itself), and about what it reaches or measures. */
  foundIn: Finding | null;
  foundOut: Finding | null;
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

/** Takes every pod of a picture whose states are filled in as the server's findings have it. */
export function viewPods(picture: Picture, { names, labels }: PodNames): PodView[] {
  const { mesh, n, state, into, outOf } = picture;
  const blame = findingsByPod(mesh);
  return mesh.pods.map((pod, index): PodView => {
    const self = state[index * n + index] ?? 0;
    const inwards = talliesOf(into, index, self);
    const outwards = talliesOf(outOf, index, self);
    const found = gravest(blame.into[index] ?? null, blame.itself[index] ?? null);
    // One literal: made by spreading, a thousand of them take 20 ms.
    const view: PodView = {
      pod,
      index,
      name: names[index] ?? '',
      label: labels[index] ?? '',
      health: 'healthy',
      slowToReach: found?.severity === 'slow',
      foundIn: found,
      foundOut: blame.outOf[index] ?? null,
      probedIn: inwards.probed,
      failedIn: inwards.failed,
      slowIn: inwards.slow,
      probedOut: outwards.probed,
      failedOut: outwards.failed,
      slowOut: outwards.slow,
    };
    view.health = healthOf(picture, view, blame.isFull);
    return view;
  });
}

function gravest(a: Finding | null, b: Finding | null): Finding | null {
  return a === null || (b !== null && a.severity === 'slow') ? (b ?? a) : a;
}

/** How many pairs of a pod were probed, failed and were slow, without its link to itself. */
function talliesOf(tally: Uint32Array, pod: number, self: number): { probed: number; failed: number; slow: number } {
  const at = (code: number) => (tally[pod * STATES + code] ?? 0) - (code === self ? 1 : 0);
  let probed = 0;
  for (let code = 0; code <= FAILED; code++) probed += at(code);
  return { probed, failed: at(FAILED), slow: at(SLOW) };
}

/** `isFull`: there may be more findings than were told, so that figures must do where there is none. */
function healthOf({ mesh, reportOf }: Picture, view: PodView, isFull: boolean): PodHealth {
  const { lifecycle } = view.pod;
  if (lifecycle !== 'ready') return lifecycle;
  if (view.foundIn?.severity === 'failed' || view.foundOut?.severity === 'failed') return 'failing';
  if (isFull && view.failedIn * 2 > view.probedIn) return 'failing';
  const report = mesh.reports[reportOf[view.index] ?? -1];
  if (report === undefined || report.missing !== '') return 'unknown';
  return report.starvation?.unreliable === true ? 'starved' : 'healthy';
}
