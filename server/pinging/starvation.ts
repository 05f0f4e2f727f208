import type { Starvation } from '../contract/row.ts';
import type { Clock, Timer } from '../contract/seams.ts';
import type { BusyMeter } from './busy-meter.ts';
import type { LoopDelay } from './loop-delay.ts';

/** What the watch over our own process is handed. */
export interface StarvationDeps {
  clock: Clock;
  loopDelay: LoopDelay;
  meter: BusyMeter;
}

/** A running watch over our own process. */
export interface StarvationWatch {
  /** Takes note of a sample that has come in. */
  record(sample: { suspect: boolean }): void;
  /** How far our measurements are to be trusted right now. */
  status(): Starvation;
  stop(): void;
}

const TICK_MS = 1000;
/** Samples that are judged together: the newest so many, if they are not older than five minutes. */
const RECENT = 40;
const RECENT_MS = 300_000;
/** Fewer than this say nothing about a share. */
const ENOUGH = 10;
/**
 * Where the row becomes unreliable. On two busy cores every second sample is suspect, by a few ms: those that are not
 * still say how the links are, and a row that is called unreliable says nothing at all.
 */
const BAD = { share: 0.75, delayUs: 50_000, seconds: 5 };
/** Where it may be trusted again: clearly better than where it became bad, and for longer, so that it does not flicker. */
const GOOD = { share: 0.5, delayUs: 40_000, seconds: 10 };

/**
 * Watches whether our own process is starved of CPU so lastingly that its whole row is not to be trusted.
 *
 * Unreliable once more than three quarters of the last 40 samples (of at least 10) are suspect, or the loop's delay
 * (99th percentile of a second) was above 50 ms in five seconds in a row. Reliable again once less than half are suspect
 * and the delay stayed below 40 ms for ten seconds.
 */
export function watchStarvation(deps: StarvationDeps): StarvationWatch {
  return new Watch(deps);
}

class Watch implements StarvationWatch {
  readonly #deps: StarvationDeps;
  readonly #samples: { atMs: number; suspect: boolean }[] = [];
  /** 99th percentiles of the last seconds, newest last. */
  readonly #delaysUs: number[] = [];
  #unreliable = false;
  #sinceMs: number;
  #timer: Timer;

  constructor(deps: StarvationDeps) {
    this.#deps = deps;
    this.#sinceMs = deps.clock.nowMs();
    this.#timer = deps.clock.setTimer(() => this.#tick(), TICK_MS);
  }

  record({ suspect }: { suspect: boolean }): void {
    this.#samples.push({ atMs: this.#deps.clock.monotonicMs(), suspect });
    if (this.#samples.length > RECENT) this.#samples.shift();
  }

  status(): Starvation {
    return {
      loopDelayP99Us: Math.max(0, ...this.#delaysUs.slice(-BAD.seconds)),
      suspectShare: this.#share(),
      unreliable: this.#unreliable,
      sinceMs: this.#sinceMs,
    };
  }

  stop(): void {
    this.#timer.cancel();
    this.#deps.loopDelay.stop();
  }

  #tick(): void {
    const { clock, loopDelay, meter } = this.#deps;
    meter.mark();
    this.#delaysUs.push(loopDelay.takeP99Us());
    if (this.#delaysUs.length > GOOD.seconds) this.#delaysUs.shift();
    const unreliable = this.#unreliable ? !this.#hasRecovered() : this.#isStarved();
    if (unreliable !== this.#unreliable) {
      this.#unreliable = unreliable;
      this.#sinceMs = clock.nowMs();
    }
    this.#timer = clock.setTimer(() => this.#tick(), TICK_MS);
  }

  #isStarved(): boolean {
    const recent = this.#delaysUs.slice(-BAD.seconds);
    const slow = recent.length === BAD.seconds && recent.every((delayUs) => delayUs > BAD.delayUs);
    return slow || this.#share() > BAD.share;
  }

  #hasRecovered(): boolean {
    const recent = this.#delaysUs.slice(-GOOD.seconds);
    const quick = recent.length === GOOD.seconds && recent.every((delayUs) => delayUs < GOOD.delayUs);
    return quick && this.#share() < GOOD.share;
  }

  /** Share of the recent samples that are suspect; 0 while there are too few to tell. */
  #share(): number {
    const fromMs = this.#deps.clock.monotonicMs() - RECENT_MS;
    const recent = this.#samples.filter((sample) => sample.atMs >= fromMs);
    return recent.length < ENOUGH ? 0 : recent.filter((sample) => sample.suspect).length / recent.length;
  }
}
