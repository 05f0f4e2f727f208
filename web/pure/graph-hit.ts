import { distanceTo, type Point } from './curve.ts';
import type { SceneLink } from './graph-scene.ts';

/** What is at a point of the graph: a pod (index in `Mesh.pods`), a link (pair), or nothing. */
export type GraphHit = { pod: number } | { pair: number } | null;

/**
 * Finds what is at (x, y): the nearest pod within `slack` px of its edge, otherwise the nearest link within `slack` px.
 * Among equally near links the one drawn last wins. `pods`: the pods that are drawn.
 */
export function hitGraph(
  x: number,
  y: number,
  pods: readonly number[],
  spots: readonly Point[],
  radii: (index: number) => number,
  links: readonly SceneLink[],
  slack: number,
): GraphHit {
  let best = slack;
  let pod = -1;
  for (const index of pods) {
    const spot = spots[index];
    if (spot === undefined) continue;
    const distance = Math.hypot(spot.x - x, spot.y - y) - radii(index);
    if (distance > best) continue;
    best = distance;
    pod = index;
  }
  if (pod >= 0) return { pod };
  let pair = -1;
  best = slack;
  for (const link of links) {
    const distance = distanceToLink(link, x, y, slack);
    if (distance > best) continue;
    best = distance;
    pair = link.pair;
  }
  return pair < 0 ? null : { pair };
}

function distanceToLink({ curve, loop }: SceneLink, x: number, y: number, reach: number): number {
  if (curve !== null) return distanceTo(curve, x, y, reach);
  if (loop === null) return Number.POSITIVE_INFINITY;
  return Math.abs(Math.hypot(loop.x - x, loop.y - y) - loop.radius);
}
