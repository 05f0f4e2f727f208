import type { DrawnMesh } from '../../heatmap-png/cells.ts';
import type { RangeName } from '../../protocol/comparison.ts';
import { type Thresholds, thresholdsFor } from '../../protocol/link-state.ts';
import type { MergedReport, Mesh } from '../../protocol/mesh.ts';
import type { Clock } from '../../runtime/clock.ts';
import { runSliced } from '../../runtime/concurrency.ts';
import type { ByRange } from './link-table.ts';

/** PNGs of the ranges; null: there is none to show. */
export type ReportPictures = ByRange<Uint8Array | null>;

/** The most bytes of all pictures of a report together, so that its page stays below 2 MiB: base64 adds a third to them. */
const MAX_PICTURE_BYTES = 1_350_000;

export type Paint = (mesh: DrawnMesh, limits: Thresholds) => Promise<Uint8Array>;

/** Paints the mesh of a range into `pictures`, unless all of them together would get too large. A picture that is left out does not count. */
export async function paintRange(
  pictures: ReportPictures,
  range: RangeName,
  mesh: Mesh,
  { paint, clock }: { paint: Paint; clock: Clock },
): Promise<void> {
  const limits = thresholdsFor(mesh.settings.slowLinkMs);
  const png = await paint(await runSliced(drawnRangeOf(mesh), clock), limits);
  const bytes = Object.values(pictures).reduce((sum, one) => sum + (one?.byteLength ?? 0), png.byteLength);
  if (bytes <= MAX_PICTURE_BYTES) pictures[range] = png;
}

/**
 * A mesh of the past as a report draws it: each link has its median over the range, and is failed if a probe failed in the
 * range. The result shares columns with the mesh. Yields after each report.
 */
function* drawnRangeOf(mesh: Mesh): Generator<void, DrawnMesh> {
  const reports: MergedReport[] = [];
  for (const report of mesh.reports) {
    const { links, stats } = report;
    // The heatmap draws every outcome other than 0 (`ok`) as failed.
    const outcome = Uint8Array.from(stats?.failures ?? [], (failures) => (failures > 0 ? 1 : 0));
    reports.push(stats === null ? report : { ...report, links: { ...links, outcome, totalUs: stats.p50Us } });
    yield;
  }
  return { pods: mesh.pods, reports, settings: mesh.settings, atMs: mesh.past?.toMs ?? mesh.atMs };
}
