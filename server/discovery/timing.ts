import type { Clock } from '../runtime/clock.ts';
import { ApiError } from './status.ts';

/** Times that nobody needs to set, and tests want shorter; all in ms. */
export interface Tuning {
  /** For one page of a list, for opening a watch, for preparing credentials. */
  listTimeoutMs: number;
  /** First wait after a failure. */
  backoffBaseMs: number;
  /** Longest wait after a failure. */
  backoffCapMs: number;
  /** Between the starts of two watches, or of two lists, that ended without a failure. */
  paceMs: number;
  /** When the server is asked to end a watch; up to twice that, at random. */
  watchLifetimeMs: number;
  /** A watch without a byte for so long is given up. */
  watchSilenceMs: number;
  /** When a forbidden watch is tried again. */
  watchRetryMs: number;
  /** Between two lists of the nodes. */
  nodesRefreshMs: number;
  /** At least between two lists of the nodes, when pods turn up on nodes we do not know. */
  nodesPaceMs: number;
  /** Changes within this time are told together. */
  coalesceMs: number;
  /** What stands before the paths of the pod's service account. */
  accountRoot: string;
}

/** What production runs with. Lifetime, pace and backoff are of the order that Kubernetes' own clients use. */
export const DEFAULT_TUNING: Tuning = {
  listTimeoutMs: 10_000,
  backoffBaseMs: 1_000,
  backoffCapMs: 30_000,
  paceMs: 1_000,
  watchLifetimeMs: 300_000,
  watchSilenceMs: 150_000,
  watchRetryMs: 600_000,
  nodesRefreshMs: 600_000,
  nodesPaceMs: 60_000,
  coalesceMs: 50,
  accountRoot: '',
};

/** Growing waits between failed attempts: base, twice that, ... up to the cap, each shortened by up to half at random. */
export class Backoff {
  readonly #baseMs: number;
  readonly #capMs: number;
  readonly #random: () => number;
  #failures = 0;

  /** `random` gives 0 <= x < 1; without it all pods would come back to a restarted API server in the same second. */
  constructor(baseMs: number, capMs: number, random: () => number) {
    this.#baseMs = baseMs;
    this.#capMs = capMs;
    this.#random = random;
  }

  /** Notes a failure and gives the wait until the next attempt, ms. */
  next(): number {
    const fullMs = Math.min(this.#capMs, this.#baseMs * 2 ** Math.min(this.#failures, 30));
    this.#failures += 1;
    return fullMs * (0.5 + this.#random() / 2);
  }

  /** After a success: the next failure waits as briefly as the first. */
  reset(): void {
    this.#failures = 0;
  }
}

/**
 * Runs `task` with a signal that aborts after `timeoutMs` or with `stop`, and settles no later than that even if the
 * task ignores its signal (a credential plugin may hang). Rejects with an `ApiError` of class `timeout` that names
 * `what`, or with the reason of `stop`.
 */
export async function within<T>(
  clock: Clock,
  timeoutMs: number,
  stop: AbortSignal,
  what: string,
  task: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const onStop = () => controller.abort(stop.reason);
  const aborted = new Promise<never>((_resolve, reject) => {
    controller.signal.addEventListener('abort', () => reject(controller.signal.reason), { once: true });
  });
  const timer = clock.setTimer(
    () => controller.abort(new ApiError('timeout', `${what} took longer than ${timeoutMs} ms`)),
    timeoutMs,
  );
  stop.addEventListener('abort', onStop, { once: true });
  if (stop.aborted) onStop();
  try {
    return await Promise.race([task(controller.signal), aborted]);
  } catch (error) {
    // An aborted exchange also fails with ECONNRESET or the like: the reason of the abort is the truth.
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    timer.cancel();
    stop.removeEventListener('abort', onStop);
  }
}

/** Waits `delayMs`, or until `stop` aborts; never rejects. */
export function pause(clock: Clock, delayMs: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (stop.aborted) return resolve();
    const done = () => {
      timer.cancel();
      stop.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.setTimer(done, delayMs);
    stop.addEventListener('abort', done, { once: true });
  });
}
