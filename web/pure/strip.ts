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
