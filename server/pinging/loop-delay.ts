import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Where the delay of the event loop is read. */
export interface LoopDelay {
  /** 99th percentile of how late the loop ran since the last call, us. */
  takeP99Us(): number;
  stop(): void;
}

/** Wakes the loop 50 times a second, natively; finer costs more than it tells. */
const RESOLUTION_MS = 20;

/** The delay of this process's own event loop. Runs until `stop`. */
export function startLoopDelay(): LoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  return {
    takeP99Us() {
      // What is recorded is the distance between two wake-ups, in ns; without any it is 0.
      const delayUs = histogram.percentile(99) / 1000 - RESOLUTION_MS * 1000;
      histogram.reset();
      return Math.max(0, delayUs);
    },
    stop: () => void histogram.disable(),
  };
}
