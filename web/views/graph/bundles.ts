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

/** The pairs of pods with a good, fair or late link in at least one direction. `touching`: see `GraphLinks`. */
export function quietPairs({ n, state }: Picture, touching: Uint8Array | null): Bundles {
  if (n > MAX_PODS) return NO_BUNDLES;
  const [pairs, late]: [number[], boolean[]] = [[], []];
  for (let a = 0; a < n; a++) {
    for (let b = a + 1; b < n; b++) {
      if (touching !== null && touching[a] !== 1 && touching[b] !== 1) continue;
      const [there = 99, back = 99] = [state[a * n + b], state[b * n + a]];
      if (Math.min(there, back) > LATE) continue;
      pairs.push(a * n + b);
      late.push(there === LATE || back === LATE);
    }
  }
  return { n, pairs, late };
}

/** The line of a pair: from pod to pod by way of their nodes and zones (hierarchical edge bundling, Holten 2006). */
export function bundlePoints({ cx, cy, rx, ry, leaves }: Ring, spots: readonly Point[], a: number, b: number): Point[] {
  const [from, to] = [leaves[a], leaves[b]];
  if (from === undefined || to === undefined) return [];
  const way = from.path(to).slice(1, -1);
  // d3's lineRadial draws on circles only, so the points of the ellipse are computed here.
  const between = way.map(({ x, y }) => ({ x: cx + rx * y * Math.cos(x), y: cy + ry * y * Math.sin(x) }));
  return [spots[a], ...between, spots[b]].filter((point) => point !== undefined);
}
