import type { Clock } from './clock.ts';

/** Something took longer than it may. It has the code of the system's own timeouts: see `networkFaultOf`. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
  readonly code = 'ETIMEDOUT';
}

/**
 * Runs `task` with a signal that aborts after `timeoutMs` or when `stop` aborts, and settles no later than that. Rejects with a
 * `TimeoutError` that names `what`, with the reason of `stop`, or with the error of the task.
 */
export async function withTimeout<T>(
  clock: Clock,
  timeoutMs: number,
  stop: AbortSignal,
  what: string,
  task: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const { signal } = controller;
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  const onTimeout = () => controller.abort(new TimeoutError(`${what} took longer than ${Math.round(timeoutMs)} ms`));
  const onStop = () => controller.abort(stop.reason);
  const timer = clock.setTimer(onTimeout, timeoutMs);
  stop.addEventListener('abort', onStop, { once: true });
  if (stop.aborted) onStop();
  try {
    return await Promise.race([task(signal), aborted]);
  } catch (error) {
    // An aborted exchange also fails with ECONNRESET or the like. The reason of the abort is what really happened.
    throw signal.aborted ? signal.reason : error;
  } finally {
    timer.cancel();
    stop.removeEventListener('abort', onStop);
  }
}

/** Waits for a task that goes on, but no longer than `limitMs`. Rejects if the task rejects by then. */
export function waitAtMost(clock: Clock, limitMs: number, task: Promise<unknown>): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(resolve, limitMs);
    task.then(() => resolve(), reject).finally(() => timer.cancel());
  });
}

/** Waits `delayMs`, or until `stop` aborts. Never rejects. */
export function pause(clock: Clock, delayMs: number, stop?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (stop?.aborted) return resolve();
    const done = () => {
      timer.cancel();
      stop?.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.setTimer(done, delayMs);
    stop?.addEventListener('abort', done, { once: true });
  });
}
