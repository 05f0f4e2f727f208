import { SUSPECT_RUN } from '../protocol/link-state.ts';
import { NONE16, pack16, unpack16 } from '../protocol/links.ts';
import type { Phase, UdpResult } from '../protocol/sample.ts';
import { isOk, isSuspect, outcomeIndexOf, phaseOfCode, type StoredSample } from '../protocol/stored-results.ts';
import { lossWindowMs } from '../protocol/udp.ts';
import type { TimeRange } from '../runtime/time-range.ts';
import { type Chunk, failuresOf, newestOf, trustedOf } from './buckets.ts';
import type { History, LinkRecord } from './history.ts';
import { Statistics, type Summary } from './statistics.ts';
import type { DatagramVisitor } from './udp-ring.ts';
import { UsualLatencies } from './usual.ts';

/** The state of a link at the end of a time range: its last trustworthy sample there, or its last one if there is none. */
export interface LastState {
  /** When the newest sample was taken, monotonic. */
  newestMs: number;
  /** Whether the newest sample is suspect. */
  isSuspect: boolean;
  /** Whether the following says how the link was. One or two suspect failures alone say nothing. */
  isKnown: boolean;
  /** Index in `OUTCOMES`. */
  outcome: number;
  /** The phase in which it failed; null if it did not. */
  phase: Phase | null;
  /** Packed durations; connect and first byte of a bucket are its medians. */
  connect16: number;
  firstByte16: number;
  total16: number;
}

/** What is known of a link in a time range. */
export interface RangeResult {
  summary: Summary;
  /** The usual latency of the link over all that is kept, us; -1 = not known. See `USUAL`. */
  usualUs: number;
  /** null if the link has no sample in the time range. */
  lastState: LastState | null;
  /** The largest width of the buckets that were used; 0 if samples were used. */
  resolutionMs: number;
}

/** The datagrams of the UDP probe of a link in a time range. */
interface Datagrams {
  /** Those of the cycles that are evidence of loss; see `UdpRing.visitEvidence`. */
  sent: number;
  /** Those of them that did not come back. */
  lost: number;
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

  /** The time over which it is judged whether a link is lossy, ms. */
  get lossWindowMs(): number {
    return lossWindowMs(this.#history.intervalMs);
  }

  /** See `UsualLatencies`. */
  usualUsOf(record: LinkRecord, windowMs: number, nowMs: number): number {
    return this.#usual.usualUsOf(record, windowMs, nowMs);
  }

  /** The result of one link. `nowMs` is taken as the end of a bucket whose period is not over. */
  of(record: LinkRecord, range: TimeRange, nowMs: number): RangeResult {
    const search = new LastStateSearch();
    this.#statistics.clear();
    const resolutionMs =
      this.#history.samplesSinceMs(record) < range.fromMs
        ? this.#addSamples(record, range, search)
        : this.#addBuckets(record, range, nowMs, search);
    const summary = this.#statistics.summary();
    const isUnsettled = search.state !== null && !search.isSettled && summary.suspect < SUSPECT_RUN;
    const lastState = isUnsettled ? this.#lookBack(record, range, search) : search.state;
    // A ping over an open connection has no connect time: that of the range's new connections is used.
    const isOverOpen = lastState?.connect16 === NONE16 && lastState.firstByte16 !== NONE16;
    if (isOverOpen) lastState.connect16 = pack16(summary.connectP50Us);
    const usualUs = this.usualUsOf(record, range.toMs - range.fromMs, nowMs);
    return { summary, usualUs, lastState, resolutionMs };
  }

  /** The datagrams of one link in a range, from single cycles if all of the time range are still kept, else from buckets. */
  udpOf(record: LinkRecord, range: TimeRange, nowMs: number): Datagrams {
    const result = { sent: 0, lost: 0 };
    this.visitUdp(record, range, nowMs, (sent, lost) => {
      result.sent += sent;
      result.lost += lost;
    });
    return result;
  }

  /** Calls `visitor` for the cycles or buckets that `udpOf` counts, newest first. */
  visitUdp(record: LinkRecord, range: TimeRange, nowMs: number, visitor: DatagramVisitor): void {
    const { udp } = record;
    if (udp !== null && udp.droppedUntilMs < range.fromMs) udp.visitEvidence(range.fromMs, range.toMs, visitor);
    else this.#visitUdpBuckets(record, range, nowMs, visitor);
  }

  /**
   * The newest cycle of one link in a range that is not suspect; of a bucket, all its cycles together that are evidence of
   * loss (see `UdpRing.visitEvidence`). null without any.
   */
  newestUdpOf(record: LinkRecord, range: TimeRange, nowMs: number): UdpResult | null {
    const { udp } = record;
    if (udp !== null && udp.droppedUntilMs < range.fromMs) {
      return udp.cycles(range.fromMs, range.toMs).findLast(({ suspect }) => !suspect) ?? null;
    }
    let newest: UdpResult | null = null;
    this.#visitUdpBuckets(record, range, nowMs, (sent, lost, atMs) => {
      newest ??= { atMs, sent, lost, rttUs: -1, duplicates: 0, outOfOrder: 0, hops: -1, suspect: false };
    });
    return newest;
  }

  #visitUdpBuckets(record: LinkRecord, range: TimeRange, nowMs: number, visitor: DatagramVisitor): void {
    this.#history.visitUdpBuckets(record, range.fromMs, (chunk, i, startMs, endMs) => {
      const sent = chunk.udpSent[i] ?? 0;
      const isInRange = sent > 0 && belongs(range, startMs, Math.min(endMs, Math.max(nowMs, startMs + 1)));
      if (isInRange) visitor(sent, chunk.udpLost[i] ?? 0, Math.min(endMs, nowMs));
      return true;
    });
  }

  /** The monotonic time since which a link had been ok, or had been failing, as `state` says; as far back as is kept. */
  sinceMs(record: LinkRecord, state: LastState): number {
    const wasOk = state.outcome === 0;
    let sinceMs = state.newestMs;
    let isSame = true;
    this.#history.visitSamples(record, Number.NEGATIVE_INFINITY, state.newestMs, ({ code, atMs }) => {
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

  #addSamples(record: LinkRecord, { fromMs, toMs }: TimeRange, search: LastStateSearch): number {
    this.#history.visitSamples(record, fromMs, toMs, (sample) => {
      this.#statistics.addSample(sample);
      search.takeSample(sample);
      return true;
    });
    return 0;
  }

  #addBuckets(record: LinkRecord, range: TimeRange, nowMs: number, search: LastStateSearch): number {
    let resolutionMs = 0;
    this.#history.visitBuckets(record, range.fromMs, (chunk, i, startMs, endMs) => {
      if (!belongs(range, startMs, Math.min(endMs, Math.max(nowMs, startMs + 1)))) return true;
      resolutionMs = Math.max(resolutionMs, chunk.widthMs);
      this.#statistics.addBucket(chunk, i);
      search.takeBucket(chunk, i);
      return true;
    });
    return resolutionMs;
  }

  /**
   * The state of a link of which the time range has only one or two suspect samples: the state shortly before, which they
   * do not change. If that is unknown too, an answer is believed and a failure is not.
   */
  #lookBack(record: LinkRecord, { fromMs, toMs }: TimeRange, search: LastStateSearch): LastState | null {
    const earliestMs = fromMs - LOOK_BACK * (toMs - fromMs);
    this.#history.visitSamples(record, earliestMs, fromMs, (sample) => {
      search.takeSample(sample);
      return !search.isSettled;
    });
    this.#history.visitBuckets(record, earliestMs, (chunk, i, startMs) => {
      if (startMs < fromMs) search.takeBucket(chunk, i);
      return !search.isSettled;
    });
    const { state, isSettled } = search;
    return isSettled || state === null ? state : { ...state, isKnown: state.outcome === 0 };
  }
}

/** Finds the last trustworthy state among samples and buckets, which it is given newest first. */
class LastStateSearch {
  /** The state so far: that of the newest sample until a trustworthy one is found. */
  state: LastState | null = null;
  /** Whether a trustworthy sample was found. */
  isSettled = false;

  takeSample({ atMs, code, connect16, firstByte16, total16 }: StoredSample): void {
    if (this.isSettled) return;
    const state = {
      newestMs: atMs,
      isSuspect: isSuspect(code),
      isKnown: true,
      outcome: outcomeIndexOf(code),
      phase: phaseOfCode(code),
      connect16,
      firstByte16,
      total16,
    };
    this.#take(state, !isSuspect(code));
  }

  takeBucket(chunk: Chunk, i: number): void {
    if (this.isSettled) return;
    const code = chunk.code[i] ?? 0;
    const state = {
      newestMs: newestOf(chunk, i),
      isSuspect: isSuspect(code),
      isKnown: true,
      outcome: outcomeIndexOf(code),
      phase: phaseOfCode(code),
      connect16: isOk(code) ? (chunk.connectP50Us[i] ?? NONE16) : NONE16,
      firstByte16: isOk(code) ? (chunk.firstByteP50Us[i] ?? NONE16) : NONE16,
      total16: chunk.lastTotalUs[i] ?? NONE16,
    };
    this.#take(state, trustedOf(chunk, i) > 0);
  }

  #take(state: LastState, isTrusted: boolean): void {
    const { newestMs, isSuspect } = this.state ?? state;
    if (this.state === null || isTrusted) this.state = { ...state, newestMs, isSuspect };
    this.isSettled = isTrusted;
  }
}

/** Whether a bucket with the period `startMs` to `endMs` belongs to a time range. */
function belongs({ fromMs, toMs }: TimeRange, startMs: number, endMs: number): boolean {
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
