import type { Box } from './circle-layout.ts';
import type { Point } from './curve.ts';

/** Between a box and the line that begins behind it, px. */
const APART = 6;

/**
 * Where a straight line from `from` to `to` is to begin so that it crosses none of the boxes: at `from`, or behind the
 * last box that lies on its way. null where less than `least` px of it would be left.
 */
export function clearStart(from: Point, to: Point, boxes: readonly Box[], least: number): Point | null {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy);
  let start = 0;
  for (const box of boxes) {
    const [inX, outX] = within(from.x, dx, box.x, box.x + box.width);
    const [inY, outY] = within(from.y, dy, box.y, box.y + box.height);
    const [enters, leaves] = [Math.max(0, inX, inY), Math.min(1, outX, outY)];
    if (enters < leaves) start = Math.max(start, leaves + APART / length);
  }
  return (1 - start) * length < least ? null : { x: from.x + dx * start, y: from.y + dy * start };
}

/** Between which parts of its way (0 = its beginning, 1 = its end) a line is within `low..high`, on one axis. */
function within(from: number, way: number, low: number, high: number): [enters: number, leaves: number] {
  if (way === 0) return from >= low && from <= high ? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] : [1, 0];
  const [a, b] = [(low - from) / way, (high - from) / way];
  return a < b ? [a, b] : [b, a];
}
