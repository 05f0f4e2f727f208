import type { Box } from './circle-layout.ts';
import type { Point } from './curve.ts';

/** Distance between a box and the line that starts behind it, px. */
const APART = 6;

/**
 * The point where a straight line from `from` to `to` must start to cross none of the boxes: `from`, or a point behind
 * the last box on the line. null if less than `least` px would be left.
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

/** The part of a line (0 = start, 1 = end) that is within `low..high` on one axis. `length` may be negative. */
function within(from: number, length: number, low: number, high: number): [enters: number, leaves: number] {
  if (length === 0) return from >= low && from <= high ? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] : [1, 0];
  const [a, b] = [(low - from) / length, (high - from) / length];
  return a < b ? [a, b] : [b, a];
}
