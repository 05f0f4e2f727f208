import { INTERMITTENT, isSlow, type LinkChange, type SpeedChange, SUSPECT_RUN } from '../protocol/link-state.ts';
import { type FailsOnly, isOverOpenConnection, type Sample } from '../protocol/sample.ts';
import { LinkSpeed } from './link-speed.ts';

/** Samples are kept as bits, the newest in bit 0: masks of the newest `samples` of them, and of the newest `goodRun`. */
const ALL_BITS = 2 ** INTERMITTENT.samples - 1;
const GOOD_RUN_BITS = 2 ** INTERMITTENT.goodRun - 1;

/** What a sample changes about its link; null = nothing. */
interface Changes {
  state: Omit<LinkChange, 'target'> | null;
  speed: Omit<SpeedChange, 'target'> | null;
}

const NO_CHANGE: Changes = { state: null, speed: null };

/**
 * What this pod believes about one link: which of its samples stands for it, and since when it has its state. A sample is
 * *suspect* if it was taken while this process was short of CPU. A sample is *believed* if it stood for the link when it came
 * in: see `take`.
 */
export class LinkJudgement {
  /** The sample that stands for the link: the last one that was believed; null before the first. */
  judged: Sample | null = null;
  /** The last sample, believed or not; null before the first. */
  newest: Sample | null = null;
  /** When the last sample came in, monotonic; -1 before the first. */
  newestAtMs = -1;
  /**
   * When a sample last agreed with the present state, monotonic; -1 while no sample was believed. If the link is ok, every answer
   * agrees, also a late one; if it fails, every failure. The sample need not have been believed.
   */
  seenAtMs = -1;
  /** Since when the link has been ok, or has been failing in whatever way, monotonic; -1 while no sample was believed. */
  sinceMs = -1;
  readonly #speed = new LinkSpeed();
  /** How long the last believed new connection took to open; -1 before the first. */
  #lastConnectUs = -1;
  /**
   * `failsOnly` of the last believed failure, and how many believed failures in a row had the same. They count as in a row if fewer than
   * `INTERMITTENT.samples` ok samples are between two of them.
   */
  #lastFailsOnly: FailsOnly = '';
  #sameFailsOnly = 0;
  /** How many of the last samples in a row are suspect, and failed or slow. */
  #suspectBadRun = 0;
  /** How many of the last believed samples in a row failed, and how many have been ok since the last failure (Infinity without one). */
  #failedRun = 0;
  #okSinceFailure = Number.POSITIVE_INFINITY;
  /** Which of the last `#bitCount` believed samples failed, and which were slow; the newest in bit 0. */
  #failedBits = 0;
  #slowBits = 0;
  #bitCount = 0;

  /**
   * Takes the next sample, at `nowMs` (monotonic). From `slowUs` on an answer is slow (SLOW_LINK).
   *
   * A sample that is not suspect is believed at once. So is a suspect one that is ok and fast, because a shortage of CPU only
   * lengthens. A suspect sample that failed or is slow is believed only if at least SUSPECT_RUN such samples have come in a row.
   * There is one exception: if nothing is known yet, a slow suspect answer is believed, because it proves that the link works.
   */
  take(sample: Sample, nowMs: number, slowUs: number): Changes {
    const before = this.judged;
    this.newest = sample;
    this.newestAtMs = nowMs;
    const isFailed = sample.outcome !== 'ok';
    const isBad = isFailed || isSlow(sample.totalUs, slowUs);
    this.#suspectBadRun = sample.suspect && isBad ? this.#suspectBadRun + 1 : 0;
    const isFirstAnswer = before === null && !isFailed;
    const wasFailed = before !== null && before.outcome !== 'ok';
    if (before !== null && wasFailed === isFailed) this.seenAtMs = nowMs;
    if (this.#suspectBadRun > 0 && this.#suspectBadRun < SUSPECT_RUN && !isFirstAnswer) return NO_CHANGE;
    this.judged = sample;
    this.seenAtMs = nowMs;
    if (sample.connectUs >= 0) this.#lastConnectUs = sample.connectUs;
    if (isFailed) this.#rememberFailsOnly(sample.failsOnly ?? '');
    this.#remember(isFailed, isBad);
    // However often it repeats, a late answer to a process that is short of CPU does not show that the link is slow. `#slowBits`
    // counts it all the same, because late answers make a link intermittent only together with failures.
    const isSkipped = this.#suspectBadRun > 0 && !isFailed;
    const speed = isSkipped ? null : this.#speed.add(sample, nowMs, slowUs);
    // Lost packets make answers late, so late answers count for intermittent. On a slow link all answers are late and say nothing.
    if (this.#speed.slowSinceMs >= 0) this.#slowBits = 0;
    if (sample.outcome === before?.outcome) return { state: null, speed };
    const previousForMs = before === null ? 0 : nowMs - this.sinceMs;
    if (before === null || wasFailed !== isFailed) this.sinceMs = nowMs;
    return { state: { from: before?.outcome ?? 'unknown', to: sample.outcome, sample, previousForMs }, speed };
  }

  /** Since when its answers have been slow, monotonic; -1 while they are not. */
  get slowSinceMs(): number {
    return this.judged?.outcome === 'ok' ? this.#speed.slowSinceMs : -1;
  }

  /**
   * How long it took to connect: of the sample that stands for the link, or if that used an open connection, of the last new
   * one. -1 = not measured.
   */
  get connectUs(): number {
    const { judged } = this;
    if (judged === null) return -1;
    return isOverOpenConnection(judged) ? this.#lastConnectUs : judged.connectUs;
  }

  /**
   * The only kind of connection that fails, or that failed a few samples ago; '' = both fail, or it is not known. A lost packet
   * also makes a ping of one kind fail, so two failures must agree. A failure over an open connection is enough alone, because
   * the next ping opens a new connection, so a second one may not come. Packets get lost on an intermittent link, so there it
   * takes two.
   */
  get failsOnly(): FailsOnly {
    const isBad = (this.judged !== null && this.judged.outcome !== 'ok') || this.hasRecovered || this.isIntermittent;
    const needed = this.#lastFailsOnly === 'open' && !this.isIntermittent ? 1 : 2;
    return isBad && this.#sameFailsOnly >= needed ? this.#lastFailsOnly : '';
  }

  /** How many of the last believed samples failed, and of how many. */
  get recent(): { failures: number; samples: number } {
    return { failures: bitsIn(this.#failedBits), samples: this.#bitCount };
  }

  /** Whether the link is ok now and failed a few samples ago. */
  get hasRecovered(): boolean {
    return this.#okSinceFailure > 0 && this.#okSinceFailure < INTERMITTENT.goodRun;
  }

  /** Whether the link fails now and then: see `INTERMITTENT`. */
  get isIntermittent(): boolean {
    const badBits = this.#failedBits | this.#slowBits;
    const isMended = (badBits & GOOD_RUN_BITS) === 0;
    // Lost packets make pings fail or late.
    const runs = runsIn(this.#failedBits) + runsIn(this.#slowBits);
    return runs >= INTERMITTENT.runs && this.#failedBits !== 0 && !isMended;
  }

  #rememberFailsOnly(failsOnly: FailsOnly): void {
    const isAlike = failsOnly === this.#lastFailsOnly && this.#okSinceFailure < INTERMITTENT.samples;
    this.#sameFailsOnly = isAlike ? this.#sameFailsOnly + 1 : 1;
    this.#lastFailsOnly = failsOnly;
  }

  #remember(isFailed: boolean, isBad: boolean): void {
    this.#failedRun = isFailed ? this.#failedRun + 1 : 0;
    this.#okSinceFailure = isFailed ? 0 : this.#okSinceFailure + 1;
    const isOutage = this.#failedRun >= INTERMITTENT.outageRun;
    const mask = isOutage ? 0 : ALL_BITS;
    this.#failedBits = ((this.#failedBits << 1) | (isFailed ? 1 : 0)) & mask;
    this.#slowBits = ((this.#slowBits << 1) | (isBad && !isFailed ? 1 : 0)) & mask;
    this.#bitCount = isOutage ? 0 : Math.min(INTERMITTENT.samples, this.#bitCount + 1);
  }
}

function bitsIn(bits: number): number {
  let count = 0;
  for (let left = bits; left !== 0; left &= left - 1) count += 1;
  return count;
}

/** How many runs of set bits there are. */
function runsIn(bits: number): number {
  // Of each run only the highest bit is left: the one with no set bit above it.
  return bitsIn(bits & ~(bits >> 1));
}
