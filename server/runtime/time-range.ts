/**
 * A range of time: `fromMs` <= `toMs`, both ends belong to it. Which clock counts them (ms since the epoch, or monotonic)
 * is said where the range is taken.
 */
export interface TimeRange {
  fromMs: number;
  toMs: number;
}
