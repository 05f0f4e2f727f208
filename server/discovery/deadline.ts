import type { Clock } from '../contract/seams.ts';
import { ApiError } from './api-error.ts';

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
