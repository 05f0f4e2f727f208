import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../contract/seams.ts';

/** Longest turn: beyond 2 ms we would falsify our own pings. */
const SLICE_MS = 1;

/** Does work that yields after each small part, giving the event loop back after each millisecond; gives its result. */
export async function inSlices<T>(work: Generator<void, T>, clock: Pick<Clock, 'monotonicMs'>): Promise<T> {
  let sliceStartMs = clock.monotonicMs();
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    if (clock.monotonicMs() - sliceStartMs > SLICE_MS) {
      await nextTurn();
      sliceStartMs = clock.monotonicMs();
    }
  }
}
