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

/** RFC 3339, section 5.6, as Go's strfmt.DateTime writes it; lower case and any number of fraction digits are valid. */
const RFC3339 =
  /^(\d{4})-(\d\d)-(\d\d)[Tt](?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)$/;

/** Ms since the epoch of an RFC 3339 time; -1 if it is none, names no real day or lies before 1970. */
export function rfc3339Ms(text: string): number {
  const parts = RFC3339.exec(text);
  if (parts === null) return -1;
  const [, year, month, day] = parts.map(Number);
  // Date.parse turns 30 February into 2 March, so the day is checked against the calendar first.
  const calendar = new Date(Date.UTC(year ?? 0, (month ?? 0) - 1, day));
  if (calendar.getUTCMonth() + 1 !== month || calendar.getUTCDate() !== day) return -1;
  // A leap second has no number of its own in Unix time: it is taken as the second before it.
  const time = Date.parse(text.toUpperCase().replace(/:60(?=[.Z+-])/, ':59'));
  return time >= 0 ? time : -1;
}

/** The latest moment that is taken: the end of the year 9999. */
const LAST_MS = 253_402_300_799_999;

/** A moment as a client writes it, ms since the epoch or RFC 3339, as ms since the epoch; -1 if it is neither. */
export function momentMs(words: string): number {
  if (!/^\d{1,15}(\.\d{1,6})?$/.test(words)) return rfc3339Ms(words);
  return Number(words) <= LAST_MS ? Number(words) : -1;
}
