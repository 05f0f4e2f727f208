import type { Finding } from '../../server/protocol/finding.ts';
import type { Pod } from '../../server/protocol/pod.ts';
import { codeOf } from './link-state.ts';
import type { PodNames } from './names.ts';
import type { Picture } from './picture.ts';
import { STATES } from './picture-cells.ts';
import { findingsByPod } from './pod-findings.ts';

/**
 * How a pod is drawn: by its lifecycle if it is not ready, otherwise by the server's findings.
 * `failing`: a finding says that others do not reach it, that it does not reach itself, or that it reaches nobody.
 * `unknown`: it did not report, and no finding is about it. `starved`: CPU-starved, so its measurements are unreliable.
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

/** One pod of a picture. Counts exclude self-links and unreliable links. */
export interface PodView {
  pod: Pod;
  /** Its index in `Mesh.pods`. */
  index: number;
  /** Its name, safe to show. */
  name: string;
  /** A short unique name; see `podLabels`. Safe to show. */
  label: string;
  health: PodHealth;
  /** A finding says that links into it are slow. The pod stays healthy and gets a badge. */
  slowToReach: boolean;
  /** The most severe finding about links into it or its self-link, and about links out of it or its measurements. */
  foundIn: Finding | null;
  foundOut: Finding | null;
  /** Number of probed, failed and slow links into it. */
  probedIn: number;
  failedIn: number;
  slowIn: number;
  /** Number of probed, failed and slow links out of it. */
  probedOut: number;
  failedOut: number;
  slowOut: number;
}

const SLOW = codeOf('slow');
const FAILED = codeOf('failed');

/** Creates the pod views of a picture. */
export function viewPods(picture: Picture, { names, labels }: PodNames): PodView[] {
  const { mesh, n, state, into, outOf } = picture;
  const byPod = findingsByPod(mesh);
  return mesh.pods.map((pod, index): PodView => {
    const self = state[index * n + index] ?? 0;
    const inwards = talliesOf(into, index, self);
    const outwards = talliesOf(outOf, index, self);
    const found = moreSevere(byPod.into[index] ?? null, byPod.itself[index] ?? null);
    // One literal, because object spread takes 20 ms for a thousand pods.
    const view: PodView = {
      pod,
      index,
      name: names[index] ?? '',
      label: labels[index] ?? '',
      health: 'healthy',
      slowToReach: found?.severity === 'slow',
      foundIn: found,
      foundOut: byPod.outOf[index] ?? null,
      probedIn: inwards.probed,
      failedIn: inwards.failed,
      slowIn: inwards.slow,
      probedOut: outwards.probed,
      failedOut: outwards.failed,
      slowOut: outwards.slow,
    };
    view.health = healthOf(picture, view, byPod.isFull);
    return view;
  });
}

function moreSevere(a: Finding | null, b: Finding | null): Finding | null {
  return a === null || (b !== null && a.severity === 'slow') ? (b ?? a) : a;
}

/** Number of probed, failed and slow links of a pod without its self-link. */
function talliesOf(tally: Uint32Array, pod: number, self: number): { probed: number; failed: number; slow: number } {
  const at = (code: number) => (tally[pod * STATES + code] ?? 0) - (code === self ? 1 : 0);
  let probed = 0;
  for (let code = 0; code <= FAILED; code++) probed += at(code);
  return { probed, failed: at(FAILED), slow: at(SLOW) };
}

/** `isFull`: findings may be missing, so without one the pod's failed links decide. */
function healthOf({ mesh, reportOf }: Picture, view: PodView, isFull: boolean): PodHealth {
  const { lifecycle } = view.pod;
  if (lifecycle !== 'ready') return lifecycle;
  if (view.foundIn?.severity === 'failed' || view.foundOut?.severity === 'failed') return 'failing';
  if (isFull && view.failedIn * 2 > view.probedIn) return 'failing';
  const report = mesh.reports[reportOf[view.index] ?? -1];
  if (report === undefined || report.missing !== '') return 'unknown';
  return report.starvation?.unreliable === true ? 'starved' : 'healthy';
}
