/**
 * The two things that every part is handed instead of reaching for them: time and the log.
 * `server/clock.ts` has the real clock, `test/fake-clock.ts` the one of the tests.
 */

/** A timer that has been set; `cancel` may be called more than once. */
export interface Timer {
  cancel(): void;
}

/** Time, as a part may ask for it. */
export interface Clock {
  /** Wall time, ms since the epoch; may jump. */
  nowMs(): number;
  /** Time that never goes back, ms with a fraction; only differences mean anything. */
  monotonicMs(): number;
  /** Calls `fn` once after `delayMs`. */
  setTimer(fn: () => void, delayMs: number): Timer;
}

/** The part of pino's logger that domains use: fields first, then one sentence. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
