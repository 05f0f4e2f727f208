import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../contract/seams.ts';

/** Longest turn: beyond 2 ms we would falsify our own pings. */
const TURN_MS = 1;

/** Cuts long work into turns: ask `isOver` between pieces, and if so await `next`. */
export class Turns {
  readonly #clock: Clock;
  #startMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startMs = clock.monotonicMs();
  }

  /** Whether this turn has lasted long enough. */
  isOver(): boolean {
    return this.#clock.monotonicMs() - this.#startMs > TURN_MS;
  }

  /** Lets everybody else have theirs. */
  async next(): Promise<void> {
    await nextTurn();
    this.#startMs = this.#clock.monotonicMs();
  }
}
