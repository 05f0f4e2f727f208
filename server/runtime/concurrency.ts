import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from './clock.ts';
import { BusyError } from './errors.ts';

interface ConcurrencyLimits {
  /** The most calls that run at once and have not been slow yet. */
  concurrency: number;
  /** A call that takes longer than this, ms, gives its permit back: it waits and does not work. */
  slowAfterMs: number;
  /** The most calls that run at once, slow ones included. */
  maxInFlight: number;
}

/**
 * Calls `work` for every item in order, and resolves when all have ended. If calls reject, the others go on, and it rejects with the
 * first error at the end. It is a semaphore whose permits expire: otherwise as many silent peers as there are permits would hold up
 * a thousand others.
 */
export function forEachConcurrent<T>(
  items: readonly T[],
  limits: ConcurrencyLimits,
  clock: Clock,
  work: (item: T) => Promise<void>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let next = 0;
    let permits = limits.concurrency;
    let inFlight = 0;
    const errors: unknown[] = [];
    const startAllowed = () => {
      if (next >= items.length && inFlight === 0) {
        if (errors.length === 0) resolve();
        else reject(errors[0]);
      }
      while (next < items.length && permits > 0 && inFlight < limits.maxInFlight) start();
    };
    const start = () => {
      const item = items[next++] as T;
      let hasPermit = true;
      permits -= 1;
      inFlight += 1;
      const release = () => {
        if (hasPermit) permits += 1;
        hasPermit = false;
        startAllowed();
      };
      const expiry = clock.setTimer(release, limits.slowAfterMs);
      void work(item)
        .catch((error: unknown) => errors.push(error))
        .finally(() => {
          expiry.cancel();
          inFlight -= 1;
          release();
        });
    };
    startAllowed();
  });
}

/** Runs one job at a time, in the order in which they were added. */
export class SerialQueue {
  readonly #maxJobs: number;
  readonly #busyMessage: string;
  #last: Promise<unknown> = Promise.resolve();
  #jobs = 0;

  /** Holds at most `maxJobs` jobs, the running one included; a job beyond that is rejected with `busyMessage`. */
  constructor(maxJobs = Number.POSITIVE_INFINITY, busyMessage = '') {
    this.#maxJobs = maxJobs;
    this.#busyMessage = busyMessage;
  }

  /** Runs a job when those before it have ended, however they ended. Rejects with a BusyError if there are too many. */
  run<T>(job: () => Promise<T>): Promise<T> {
    if (this.#jobs >= this.#maxJobs) return Promise.reject(new BusyError(this.#busyMessage));
    this.#jobs += 1;
    const done = this.#last.then(job).finally(() => {
      this.#jobs -= 1;
    });
    // The queue waits for the job's end but does not keep its result, which may be large.
    this.#last = done.then(
      () => {},
      () => {},
    );
    return done;
  }
}

/** Longest time slice: work that blocks the event loop for more than 2 ms falsifies our own measurements. */
const SLICE_MS = 1;

/** Cuts long work into slices of `SLICE_MS`: ask `isOver` between two pieces of work, and if so await `next`. */
export class TimeSlice {
  readonly #clock: Clock;
  #startMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startMs = clock.monotonicMs();
  }

  /** Whether the slice has lasted for `SLICE_MS`. */
  isOver(): boolean {
    return this.#clock.monotonicMs() - this.#startMs > SLICE_MS;
  }

  /** Gives the event loop a turn, then begins the next slice. */
  async next(): Promise<void> {
    await nextTurn();
    this.#startMs = this.#clock.monotonicMs();
  }
}

/** Runs work that yields after each small piece, in time slices. Resolves with its result. */
export async function runSliced<T>(work: Generator<void, T>, clock: Clock): Promise<T> {
  const done = await runSlicedUntil(work, clock, Number.POSITIVE_INFINITY);
  if (done === null) throw new Error('work without a deadline was given up');
  return done.result;
}

/**
 * As `runSliced`, with a deadline: work that is not done when the monotonic clock reaches `endMs` is given up, and the
 * result is null. The first slice runs in any case.
 */
export async function runSlicedUntil<T>(
  work: Generator<void, T>,
  clock: Clock,
  endMs: number,
): Promise<{ result: T } | null> {
  const slice = new TimeSlice(clock);
  for (;;) {
    const step = work.next();
    if (step.done === true) return { result: step.value };
    if (!slice.isOver()) continue;
    await slice.next();
    if (clock.monotonicMs() >= endMs) return null;
  }
}
