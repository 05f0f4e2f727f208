import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ByRange,
  eachLink,
  linkKey,
  type RangeLinks,
  type RangeReport,
} from '../../../../server/analysis/comparison/range-links.ts';
import { RANGE_NAMES } from '../../../../server/protocol/comparison.ts';

interface Link {
  from: number;
  to: number;
  ipv6: boolean;
}

const nameOf = ({ from, to, ipv6 }: Link) => `${from} ${to} ${ipv6}`;

describe('visiting the links of three ranges', () => {
  const links = fc.uniqueArray(fc.record({ from: fc.nat(4), to: fc.nat(4), ipv6: fc.boolean() }), {
    maxLength: 40,
    selector: nameOf,
  });
  const nullable = fc.option(links, { nil: null });

  it('visits each link once, with the figures of every range that has it', () => {
    fc.assert(
      fc.property(fc.record({ before: nullable, during: links, after: nullable }), (ranges) => {
        const reports = {
          before: ranges.before && reportsOf(ranges.before, 1),
          during: reportsOf(ranges.during, 2),
          after: ranges.after && reportsOf(ranges.after, 3),
        };
        const visited = new Map<string, string>();
        const steps = eachLink(reports, 5, (link) => {
          expect(visited.has(nameOf(link))).toBe(false);
          visited.set(nameOf(link), RANGE_NAMES.map((range) => link[range]?.samples ?? '-').join());
        });
        expect([...steps].length).toBeGreaterThanOrEqual(5);
        expect(visited).toEqual(expectedVisits(ranges));
      }),
    );
  });

  it('yields every few links of a long report, too', () => {
    const long = Array.from({ length: 5_000 }, (_, to) => ({ from: 0, to, ipv6: false }));
    const steps = eachLink({ before: null, during: reportsOf(long, 1), after: null }, 5_000, () => {});
    expect([...steps].length).toBeGreaterThanOrEqual(5_000 + 25);
  });
});

/** Reports in which `samples` of every link tells the range. */
function reportsOf(links: Link[], samples: number): RangeLinks {
  const sources = new Set(links.map(({ from }) => from));
  return new Map(
    [...sources].map((from) => [
      from,
      reportOf(
        links.filter((link) => link.from === from),
        samples,
      ),
    ]),
  );
}

function reportOf(links: Link[], samples: number): RangeReport {
  const column = (value: number) => new Uint16Array(links.length).fill(value);
  return {
    keys: Int32Array.from(links, ({ to, ipv6 }) => linkKey(to, ipv6)),
    samples: column(samples),
    failures: column(0),
    p50Us16: column(1),
    p95Us16: column(1),
    maxUs16: column(1),
    isBadAtEnd: new Uint8Array(links.length),
  };
}

function expectedVisits(ranges: ByRange<Link[] | null>): Map<string, string> {
  const names = new Set(RANGE_NAMES.flatMap((range) => (ranges[range] ?? []).map(nameOf)));
  const samplesOf = (name: string) =>
    RANGE_NAMES.map((range, i) => (ranges[range]?.some((link) => nameOf(link) === name) ? i + 1 : '-')).join();
  return new Map([...names].map((name) => [name, samplesOf(name)]));
}
