import { RANGE_NAMES } from '../../protocol/comparison.ts';
import { isSlow } from '../../protocol/link-state.ts';
import { FLAG_IPV6, FLAG_NOT_YET, NONE16, unpack16 } from '../../protocol/links.ts';
import type { MergedReport, Mesh } from '../../protocol/mesh.ts';
import type { LinkFigures } from './change.ts';

/** One value for each compared range. */
export type ByRange<T> = Record<(typeof RANGE_NAMES)[number], T>;

/** The links of one pod in one range, in columns: entry i of every column is about the same link. */
export interface RangeReport {
  /** Number of the probed pod and IP family of the probe; see `linkKey`. */
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

/** One link in all ranges. A range is null if the link has no sample in it. */
export interface ComparedLink extends ByRange<LinkFigures | null> {
  from: number;
  to: number;
  ipv6: boolean;
}

/** A link with samples in the range "during". */
export type LinkSeenDuring = ComparedLink & { during: LinkFigures };

/** Links visited between two yields; each takes some microseconds. */
const LINKS_PER_STEP = 200;

/**
 * Calls `visit` once for every link that has samples in any range. The object is reused: it is valid during the call only.
 * `podCount` is the number of pods in the table whose numbers the ranges use. Yields after each pod and every
 * `LINKS_PER_STEP` links.
 */
export function* eachLink(
  ranges: ByRange<RangeLinks | null>,
  podCount: number,
  visit: (link: ComparedLink) => void,
): Generator<void, void> {
  const cursors: ByRange<ReportCursor> = {
    before: new ReportCursor(podCount),
    during: new ReportCursor(podCount),
    after: new ReportCursor(podCount),
  };
  const link: ComparedLink = { from: 0, to: 0, ipv6: false, before: null, during: null, after: null };
  let visits = 0;
  for (let from = 0; from < podCount; from++) {
    for (const range of RANGE_NAMES) cursors[range].open(ranges[range]?.get(from));
    // A link is in up to three reports. The first report that has it takes it out of all of them.
    for (const range of RANGE_NAMES) {
      for (const key of cursors[range].keys) {
        if (!cursors[range].has(key)) continue;
        link.from = from;
        link.to = key >> 1;
        link.ipv6 = (key & 1) === 1;
        link.before = cursors.before.take(key);
        link.during = cursors.during.take(key);
        link.after = cursors.after.take(key);
        visit(link);
        if (++visits % LINKS_PER_STEP === 0) yield;
      }
    }
    yield;
  }
}

/** Whether a link has samples in the range "during". A type guard, because copying a million links would cost too much. */
export function isSeenDuring(link: ComparedLink): link is LinkSeenDuring {
  return link.during !== null;
}

/** Identifies a link within its report: the number of the probed pod and the IP family. */
export function linkKey(to: number, ipv6: boolean): number {
  return to * 2 + (ipv6 ? 1 : 0);
}

const NO_KEYS = new Int32Array(0);

/** Finds links by key in one report of one range. */
class ReportCursor {
  readonly #figures: LinkFigures = {
    samples: 0,
    failures: 0,
    p50Us16: NONE16,
    p95Us16: NONE16,
    maxUs16: NONE16,
    isBadAtEnd: false,
  };
  /** Entry in the report by key; -1 = none, or already taken. */
  readonly #entries: Int32Array;
  #report: RangeReport | undefined;

  constructor(podCount: number) {
    this.#entries = new Int32Array(podCount * 2).fill(-1);
  }

  get keys(): Int32Array {
    return this.#report?.keys ?? NO_KEYS;
  }

  open(report: RangeReport | undefined): void {
    this.#report = report;
    const { keys } = this;
    for (let i = 0; i < keys.length; i++) this.#entries[keys[i] ?? 0] = i;
  }

  has(key: number): boolean {
    return this.#entries[key] !== -1;
  }

  /** Reads a link and marks it as taken. The result is overwritten by the next call. */
  take(key: number): LinkFigures | null {
    const i = this.#entries[key] ?? -1;
    const report = this.#report;
    if (report === undefined || i === -1) return null;
    this.#entries[key] = -1;
    const figures = this.#figures;
    figures.samples = report.samples[i] ?? 0;
    figures.failures = report.failures[i] ?? 0;
    figures.p50Us16 = report.p50Us16[i] ?? NONE16;
    figures.p95Us16 = report.p95Us16[i] ?? NONE16;
    figures.maxUs16 = report.maxUs16[i] ?? NONE16;
    figures.isBadAtEnd = report.isBadAtEnd[i] === 1;
    return figures;
  }
}

/**
 * Copies from a mesh of the past what a comparison needs, 15 bytes a link, so that the mesh itself can be freed.
 * `numbers`: the number of each pod of the mesh, see `PodTable.add`. Yields after each report.
 */
export function* rangeLinksOf(mesh: Mesh, numbers: Int32Array): Generator<void, RangeLinks> {
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
  const isSeen = (i: number) => ((links.flags[i] ?? 0) & FLAG_NOT_YET) === 0 && (stats?.samples[i] ?? 0) > 0;
  let count = 0;
  for (let i = 0; i < links.length; i++) if (isSeen(i)) count += 1;
  const report = emptyReport(count);
  if (stats === null) return report;
  for (let i = 0, k = 0; i < links.length; i++) {
    if (!isSeen(i)) continue;
    report.keys[k] = linkKey(numbers[links.to[i] ?? 0] ?? 0, ((links.flags[i] ?? 0) & FLAG_IPV6) !== 0);
    report.samples[k] = stats.samples[i] ?? 0;
    report.failures[k] = stats.failures[i] ?? 0;
    report.p50Us16[k] = stats.p50Us[i] ?? NONE16;
    report.p95Us16[k] = stats.p95Us[i] ?? NONE16;
    report.maxUs16[k] = stats.maxUs[i] ?? NONE16;
    if (links.outcome[i] !== 0 || isSlow(unpack16(links.totalUs[i] ?? 0), slowUs)) report.isBadAtEnd[k] = 1;
    k += 1;
  }
  return report;
}

/** One buffer for all columns, wide ones first: seven buffers for each of a thousand reports would burden the garbage collector. */
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
