import { codeOf } from '../../model/links.ts';
import type { Picture } from '../../model/mesh-view.ts';
import { pointOn, type Ring, type RingNode } from '../../model/ring-layout.ts';
import type { Point } from './geometry.ts';

/** Healthy links that are drawn as bundles: pairs of pods (`a * n + b`, a < b), and which of them are late. */
export interface Bundles {
  n: number;
  pairs: number[];
  late: boolean[];
}

export const NO_BUNDLES: Bundles = { n: 0, pairs: [], late: [] };

/** With more pods than this, bundles are one grey area. */
const MAX_PODS = 160;
const LATE = codeOf('warning');

/** The pairs of pods with a good, fair or late link in at least one direction, as far as the filter shows them. */
export function quietPairs({ n, state }: Picture): Bundles {
  if (n > MAX_PODS) return NO_BUNDLES;
  const [pairs, late]: [number[], boolean[]] = [[], []];
  for (let a = 0; a < n; a++) {
    for (let b = a + 1; b < n; b++) {
      const [there = 99, back = 99] = [state[a * n + b], state[b * n + a]];
      if (Math.min(there, back) > LATE) continue;
      pairs.push(a * n + b);
      late.push(there === LATE || back === LATE);
    }
  }
  return { n, pairs, late };
}

/**
 * By pod: the places of the groups around it, from the innermost to the one around all, px. Pods of one group have the same point
 * object, also in the copy that a worker gets: `wayOf` compares objects.
 */
export function groupsAround({ leaves, ...ring }: Ring): Point[][] {
  const points = new Map<RingNode, Point>();
  const pointOf = (node: RingNode): Point => {
    const { cx, cy, rx, ry } = ring;
    // d3's lineRadial draws on circles only, so the points of the ellipse are computed here.
    const point = points.get(node) ?? pointOn({ cx, cy, rx: rx * node.y, ry: ry * node.y }, node.x);
    points.set(node, point);
    return point;
  };
  return leaves.map((leaf) => leaf.ancestors().slice(1).map(pointOf));
}

/**
 * The way of a line from pod `a` by way of the groups around it, up to the first one that is around pod `b` too, and down to `b`
 * (Holten 2006). `spots`: the places of the pods, which can have been dragged away.
 */
export function wayOf(around: readonly Point[][], spots: readonly Point[], a: number, b: number): Point[] {
  const [up = [], down = []] = [around[a], around[b]];
  const top = up.find((group) => down.includes(group));
  if (top === undefined) return [];
  const between = [...up.slice(0, up.indexOf(top)), top, ...down.slice(0, down.indexOf(top)).reverse()];
  return [spots[a], ...between, spots[b]].filter((point) => point !== undefined);
}
