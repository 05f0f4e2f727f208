/* What the page itself has received over time. A file of its own, because it is loaded before the timeline. */

import type { Picture } from './mesh-view.ts';

export interface RecentPoint {
  atMs: number;
  failed: number;
  slow: number;
  lossy: number;
}

export const RECENT_MS = 20 * 60_000;
/** One point per second. */
const MAX_POINTS = 1200;

/** Adds the newest picture. Points older than `RECENT_MS` are dropped. */
export function withPicture(
  points: readonly RecentPoint[],
  { mesh, counts, lossyLinks }: Picture,
): readonly RecentPoint[] {
  const newest = { atMs: mesh.atMs, failed: counts.failed, slow: counts.slow, lossy: lossyLinks };
  const last = points[points.length - 1];
  if (last !== undefined && mesh.atMs <= last.atMs) {
    // Another pod serves the page now and its clock is behind, so they start again.
    if (mesh.atMs > last.atMs - 5_000) return points;
    return [newest];
  }
  const kept = points.filter((point) => point.atMs > mesh.atMs - RECENT_MS).slice(1 - MAX_POINTS);
  return [...kept, newest];
}
