import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from './clock.ts';
import { BusyError } from './errors.ts';

/** How many things are done at once. */
interface FanOutLimits {
  /** At once, of those that get on. */
  concurrency: number;
  /** One that takes longer than this is waiting, not working: the next may start. */
  parkAfterMs: number;
  /** At once, waiting ones included. */
  maxInFlight: number;
}

/**
 * Calls `work` for every item in order, a few at a time, until all have ended. `work` must not reject.
 * Peers that hang cost a socket each, not a place in the line: otherwise four of them would hold up a thousand.
 */
export function fanOut<T>(
  items: readonly T[],
  limits: FanOutLimits,
  clock: Clock,
  work: (item: T) => Promise<void>,
): Promise<void> {
  return new Promise((resolve) => {
    let next = 0;
    let busy = 0;
    let inFlight = 0;
    const startSome = () => {
      if (next >= items.length && inFlight === 0) resolve();
      while (next < items.length && busy < limits.concurrency && inFlight < limits.maxInFlight) start();
    };
    const start = () => {
      const item = items[next++] as T;
      let parked = false;
      busy += 1;
      inFlight += 1;
      const parking = clock.setTimer(() => {
        parked = true;
        busy -= 1;
        startSome();
      }, limits.parkAfterMs);
      void work(item).finally(() => {
        parking.cancel();
        inFlight -= 1;
        if (!parked) busy -= 1;
        startSome();
      });
    };
    startSome();
  });
}

/** Does one job at a time. */
export class SerialQueue {
  readonly #most: number;
  readonly #words: string;
  #last: Promise<unknown> = Promise.resolve();
  #jobs = 0;

  /** Takes at most `most` jobs at once, the one that runs among them; `words` say so to who comes too many. */
  constructor(most: number, words: string) {
    this.#most = most;
    this.#words = words;
  }

  /** Does a job when those before it are done, however they ended. Rejects with a BusyError if there are too many. */
  do<T>(job: () => Promise<T>): Promise<T> {
    if (this.#jobs >= this.#most) return Promise.reject(new BusyError(this.#words));
    this.#jobs += 1;
    const done = this.#last.then(job).finally(() => {
      this.#jobs -= 1;
    });
    // Without what it came to, which may be large.
    this.#last = done.then(
      () => {},
      () => {},
    );
    return done;
  }
}

/** Longest turn: beyond 2 ms we would falsify our own pings. */
const TURN_MS = 1;

/** Cuts long work into turns: ask `isOver` between pieces, and if so await `next`. */
export class TimeSlice {
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

/** Does work that yields after each small part, in turns that leave room for pings; gives its result. */
export async function runSliced<T>(work: Generator<void, T>, clock: Clock): Promise<T> {
  const done = await runSlicedUntil(work, clock, Number.POSITIVE_INFINITY);
  if (done === null) throw new Error('work without an end was given up');
  return done.result;
}

/**
 * As `inSlices`, as long as the clock's monotonic time is before `endMs`: work that is not done then is given up, for
 * null. Its first turn it has in any case.
 */
export async function runSlicedUntil<T>(
  work: Generator<void, T>,
  clock: Clock,
  endMs: number,
): Promise<{ result: T } | null> {
  const turns = new TimeSlice(clock);
  for (;;) {
    const step = work.next();
    if (step.done === true) return { result: step.value };
    if (!turns.isOver()) continue;
    await turns.next();
    if (clock.monotonicMs() >= endMs) return null;
  }
}

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
