import { SUSPECT_RUN } from '../protocol/link-state.ts';
import { NONE16, pack16 } from '../protocol/links.ts';
import type { Phase, UdpResult } from '../protocol/sample.ts';
import { isOk, isSuspect, outcomeIndexOf, phaseOfCode } from '../protocol/stored-results.ts';
import { type Datagrams, lossWindowMs } from '../protocol/udp.ts';
import type { TimeRange } from '../runtime/time-range.ts';
import { type Bucket, failuresOf, trustedOf } from './buckets.ts';
import type { History, LinkRecord } from './history.ts';
import { Statistics, type Summary } from './statistics.ts';
import { addDatagrams, datagramsOf, noDatagrams, type TimedDatagrams } from './udp-ring.ts';
import { UsualLatencies } from './usual.ts';

/** The state of a link as a report has it. */
export interface ReportedState {
  isSuspect: boolean;
  /** Whether the following fields say how the link was. They don't if all that is known are one or two suspect failures. */
  isKnown: boolean;
  /** Index in `OUTCOMES`. */
  outcome: number;
  /** The phase in which it failed; null if it did not. */
  phase: Phase | null;
  /** Durations in us, packed by `pack16`. From a bucket, connect and first byte are its medians. */
  connect16: number;
  firstByte16: number;
  total16: number;
}

/** The state of a link as buckets say. */
export interface BucketState extends ReportedState {
  /** When the newest sample was taken, monotonic. */
  newestMs: number;
}

/** What is known of a link in a time range. */
export interface RangeResult {
  summary: Summary;
  /** The usual latency of the link over all that is kept, us; -1 = not known. See `USUAL`. */
  usualUs: number;
  /** The largest width of the buckets that were used; 0 if samples were used. */
  resolutionMs: number;
}

/** The state of a link in a time range may come from a sample before it: at most so many lengths of the range earlier. */
const LOOK_BACK = 4;

/**
 * Computes statistics of links in time ranges, from samples and, for the time of which not all samples are kept, from the buckets
 * whose middle lies in the time range (if the range is shorter than a bucket: from the bucket in which the range's middle lies).
 * Uses the same working memory for one link after another.
 */
export class RangeStatistics {
  readonly history: History;
  readonly #statistics = new Statistics();
  readonly usual: UsualLatencies;

  constructor(history: History) {
    this.history = history;
    this.usual = new UsualLatencies(history);
  }

  /** The result of one link. `nowMs` is taken as the end of a bucket whose period is not over. */
  of(record: LinkRecord, range: TimeRange, nowMs: number): RangeResult {
    const { buckets, results } = this.history.pings(record, range);
    let resolutionMs = 0;
    this.#statistics.clear();
    for (const sample of results) this.#statistics.addSample(sample);
    for (const bucket of buckets) {
      if (!belongs(range, bucket, nowMs)) continue;
      resolutionMs = Math.max(resolutionMs, bucket.endMs - bucket.startMs);
      this.#statistics.addBucket(bucket);
    }
    const usualUs = this.usual.usualUsOf(record, range.toMs - range.fromMs, nowMs);
    return { summary: this.#statistics.summary(), usualUs, resolutionMs };
  }

  /**
   * The state of a link at the end of a time range of which only buckets are left: that of the newest bucket with trusted
   * samples. One or two suspect samples do not change the state. So if the range has no others, it is the state shortly before
   * the range; if that is not known, suspect answers are believed, and suspect failures are not. null without any bucket.
   * `summary`: of the range.
   */
  bucketState(record: LinkRecord, range: TimeRange, nowMs: number, summary: Summary): BucketState | null {
    const hasSuspectRun = summary.suspect >= SUSPECT_RUN;
    const earliestMs = range.fromMs - (hasSuspectRun ? 0 : LOOK_BACK * (range.toMs - range.fromMs));
    const counts = (bucket: Bucket) =>
      (!hasSuspectRun && bucket.startMs < range.fromMs) || belongs(range, bucket, nowMs);
    const buckets = this.history.buckets(record, earliestMs);
    const newest = buckets.find(counts);
    if (newest === undefined) return null;
    const trusted = buckets.find((bucket) => trustedOf(bucket) > 0 && counts(bucket));
    const state = stateIn(trusted ?? newest);
    const { newestMs, isSuspect } = stateIn(newest);
    // Pings over open connections have no connect time: that of the range's new connections is used.
    const isOverOpen = state.connect16 === NONE16 && state.firstByte16 !== NONE16;
    const connect16 = isOverOpen ? pack16(summary.connectP50Us) : state.connect16;
    const isKnown = trusted !== undefined || hasSuspectRun || state.outcome === 0;
    return { ...state, newestMs, isSuspect, connect16, isKnown };
  }

  /** How many datagrams of one link in a range count, and how many of them were lost: the sum of `datagrams`. */
  udpOf(record: LinkRecord, range: TimeRange, nowMs: number): Datagrams {
    const sum = noDatagrams();
    for (const datagrams of this.datagrams(record, range, nowMs)) addDatagrams(sum, datagrams);
    return sum;
  }

  /** The range whose datagrams decide at `atMs` (monotonic) whether a link is lossy. */
  lossRange(atMs: number): TimeRange {
    return { fromMs: atMs - lossWindowMs(this.history.settings.intervalMs), toMs: atMs };
  }

  /** The datagrams of one link in a range that count, newest first: of single cycles as far as they are kept, else of buckets. */
  datagrams(record: LinkRecord, range: TimeRange, nowMs: number): TimedDatagrams[] {
    const { buckets, results } = this.history.cycles(record, range);
    const older = buckets.filter((bucket) => bucket.udpSent > 0 && belongs(range, bucket, nowMs));
    return [...results, ...older.map(datagramsOf)];
  }

  /**
   * The newest cycle of one link in a range that is not suspect. If not all cycles are kept: the newest bucket. null without
   * any.
   */
  newestUdpOf(record: LinkRecord, range: TimeRange, nowMs: number): UdpResult | null {
    const newest = record.udp?.results(range.fromMs, range.toMs).find(({ suspect }) => !suspect);
    if (newest !== undefined) return newest;
    const [bucket] = this.datagrams(record, range, nowMs);
    if (bucket === undefined) return null;
    const { atMs, sent, lost } = bucket;
    return { atMs, sent, lost, rttUs: -1, duplicates: 0, outOfOrder: 0, hops: -1, suspect: false };
  }

  /**
   * Since when a link had been ok (`wasOk`), or had been failing, at `untilMs`; both monotonic. It looks back as far as is
   * kept.
   */
  sinceMs(record: LinkRecord, wasOk: boolean, untilMs: number): number {
    let sinceMs = untilMs;
    for (const { code, atMs } of this.history.samples(record, Number.NEGATIVE_INFINITY, untilMs)) {
      if (isSuspect(code)) continue;
      if (isOk(code) !== wasOk) return sinceMs;
      sinceMs = atMs;
    }
    for (const bucket of this.history.buckets(record, Number.NEGATIVE_INFINITY)) {
      if (bucket.startMs > sinceMs) continue;
      if (!isThroughout(bucket, wasOk)) break;
      sinceMs = Math.min(sinceMs, bucket.startMs);
    }
    return sinceMs;
  }
}

/** The state of a link by one bucket. */
function stateIn({ newestMs, code, connect16, firstByte16, lastTotal16 }: Bucket): BucketState {
  return {
    newestMs,
    isSuspect: isSuspect(code),
    isKnown: true,
    outcome: outcomeIndexOf(code),
    phase: phaseOfCode(code),
    connect16: isOk(code) ? connect16 : NONE16,
    firstByte16: isOk(code) ? firstByte16 : NONE16,
    total16: lastTotal16,
  };
}

/**
 * Whether a bucket belongs to a time range: whether the middle of its period lies in the range or, if the range is shorter,
 * whether the period contains the middle of the range. A period that is not over ends at `nowMs`.
 */
function belongs({ fromMs, toMs }: TimeRange, { startMs, endMs }: Bucket, nowMs: number): boolean {
  const untilMs = Math.min(endMs, Math.max(nowMs, startMs + 1));
  if (toMs - fromMs >= untilMs - startMs) {
    const middleMs = (startMs + untilMs) / 2;
    return middleMs >= fromMs && middleMs < toMs;
  }
  const middleMs = (fromMs + toMs) / 2;
  return startMs <= middleMs && middleMs < untilMs;
}

/** Whether all trusted samples of a bucket are ok (`ok`), or all failed. A bucket without any contradicts neither. */
function isThroughout(bucket: Bucket, ok: boolean): boolean {
  if (trustedOf(bucket) === 0) return true;
  return ok ? failuresOf(bucket) === 0 : bucket.min16 === NONE16;
}
