import type { DrawnMesh } from '../../heatmap-png/heatmap.ts';
import type { ReportRange } from '../../protocol/comparison.ts';
import type { Finding } from '../../protocol/finding.ts';
import { isSlow } from '../../protocol/link-state.ts';
import { FLAG_IPV6, FLAG_NOT_YET, type LinkColumns, NONE16, type StatColumns, unpack16 } from '../../protocol/links.ts';
import type { MergedReport, Mesh } from '../../protocol/mesh.ts';
import type { TimeRange } from '../../runtime/time-range.ts';
import { namesOf, type PodTable } from './tables.ts';

/** What was asked for; null = the default. */
export interface RequestedRanges {
  during: TimeRange;
  before: TimeRange | null;
  after: TimeRange | null;
}

/** What can be looked at. */
export interface ComparedRanges {
  before: TimeRange | null;
  during: TimeRange;
  after: TimeRange | null;
  /** What could not be had as wanted, a sentence each. */
  notes: string[];
}

/** So long "before" is at least: a shorter one may have too few samples of each link. */
const LEAST_BEFORE_MS = 60_000;
/** A shorter time range holds next to nothing. */
const LEAST_MS = 1_000;

/**
 * The ranges of a report. "before" is by default as long as "during" and at least a minute, right before it; "after"
 * follows "during" up to now, at most as long as it. What lies in the future or beyond `windowMs` (HISTORY_WINDOW) is cut
 * off; null where nothing is left.
 */
export function comparedRangesOf(wanted: RequestedRanges, nowMs: number, windowMs: number): ComparedRanges {
  const { during } = wanted;
  const lengthMs = during.toMs - during.fromMs;
  const oldestMs = nowMs - windowMs;
  const cut = ({ fromMs, toMs }: TimeRange): TimeRange | null => {
    const [from, to] = [Math.max(fromMs, oldestMs), Math.min(toMs, nowMs)];
    return to - from >= LEAST_MS ? { fromMs: from, toMs: to } : null;
  };
  const kept = cut(during);
  const before = wanted.before ?? {
    fromMs: during.fromMs - Math.max(lengthMs, LEAST_BEFORE_MS),
    toMs: during.fromMs,
  };
  const after = wanted.after ?? { fromMs: during.toMs, toMs: during.toMs + Math.max(lengthMs, LEAST_BEFORE_MS) };
  const [keptBefore, keptAfter] = [cut(before), cut(after)];
  const notes = [
    kept !== null && kept.fromMs <= during.fromMs ? '' : 'The range "during" begins before the past that is kept',
    keptBefore !== null
      ? ''
      : 'The past before the range "during" is no longer kept, so nothing can be compared with it',
    keptAfter !== null ? '' : 'No time has passed since the range "during", so whether it went well again is not known',
  ];
  return { before: keptBefore, during: kept ?? during, after: keptAfter, notes: notes.filter((note) => note !== '') };
}

/** What a report keeps of the mesh of one range. */
export interface RangeView {
  range: ReportRange;
  links: RangeLinks;
  findings: readonly Finding[];
  /** Numbers of the pods that the findings name, by index in the mesh. */
  numbers: Int32Array;
}

/** Reads a mesh of the past; it may be let go of afterwards. Yields after each report. */
export function* rangeViewOf(mesh: Mesh, table: PodTable): Generator<void, RangeView> {
  const numbers = table.take(mesh.pods);
  const links = yield* rangeLinksOf(mesh, numbers);
  const missing = mesh.reports.filter((report) => report.missing !== '').map(({ pod }) => mesh.pods[pod]?.name ?? '');
  const { fromMs, toMs, resolutionMs } = mesh.past ?? { fromMs: mesh.atMs, toMs: mesh.atMs, resolutionMs: 0 };
  const range = { fromMs, toMs, resolutionMs, pods: mesh.reports.length, missing: namesOf(missing) };
  return { range, links, findings: mesh.findings, numbers };
}

/** Any outcome but ok is drawn as failed. */
const FAILED = 1;

/**
 * A mesh of the past as it is drawn in a report: not how each link stood at the end, but its median over the range, and
 * failed where a probe failed in it. Shares what it can with the mesh. Yields after each report.
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

/** What one link came to in a range. Durations as `pack16` packs them, `NONE16` without an ok sample. */
export interface LinkFigures {
  samples: number;
  failures: number;
  p50Us16: number;
  p95Us16: number;
  maxUs16: number;
  /** Whether it failed or was slow at the end of the range. */
  isBadAtEnd: boolean;
}

/** One pod's links in a range, entry by entry. */
export interface RangeReport {
  /** The probed pod and the family: `keyOf`. */
  keys: Int32Array;
  samples: Uint16Array;
  failures: Uint16Array;
  p50Us16: Uint16Array;
  p95Us16: Uint16Array;
  maxUs16: Uint16Array;
  isBadAtEnd: Uint8Array;
}

/** All links of one range, by the number of the probing pod. */
export type RangeLinks = ReadonlyMap<number, RangeReport>;

/** Names a link within its report: one to the same pod over IPv6 is another one. */
export function keyOf(to: number, ipv6: boolean): number {
  return to * 2 + (ipv6 ? 1 : 0);
}

/** The probed pod's number and the family of a key. */
export function linkOf(key: number): { to: number; ipv6: boolean } {
  return { to: key >> 1, ipv6: (key & 1) === 1 };
}

/**
 * Takes out of a mesh of the past what a report needs, 15 bytes a link, so that the mesh itself can go. `numbers`
 * are the numbers of its pods (`PodTable.take`). Yields after each report.
 */
function* rangeLinksOf(mesh: Mesh, numbers: Int32Array): Generator<void, RangeLinks> {
  const reports = new Map<number, RangeReport>();
  const slowUs = mesh.settings.slowLinkMs * 1000;
  for (const report of mesh.reports) {
    const from = numbers[report.pod];
    if (from !== undefined && report.missing === '') reports.set(from, rangeReportOf(report, numbers, slowUs));
    yield;
  }
  return reports;
}

function rangeReportOf({ links, stats }: MergedReport, numbers: Int32Array, slowUs: number): RangeReport {
  const picked = emptyReport(stats === null ? 0 : countSeen(links, stats));
  if (stats === null) return picked;
  const { keys, samples, failures, p50Us16, p95Us16, maxUs16, isBadAtEnd } = picked;
  for (let i = 0, k = 0; i < links.length; i++) {
    if (!isSeen(links, stats, i)) continue;
    keys[k] = keyOf(numbers[links.to[i] ?? 0] ?? 0, ((links.flags[i] ?? 0) & FLAG_IPV6) !== 0);
    samples[k] = stats.samples[i] ?? 0;
    failures[k] = stats.failures[i] ?? 0;
    p50Us16[k] = stats.p50Us[i] ?? NONE16;
    p95Us16[k] = stats.p95Us[i] ?? NONE16;
    maxUs16[k] = stats.maxUs[i] ?? NONE16;
    if (links.outcome[i] !== 0 || isSlow(unpack16(links.totalUs[i] ?? 0), slowUs)) isBadAtEnd[k] = 1;
    k += 1;
  }
  return picked;
}

function isSeen({ flags }: LinkColumns, { samples }: StatColumns, i: number): boolean {
  return ((flags[i] ?? 0) & FLAG_NOT_YET) === 0 && (samples[i] ?? 0) > 0;
}

function countSeen(links: LinkColumns, stats: StatColumns): number {
  let count = 0;
  for (let i = 0; i < links.length; i++) if (isSeen(links, stats, i)) count += 1;
  return count;
}

/** One buffer a report, wide columns first: a thousand reports of seven each would be work for the collector of garbage. */
function emptyReport(length: number): RangeReport {
  const buffer = new ArrayBuffer(15 * length);
  const column = (i: number) => new Uint16Array(buffer, (4 + 2 * i) * length, length);
  return {
    keys: new Int32Array(buffer, 0, length),
    samples: column(0),
    failures: column(1),
    p50Us16: column(2),
    p95Us16: column(3),
    maxUs16: column(4),
    isBadAtEnd: new Uint8Array(buffer, 14 * length, length),
  };
}

/** Reads entry `i` of a report into `figures`, which is used again and again: a mesh has a million links. */
export function readLink(report: RangeReport, i: number, figures: LinkFigures): LinkFigures {
  figures.samples = report.samples[i] ?? 0;
  figures.failures = report.failures[i] ?? 0;
  figures.p50Us16 = report.p50Us16[i] ?? NONE16;
  figures.p95Us16 = report.p95Us16[i] ?? NONE16;
  figures.maxUs16 = report.maxUs16[i] ?? NONE16;
  figures.isBadAtEnd = report.isBadAtEnd[i] === 1;
  return figures;
}

/** A place to read links into. */
export function emptyFigures(): LinkFigures {
  return { samples: 0, failures: 0, p50Us16: NONE16, p95Us16: NONE16, maxUs16: NONE16, isBadAtEnd: false };
}
