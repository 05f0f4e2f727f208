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
 * `drawn`: the only range that the reader has drawn. It stays, with the last fault if that is after it and it is good itself;
 * otherwise with the good period before it; without data before it, with as much time after it.
 */
export function suggestedRanges(
  steps: readonly TimelineStep[],
  limits: TimeRange,
  stepMs: number,
  drawn?: TimeRange,
): TimeRange[] {
  const marginMs = Math.max(MIN_MARGIN_MS, stepMs);
  const known = merged(steps).filter(({ known: share, toMs }) => share > 0 && toMs > limits.fromMs);
  const faultUntil = (untilMs: number) =>
    lastFault(
      known.filter(({ fromMs }) => fromMs < untilMs),
      limits.fromMs,
      Math.max(PAUSE_MS, PAUSE_STEPS * stepMs),
    );
  const bad = faultUntil(limits.toMs);
  const firstMs = Math.max(limits.fromMs, known[0]?.fromMs ?? limits.fromMs);
  const goodBefore = (atMs: number) => {
    return { fromMs: Math.max(lastBadMs(known, atMs, firstMs), atMs - MAX_GOOD_MS), toMs: atMs - marginMs };
  };
  if (drawn !== undefined) {
    const own = faultUntil(drawn.toMs);
    const isGood = own === null || own.toMs <= drawn.fromMs;
    if (isGood && bad !== null && bad.fromMs >= drawn.toMs) return inOrder([drawn, bad]);
    const compared = inOrder([goodBefore(isGood ? drawn.fromMs : Math.min(own.fromMs, drawn.fromMs)), drawn]);
    if (compared.length > 1) return compared;
    return inOrder([drawn, { fromMs: drawn.toMs, toMs: Math.min(limits.toMs, 2 * drawn.toMs - drawn.fromMs) }]);
  }
  if (bad === null || bad.fromMs - marginMs - firstMs < LEAST_RANGE_MS) {
    const toMs = limits.toMs;
    const halfMs = Math.min(MAX_GOOD_MS, toMs - firstMs) / 2;
    return inOrder([
      { fromMs: toMs - 2 * halfMs, toMs: toMs - halfMs },
      { fromMs: toMs - halfMs, toMs },
    ]);
  }
  const after = { fromMs: bad.toMs + marginMs, toMs: Math.min(limits.toMs, bad.toMs + MAX_GOOD_MS) };
  return inOrder([goodBefore(bad.fromMs), bad, ...(after.toMs - after.fromMs >= PAUSE_MS ? [after] : [])]);
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
