import { SUSPECT_RUN } from '../protocol/link-state.ts';
import { NONE16, pack16, unpack16 } from '../protocol/links.ts';
import type { Phase, UdpResult } from '../protocol/sample.ts';
import { isOk, isSuspect, outcomeIndexOf, phaseOfCode } from '../protocol/stored-results.ts';
import { type Datagrams, lossWindowMs } from '../protocol/udp.ts';
import type { TimeRange } from '../runtime/time-range.ts';
import { type Chunk, failuresOf, newestOf, trustedOf } from './buckets.ts';
import type { History, LinkRecord } from './history.ts';
import { Statistics, type Summary } from './statistics.ts';
import type { DatagramVisitor } from './udp-ring.ts';
import { UsualLatencies } from './usual.ts';

/** What a report says about the state of a link. */
export interface ReportedState {
  /** Whether the newest sample is suspect. */
  isSuspect: boolean;
  /** Whether the following says how the link was. One or two suspect failures alone say nothing. */
  isKnown: boolean;
  /** Index in `OUTCOMES`. */
  outcome: number;
  /** The phase in which it failed; null if it did not. */
  phase: Phase | null;
  /** Durations, packed by `pack16`; connect and first byte of a bucket are its medians. */
  connect16: number;
  firstByte16: number;
  total16: number;
}

/** The state of a link as a bucket says. */
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

/** How far before a time range a sample may lie that tells the state of a link in it: multiples of the range's length. */
const LOOK_BACK = 4;

/**
 * Computes statistics of links in time ranges, from samples if all of them are still kept, else from the buckets whose
 * middle lies in the time range (if the range is shorter than a bucket: from the bucket in which the range's middle lies).
 * Uses the same working memory for one link after another.
 */
export class RangeStatistics {
  readonly #history: History;
  readonly #statistics = new Statistics();
  readonly #usual: UsualLatencies;

  constructor(history: History) {
    this.#history = history;
    this.#usual = new UsualLatencies(history);
  }

  /** Whether there are results of the UDP probe. */
  get hasUdp(): boolean {
    return this.#history.hasUdp;
  }

  /** See `UsualLatencies`. */
  usualUsOf(record: LinkRecord, windowMs: number, nowMs: number): number {
    return this.#usual.usualUsOf(record, windowMs, nowMs);
  }

  /** The result of one link. `nowMs` is taken as the end of a bucket whose period is not over. */
  of(record: LinkRecord, range: TimeRange, nowMs: number): RangeResult {
    let resolutionMs = 0;
    this.#statistics.clear();
    if (this.#history.droppedUntilMs(record) < range.fromMs) {
      this.#history.visitSamples(record, range.fromMs, range.toMs, (sample) => {
        this.#statistics.addSample(sample);
        return true;
      });
    } else {
      this.#history.visitBuckets(record, range.fromMs, (chunk, i, startMs, endMs) => {
        if (!belongs(range, startMs, endMs, nowMs)) return true;
        resolutionMs = Math.max(resolutionMs, chunk.widthMs);
        this.#statistics.addBucket(chunk, i);
        return true;
      });
    }
    const usualUs = this.usualUsOf(record, range.toMs - range.fromMs, nowMs);
    return { summary: this.#statistics.summary(), usualUs, resolutionMs };
  }

  /**
   * The state of a link at the end of a time range of which only buckets are left: that of the newest bucket with trustworthy
   * samples. If the range has only one or two suspect samples, it is the state shortly before, which they do not change. If
   * that is unknown too, an answer is believed and a failure is not. null without any bucket. The summary is that of the range.
   */
  bucketState(
    record: LinkRecord,
    range: TimeRange,
    nowMs: number,
    { suspect, connectP50Us }: Summary,
  ): BucketState | null {
    const isRun = suspect >= SUSPECT_RUN;
    const earliestMs = range.fromMs - (isRun ? 0 : LOOK_BACK * (range.toMs - range.fromMs));
    /** That of the newest bucket, and that of the newest one with trustworthy samples. */
    const states: BucketState[] = [];
    let isTrusted = false;
    this.#history.visitBuckets(record, earliestMs, (chunk, i, startMs, endMs) => {
      const isBefore = !isRun && startMs < range.fromMs;
      if (!isBefore && !belongs(range, startMs, endMs, nowMs)) return true;
      isTrusted = trustedOf(chunk, i) > 0;
      if (isTrusted || states.length === 0) states.push(stateOf(chunk, i));
      return !isTrusted;
    });
    const [newest] = states;
    const state = states.at(-1);
    if (newest === undefined || state === undefined) return null;
    const { newestMs, isSuspect } = newest;
    // Pings over open connections have no connect time: that of the range's new connections is used.
    const isOverOpen = state.connect16 === NONE16 && state.firstByte16 !== NONE16;
    const connect16 = isOverOpen ? pack16(connectP50Us) : state.connect16;
    return { ...state, newestMs, isSuspect, connect16, isKnown: isTrusted || isRun || state.outcome === 0 };
  }

  /**
   * The datagrams of one link in a range that count (see `UdpRing.visitCounted`): from single cycles if all of
   * the range are still kept, else from buckets.
   */
  udpOf(record: LinkRecord, range: TimeRange, nowMs: number): Datagrams {
    const result = { sent: 0, lost: 0, lossCycles: 0 };
    this.visitUdp(record, range, nowMs, ({ sent, lost, lossCycles }) => {
      result.sent += sent;
      result.lost += lost;
      result.lossCycles += lossCycles;
    });
    return result;
  }

  /** The range whose datagrams decide at `atMs` (monotonic) whether a link is lossy. */
  lossRange(atMs: number): TimeRange {
    return { fromMs: atMs - lossWindowMs(this.#history.intervalMs), toMs: atMs };
  }

  /** Calls `visitor` for the cycles or buckets that `udpOf` counts, newest first. */
  visitUdp(record: LinkRecord, range: TimeRange, nowMs: number, visitor: DatagramVisitor): void {
    const { udp } = record;
    if (udp !== null && udp.droppedUntilMs < range.fromMs) udp.visitCounted(range.fromMs, range.toMs, visitor);
    else this.#visitUdpBuckets(record, range, nowMs, visitor);
  }

  /**
   * The newest cycle of one link in a range that is not suspect; of a bucket, all its cycles together that
   * count (see `UdpRing.visitCounted`). null without any.
   */
  newestUdpOf(record: LinkRecord, range: TimeRange, nowMs: number): UdpResult | null {
    const { udp } = record;
    if (udp !== null && udp.droppedUntilMs < range.fromMs) {
      return udp.cycles(range.fromMs, range.toMs).findLast(({ suspect }) => !suspect) ?? null;
    }
    let newest: UdpResult | null = null;
    this.#visitUdpBuckets(record, range, nowMs, ({ sent, lost }, atMs) => {
      newest ??= { atMs, sent, lost, rttUs: -1, duplicates: 0, outOfOrder: 0, hops: -1, suspect: false };
    });
    return newest;
  }

  #visitUdpBuckets(record: LinkRecord, range: TimeRange, nowMs: number, visitor: DatagramVisitor): void {
    this.#history.visitUdpBuckets(record, range.fromMs, (chunk, i, startMs, endMs) => {
      const sent = chunk.udpSent[i] ?? 0;
      const isInRange = sent > 0 && belongs(range, startMs, endMs, nowMs);
      const lost = chunk.udpLost[i] ?? 0;
      if (isInRange) visitor({ sent, lost, lossCycles: lost > 0 ? 2 : 0 }, Math.min(endMs, nowMs));
      return true;
    });
  }

  /** Since when a link had been ok (`wasOk`), or had been failing, until `untilMs` (monotonic); as far back as is kept. */
  sinceMs(record: LinkRecord, wasOk: boolean, untilMs: number): number {
    let sinceMs = untilMs;
    let isSame = true;
    this.#history.visitSamples(record, Number.NEGATIVE_INFINITY, untilMs, ({ code, atMs }) => {
      if (isSuspect(code)) return true;
      isSame = isOk(code) === wasOk;
      if (isSame) sinceMs = atMs;
      return isSame;
    });
    if (!isSame) return sinceMs;
    this.#history.visitBuckets(record, Number.NEGATIVE_INFINITY, (chunk, i, startMs) => {
      if (startMs > sinceMs) return true;
      if (!isThroughout(chunk, i, wasOk)) return false;
      sinceMs = Math.min(sinceMs, startMs);
      return true;
    });
    return sinceMs;
  }
}

/** What bucket `i` says about its link. */
function stateOf(chunk: Chunk, i: number): BucketState {
  const code = chunk.code[i] ?? 0;
  return {
    newestMs: newestOf(chunk, i),
    isSuspect: isSuspect(code),
    isKnown: true,
    outcome: outcomeIndexOf(code),
    phase: phaseOfCode(code),
    connect16: isOk(code) ? (chunk.connectP50Us[i] ?? NONE16) : NONE16,
    firstByte16: isOk(code) ? (chunk.firstByteP50Us[i] ?? NONE16) : NONE16,
    total16: chunk.lastTotalUs[i] ?? NONE16,
  };
}

/**
 * Whether a bucket with the period `startMs` to `endOfPeriodMs` belongs to a time range: whether its middle lies in the range
 * or, if the range is shorter, whether it contains the middle of the range. A period that is not over ends at `nowMs`.
 */
function belongs({ fromMs, toMs }: TimeRange, startMs: number, endOfPeriodMs: number, nowMs: number): boolean {
  const endMs = Math.min(endOfPeriodMs, Math.max(nowMs, startMs + 1));
  if (toMs - fromMs >= endMs - startMs) {
    const middleMs = (startMs + endMs) / 2;
    return middleMs >= fromMs && middleMs < toMs;
  }
  const middleMs = (fromMs + toMs) / 2;
  return startMs <= middleMs && middleMs < endMs;
}

/** Whether all trustworthy samples of a bucket are ok, or all failed. A bucket without any contradicts neither. */
function isThroughout(chunk: Chunk, i: number, isOk: boolean): boolean {
  if (trustedOf(chunk, i) === 0) return true;
  const hasOk = unpack16(chunk.minUs[i] ?? NONE16) >= 0;
  return isOk ? failuresOf(chunk, i) === 0 : !hasOk;
}
