import { SUSPECT_RUN } from '../protocol/link-state.ts';
import { NONE16, unpack16 } from '../protocol/links.ts';
import type { TimeRange } from '../runtime/time-range.ts';
import { type Chunk, failuresOf } from './buckets.ts';
import { type History, newestOf, type Track } from './history.ts';
import { CODE_OUTCOME, CODE_SUSPECT, type Ring, type Rings } from './samples.ts';
import { type Summary, Tally } from './statistics.ts';

/** What is kept of a link: its recent samples (null once they are given up) and its buckets. */
export interface LinkMemory {
  ring: Ring | null;
  track: Track;
}

/** How a link stood at the end of a time range: its last sample that can be trusted; where there was none, the last. */
export interface LastState {
  /** When its newest sample was taken. */
  newestMs: number;
  /** Whether that one is suspect. */
  isSuspect: boolean;
  /** Whether the rest says how it stood: a starved failure or two say nothing. */
  isKnown: boolean;
  /** Outcome and phase, as `codeOf` has them. */
  code: number;
  /** Packed; of a bucket's connect and first byte its medians. */
  connect16: number;
  firstByte16: number;
  total16: number;
}

/** What a link came to in a time range. */
export interface RangeResult {
  summary: Summary;
  /** null = no sample in it. */
  stand: LastState | null;
  /** The longest of the buckets that it was made of; 0 = it was made of samples. */
  resolutionMs: number;
}

/** How far before a time range a sample may lie that says how a link stood in it, in its lengths. */
const LOOK_BACK = 4;

/**
 * What links came to in time ranges of time, with scratch memory for one link after another: made of samples where they
 * are all still here, else of the buckets whose middle lies in the time range (of one shorter than a bucket, of that one
 * which has the middle of the time range).
 */
export class RangeStatistics {
  readonly #rings: Rings;
  readonly #history: History;
  readonly #tally = new Tally();
  #stand: LastState | null = null;
  #isSettled = false;

  constructor(rings: Rings, history: History) {
    this.#rings = rings;
    this.#history = history;
  }

  /** The result of one link; `nowMs` is where a bucket ends that still takes samples. */
  of(kept: LinkMemory, stretch: TimeRange, nowMs: number): RangeResult {
    this.#tally.clear();
    this.#stand = null;
    this.#isSettled = false;
    const { ring } = kept;
    const resolutionMs =
      ring !== null && ring.lostAtMs < stretch.fromMs
        ? this.#takeSamples(ring, stretch)
        : this.#takeBuckets(kept, stretch, nowMs);
    const summary = this.#tally.summary();
    const stand = this.#stand;
    if (stand !== null && !this.#isSettled && summary.suspect < SUSPECT_RUN) this.#lookBack(kept, stretch);
    return { summary, stand: this.#stand, resolutionMs };
  }

  /** Failures of the last result by index in `OUTCOMES`. */
  byOutcome(): Uint32Array {
    return this.#tally.byOutcome();
  }

  /** How far back a link has been as ok, or as failing, as `stand` says, ms; never beyond what is kept. */
  sinceMs({ ring, track }: LinkMemory, stand: LastState): number {
    const isOk = (stand.code & CODE_OUTCOME) === 0;
    let sinceMs = stand.newestMs;
    let isSame = true;
    if (ring !== null) {
      this.#rings.visit(ring, Number.NEGATIVE_INFINITY, stand.newestMs, (code, atMs) => {
        if (!isSame || (code & CODE_SUSPECT) !== 0) return;
        if (((code & CODE_OUTCOME) === 0) === isOk) sinceMs = atMs;
        else isSame = false;
      });
    }
    if (!isSame) return sinceMs;
    this.#history.visit(track, Number.NEGATIVE_INFINITY, (chunk, i, startMs) => {
      if (!isSame || startMs > sinceMs) return;
      if (isThroughout(chunk, i, isOk)) sinceMs = Math.min(sinceMs, startMs);
      else isSame = false;
    });
    return sinceMs;
  }

  /**
   * How a link stood of which the time range has but a starved sample or two: as before, which they do not change. Where
   * nothing that can be trusted is found shortly before either, an answer is an answer, and a failure is not known.
   */
  #lookBack({ ring, track }: LinkMemory, { fromMs, toMs }: TimeRange): void {
    const sinceMs = fromMs - LOOK_BACK * (toMs - fromMs);
    if (ring !== null) {
      this.#rings.visit(ring, sinceMs, fromMs, (code, atMs, connect16, firstByte16, total16) => {
        if (this.#isSettled || (code & CODE_SUSPECT) !== 0) return;
        this.#takeStand(
          { newestMs: atMs, isSuspect: true, isKnown: true, code, connect16, firstByte16, total16 },
          code,
        );
      });
    }
    this.#history.visit(track, sinceMs, (chunk, i, startMs) => {
      if (this.#isSettled || startMs >= fromMs || !isTrusted(chunk, i)) return;
      this.#takeStand(standOf(chunk, i), chunk.code[i] ?? 0, true);
    });
    const stand = this.#stand;
    if (!this.#isSettled && stand !== null) this.#stand = { ...stand, isKnown: (stand.code & CODE_OUTCOME) === 0 };
  }

  #takeSamples(ring: Ring, { fromMs, toMs }: TimeRange): number {
    this.#rings.visit(ring, fromMs, toMs, (code, atMs, connect16, firstByte16, total16) => {
      this.#tally.sample(code, connect16, firstByte16, total16);
      if (this.#isSettled) return;
      this.#takeStand(
        {
          newestMs: atMs,
          isSuspect: false,
          isKnown: true,
          code: code & ~CODE_SUSPECT,
          connect16,
          firstByte16,
          total16,
        },
        code,
      );
    });
    return 0;
  }

  #takeBuckets({ ring, track }: LinkMemory, stretch: TimeRange, nowMs: number): number {
    if (ring !== null) this.#history.settle(track, ring);
    let resolutionMs = 0;
    this.#history.visit(track, stretch.fromMs, (chunk, i, startMs, endMs) => {
      if (!belongs(stretch, startMs, Math.min(endMs, Math.max(nowMs, startMs + 1)))) return;
      resolutionMs = Math.max(resolutionMs, chunk.widthMs);
      this.#tally.bucket(chunk, i);
      if (!this.#isSettled) this.#takeStand(standOf(chunk, i), chunk.code[i] ?? 0, isTrusted(chunk, i));
    });
    return resolutionMs;
  }

  /** Newest first: the newest says how fresh the link is, the first that can be trusted how it stood. */
  #takeStand(stand: LastState, code: number, canBeTrusted = (code & CODE_SUSPECT) === 0): void {
    this.#isSettled = canBeTrusted;
    if (this.#stand === null) this.#stand = { ...stand, isSuspect: (code & CODE_SUSPECT) !== 0 };
    else if (canBeTrusted) {
      const { newestMs, isSuspect } = this.#stand;
      this.#stand = { ...stand, newestMs, isSuspect };
    }
  }
}

/** Whether a bucket from `startMs` to `endMs` belongs to a time range. */
function belongs({ fromMs, toMs }: TimeRange, startMs: number, endMs: number): boolean {
  if (toMs - fromMs >= endMs - startMs) {
    const middleMs = (startMs + endMs) / 2;
    return middleMs >= fromMs && middleMs < toMs;
  }
  const middleMs = (fromMs + toMs) / 2;
  return startMs <= middleMs && middleMs < endMs;
}

function isTrusted(chunk: Chunk, i: number): boolean {
  return (chunk.samples[i] ?? 0) > (chunk.suspect[i] ?? 0);
}

function standOf(chunk: Chunk, i: number): LastState {
  const code = chunk.code[i] ?? 0;
  const isOk = (code & CODE_OUTCOME) === 0;
  return {
    newestMs: newestOf(chunk, i),
    isSuspect: false,
    isKnown: true,
    code: code & ~CODE_SUSPECT,
    connect16: isOk ? (chunk.connectP50Us[i] ?? NONE16) : NONE16,
    firstByte16: isOk ? (chunk.firstByteP50Us[i] ?? NONE16) : NONE16,
    total16: chunk.lastTotalUs[i] ?? NONE16,
  };
}

/** Whether every sample of a bucket that counts is ok, or every one failed; one of starved samples alone says nothing. */
function isThroughout(chunk: Chunk, i: number, isOk: boolean): boolean {
  if (!isTrusted(chunk, i)) return true;
  const hasOk = unpack16(chunk.minUs[i] ?? NONE16) >= 0;
  return isOk ? failuresOf(chunk, i) === 0 : !hasOk;
}
