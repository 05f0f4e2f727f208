import type { Clock } from './contract/seams.ts';

/** The real clock; tests pass another one. */
export const realClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(fn, delayMs) {
    // Node fires at once beyond 2^31-1 ms; no wait of ours is that long on purpose.
    const timer = setTimeout(fn, Math.min(Math.max(delayMs, 0), 2 ** 31 - 1));
    return { cancel: () => clearTimeout(timer) };
  },
};
