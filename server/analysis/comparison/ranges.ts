import type { TimeRange } from '../../runtime/time-range.ts';

/** The ranges that a client asks for; null = the default. */
export interface RequestedRanges {
  during: TimeRange;
  before: TimeRange | null;
  after: TimeRange | null;
}

/** The ranges that are compared; null = nothing is known of that time. */
export interface ComparedRanges extends RequestedRanges {
  /** What the reader has to know of the ranges, a sentence without a full stop each. */
  notes: string[];
}

/** The default length of "before" and "after" is at least this: a shorter range may have too few samples of each link. */
const MIN_DEFAULT_MS = 60_000;
/** A range that is cut to less than this is dropped. */
const MIN_RANGE_MS = 1_000;

/**
 * Chooses the ranges of a comparison. By default "before" ends where "during" begins, and "after" begins where "during"
 * ends; both are as long as "during", and at least a minute. All ranges are cut to the last `historyWindowMs` (HISTORY_WINDOW)
 * until now. If nothing is left of "during", it stays as it was asked for.
 */
export function comparedRangesOf(requested: RequestedRanges, nowMs: number, historyWindowMs: number): ComparedRanges {
  const { during } = requested;
  const lengthMs = Math.max(during.toMs - during.fromMs, MIN_DEFAULT_MS);
  const cut = (range: TimeRange): TimeRange | null => {
    const fromMs = Math.max(range.fromMs, nowMs - historyWindowMs);
    const toMs = Math.min(range.toMs, nowMs);
    return toMs - fromMs >= MIN_RANGE_MS ? { fromMs, toMs } : null;
  };
  const before = cut(requested.before ?? { fromMs: during.fromMs - lengthMs, toMs: during.fromMs });
  const after = cut(requested.after ?? { fromMs: during.toMs, toMs: during.toMs + lengthMs });
  const keptDuring = cut(during);
  const notes: string[] = [];
  if (keptDuring === null || keptDuring.fromMs > during.fromMs) {
    notes.push('The range "during" begins before the oldest data that is kept');
  }
  if (before === null)
    notes.push('The data from before the range "during" is no longer kept, so nothing can be compared');
  if (after === null) notes.push('No time has passed since the range "during", so the recovery is not known');
  return { before, during: keptDuring ?? during, after, notes };
}
