import { inOrder, LEAST_RANGE_MS, type TimeRange } from './timeline-ranges.ts';
import { merged, type TimelineStep } from './timeline-steps.ts';

/** A pause in what is bad that is shorter does not end it. */
const PAUSE_MS = 15_000;
/** A step is bad by its median, so the fault may have begun in the step before: ranges of good time keep away this far. */
const LEAST_MARGIN_MS = 5_000;
/** A range of good time is not longer. */
const MOST_GOOD_MS = 5 * 60_000;

/**
 * What to compare where nobody has said: the last stretch with bad links, the good time before it, and after it where
 * it has ended. Without any the two halves of the last 5 minutes. `stepMs`: how fine the steps are.
 */
export function suggestedRanges(steps: readonly TimelineStep[], limits: TimeRange, stepMs: number): TimeRange[] {
  const marginMs = Math.max(LEAST_MARGIN_MS, stepMs);
  const known = merged(steps).filter(({ known: share, toMs }) => share > 0 && toMs > limits.fromMs);
  let bad: TimeRange | null = null;
  for (const { fromMs, toMs, failed, slow } of known) {
    if (failed + slow === 0) continue;
    if (bad !== null && fromMs - bad.toMs < PAUSE_MS) bad.toMs = toMs;
    else bad = { fromMs: Math.max(fromMs, limits.fromMs), toMs };
  }
  const firstMs = Math.max(limits.fromMs, known[0]?.fromMs ?? limits.fromMs);
  if (bad === null || bad.fromMs - marginMs - firstMs < LEAST_RANGE_MS) {
    const toMs = limits.toMs;
    const halfMs = Math.min(MOST_GOOD_MS, toMs - firstMs) / 2;
    return inOrder([
      { fromMs: toMs - 2 * halfMs, toMs: toMs - halfMs },
      { fromMs: toMs - halfMs, toMs },
    ]);
  }
  const before = {
    fromMs: Math.max(lastBadMs(known, bad.fromMs, firstMs), bad.fromMs - MOST_GOOD_MS),
    toMs: bad.fromMs - marginMs,
  };
  const after = { fromMs: bad.toMs + marginMs, toMs: Math.min(limits.toMs, bad.toMs + MOST_GOOD_MS) };
  return inOrder([before, bad, ...(after.toMs - after.fromMs >= PAUSE_MS ? [after] : [])]);
}

/** When it had last been bad before `untilMs`; `firstMs` where it never was. */
function lastBadMs(steps: readonly TimelineStep[], untilMs: number, firstMs: number): number {
  const bad = steps.filter(({ fromMs, failed, slow }) => failed + slow > 0 && fromMs < untilMs);
  return Math.max(firstMs, bad.at(-1)?.toMs ?? firstMs);
}
