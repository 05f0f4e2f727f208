import type { Thresholds } from '../../server/protocol/link-state.ts';
import type { Mesh } from '../../server/protocol/mesh.ts';
import { type ExternalTarget, externalTargets } from './external-targets.ts';
import { countsByState, type LinkState } from './link-state.ts';
import { type PodNames, podNames } from './names.ts';
import { CellsBuilder, type PictureCells, STATES } from './picture-cells.ts';
import { type PodView, viewPods } from './pod-view.ts';

/** Which latency of a link is shown: the newest one, or a statistic over the window (total only). */
export type ValueKind = 'last' | 'p50' | 'p95' | 'max';
/** Which phase of the newest sample is shown. */
export type ValuePhase = 'total' | 'connect' | 'first-byte';

/** Options of a picture. `phase` is used only with `value: 'last'`, because statistics exist only for totals. */
export interface PictureOptions {
  thresholds: Thresholds;
  value: ValueKind;
  phase: ValuePhase;
}

/** Whether two options give the same picture. */
export function sameOptions(a: PictureOptions, b: PictureOptions): boolean {
  return (
    a.value === b.value &&
    a.phase === b.phase &&
    a.thresholds.goodMs === b.thresholds.goodMs &&
    a.thresholds.warningMs === b.thresholds.warningMs &&
    a.thresholds.problemMs === b.thresholds.problemMs
  );
}

/** The view model of a mesh: everything that the views draw. */
export interface Picture extends Omit<PictureCells, 'worst'> {
  mesh: Mesh;
  /** By pod: index in `mesh.reports`; -1 = none. */
  reportOf: Int32Array;
  /** Number of links by state, of all n * n including self-links. */
  counts: Record<LinkState, number>;
  pods: PodView[];
  /** External targets. */
  targets: ExternalTarget[];
  /** The worst link: the one that has failed for the longest time, otherwise the slowest; null = none. */
  worst: { from: number; to: number } | null;
}

/**
 * Builds the picture of a mesh. The state of a link depends on its outcome first, on its latency second. O(n^2).
 * A missing statistic (no window requested yet, or no ok sample in it) is replaced by the newest total. If a phase was not
 * measured (Goldpinger's `/check`), an ok link is `unknown`. `names`: see `pictureOf`.
 */
export function buildPicture(mesh: Mesh, options: PictureOptions, names?: PodNames): Picture {
  const builder = new CellsBuilder(options);
  builder.begin(mesh.pods.map(({ lifecycle }) => lifecycle));
  const reportOf = reportsByPod(mesh);
  for (const [from, report] of reportOf.entries()) builder.put(from, mesh.reports[report]);
  return pictureOf(mesh, builder.take(), names);
}

/** The picture of a mesh whose cells are already computed. O(n). `names`: the names of its pods, if already computed. */
export function pictureOf(
  mesh: Mesh,
  { worst, ...cells }: PictureCells,
  names: PodNames = podNames(mesh.pods, mesh.settings.displayNodeName),
): Picture {
  const { n } = cells;
  const picture: Picture = {
    ...cells,
    mesh,
    reportOf: reportsByPod(mesh),
    counts: countsOf(cells.outOf),
    pods: [],
    targets: externalTargets(mesh),
    worst: worst < 0 ? null : { from: Math.floor(worst / n), to: worst % n },
  };
  picture.pods = viewPods(picture, names);
  return picture;
}

function reportsByPod(mesh: Mesh): Int32Array {
  const reportOf = new Int32Array(mesh.pods.length).fill(-1);
  for (const [i, report] of mesh.reports.entries()) if (reportOf[report.pod] === -1) reportOf[report.pod] = i;
  return reportOf;
}

function countsOf(outOf: Uint32Array): Record<LinkState, number> {
  const tally = new Float64Array(STATES);
  for (let i = 0; i < outOf.length; i++) tally[i % STATES] = (tally[i % STATES] ?? 0) + (outOf[i] ?? 0);
  return countsByState(tally);
}
