import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock, Timer } from '../../server/runtime/clock.ts';

interface Waiting {
  dueMs: number;
  order: number;
  fn: () => void;
}

/**
 * A clock that stands still until it is told to move, so that tests of minutes take milliseconds.
 * Wall and monotonic time start apart on purpose: code that mixes them up fails.
 */
export class FakeClock implements Clock {
  readonly #waiting = new Set<Waiting>();
  #passedMs = 0;
  #wallMs: number;
  #orders = 0;

  /** `startMs`: the wall time to begin with, ms since the epoch. */
  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#wallMs = startMs;
  }

  nowMs(): number {
    return this.#wallMs + this.#passedMs;
  }

  monotonicMs(): number {
    return 5_000 + this.#passedMs;
  }

  setTimer(fn: () => void, delayMs: number): Timer {
    const timer: Waiting = { dueMs: this.#passedMs + Math.max(0, delayMs), order: this.#orders++, fn };
    this.#waiting.add(timer);
    return { cancel: () => void this.#waiting.delete(timer) };
  }

  /** Timers that are set and have neither run nor been cancelled. */
  get pending(): number {
    return this.#waiting.size;
  }

  /** Moves the wall clock alone by `ms` (may be negative), as an operator or NTP does. */
  jumpWall(ms: number): void {
    this.#wallMs += ms;
  }

  /**
   * Lets time pass without running anything, as when a laptop sleeps or the loop is blocked; what fell due meanwhile
   * runs at the next `advance`, late.
   */
  freeze(ms: number): void {
    this.#passedMs += ms;
  }

  /** Lets `ms` pass: runs every timer that falls due, in order of time, with all promises settled before and after each. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#passedMs + ms;
    await nextTurn();
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      this.#waiting.delete(next);
      this.#passedMs = Math.max(this.#passedMs, next.dueMs);
      next.fn();
      await nextTurn();
    }
    this.#passedMs = Math.max(this.#passedMs, endMs);
  }

  #next(endMs: number): Waiting | undefined {
    let first: Waiting | undefined;
    for (const timer of this.#waiting) {
      if (timer.dueMs > endMs) continue;
      if (!first || timer.dueMs < first.dueMs || (timer.dueMs === first.dueMs && timer.order < first.order)) {
        first = timer;
      }
    }
    return first;
  }
}
