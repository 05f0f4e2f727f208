import type { Box } from '../../model/ring-layout.ts';

/** A quadratic curve from (x0, y0) to (x1, y1) with control point (cx, cy), px. */
export interface Curve {
  x0: number;
  y0: number;
  cx: number;
  cy: number;
  x1: number;
  y1: number;
}

export interface Point {
  x: number;
  y: number;
}

/** Whether two boxes have a point in common. */
export function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

/** The zoom of a scene: a point of the scene is at `k` times its place, plus `x` and `y` px, on the stage. */
export interface Zoom extends Point {
  k: number;
}

export const NO_ZOOM: Zoom = { k: 1, x: 0, y: 0 };

/** Where a point of the scene is on the stage. */
export const onStage = ({ k, x, y }: Zoom, point: Point): Point => ({ x: point.x * k + x, y: point.y * k + y });

/** Where a point of the stage is in the scene. */
export const inScene = ({ k, x, y }: Zoom, point: Point): Point => ({ x: (point.x - x) / k, y: (point.y - y) / k });

/** Gap between the edge of a pod and the end of a link, px. */
const SPACE = 4;

/**
 * The curve of a link between two pods, from edge to edge (radii `rFrom`, `rTo`). Both ends point at the centres of the
 * pods. For overlapping pods the curve is very short, but never reversed. `share`: distance of the control point to the
 * left of the straight line, as a share of its length. It separates the two directions.
 */
export function linkCurve(from: Point, to: Point, rFrom: number, rTo: number, share: number): Curve {
  const dx = to.x - from.x;
  const dy = to.y - from.y;
  const length = Math.hypot(dx, dy) || 1;
  const bow = Math.max(share * length, Math.min(10, length / 6));
  const cx = (from.x + to.x) / 2 + (dy / length) * bow;
  const cy = (from.y + to.y) / 2 - (dx / length) * bow;
  const start = towards(from, { x: cx, y: cy }, rFrom + SPACE);
  const end = towards(to, { x: cx, y: cy }, rTo + SPACE);
  return { x0: start.x, y0: start.y, cx, cy, x1: end.x, y1: end.y };
}

/** The circle of a self-link: outside the pod in `direction` (radians), partly covered by its disc. */
export function selfLoop(pod: Point, radius: number, direction: number): Point & { radius: number } {
  const loop = Math.max(3, radius * 0.62);
  const distance = radius + loop * 0.45;
  return { x: pod.x + distance * Math.cos(direction), y: pod.y + distance * Math.sin(direction), radius: loop };
}

/** The point of a curve at `t` (0 = start, 1 = end). */
export function pointAt(curve: Curve, t: number): Point {
  const u = 1 - t;
  return {
    x: u * u * curve.x0 + 2 * u * t * curve.cx + t * t * curve.x1,
    y: u * u * curve.y0 + 2 * u * t * curve.cy + t * t * curve.y1,
  };
}

/** The corners of an arrow (tip first) at the end of a curve. */
export function arrowHead({ cx, cy, x1, y1 }: Curve, size: number): [Point, Point, Point] {
  const length = Math.hypot(x1 - cx, y1 - cy) || 1;
  const [ux, uy] = [(x1 - cx) / length, (y1 - cy) / length];
  const back = { x: x1 - ux * size, y: y1 - uy * size };
  const half = size * 0.46;
  return [
    { x: x1, y: y1 },
    { x: back.x - uy * half, y: back.y + ux * half },
    { x: back.x + uy * half, y: back.y - ux * half },
  ];
}

/** Distance of a point from a curve, px, approximated by 16 segments. */
export function distanceTo(curve: Curve, point: Point): number {
  const places = Array.from({ length: 17 }, (_, i) => pointAt(curve, i / 16));
  return Math.min(...places.slice(1).map((end, i) => distanceToSegment(places[i] ?? end, end, point)));
}

function towards(from: Point, to: Point, distance: number): Point {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const share = Math.min(distance, length * 0.9) / length;
  return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
}

function distanceToSegment(a: Point, b: Point, { x, y }: Point): number {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const along = ((x - a.x) * dx + (y - a.y) * dy) / (dx * dx + dy * dy || 1);
  const t = Math.min(1, Math.max(0, along));
  return Math.hypot(x - a.x - t * dx, y - a.y - t * dy);
}
