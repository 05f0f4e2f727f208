import type { Clock, Timer } from '../runtime/clock.ts';

/** Something with a deadline: a ping (`Ping` in probe.ts). */
export interface Due {
  /** The deadline, monotonic ms. */
  readonly dueMs: number;
  /** Called at the deadline. It must set a later `dueMs`, or remove itself. */
  onDue(): void;
  /** Ends it before its deadline. It must remove itself. */
  cancel(): void;
}

/**
 * The deadlines of all pings under way, with one timer for all. Nearly all pings end long before their deadline. A timer for
 * each, which is set and cancelled, would cost more than the rest of a ping's bookkeeping.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #waiting = new Set<Due>();
  readonly #onTimer = () => this.#runDue();
  #timer: Timer | null = null;
  #timerDueMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Adds a deadline. `nowMs`: the monotonic clock now. */
  add(due: Due, nowMs: number): void {
    this.#waiting.add(due);
    if (due.dueMs < this.#timerDueMs) this.#setTimer(due.dueMs, nowMs);
  }

  /** Removes a deadline. The timer is not cancelled: the next deadline will come soon. */
  remove(due: Due): void {
    this.#waiting.delete(due);
  }

  /** Ends all that wait, and the timer. */
  cancelAll(): void {
    for (const due of [...this.#waiting]) due.cancel();
    this.#cancelTimer();
  }

  #runDue(): void {
    this.#cancelTimer();
    const nowMs = this.#clock.monotonicMs();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const due of [...this.#waiting]) {
      // The `onDue` of another one may have removed it.
      if (!this.#waiting.has(due)) continue;
      // A rounding error early counts as due.
      if (due.dueMs <= nowMs + 0.001) due.onDue();
      if (this.#waiting.has(due)) nextMs = Math.min(nextMs, due.dueMs);
    }
    if (nextMs < this.#timerDueMs) this.#setTimer(nextMs, nowMs);
  }

  #setTimer(dueMs: number, nowMs: number): void {
    this.#timer?.cancel();
    this.#timerDueMs = dueMs;
    this.#timer = this.#clock.setTimer(this.#onTimer, dueMs - nowMs);
  }

  #cancelTimer(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#timerDueMs = Number.POSITIVE_INFINITY;
  }
}
