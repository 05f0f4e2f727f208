/**
 * A range of time; `fromMs` <= `toMs`, and both ends belong to it. The place where a range is taken says which clock
 * counts it: ms since the epoch, or monotonic.
 */
export interface TimeRange {
  fromMs: number;
  toMs: number;
}

/** Whether a moment lies in one of `times`, before its end: what lasted until then is over at its end. */
export function isWithin(times: readonly TimeRange[], atMs: number): boolean {
  return times.some(({ fromMs, toMs }) => fromMs <= atMs && atMs < toMs);
}
