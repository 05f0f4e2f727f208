import { codeOf } from '../../model/links.ts';
import type { Picture } from '../../model/mesh-view.ts';
import type { Ring } from '../../model/ring-layout.ts';
import type { Point } from './geometry.ts';

/** Healthy links that are drawn as bundles: pairs of pods (`a * n + b`, a < b), and which of them are late. */
export interface Bundles {
  n: number;
  pairs: number[];
  late: boolean[];
}

/** No bundles. */
export const NO_BUNDLES: Bundles = { n: 0, pairs: [], late: [] };

/** With more pods than this, bundles are one grey area. */
const MAX_PODS = 160;
const LATE = codeOf('warning');

/**
 * The pairs of pods with a good, fair or late link in at least one direction. Links that a filter hides don't count (see
 * `shownLinks`).
 */
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

/** A point of the tree of zones, nodes and pods, px. `parent`: its index in the list; -1 = the root. */
export interface TreePoint extends Point {
  parent: number;
}

/** The tree by which links are bundled, in a form that a worker can receive. */
export interface BundleTree {
  tree: readonly TreePoint[];
  /** Index of each pod in `tree`. */
  leaves: readonly number[];
}

/** The tree behind a ring. */
export function treeOf({ cx, cy, rx, ry, leaves }: Ring): BundleTree {
  const nodes = leaves[0]?.ancestors().at(-1)?.descendants() ?? [];
  const indexOf = new Map(nodes.map((node, i) => [node, i]));
  return {
    // d3's lineRadial draws on circles only, so the points of the ellipse are computed here.
    tree: nodes.map(({ x, y, parent }) => ({
      x: cx + rx * y * Math.cos(x),
      y: cy + ry * y * Math.sin(x),
      parent: parent === null ? -1 : (indexOf.get(parent) ?? -1),
    })),
    leaves: leaves.map((leaf) => indexOf.get(leaf) ?? -1),
  };
}
