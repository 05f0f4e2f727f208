import { STATES } from '../../model/cells.ts';
import { fitText, type Label } from '../../model/label-layout.ts';
import { areManyLate, LINK_STATES, type LinkState } from '../../model/links.ts';
import type { Picture } from '../../model/mesh-view.ts';
import { shownName } from '../../model/names.ts';
import { type Anchor, arcLabel, type Box, type Ring } from '../../model/ring-layout.ts';
import type { Point } from './geometry.ts';

/** The name of an arc and its place; `text` is '' if there is no room for it. */
export interface ArcName {
  text: string;
  x: number;
  y: number;
  anchor: Anchor;
}

const SIZE = 12;
const MOST_WIDTH = 110;
const HEIGHT = 22;

/**
 * The names of all arcs `distance` px outside the ring, within `left`..`right`. A name is left out if it overlaps an
 * earlier one or the label of a pod (`labels`, assumed to be `labelWidth` px wide).
 */
export function arcNames(
  ring: Ring,
  distance: number,
  labels: readonly Label[],
  labelWidth: number,
  [left, right]: [left: number, right: number],
): ArcName[] {
  const taken = labels.map(({ x, y, anchor }) => boxOf(x, y, labelWidth, anchor, 22));
  return ring.arcs.map((arc) => {
    const { x, y, anchor } = arcLabel(ring, arc, distance);
    const room = anchor === 'end' ? x - left : anchor === 'start' ? right - x : MOST_WIDTH;
    const text = fitText(arc.name === '' ? 'unknown' : shownName(arc.name), Math.min(MOST_WIDTH, room), SIZE);
    const box = boxOf(x, y, text.length * SIZE * 0.58 + 6, anchor, HEIGHT / 2);
    const isFree = room > 30 && taken.every((other) => !overlap(box, other));
    if (isFree) taken.push(box);
    return { text: isFree ? text : '', x, y, anchor };
  });
}

/**
 * The state of each arc: failed or slow if one link into one of its pods is, late only if many are (`areManyLate`).
 * Links from pods for which `isExcluded` is true do not count: most of their links are bad, so the cause is their own.
 */
export function arcStates({ n, state, into }: Picture, ring: Ring, isExcluded: (from: number) => boolean): LinkState[] {
  const excluded = Array.from({ length: n }, (_, from) => from).filter(isExcluded);
  return ring.arcs.map(({ pods }) => {
    const tally = new Float64Array(STATES);
    for (const to of pods) {
      for (let code = 0; code < STATES; code++) bump(tally, code, into[to * STATES + code] ?? 0);
      for (const from of excluded) bump(tally, state[from * n + to] ?? 0, -1);
    }
    const count = (name: LinkState) => tally[LINK_STATES.indexOf(name)] ?? 0;
    if (count('failed') > 0) return 'failed';
    if (count('slow') > 0) return 'slow';
    const answered = count('good') + count('fair') + count('warning');
    if (answered === 0) return 'unknown';
    return areManyLate(count('warning'), answered + count('unknown')) ? 'warning' : 'good';
  });
}

function bump(tally: Float64Array, code: number, by: number): void {
  tally[code] = (tally[code] ?? 0) + by;
}

type Rect = [left: number, top: number, right: number, bottom: number];

function boxOf(x: number, y: number, width: number, anchor: Anchor, half: number): Rect {
  const left = anchor === 'end' ? x - width : anchor === 'start' ? x : x - width / 2;
  return [left, y - half, left + width, y + half];
}

function overlap(a: Rect, b: Rect): boolean {
  return a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
}

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
