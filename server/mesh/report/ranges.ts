/** A stretch of time, ms since the epoch by the serving pod's clock; `fromMs` < `toMs`. */
export interface Stretch {
  fromMs: number;
  toMs: number;
}

/** What was asked for; null = the default. */
export interface WantedRanges {
  during: Stretch;
  before: Stretch | null;
  after: Stretch | null;
}

/** What can be looked at. */
export interface ReportStretches {
  before: Stretch | null;
  during: Stretch;
  after: Stretch | null;
  /** What could not be had as wanted, a sentence each. */
  notes: string[];
}

/** So long "before" is at least: a shorter one may have too few samples of each link. */
const LEAST_BEFORE_MS = 60_000;
/** A shorter stretch holds next to nothing. */
const LEAST_MS = 1_000;

/**
 * The ranges of a report. "before" is by default as long as "during" and at least a minute, right before it; "after"
 * follows "during" up to now, at most as long as it. What lies in the future or beyond `windowMs` (HISTORY_WINDOW) is cut
 * off; null where nothing is left.
 */
export function stretchesOf(wanted: WantedRanges, nowMs: number, windowMs: number): ReportStretches {
  const { during } = wanted;
  const lengthMs = during.toMs - during.fromMs;
  const oldestMs = nowMs - windowMs;
  const cut = ({ fromMs, toMs }: Stretch): Stretch | null => {
    const [from, to] = [Math.max(fromMs, oldestMs), Math.min(toMs, nowMs)];
    return to - from >= LEAST_MS ? { fromMs: from, toMs: to } : null;
  };
  const kept = cut(during);
  const before = wanted.before ?? {
    fromMs: during.fromMs - Math.max(lengthMs, LEAST_BEFORE_MS),
    toMs: during.fromMs,
  };
  const after = wanted.after ?? { fromMs: during.toMs, toMs: during.toMs + Math.max(lengthMs, LEAST_BEFORE_MS) };
  const [keptBefore, keptAfter] = [cut(before), cut(after)];
  const notes = [
    kept !== null && kept.fromMs <= during.fromMs ? '' : 'The range "during" begins before the past that is kept',
    keptBefore !== null
      ? ''
      : 'The past before the range "during" is no longer kept, so nothing can be compared with it',
    keptAfter !== null ? '' : 'No time has passed since the range "during", so whether it went well again is not known',
  ];
  return { before: keptBefore, during: kept ?? during, after: keptAfter, notes: notes.filter((note) => note !== '') };
}
