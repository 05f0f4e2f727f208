import { setTimeout as pause } from 'node:timers/promises';

/**
 * Waits until `condition` neither throws nor rejects, and gives its result. The default time leaves room for a busy
 * machine. Rejects with the last error when `timeoutMs` have passed.
 */
export async function eventually<T>(condition: () => T | Promise<T>, timeoutMs = 20_000, intervalMs = 25): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await condition();
    } catch (error) {
      if (performance.now() > deadlineMs) throw error;
    }
    await pause(intervalMs);
  }
}
