/** Where the meter reads time; all of them only ever grow, ms with a fraction. */
export interface BusySource {
  monotonicMs(): number;
  /** How long the event loop has waited for events so far: `performance.nodeTiming.idleTime`. */
  idleMs(): number;
  /** How long the process has waited for a CPU so far: see `openCpuQueue`. The loop books it as waiting for events. */
  queuedMs(): number;
}

/**
 * A wait shorter than this proves nothing: a turn of the loop books a few us as waiting even if an event is there already.
 */
const REAL_WAIT_US = 100;

/**
 * Tells how much later than the kernel we may have noticed something, because our own process was busy.
 *
 * A callback's event was not there yet when the loop last waited in earnest, so it can be late by no more than the time
 * the loop has been busy since. `mark` is called in the callbacks of all probes and once a second, so that
 * "since" is short: while one slow answer is awaited, work done long before it arrived is not held against it.
 */
export class BusyMeter {
  readonly #source: BusySource;
  #lastMs: number;
  #lastIdleMs: number;
  #lastQueuedMs: number;
  #lateUs = 0;
  #busyUs = 0;

  constructor(source: BusySource) {
    this.#source = source;
    this.#lastMs = source.monotonicMs();
    this.#lastIdleMs = source.idleMs();
    this.#lastQueuedMs = source.queuedMs();
  }

  /** Upper bound, in us, of how late the callback that asks is running. */
  mark(): number {
    const nowMs = this.#source.monotonicMs();
    const idleMs = this.#source.idleMs();
    const queuedMs = this.#source.queuedMs();
    const passedUs = (nowMs - this.#lastMs) * 1000;
    const bookedUs = (idleMs - this.#lastIdleMs - (queuedMs - this.#lastQueuedMs)) * 1000;
    const waitedUs = Math.max(0, Math.min(bookedUs, passedUs));
    this.#lateUs = passedUs - waitedUs + (waitedUs >= REAL_WAIT_US ? 0 : this.#lateUs);
    this.#busyUs += passedUs - waitedUs;
    this.#lastMs = nowMs;
    this.#lastIdleMs = idleMs;
    this.#lastQueuedMs = queuedMs;
    return this.#lateUs;
  }

  /** How long the process had been busy, or waiting for a CPU, up to the last mark, in us; only differences mean anything. */
  get busyUs(): number {
    return this.#busyUs;
  }
}

/**
 * Whether a sample of `totalUs` (-1 = none), of which our own process may have caused `starvedUs`, is to be distrusted.
 *
 * The question is whether outcome or magnitude could plausibly have been another on an idle process. Below 1 ms nothing
 * changes that anyone looks at; of a longer exchange a tenth must be in doubt: 1.2 ms of work while a 252 ms answer was
 * awaited makes it neither slow nor failed.
 */
export function isSuspect(starvedUs: number, totalUs: number): boolean {
  return starvedUs > Math.max(1000, totalUs / 10);
}
