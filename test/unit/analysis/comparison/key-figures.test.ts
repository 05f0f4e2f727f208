import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isSlowLink, type LinkFigures } from '../../../../server/analysis/comparison/change.ts';
import { KeyFigures } from '../../../../server/analysis/comparison/key-figures.ts';
import { NONE16, unpack16 } from '../../../../server/protocol/links.ts';
import { anyFigures } from '../../../support/report-scene.ts';

const SLOW_US = 100_000;

it('key figures are counts and exact medians; two groups together have those of all their links', () => {
  fc.assert(
    fc.property(fc.array(anyFigures), fc.array(anyFigures), (some, others) => {
      const all = [...some, ...others];
      expect(keyFiguresOf(some).figures(keyFiguresOf(others))).toEqual(keyFiguresOf(all).figures());
      const medians = all.filter(({ p50Us16 }) => p50Us16 !== NONE16).map(({ p50Us16 }) => unpack16(p50Us16));
      medians.sort((a, b) => a - b);
      expect(keyFiguresOf(all).figures()).toMatchObject({
        links: all.length,
        failed: all.filter(({ failures }) => failures > 0).length,
        slow: all.filter((link) => link.failures === 0 && isSlowLink(link, SLOW_US)).length,
        p50Us: medians[Math.ceil(medians.length / 2) - 1] ?? -1,
      });
    }),
    { numRuns: 40 },
  );
});

function keyFiguresOf(links: readonly LinkFigures[]): KeyFigures {
  const figures = new KeyFigures(SLOW_US);
  for (const link of links) figures.add(link);
  return figures;
}
