import type { TimeRange } from '../../server/runtime/time-range.ts';
/** The most ranges that are compared. */
export const MAX_RANGES = 3;
/** A shorter range has hardly a sample in it. */
export const LEAST_RANGE_MS = 2_000;

/** The ranges in order of time, whole ms; those that are too short or overlap an earlier one are left out. */
export function inOrder(ranges: readonly TimeRange[]): TimeRange[] {
  const kept: TimeRange[] = [];
  const whole = ranges.map(({ fromMs, toMs }) => ({ fromMs: Math.round(fromMs), toMs: Math.round(toMs) }));
  for (const range of whole.sort((a, b) => a.fromMs - b.fromMs)) {
    const isFree = range.fromMs >= (kept.at(-1)?.toMs ?? 0);
    if (isFree && range.toMs - range.fromMs >= LEAST_RANGE_MS) kept.push(range);
  }
  return kept.slice(0, MAX_RANGES);
}

/**
 * The ranges with one more, drawn from one moment to another in either direction. It takes the place of those that it
 * overlaps; beyond `MAX_RANGES`, of the one nearest to it. Too short a range changes nothing.
 */
export function withRange(ranges: readonly TimeRange[], oneMs: number, otherMs: number): TimeRange[] {
  const drawn = { fromMs: Math.min(oneMs, otherMs), toMs: Math.max(oneMs, otherMs) };
  if (drawn.toMs - drawn.fromMs < LEAST_RANGE_MS) return [...ranges];
  const others = ranges.filter(({ fromMs, toMs }) => toMs <= drawn.fromMs || fromMs >= drawn.toMs);
  const distance = ({ fromMs, toMs }: TimeRange) => Math.max(fromMs - drawn.toMs, drawn.fromMs - toMs);
  others.sort((a, b) => distance(b) - distance(a));
  return inOrder([...others.slice(0, MAX_RANGES - 1), drawn]);
}

/** The room that the name of a range takes on the track, px. */
const NAME_ROOM = 82;

/**
 * Where the names of ranges stand on a track of `width` px, given where the ranges begin (px, ascending): there, or as far
 * to the left as the next name and the track's end ask for. None covers another while there is room for all.
 */
export function namePlaces(begins: readonly number[], width: number): number[] {
  const places: number[] = [];
  let limit = width;
  for (const begin of [...begins].reverse()) {
    limit = Math.min(begin, limit - NAME_ROOM);
    places.unshift(limit);
  }
  let least = 0;
  return places.map((place) => {
    const at = Math.max(place, least);
    least = at + NAME_ROOM;
    return at;
  });
}

/** The ranges with one end of range `index` moved to `atMs`, or as near to it as neighbours, `limits` and the least length allow. */
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
