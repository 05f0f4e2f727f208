import type { TimeRange } from '../../server/runtime/time-range.ts';
import { inOrder, LEAST_RANGE_MS } from './timeline-ranges.ts';
import { merged, type TimelineStep } from './timeline-steps.ts';

/** Good time that is shorter does not end a fault; a good step or one and a half never do. */
const PAUSE_MS = 15_000;
const PAUSE_STEPS = 1.5;
/** Nor does so much of it where what failed is slow afterwards, or the other way round: a fault that changes its kind. */
const CHANGE_MS = 60_000;
/** A step is bad by its median, so the fault may have begun in the step before: ranges of good time keep away this far. */
const LEAST_MARGIN_MS = 5_000;
/** A range of good time is not longer. */
const MOST_GOOD_MS = 5 * 60_000;

/**
 * What to compare where nobody has said: the last fault from its first bad step to its last, the good time before it, and after it where
 * it has ended. Without any the two halves of the last 5 minutes. `stepMs`: how fine the steps are.
 */
export function suggestedRanges(steps: readonly TimelineStep[], limits: TimeRange, stepMs: number): TimeRange[] {
  const marginMs = Math.max(LEAST_MARGIN_MS, stepMs);
  const known = merged(steps).filter(({ known: share, toMs }) => share > 0 && toMs > limits.fromMs);
  const bad = lastFault(known, limits.fromMs, Math.max(PAUSE_MS, PAUSE_STEPS * stepMs));
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

/**
 * The last stretch from a first bad step to a last one, whatever is bad in them, with less than `pauseMs` of good time
 * between any two; time of which nothing is known counts as neither.
 */
function lastFault(known: readonly TimelineStep[], leastMs: number, pauseMs: number): TimeRange | null {
  let fault: TimeRange | null = null;
  let wasFailing = false;
  let goodMs = 0;
  for (const { fromMs, toMs, failed, slow } of known) {
    if (failed + slow === 0) {
      goodMs += toMs - Math.max(fromMs, leastMs);
      continue;
    }
    const isFailing = failed >= slow;
    const mostMs = isFailing === wasFailing ? pauseMs : Math.max(pauseMs, CHANGE_MS);
    if (fault !== null && goodMs < mostMs) fault.toMs = toMs;
    else fault = { fromMs: Math.max(fromMs, leastMs), toMs };
    wasFailing = isFailing;
    goodMs = 0;
  }
  return fault;
}

/** When it had last been bad before `untilMs`; `firstMs` where it never was. */
function lastBadMs(steps: readonly TimelineStep[], untilMs: number, firstMs: number): number {
  const bad = steps.filter(({ fromMs, failed, slow }) => failed + slow > 0 && fromMs < untilMs);
  return Math.max(firstMs, bad.at(-1)?.toMs ?? firstMs);
}
