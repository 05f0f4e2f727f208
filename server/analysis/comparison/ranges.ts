import { type PingSettings, roundMsOf, shortestRangeMs } from '../../protocol/link-state.ts';
import { durationText } from '../../runtime/measure-text.ts';
import type { TimeRange } from '../../runtime/time-range.ts';

/** HISTORY_WINDOW, and how often links are pinged. */
export interface ComparisonSettings extends PingSettings {
  historyWindowMs: number;
}

/** What a client asks for; null = not given, so that the default is taken. */
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

/** The default length of "before" and "after" is at least this, and two rounds of pings, so that each link has a sample in it. */
const MIN_DEFAULT_MS = 60_000;
/** A fault may have begun so long before "during": a range that is drawn by hand often begins a little too late. */
const EARLIER_FAULT_MS = 30_000;
/** A range that is cut to less than this is dropped: it has hardly any sample. A short range that is left has a note. */
const MIN_RANGE_MS = 1_000;

/** When the fault can have begun at the earliest: after a "before" that ended shortly before "during". Ms since the epoch. */
export function earliestFaultMs({ before, during }: Pick<ComparedRanges, 'before' | 'during'>): number {
  if (before === null) return during.fromMs;
  return Math.min(during.fromMs, Math.max(before.toMs, during.fromMs - EARLIER_FAULT_MS));
}

/**
 * Chooses the ranges of a comparison, with the defaults of docs/reports.md. All ranges are cut to the last HISTORY_WINDOW
 * until now. If nothing is left of "during", it stays as it was asked for. Notes say if the begin of "during" is cut, and which range
 * is left out or shorter than a round of pings.
 */
export function comparedRangesOf(
  requested: RequestedRanges,
  nowMs: number,
  settings: ComparisonSettings,
): ComparedRanges {
  const { during } = requested;
  const lengthMs = Math.max(during.toMs - during.fromMs, MIN_DEFAULT_MS, shortestRangeMs(settings));
  const oldestMs = nowMs - settings.historyWindowMs;
  const cut = (range: TimeRange): TimeRange | null => {
    const fromMs = Math.max(range.fromMs, oldestMs);
    const toMs = Math.min(range.toMs, nowMs);
    return toMs - fromMs >= MIN_RANGE_MS ? { fromMs, toMs } : null;
  };
  /** Why nothing is left of a range: it is too late, or too old. */
  const whyCut = ({ toMs }: TimeRange) =>
    toMs >= oldestMs + MIN_RANGE_MS ? 'has not lasted a second yet' : 'is older than the data that is kept';
  const wanted = {
    before: requested.before ?? { fromMs: during.fromMs - lengthMs, toMs: during.fromMs },
    after: requested.after ?? { fromMs: during.toMs, toMs: during.toMs + lengthMs },
  };
  const [before, keptDuring, after] = [cut(wanted.before), cut(during), cut(wanted.after)];
  const notes: string[] = [];
  if (keptDuring === null) notes.push(`The range "during" ${whyCut(during)}`);
  else if (keptDuring.fromMs > during.fromMs)
    notes.push('The range "during" begins before the oldest data that is kept');
  if (before === null) notes.push(`The range "before" ${whyCut(wanted.before)}, so nothing can be compared`);
  if (after === null) notes.push(`The range "after" ${whyCut(wanted.after)}, so the recovery is not known`);
  const roundMs = roundMsOf(settings);
  for (const [name, range] of Object.entries({ before, during: keptDuring, after })) {
    if (range === null || range.toMs - range.fromMs >= roundMs) continue;
    const round = `shorter than a round of pings (${durationText(roundMs)})`;
    notes.push(`The range "${name}" is ${round}: links that have no ping in it are not known`);
  }
  return { before, during: keptDuring ?? during, after, notes };
}
