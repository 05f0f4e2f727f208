import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../contract/seams.ts';

/** Longest turn: what takes beyond 2 ms falsifies our own measurements. */
const SLICE_MS = 1;

/** Long work in slices of a millisecond, with a turn of the event loop between two. */
export class Slice {
  readonly #clock: Clock;
  #startMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startMs = clock.monotonicMs();
  }

  /** Whether it is time for the next one. */
  isOver(): boolean {
    return this.#clock.monotonicMs() - this.#startMs > SLICE_MS;
  }

  /** Lets others have a turn. */
  async next(): Promise<void> {
    await nextTurn();
    this.#startMs = this.#clock.monotonicMs();
  }
}
