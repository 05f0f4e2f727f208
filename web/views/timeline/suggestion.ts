import type { TimeRange } from '../../../server/runtime/time-range.ts';
import { merged, type TimelineStep } from '../../model/timeline.ts';
import { inOrder, LEAST_RANGE_MS } from '../../model/timeline-ranges.ts';

/** A good period ends a fault only if it is longer than this time and than this many steps. */
const PAUSE_MS = 15_000;
const PAUSE_STEPS = 1.5;
/** The same if links fail before and are slow or lossy after the period, or vice versa: one fault can change its kind. */
const CHANGE_MS = 60_000;
/** Minimum distance of good ranges from the fault, which can begin in the step before the first bad one. */
const MIN_MARGIN_MS = 5_000;
const MAX_GOOD_MS = 5 * 60_000;

/**
 * Suggests ranges for a comparison: the last fault, the good period before it, and the good period after it if the fault
 * has ended. Without a fault, or without data before it: the two halves of the last `MAX_GOOD_MS`. `stepMs`: length of a step.
 */
export function suggestedRanges(steps: readonly TimelineStep[], limits: TimeRange, stepMs: number): TimeRange[] {
  const marginMs = Math.max(MIN_MARGIN_MS, stepMs);
  const known = merged(steps).filter(({ known: share, toMs }) => share > 0 && toMs > limits.fromMs);
  const bad = lastFault(known, limits.fromMs, Math.max(PAUSE_MS, PAUSE_STEPS * stepMs));
  const firstMs = Math.max(limits.fromMs, known[0]?.fromMs ?? limits.fromMs);
  if (bad === null || bad.fromMs - marginMs - firstMs < LEAST_RANGE_MS) {
    const toMs = limits.toMs;
    const halfMs = Math.min(MAX_GOOD_MS, toMs - firstMs) / 2;
    return inOrder([
      { fromMs: toMs - 2 * halfMs, toMs: toMs - halfMs },
      { fromMs: toMs - halfMs, toMs },
    ]);
  }
  const before = {
    fromMs: Math.max(lastBadMs(known, bad.fromMs, firstMs), bad.fromMs - MAX_GOOD_MS),
    toMs: bad.fromMs - marginMs,
  };
  const after = { fromMs: bad.toMs + marginMs, toMs: Math.min(limits.toMs, bad.toMs + MAX_GOOD_MS) };
  return inOrder([before, bad, ...(after.toMs - after.fromMs >= PAUSE_MS ? [after] : [])]);
}

/** The last range of bad steps with less than `pauseMs` of good time between any two. Time without data counts as neither. */
function lastFault(known: readonly TimelineStep[], leastMs: number, pauseMs: number): TimeRange | null {
  let fault: TimeRange | null = null;
  let wasFailing = false;
  let goodMs = 0;
  for (const { fromMs, toMs, failed, slow, lossy } of known) {
    if (failed + slow + lossy === 0) {
      goodMs += toMs - Math.max(fromMs, leastMs);
      continue;
    }
    const isFailing = failed >= slow + lossy;
    const mostMs = isFailing === wasFailing ? pauseMs : Math.max(pauseMs, CHANGE_MS);
    if (fault !== null && goodMs < mostMs) fault.toMs = toMs;
    else fault = { fromMs: Math.max(fromMs, leastMs), toMs };
    wasFailing = isFailing;
    goodMs = 0;
  }
  return fault;
}

/** The end of the last bad step before `untilMs`; `firstMs` if there is none. */
function lastBadMs(steps: readonly TimelineStep[], untilMs: number, firstMs: number): number {
  const bad = steps.findLast(({ fromMs, failed, slow, lossy }) => failed + slow + lossy > 0 && fromMs < untilMs);
  return Math.max(firstMs, bad?.toMs ?? firstMs);
}
