import type { TimeRange } from '../../server/runtime/time-range.ts';
export const MAX_RANGES = 3;
/** Minimum length of a range. A shorter one has hardly a sample. */
export const LEAST_RANGE_MS = 2_000;

/** Sorts ranges and rounds them to whole ms. Ranges that are too short or overlap an earlier one are left out. */
export function inOrder(ranges: readonly TimeRange[]): TimeRange[] {
  const kept: TimeRange[] = [];
  const whole = ranges.map(({ fromMs, toMs }) => ({ fromMs: Math.round(fromMs), toMs: Math.round(toMs) }));
  for (const range of whole.sort((a, b) => a.fromMs - b.fromMs)) {
    const isFree = range.fromMs >= (kept.at(-1)?.toMs ?? 0);
    if (isFree && range.toMs - range.fromMs >= LEAST_RANGE_MS) kept.push(range);
  }
  return kept.slice(0, MAX_RANGES);
}

/** Adds a drawn range, unless it is too short. It replaces those that it overlaps, and if there are too many the nearest one. */
export function withRange(ranges: readonly TimeRange[], oneMs: number, otherMs: number): TimeRange[] {
  const drawn = { fromMs: Math.min(oneMs, otherMs), toMs: Math.max(oneMs, otherMs) };
  if (drawn.toMs - drawn.fromMs < LEAST_RANGE_MS) return [...ranges];
  const others = ranges.filter(({ fromMs, toMs }) => toMs <= drawn.fromMs || fromMs >= drawn.toMs);
  const distance = ({ fromMs, toMs }: TimeRange) => Math.max(fromMs - drawn.toMs, drawn.fromMs - toMs);
  others.sort((a, b) => distance(b) - distance(a));
  return inOrder([...others.slice(0, MAX_RANGES - 1), drawn]);
}

/** Moves one end of range `index` to `atMs`, bounded by its neighbours, `limits` and the minimum length. */
export function withEnd(
  ranges: readonly TimeRange[],
  index: number,
  end: keyof TimeRange,
  atMs: number,
  limits: TimeRange,
): TimeRange[] {
  return ranges.map((range, i) => {
    if (i !== index) return range;
    const least = end === 'fromMs' ? (ranges[i - 1]?.toMs ?? limits.fromMs) : range.fromMs + LEAST_RANGE_MS;
    const most = end === 'fromMs' ? range.toMs - LEAST_RANGE_MS : (ranges[i + 1]?.fromMs ?? limits.toMs);
    return { ...range, [end]: Math.round(Math.max(least, Math.min(most, atMs))) };
  });
}
