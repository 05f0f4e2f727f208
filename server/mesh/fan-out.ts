import type { Clock } from '../contract/seams.ts';

/** How many things are done at once. */
export interface FanOutLimits {
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
