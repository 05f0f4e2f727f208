import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LinkFigures } from '../../../../server/analysis/comparison/change.ts';
import { compareLinks } from '../../../../server/analysis/comparison/compare.ts';
import { PodTable } from '../../../../server/analysis/comparison/names.ts';
import { linkKey, type RangeLinks } from '../../../../server/analysis/comparison/range-links.ts';
import { podsOf } from '../../../support/mesh.ts';
import { anyFigures } from '../../../support/report-scene.ts';

const PODS = 4;

/** The links of one range; null: the link has no sample. */
const anyRange = fc
  .array(fc.option(anyFigures, { nil: null }), { minLength: PODS * PODS, maxLength: PODS * PODS })
  .map(rangeOf);

describe('comparing ranges', () => {
  it('finds nothing new between a range and itself', () => {
    fc.assert(
      fc.property(anyRange, (range) => {
        const { figures, affected, changed, unlisted } = compared(range, range);
        expect(affected.links).toBe(0);
        expect(figures.all.before).toEqual(figures.all.during);
        expect(unlisted.maxChangeUs).toBe(0);
        for (const { change } of changed) expect(change).toBe('still-fails');
      }),
    );
  });

  it('has counts that add up, and lists every link once', () => {
    fc.assert(
      fc.property(anyRange, anyRange, fc.nat(PODS - 1), (before, during, target) => {
        const { figures, affected, collateral, changed, unlisted, lostFromView } = compared(before, during, target);
        expect(collateral.count).toBeLessThanOrEqual(affected.links);
        expect(affected.links + figures.others.during.links).toBe(affected.of);
        expect(figures.all.during.links).toBe(affected.of);
        expect(new Set(changed.map(({ fromUid, toUid }) => `${fromUid} ${toUid}`)).size).toBe(changed.length);
        expect(changed.filter((link) => link.affected)).toHaveLength(affected.links);
        expect(changed.filter((link) => link.affected && !link.touchesTarget)).toHaveLength(collateral.count);
        const knownInBoth = changed.filter((link) => link.before !== null).length + unlisted.links;
        expect(knownInBoth + lostFromView).toBe(figures.all.before?.links);
      }),
    );
  });
});

function compared(before: RangeLinks, during: RangeLinks, target = 0) {
  const table = new PodTable();
  table.add(podsOf(PODS));
  const work = compareLinks(
    { ranges: { before, during, after: null }, table, slowUs: 100_000 },
    new Set([target]),
    null,
  );
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

function rangeOf(links: readonly (LinkFigures | null)[]): RangeLinks {
  return new Map(
    Array.from({ length: PODS }, (_, from) => {
      const own = links
        .slice(from * PODS, (from + 1) * PODS)
        .flatMap((link, to) => (link === null ? [] : { link, to }));
      const report = {
        keys: Int32Array.from(own, ({ to }) => linkKey(to, false)),
        samples: Uint16Array.from(own, ({ link }) => link.samples),
        failures: Uint16Array.from(own, ({ link }) => link.failures),
        p50Us16: Uint16Array.from(own, ({ link }) => link.p50Us16),
        p95Us16: Uint16Array.from(own, ({ link }) => link.p95Us16),
        maxUs16: Uint16Array.from(own, ({ link }) => link.maxUs16),
        isBadAtEnd: new Uint8Array(own.length),
      };
      return [from, report];
    }),
  );
}
