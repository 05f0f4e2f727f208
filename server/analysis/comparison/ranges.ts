import type { DrawnMesh } from '../../heatmap-png/cells.ts';
import type { ReportRange } from '../../protocol/comparison.ts';
import type { Finding } from '../../protocol/finding.ts';
import type { MergedReport, Mesh } from '../../protocol/mesh.ts';
import type { TimeRange } from '../../runtime/time-range.ts';
import { countedNames, type PodTable } from './names.ts';
import { type RangeLinks, rangeLinksOf } from './range-links.ts';

/** The ranges that a client asks for; null = the default. */
export interface RequestedRanges {
  during: TimeRange;
  before: TimeRange | null;
  after: TimeRange | null;
}

/** The ranges that are compared; null = no such time is known. */
export interface ComparedRanges extends RequestedRanges {
  /** What differs from the request, a sentence without a full stop each. */
  notes: string[];
}

/** The default length of "before" and "after" is at least this: a shorter range may have too few samples of each link. */
const MIN_DEFAULT_MS = 60_000;
/** A range that is cut to less than this is dropped. */
const MIN_RANGE_MS = 1_000;

/**
 * Chooses the ranges of a comparison. By default "before" ends where "during" begins, and "after" begins where "during"
 * ends; both are as long as "during", and at least a minute. What lies in the future or beyond `historyWindowMs`
 * (HISTORY_WINDOW) is cut off.
 */
export function comparedRangesOf(requested: RequestedRanges, nowMs: number, historyWindowMs: number): ComparedRanges {
  const { during } = requested;
  const lengthMs = Math.max(during.toMs - during.fromMs, MIN_DEFAULT_MS);
  const cut = (range: TimeRange): TimeRange | null => {
    const fromMs = Math.max(range.fromMs, nowMs - historyWindowMs);
    const toMs = Math.min(range.toMs, nowMs);
    return toMs - fromMs >= MIN_RANGE_MS ? { fromMs, toMs } : null;
  };
  const before = cut(requested.before ?? { fromMs: during.fromMs - lengthMs, toMs: during.fromMs });
  const after = cut(requested.after ?? { fromMs: during.toMs, toMs: during.toMs + lengthMs });
  const kept = cut(during);
  const notes: string[] = [];
  if (kept === null || kept.fromMs > during.fromMs) {
    notes.push('The range "during" begins before the oldest data that is kept');
  }
  if (before === null)
    notes.push('The data from before the range "during" is no longer kept, so nothing can be compared');
  if (after === null) notes.push('No time has passed since the range "during", so the recovery is not known');
  return { before, during: kept ?? during, after, notes };
}

/** What a comparison keeps of the mesh of one range. */
export interface RangeView {
  range: ReportRange;
  links: RangeLinks;
  findings: readonly Finding[];
  /** The number in the pod table of each pod of the mesh; findings name pods by their index in the mesh. */
  numbers: Int32Array;
}

/** Reads a mesh of the past and adds its pods to the table. The mesh is not referenced afterwards. Yields after each report. */
export function* rangeViewOf(mesh: Mesh, table: PodTable): Generator<void, RangeView> {
  const numbers = table.add(mesh.pods);
  const links = yield* rangeLinksOf(mesh, numbers);
  const missing = mesh.reports.filter((report) => report.missing !== '').map(({ pod }) => mesh.pods[pod]?.name ?? '');
  const { fromMs, toMs, resolutionMs } = mesh.past ?? { fromMs: mesh.atMs, toMs: mesh.atMs, resolutionMs: 0 };
  const range = { fromMs, toMs, resolutionMs, pods: mesh.reports.length, missing: countedNames(missing) };
  return { range, links, findings: mesh.findings, numbers };
}

/** The heatmap draws every outcome other than 0 (`ok`) as failed. */
const FAILED = 1;

/**
 * A mesh of the past as a report draws it: each link has its median over the range, and is failed if a probe failed in the
 * range. The result shares columns with the mesh. Yields after each report.
 */
export function* drawnRangeOf(mesh: Mesh): Generator<void, DrawnMesh> {
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
