import type { Clock } from '../contract/seams.ts';
import { Turns } from './turns.ts';

/** Does work that yields after each small part, in turns that leave room for pings; gives its result. */
export async function inSlices<T>(work: Generator<void, T>, clock: Clock): Promise<T> {
  const done = await inSlicesUntil(work, clock, Number.POSITIVE_INFINITY);
  if (done === null) throw new Error('work without an end was given up');
  return done.result;
}

/**
 * As `inSlices`, as long as the clock's monotonic time is before `endMs`: work that is not done then is given up, for
 * null. Its first turn it has in any case.
 */
export async function inSlicesUntil<T>(
  work: Generator<void, T>,
  clock: Clock,
  endMs: number,
): Promise<{ result: T } | null> {
  const turns = new Turns(clock);
  for (;;) {
    const step = work.next();
    if (step.done === true) return { result: step.value };
    if (!turns.isOver()) continue;
    await turns.next();
    if (clock.monotonicMs() >= endMs) return null;
  }
}
