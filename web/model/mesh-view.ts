import type { Finding } from '../../server/protocol/finding.ts';
import { isReportMissing, isStarved } from '../../server/protocol/link-state.ts';
import type { Mesh } from '../../server/protocol/mesh.ts';
import type { Pod } from '../../server/protocol/pod.ts';
import { cellsOf, type PictureCells, type PictureOptions, reportsByPod, STATES } from './cells.ts';
import { type ExternalTarget, externalTargets } from './external-targets.ts';
import { findingsByPod } from './findings.ts';
import type { FoldedCells, Folding, Grouping } from './fold.ts';
import { codeOf } from './links.ts';
import { type PodNames, podNames } from './names.ts';

/** The view model of a mesh: everything that the views draw. */
export interface Picture extends PictureCells {
  mesh: Mesh;
  /** By pod: index in `mesh.reports`; -1 = none. */
  reportOf: Int32Array;
  pods: PodView[];
  targets: ExternalTarget[];
  /** How groups of pods were folded into the `pods` of this picture; null = they are pods. See `levels.ts`. */
  fold: Fold | null;
}

/**
 * How a folded picture came from the picture of the pods. `unfolded` has only groups that exist and would be drawn. Links
 * between groups have index `from * groups.length + to`; `groups` has the order of the folded picture's `pods`.
 */
export interface Fold extends Folding, FoldedCells, Grouping {
  pods: Picture;
}

/**
 * Builds the picture of a mesh. A missing statistic (no window requested yet, or no ok sample in it) is replaced by the newest
 * total. If a phase was not measured (Goldpinger's `/check`), an ok link is `unknown`. O(n^2). `names`: see `pictureOf`.
 */
export function buildPicture(mesh: Mesh, options: PictureOptions, names?: PodNames): Picture {
  return pictureOf(mesh, cellsOf(mesh, options), names);
}

/** The picture of a mesh whose cells are already computed. O(n). `names`: the names of its pods, if already computed. */
export function pictureOf(
  mesh: Mesh,
  cells: PictureCells,
  names: PodNames = podNames(mesh.pods, mesh.settings.displayNodeName),
): Picture {
  const targets = externalTargets(mesh);
  const picture: Picture = { ...cells, mesh, reportOf: reportsByPod(mesh), pods: [], targets, fold: null };
  picture.pods = viewPods(picture, names);
  return picture;
}

/**
 * How a pod is drawn: by its lifecycle if it is not ready, otherwise by the server's findings.
 * `failing`: a finding says that others do not reach it, that it does not reach itself, or that it reaches nobody.
 * `unknown`: it did not report, and no finding is about it.
 */
export type PodHealth = 'healthy' | 'failing' | 'unknown' | 'starting' | 'not-ready' | 'terminating' | 'gone';

interface LinkTally {
  probed: number;
  failed: number;
  slow: number;
}

export interface PodView {
  pod: Pod;
  index: number;
  /** Its name, safe to show. */
  name: string;
  /** A short unique name; see `podLabels`. Safe to show. */
  label: string;
  health: PodHealth;
  /** A finding says that links into it are slow. The pod stays healthy and gets a badge. */
  slowToReach: boolean;
  /** It is CPU-starved, so that links from and to it are doubted: see `isStarved`. It keeps its health and gets a wave. */
  starved: boolean;
  silent: boolean;
  /** Its node is passive: it is pinged and does not report. */
  passive: boolean;
  /** The most severe finding about links into it or its self-link, and about links out of it or its measurements. */
  foundIn: Finding | null;
  foundOut: Finding | null;
  /** Its links, without the one to itself. */
  into: LinkTally;
  outOf: LinkTally;
}

const SLOW = codeOf('slow');
const FAILED = codeOf('failed');

export function viewPods(picture: Picture, { names, labels }: PodNames): PodView[] {
  const { mesh } = picture;
  const byPod = findingsByPod(mesh);
  return mesh.pods.map((pod, index): PodView => {
    const { into, outOf } = podTallies(picture, index);
    const report = mesh.reports[picture.reportOf[index] ?? -1];
    const found = moreSevere(byPod.into[index] ?? null, byPod.itself[index] ?? null);
    // One literal, because object spread takes 20 ms for a thousand pods.
    const view: PodView = {
      pod,
      index,
      name: names[index] ?? '',
      label: labels[index] ?? '',
      health: 'healthy',
      slowToReach: found?.severity === 'slow',
      starved: isStarved(report?.starvation ?? null),
      silent: report === undefined || isReportMissing(report),
      passive: report?.missing === 'passive',
      foundIn: found,
      foundOut: byPod.outOf[index] ?? null,
      into,
      outOf,
    };
    view.health = healthOf(view, byPod.isFull);
    return view;
  });
}

function moreSevere(a: Finding | null, b: Finding | null): Finding | null {
  return a === null || (b !== null && a.severity === 'slow') ? (b ?? a) : a;
}

export function podTallies({ n, state, into, outOf }: Picture, pod: number): Pick<PodView, 'into' | 'outOf'> {
  const self = state[pod * n + pod] ?? 0;
  return { into: tallyOf(into, pod, self), outOf: tallyOf(outOf, pod, self) };
}

function tallyOf(counts: Uint32Array, pod: number, self: number): LinkTally {
  const at = (code: number) => (counts[pod * STATES + code] ?? 0) - (code === self ? 1 : 0);
  let probed = 0;
  for (let code = 0; code <= FAILED; code++) probed += at(code);
  return { probed, failed: at(FAILED), slow: at(SLOW) };
}

/** `isFull`: findings may be missing, so without one the pod's failed links decide. */
function healthOf(view: PodView, isFull: boolean): PodHealth {
  const { lifecycle } = view.pod;
  if (lifecycle !== 'ready' && lifecycle !== 'not-ready') return lifecycle;
  // A pod that hangs is not ready after a while. What the others see of it weighs more.
  if (view.foundIn?.severity === 'failed' || view.foundOut?.severity === 'failed') return 'failing';
  if (lifecycle === 'not-ready') return lifecycle;
  if (isFull && view.into.failed * 2 > view.into.probed) return 'failing';
  return view.silent ? 'unknown' : 'healthy';
}
