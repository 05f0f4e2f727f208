/** A timer that has been set; `cancel` may be called more than once. */
export interface Timer {
  cancel(): void;
}

/** Time. Every part is handed a clock instead of asking the system, so that tests can pass a fake one. */
export interface Clock {
  /** Wall time, ms since the epoch; may jump. */
  nowMs(): number;
  /** Time that never goes back, ms with a fraction; only differences mean anything. */
  monotonicMs(): number;
  /** Calls `fn` once after `delayMs`. With much to do in between, Node may call it up to a millisecond early. */
  setTimer(fn: () => void, delayMs: number): Timer;
}

/** The clock of the system. */
export const realClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(fn, delayMs) {
    // Node cuts off fractions, so that half of the timers would come too early. It fires at once beyond 2^31-1 ms; no wait of ours is that
    // long on purpose.
    const timeout = setTimeout(fn, Math.min(Math.max(Math.ceil(delayMs), 0), 2 ** 31 - 1));
    return { cancel: () => clearTimeout(timeout) };
  },
};

/** The difference between the two clocks now, ms: `monotonicMs + wallOffsetMs` is ms since the epoch. */
export function wallOffsetMs(clock: Clock): number {
  return clock.nowMs() - clock.monotonicMs();
}

/** Turns a time in ms since the epoch, of our clock or of the API, into monotonic time, at most now. */
export function toMonotonicMs(wallMs: number, clock: Clock): number {
  return clock.monotonicMs() - Math.max(0, clock.nowMs() - wallMs);
}
