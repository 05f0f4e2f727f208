import type { Picture } from './picture.ts';

/** How many links were bad at one moment. */
export interface StripPoint {
  /** ms since the epoch, serving pod's clock. */
  atMs: number;
  failed: number;
  slow: number;
}

/** How far back the strip goes. */
export const STRIP_MS = 20 * 60_000;
/** One picture a second for all of it. */
const MAX_POINTS = 1200;

/** The history with the newest picture added; what is older than the strip, or out of order, is dropped. */
export function withPicture(points: readonly StripPoint[], { mesh, counts }: Picture): readonly StripPoint[] {
  const last = points[points.length - 1];
  if (last !== undefined && mesh.atMs <= last.atMs) {
    // Another pod serves us now, and its clock is behind: begin anew rather than draw backwards.
    if (mesh.atMs > last.atMs - 5_000) return points;
    return [{ atMs: mesh.atMs, failed: counts.failed, slow: counts.slow }];
  }
  const kept = points.filter((point) => point.atMs > mesh.atMs - STRIP_MS).slice(1 - MAX_POINTS);
  return [...kept, { atMs: mesh.atMs, failed: counts.failed, slow: counts.slow }];
}

/** Where `atMs` lies on a strip that ends at `nowMs`: 0 = 20 minutes ago, 1000 = now. */
export function stripX(atMs: number, nowMs: number): number {
  return 1000 * Math.min(1, Math.max(0, 1 - (nowMs - atMs) / STRIP_MS));
}

/**
 * The outline of one kind as steps, SVG path data in a box of 1000 x 100 whose right edge is `nowMs`. `base` lies under
 * it. '' where it never occurred.
 */
export function stripPath(
  points: readonly StripPoint[],
  nowMs: number,
  height: (point: StripPoint) => number,
  base: (point: StripPoint) => number,
  most: number,
): string {
  if (most === 0 || points.every((point) => height(point) === 0)) return '';
  const x = (atMs: number) => stripX(atMs, nowMs).toFixed(1);
  const y = (value: number) => (100 - (100 * value) / most).toFixed(1);
  let top = '';
  let bottom = '';
  for (const [i, point] of points.entries()) {
    const end = x(points[i + 1]?.atMs ?? nowMs);
    const start = x(point.atMs);
    top += `${i === 0 ? 'M' : 'L'}${start} ${y(base(point) + height(point))}L${end} ${y(base(point) + height(point))}`;
    bottom = `L${end} ${y(base(point))}L${start} ${y(base(point))}${bottom}`;
  }
  return `${top}${bottom}Z`;
}
