import type { DrawnMesh } from '../../heatmap-png/cells.ts';
import type { Thresholds } from '../../protocol/link-state.ts';
import type { MergedReport, Mesh } from '../../protocol/mesh.ts';
import type { Clock } from '../../runtime/clock.ts';
import { runSliced } from '../../runtime/concurrency.ts';
import type { ByRange } from './link-table.ts';

/** PNGs of the ranges; null: there is none to show. */
export type ReportPictures = ByRange<Uint8Array | null>;

/** All pictures of a report together, bytes. Base64 adds a third. */
const MAX_PICTURE_BYTES = 1_350_000;

/** Paints the ranges while the file does not get too large. */
export class PicturePainter {
  readonly pictures: ReportPictures = { before: null, during: null, after: null };
  readonly #clock: Clock;
  readonly #paint: (mesh: DrawnMesh, limits: Thresholds) => Promise<Uint8Array>;
  #bytes = 0;

  constructor(clock: Clock, paint: (mesh: DrawnMesh, limits: Thresholds) => Promise<Uint8Array>) {
    this.#clock = clock;
    this.#paint = paint;
  }

  async paint(range: keyof ReportPictures, mesh: Mesh): Promise<void> {
    const { slowLinkMs } = mesh.settings;
    const limits = { goodMs: Math.min(2, slowLinkMs), warningMs: Math.min(5, slowLinkMs), problemMs: slowLinkMs };
    const png = await this.#paint(await runSliced(drawnRangeOf(mesh), this.#clock), limits);
    if (this.#bytes + png.byteLength > MAX_PICTURE_BYTES) return;
    this.#bytes += png.byteLength;
    this.pictures[range] = png;
  }
}

/** The heatmap draws every outcome other than 0 (`ok`) as failed. */
const FAILED = 1;

/**
 * A mesh of the past as a report draws it: each link has its median over the range, and is failed if a probe failed in the
 * range. The result shares columns with the mesh. Yields after each report.
 */
function* drawnRangeOf(mesh: Mesh): Generator<void, DrawnMesh> {
  const reports: MergedReport[] = [];
  for (const report of mesh.reports) {
    reports.push(drawnReport(report));
    yield;
  }
  return { pods: mesh.pods, reports, settings: mesh.settings, atMs: mesh.past?.toMs ?? mesh.atMs };
}

function drawnReport(report: MergedReport): MergedReport {
  const { links, stats } = report;
  if (stats === null) return report;
  const outcome = new Uint8Array(links.length);
  for (let i = 0; i < outcome.length; i++) if ((stats.failures[i] ?? 0) > 0) outcome[i] = FAILED;
  return { ...report, links: { ...links, outcome, totalUs: stats.p50Us } };
}
