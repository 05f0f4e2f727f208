import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ByRange,
  changeUs,
  eachLink,
  isSlow,
  isWorse,
  KeyFigures,
  RANGES,
} from '../../../../server/analysis/comparison/compare.ts';
import {
  emptyFigures,
  keyOf,
  type LinkFigures,
  type RangeReport,
} from '../../../../server/analysis/comparison/ranges.ts';
import { NONE16, pack16, unpack16 } from '../../../../server/protocol/links.ts';

const SLOW_US = 100_000;

const doing = fc
  .record({ samples: fc.integer({ min: 1, max: 60 }), failed: fc.integer({ min: 0, max: 60 }), us: fc.nat(400_000) })
  .map(({ samples, failed, us }) => linkOf(samples, Math.min(samples, failed), us));

function linkOf(samples: number, failures: number, p50Us: number): LinkFigures {
  const p50Us16 = failures === samples ? NONE16 : pack16(p50Us);
  return { ...emptyFigures(), samples, failures, p50Us16, p95Us16: p50Us16, maxUs16: p50Us16 };
}

describe('whether a link became worse', () => {
  it.each([
    ['fails now and did not before', linkOf(10, 0, 500), linkOf(10, 1, 500), true],
    ['fails as often as before', linkOf(10, 3, 500), linkOf(10, 3, 500), false],
    ['fails nearly twice as often', linkOf(10, 3, 500), linkOf(10, 5, 500), false],
    ['fails twice as often', linkOf(10, 3, 500), linkOf(10, 6, 500), true],
    ['has failed throughout', linkOf(10, 10, 0), linkOf(10, 10, 0), false],
    ['is slow at last', linkOf(10, 0, 600), linkOf(10, 0, 100_100), true],
    ['is slower, but not slow', linkOf(10, 0, 600), linkOf(10, 0, 99_000), false],
    ['was slow and is a little slower', linkOf(10, 0, 100_100), linkOf(10, 0, 150_000), false],
    ['was slow and is twice as slow', linkOf(10, 0, 100_096), linkOf(10, 0, 201_000), true],
    ['failed before and is slow now', linkOf(10, 10, 0), linkOf(10, 0, 250_000), true],
    ['was not known and fails', null, linkOf(10, 1, 500), true],
    ['was not known and is well', null, linkOf(10, 0, 500), false],
  ])('%s', (_words, before, during, is) => {
    expect(isWorse(before, during, SLOW_US)).toBe(is);
  });

  it('is never so for a link that did the same, nor for both of two ways between the same figures', () => {
    fc.assert(
      fc.property(doing, doing, (a, b) => {
        expect(isWorse(a, a, SLOW_US)).toBe(false);
        // A link may fail more and be faster: then it is worse both ways, so one of the two figures is held still.
        const [calm, other] = [
          { ...a, failures: 0 },
          { ...b, failures: 0 },
        ];
        expect(isWorse(calm, other, SLOW_US) && isWorse(other, calm, SLOW_US)).toBe(false);
        expect(changeUs(a, b)).toBe(changeUs(b, a) === 0 ? 0 : -changeUs(b, a));
      }),
    );
  });
});

describe('visiting the links of three ranges', () => {
  const links = fc.uniqueArray(fc.record({ from: fc.nat(4), to: fc.nat(4), ipv6: fc.boolean() }), {
    maxLength: 40,
    selector: ({ from, to, ipv6 }) => `${from} ${keyOf(to, ipv6)}`,
  });
  const nullable = fc.option(links, { nil: null });

  it('visits each once, with the figures of every range that has it', () => {
    fc.assert(
      fc.property(fc.record({ before: nullable, during: links, after: nullable }), (ranges) => {
        const reports = {
          before: ranges.before && reportsOf(ranges.before, 1),
          during: reportsOf(ranges.during, 2),
          after: ranges.after && reportsOf(ranges.after, 3),
        };
        const seen = new Map<string, string>();
        const walk = eachLink(reports, 5, (from, key, trio) => {
          const name = `${from} ${key}`;
          expect(seen.has(name)).toBe(false);
          seen.set(name, RANGES.map((range) => trio[range]?.samples ?? '-').join());
        });
        expect([...walk].length).toBeGreaterThanOrEqual(5);
        expect(seen).toEqual(expected(ranges));
      }),
    );
  });

  it('gives the loop back after a few links of a long report, too', () => {
    const long = Array.from({ length: 5_000 }, (_, to) => ({ from: 0, to, ipv6: false }));
    const walk = eachLink({ before: null, during: reportsOf(long, 1), after: null }, 5_000, () => {});
    expect([...walk].length).toBeGreaterThanOrEqual(5_000 + 25);
  });
});

interface Place {
  from: number;
  to: number;
  ipv6: boolean;
}

/** Reports whose entries tell by `samples` which range they are of. */
function reportsOf(links: Place[], samples: number): Map<number, RangeReport> {
  const byFrom = new Map<number, Place[]>();
  for (const link of links) {
    const own = byFrom.get(link.from);
    if (own === undefined) byFrom.set(link.from, [link]);
    else own.push(link);
  }
  return new Map(
    [...byFrom].map(([from, own]) => {
      const same = (value: number) => new Uint16Array(own.length).fill(value);
      const figures = { failures: same(0), p50Us16: same(1), p95Us16: same(1), maxUs16: same(1) };
      const keys = Int32Array.from(own, ({ to, ipv6 }) => keyOf(to, ipv6));
      return [from, { keys, samples: same(samples), ...figures, isBadAtEnd: new Uint8Array(own.length) }];
    }),
  );
}

function expected(ranges: ByRange<Place[] | null>): Map<string, string> {
  const marks = new Map<string, string[]>();
  for (const [i, range] of RANGES.entries()) {
    for (const { from, to, ipv6 } of ranges[range] ?? []) {
      const name = `${from} ${keyOf(to, ipv6)}`;
      const mark = marks.get(name) ?? ['-', '-', '-'];
      mark[i] = String(i + 1);
      marks.set(name, mark);
    }
  }
  return new Map([...marks].map(([name, mark]) => [name, mark.join()]));
}

describe('key figures', () => {
  it('are counts and exact medians, of two sums together as of all their links', () => {
    fc.assert(
      fc.property(fc.array(doing), fc.array(doing), (some, others) => {
        const [a, b] = [figuresOf(some), figuresOf(others)];
        const all = [...some, ...others];
        expect(a.figuresWith(b)).toEqual(figuresOf(all).figures());
        const medians = all.filter(({ p50Us16 }) => p50Us16 !== NONE16).map(({ p50Us16 }) => unpack16(p50Us16));
        medians.sort((x, y) => x - y);
        const median = medians[Math.ceil(medians.length / 2) - 1] ?? -1;
        const failed = all.filter(({ failures }) => failures > 0).length;
        const slow = all.filter((link) => link.failures === 0 && isSlow(link, SLOW_US)).length;
        const { p50Us, ...counts } = figuresOf(all).figures();
        expect(p50Us).toBe(median);
        expect(counts).toMatchObject({ links: all.length, failed, slow });
      }),
      { numRuns: 40 },
    );
  });
});

function figuresOf(links: LinkFigures[]): KeyFigures {
  const figures = new KeyFigures(SLOW_US);
  for (const link of links) figures.add(link);
  return figures;
}
