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
 * until now. If nothing is left of "during", it stays as it was asked for. A note says which range is cut or left out, and why.
 */
export function comparedRangesOf(requested: RequestedRanges, nowMs: number, historyWindowMs: number): ComparedRanges {
  const { during } = requested;
  const lengthMs = Math.max(during.toMs - during.fromMs, MIN_DEFAULT_MS);
  const oldestMs = nowMs - historyWindowMs;
  const cut = (range: TimeRange): TimeRange | null => {
    const fromMs = Math.max(range.fromMs, oldestMs);
    const toMs = Math.min(range.toMs, nowMs);
    return toMs - fromMs >= MIN_RANGE_MS ? { fromMs, toMs } : null;
  };
  const wanted = {
    before: requested.before ?? { fromMs: during.fromMs - lengthMs, toMs: during.fromMs },
    after: requested.after ?? { fromMs: during.toMs, toMs: during.toMs + lengthMs },
  };
  const [before, keptDuring, after] = [cut(wanted.before), cut(during), cut(wanted.after)];
  /** Whether a range of which nothing is left is too late, not too old. */
  const isToCome = ({ toMs }: TimeRange) => toMs >= oldestMs + MIN_RANGE_MS;
  const notes: string[] = [];
  if (keptDuring === null && isToCome(during)) notes.push('The range "during" has not lasted a second yet');
  else if (keptDuring === null || keptDuring.fromMs > during.fromMs) {
    notes.push('The range "during" begins before the oldest data that is kept');
  }
  if (before === null) {
    const why = isToCome(wanted.before) ? 'has not lasted a second yet' : 'is older than the data that is kept';
    notes.push(`The range "before" ${why}, so nothing can be compared`);
  }
  if (after === null) {
    const why = isToCome(wanted.after) ? 'has not lasted a second yet' : 'is older than the data that is kept';
    notes.push(`The range "after" ${why}, so the recovery is not known`);
  }
  return { before, during: keptDuring ?? during, after, notes };
}
