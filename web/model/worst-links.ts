import { SEVERITY } from './links.ts';
import type { Picture } from './mesh-view.ts';
import type { Arrangement } from './order.ts';
import { Worst } from './worst.ts';

/** Maximum number of rows in the table of a large heatmap. */
export const TABLE_LIMIT = 500;

/** The worst links (`from * n + to`) among the arranged pods, worst first: by state, then by latency. */
export function worstLinks({ n, state, valueUs }: Picture, { pods }: Arrangement, limit = TABLE_LIMIT): number[] {
  const worst = new Worst(limit);
  for (const from of pods) {
    for (const to of pods) {
      const pair = from * n + to;
      const us = valueUs[pair] ?? Number.NaN;
      worst.offer(pair, (SEVERITY[state[pair] ?? 0] ?? 0) * 1e9 + (Number.isNaN(us) ? 0 : us));
    }
  }
  return worst.ascending().reverse();
}
