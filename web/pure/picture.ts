import type { Thresholds } from '../../server/protocol/link-state.ts';
import type { Mesh } from '../../server/protocol/mesh.ts';
import { type ExternalTarget, externalTargets } from './external-targets.ts';
import { LINK_STATES, type LinkState } from './link-state.ts';
import { type PodNames, podNames } from './names.ts';
import { CellsBuilder, type PictureCells, STATES } from './picture-cells.ts';
import { type PodView, viewPods } from './pod-view.ts';

/** Which figure of a link is shown: the newest, or one over the window (total only). */
export type ValueKind = 'last' | 'p50' | 'p95' | 'max';
/** Which part of the exchange the newest figure is of. */
export type ValuePhase = 'total' | 'connect' | 'first-byte';

/** What a picture is built for. `phase` counts only with `value: 'last'`: windows know totals alone. */
export interface PictureOptions {
  thresholds: Thresholds;
  value: ValueKind;
  phase: ValuePhase;
}

/** Whether a picture for one is a picture for the other. */
export function sameOptions(a: PictureOptions, b: PictureOptions): boolean {
  return (
    a.value === b.value &&
    a.phase === b.phase &&
    a.thresholds.goodMs === b.thresholds.goodMs &&
    a.thresholds.warningMs === b.thresholds.warningMs &&
    a.thresholds.problemMs === b.thresholds.problemMs
  );
}

/** The mesh made ready for drawing. */
export interface Picture extends Omit<PictureCells, 'worst'> {
  mesh: Mesh;
  /** Pod to index in `mesh.rows`, -1 without a row. */
  reportOf: Int32Array;
  /** How many of all n * n pairs, self-links included, are in each state. */
  counts: Record<LinkState, number>;
  pods: PodView[];
  /** What the pods probe outside the cluster. */
  targets: ExternalTarget[];
  /** The link to look at first: failed for the longest time, else the slowest; null without any. */
  worst: { from: number; to: number } | null;
}

/**
 * Builds the picture of a mesh: outcome first, latency second. O(n^2).
 * A window's figure that is not there (no window asked for yet, no answer in it) is replaced by the newest total.
 * A phase that was not measured (Goldpinger's `/check`) leaves an answered link `unknown`. `names` as in `pictureOf`.
 */
export function buildPicture(mesh: Mesh, options: PictureOptions, names?: PodNames): Picture {
  const maker = new CellsBuilder(options);
  maker.begin(mesh.pods.map(({ lifecycle }) => lifecycle));
  const rowOf = rowsByPod(mesh);
  for (const [from, row] of rowOf.entries()) maker.put(from, mesh.reports[row]);
  return pictureOf(mesh, maker.take(), names);
}

/**
 * The picture of a mesh whose cells have been worked out. O(n), and O(n) for each pod that nobody reaches. `names`: those
 * of its pods, where they are known already.
 */
export function pictureOf(
  mesh: Mesh,
  { worst, ...cells }: PictureCells,
  names: PodNames = podNames(mesh.pods, mesh.settings.displayNodeName),
): Picture {
  const { n } = cells;
  const picture: Picture = {
    ...cells,
    mesh,
    reportOf: rowsByPod(mesh),
    counts: countsOf(cells.outOf),
    pods: [],
    targets: externalTargets(mesh),
    worst: worst < 0 ? null : { from: Math.floor(worst / n), to: worst % n },
  };
  picture.pods = viewPods(picture, names);
  return picture;
}

function rowsByPod(mesh: Mesh): Int32Array {
  const rowOf = new Int32Array(mesh.pods.length).fill(-1);
  for (const [i, report] of mesh.reports.entries()) if (rowOf[report.pod] === -1) rowOf[report.pod] = i;
  return rowOf;
}

function countsOf(outOf: Uint32Array): Record<LinkState, number> {
  const tally = new Float64Array(STATES);
  for (let i = 0; i < outOf.length; i++) tally[i % STATES] = (tally[i % STATES] ?? 0) + (outOf[i] ?? 0);
  return Object.fromEntries(LINK_STATES.map((state, code) => [state, tally[code] ?? 0])) as Record<LinkState, number>;
}
