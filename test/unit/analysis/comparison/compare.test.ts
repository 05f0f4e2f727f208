import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSlowLink, type LinkFigures } from '../../../../server/analysis/comparison/change.ts';
import { compareLinks, GroupFigures } from '../../../../server/analysis/comparison/compare.ts';
import { type ByRange, LinkTable } from '../../../../server/analysis/comparison/link-table.ts';
import { RANGE_NAMES, type RangeName } from '../../../../server/protocol/comparison.ts';
import { emptyStats, FLAG_IPV6, NONE16, unpack16 } from '../../../../server/protocol/links.ts';
import type { Mesh } from '../../../../server/protocol/mesh.ts';
import { emptyUdp, writeLoss } from '../../../../server/protocol/udp.ts';
import { runToEnd } from '../../../support/generator.ts';
import { type LinkSpec, linksOf, mergedReportOf, meshOf, podsOf } from '../../../support/mesh.ts';
import { anyFigures, figuresOf } from '../../../support/report-scene.ts';

const SLOW_US = 100_000;
const PODS = 4;

interface Link {
  from: number;
  to: number;
  ipv6: boolean;
  figures: LinkFigures;
  /** Its state at the end of the range; ok and fast by default. */
  end?: Partial<LinkSpec>;
}

const nameOf = ({ from, to, ipv6 }: Pick<Link, 'from' | 'to' | 'ipv6'>) => `${from} ${to} ${ipv6}`;

/** Any links of one range. */
const anyRange = fc.uniqueArray(
  fc.record({ from: fc.nat(PODS - 1), to: fc.nat(PODS - 1), ipv6: fc.boolean(), figures: anyFigures }),
  { maxLength: 2 * PODS * PODS, selector: nameOf },
);

describe('comparing ranges', () => {
  it('counts no more failures of a link than it has samples, whatever its pod claims', () => {
    const figures = { ...figuresOf(10, 0, 500), failures: 60_000 };
    const { changed } = compared({ before: [], during: [{ from: 0, to: 1, ipv6: false, figures }], after: null });
    expect(changed).toMatchObject([{ during: { samples: 10, failures: 10 } }]);
  });

  it('compares each link once, with its figures in every range that has it', () => {
    const nullable = fc.option(anyRange, { nil: null });
    fc.assert(
      fc.property(fc.record({ before: nullable, during: anyRange, after: nullable }), (ranges) => {
        const { links, figures } = compared(ranges);
        const p50s = new Map<string, number[]>();
        let listed = 0;
        for (const { length, from, to, flags, ...columns } of links) {
          for (let i = 0; i < length; i++) {
            const name = nameOf({ from, to: to[i] ?? 0, ipv6: ((flags[i] ?? 0) & FLAG_IPV6) !== 0 });
            listed++;
            p50s.set(name, [columns.beforeP50Us[i] ?? 0, columns.duringP50Us[i] ?? 0, columns.afterP50Us[i] ?? 0]);
          }
        }
        expect(listed).toBe(p50s.size);
        const names = RANGE_NAMES.flatMap((range) => (ranges[range] ?? []).map(nameOf));
        const p50In = (range: keyof typeof ranges, name: string) =>
          ranges[range]?.find((link) => nameOf(link) === name)?.figures.p50Us16 ?? NONE16;
        expect(p50s).toEqual(new Map(names.map((name) => [name, RANGE_NAMES.map((range) => p50In(range, name))])));
        expect(RANGE_NAMES.map((range) => figures.all[range]?.links)).toEqual(
          RANGE_NAMES.map((range) => ranges[range]?.length),
        );
      }),
    );
  });

  it('yields every few links of a long report, too', () => {
    const figures = figuresOf(10, 0, 500);
    const during = Array.from({ length: 5_000 }, (_, to) => ({ from: 0, to, ipv6: false, figures }));
    const table = new LinkTable();
    runToEnd(table.add('during', meshOfLinks(during, 5_000)));
    expect([...compareLinks(table, targeted(0))].length).toBeGreaterThanOrEqual(25);
  });

  it('finds nothing new between a range and itself', () => {
    fc.assert(
      fc.property(anyRange, (range) => {
        const { figures, affected, changed, unlisted } = compared({ before: range, during: range, after: null });
        expect(affected.links).toBe(0);
        expect(figures.all.before).toEqual(figures.all.during);
        expect(unlisted.maxChangeUs).toBe(0);
        expect(changed.every(({ change }) => change === 'still-fails')).toBe(true);
      }),
    );
  });

  it('has counts that add up, and lists every link once', () => {
    fc.assert(
      fc.property(anyRange, anyRange, fc.nat(PODS - 1), (before, during, target) => {
        const result = compared({ before, during, after: null }, target);
        const { figures, affected, collateral, changed, changes, unlisted, lostFromView } = result;
        expect(collateral.count).toBeLessThanOrEqual(affected.links);
        expect(affected.links + figures.others.during.links).toBe(affected.of);
        expect(figures.all.during.links).toBe(affected.of);
        const names = changed.map(({ fromUid, toUid, ipv6 }) => `${fromUid} ${toUid} ${ipv6}`);
        expect(new Set(names).size).toBe(changed.length);
        expect(changed.filter((link) => link.affected)).toHaveLength(affected.links);
        expect(changed.filter((link) => link.affected && !link.touchesTarget)).toHaveLength(collateral.count);
        const knownInBoth = changed.filter((link) => link.before !== null).length + unlisted.links;
        expect(knownInBoth + changes.gone + lostFromView).toBe(figures.all.before?.links);
        expect(Object.values(changes).reduce((sum, count) => sum + count, 0)).toBe(
          result.links.reduce((sum, { length }) => sum + length, 0),
        );
        // A link that begins after "during" became nothing from before to during.
        const later = compared({
          before,
          during,
          after: [{ from: 0, to: 1, ipv6: false, figures: figuresOf(1, 0, 500) }],
        });
        expect(later.changes).toEqual(changes);
      }),
    );
  });
});

it('counts failures among the trusted samples, as the failures are counted', () => {
  const mesh = meshOfLinks([{ from: 0, to: 1, ipv6: false, figures: figuresOf(4, 1, 500) }], PODS);
  mesh.reports[0]?.stats?.suspect.set([2]);
  const table = new LinkTable();
  runToEnd(table.add('during', mesh));
  const { changed } = runToEnd(compareLinks(table, targeted(0))).result;
  expect(changed).toMatchObject([{ during: { samples: 2, failures: 1 } }]);
});

it('keeps no report of a mesh: three of 1000 pods would not fit into the memory of a pod', () => {
  const mesh = meshOfLinks([{ from: 0, to: 1, ipv6: false, figures: figuresOf(4, 1, 500) }], PODS);
  const table = new LinkTable();
  runToEnd(table.add('during', mesh));
  for (const { links, stats } of mesh.reports) for (const column of [links.to, stats!.samples]) column.fill(0);
  const { changed } = runToEnd(compareLinks(table, targeted(0))).result;
  expect(changed).toMatchObject([{ to: 'pod-1', during: { samples: 4, failures: 1 } }]);
});

it('a link that began to lose datagrams is affected, listed with its loss, and still bad while it lasts', () => {
  const link = (to: number, lost: number) => ({ from: 0, to, ipv6: false, figures: figuresOf(30, 0, 500, 100, lost) });
  const range = (lost: number) => [link(1, lost), link(2, 0)];
  const { affected, changed, figures } = compared({ before: range(0), during: range(12), after: range(11) });
  expect(affected).toMatchObject({ links: 1, of: 2, stillBad: 1, to: { names: ['pod-1'] } });
  expect(changed).toMatchObject([{ to: 'pod-1', change: 'loses-more', during: { sent: 100, lost: 12 } }]);
  expect([figures.affected.during, figures.all.during]).toMatchObject([
    { sent: 100, lost: 12 },
    { sent: 200, lost: 12 },
  ]);
  const over = compared({ before: range(0), during: range(12), after: range(0) });
  expect(over.affected).toMatchObject({ links: 1, stillBad: 0 });
});

describe('an affected link at the end of the last range', () => {
  const failed = { outcome: 'timeout' } as const;
  const slow = { totalUs: SLOW_US };
  const link = (figures: LinkFigures, end: Partial<LinkSpec>): Link[] => [
    { from: 0, to: 1, ipv6: false, figures, end },
  ];
  const dead = link(figuresOf(10, 10, -1), failed);
  const fine = figuresOf(30, 0, 500);

  it.each<[string, Link[] | null, expected: object, during?: Link[], gone?: number]>([
    ['has failed', link(figuresOf(30, 1, 500), failed), { stillBad: 1 }],
    ['is slow, and was over the range', link(figuresOf(30, 0, SLOW_US), slow), { stillBad: 1 }],
    ['is fast, though one ping was slow', link(fine, slow), {}],
    ['is fast, though the last failures of the fault are in the range', link(figuresOf(30, 3, 500), slow), {}],
    ['is fast, though it was slow over the range', link(figuresOf(30, 3, SLOW_US), {}), {}],
    ['is well, if the state is older than the range', link(fine, failed), {}],
    ['is not known without a ping since the fault', [], { notKnown: 1 }],
    ['needs no ping if it was well at the end of the fault', [], {}, link(figuresOf(10, 10, -1), {})],
    ['is not known if its source did not report', [], { notKnown: 1 }, link(figuresOf(10, 10, -1), {}), -1],
    ['is no longer probed if a pod of it is gone', [], { unprobed: 1 }, dead, 1],
    // The last ping of a pod that was killed has often failed.
    ['is no longer probed, and not still bad, if the last ping to that pod failed', dead, { unprobed: 1 }, dead, 1],
    ['is no longer probed, if there is no later range', null, { unprobed: 1 }, dead, 1],
    ['is still bad, if there is no later range', null, { stillBad: 1 }],
  ])('%s', (_, after, expected, during = dead, gone = 9) => {
    const table = new LinkTable();
    runToEnd(table.add('before', meshOfLinks(link(fine, {}), PODS)));
    for (const [range, links] of Object.entries({ during, after })) {
      if (links === null) continue;
      const mesh = meshOfLinks(links, PODS);
      if (gone >= 0) mesh.pods = mesh.pods.map((pod, i) => (i === gone ? { ...pod, lifecycle: 'gone' } : pod));
      else if (range === 'after') mesh.reports[0] = mergedReportOf(0, [], { missing: 'timeout' });
      runToEnd(table.add(range as RangeName, mesh));
    }
    const { affected } = runToEnd(compareLinks(table, targeted(0))).result;
    expect(affected).toMatchObject({ links: 1, stillBad: 0, unprobed: 0, notKnown: 0, ...expected });
  });
});

it('in a range shorter than a round of pings, a link without a sample is neither new nor gone, unless its pod is', () => {
  const link = (to: number) => ({ from: 0, to, ipv6: false, figures: figuresOf(1, 0, 500) });
  const [few, many] = [[link(1)], [link(1), link(2), link(3)]];
  const changesOf = (
    before: Link[],
    during: Link[],
    beforeMs: number,
    duringMs: number,
    change: Partial<Mesh> = {},
  ) => {
    const table = new LinkTable();
    const past = (lengthMs: number) => ({ past: { fromMs: 0, toMs: lengthMs, resolutionMs: 0 } });
    runToEnd(table.add('before', { ...meshOfLinks(before, PODS), ...past(beforeMs) }));
    runToEnd(table.add('during', { ...meshOfLinks(during, PODS), ...past(duringMs), ...change }));
    const { changes, lostFromView } = runToEnd(compareLinks(table, targeted(0))).result;
    return { ...changes, lostFromView };
  };
  // A round lasts 31.8 s at REFRESH_INTERVAL=30.
  expect(changesOf(many, few, 60_000, 20_000)).toMatchObject({ same: 1, gone: 0, unknown: 2, lostFromView: 2 });
  expect(changesOf(many, few, 60_000, 32_000)).toMatchObject({ same: 1, gone: 2, unknown: 0, lostFromView: 0 });
  expect(changesOf(few, many, 20_000, 60_000)).toMatchObject({ same: 1, new: 0, unknown: 2 });
  expect(changesOf(few, many, 32_000, 60_000)).toMatchObject({ same: 1, new: 2, unknown: 0 });
  const pods = podsOf(PODS).map((pod, i) => (i === 3 ? { ...pod, lifecycle: 'gone' as const } : pod));
  expect(changesOf(many, few, 60_000, 20_000, { pods })).toMatchObject({ same: 1, gone: 1, unknown: 1 });
});

it('lists new bad links first, then by failed share, those that fail, lossy ones, and by median', () => {
  const links = { before: [] as Link[], during: [] as Link[] };
  const add = (to: number, before: LinkFigures | null, during: LinkFigures) => {
    const link = { from: 0, to, ipv6: false };
    if (before !== null) links.before.push({ ...link, figures: before });
    links.during.push({ ...link, figures: during });
  };
  add(0, figuresOf(1_000, 0, 500), figuresOf(1_000, 0, 90_000));
  add(1, figuresOf(1_000, 5, 500), figuresOf(1_000, 0, 500));
  add(2, figuresOf(1_000, 0, 500, 100, 0), figuresOf(1_000, 0, 500, 100, 3));
  const other = { from: 1, ipv6: false };
  links.before.push({ ...other, to: 0, figures: figuresOf(1_000, 0, 500) });
  links.during.push({ ...other, to: 0, figures: figuresOf(1_000, 100, 500) });
  links.before.push({ ...other, to: 1, figures: figuresOf(1_000, 5, 500) });
  links.during.push({ ...other, to: 1, figures: figuresOf(1_000, 5, 500) });
  // Pod 1 reported before, without this link.
  links.during.push({ ...other, to: 2, figures: figuresOf(1_000, 1, 500) });
  add(3, figuresOf(1_000, 0, 500), figuresOf(1_000, 0, 900));
  const { changed, unlisted } = compared({ ...links, after: null });
  const order = ['new-bad', 'fails-more', 'still-fails', 'recovered', 'loses-more', 'slower'];
  expect(changed.map(({ change }) => change)).toEqual(order);
  expect(unlisted).toEqual({ links: 1, maxChangeUs: 400 });
});

it('key figures are counts and exact medians', () => {
  fc.assert(
    fc.property(fc.array(anyFigures), (all) => {
      const medians = all.filter(({ p50Us16 }) => p50Us16 !== NONE16).map(({ p50Us16 }) => unpack16(p50Us16));
      medians.sort((a, b) => a - b);
      expect(groupFiguresOf(all).figures()).toMatchObject({
        links: all.length,
        failed: all.filter(({ failures }) => failures > 0).length,
        slow: all.filter((link) => link.failures === 0 && isSlowLink(link, SLOW_US)).length,
        p50Us: medians[Math.ceil(medians.length / 2) - 1] ?? -1,
      });
    }),
    { numRuns: 40 },
  );
});

function groupFiguresOf(links: readonly LinkFigures[]): GroupFigures {
  const figures = new GroupFigures(SLOW_US);
  for (const link of links) figures.add(link);
  return figures;
}

type Ranges = ByRange<readonly Link[] | null>;

const targeted = (pod: number) => () => ({ by: 'hypothesis' as const, pods: new Set([pod]) });

function compared(ranges: Ranges, target = 0) {
  const table = new LinkTable();
  for (const range of RANGE_NAMES) {
    const links = ranges[range];
    if (links !== null) runToEnd(table.add(range, meshOfLinks(links, PODS)));
  }
  return runToEnd(compareLinks(table, targeted(target))).result;
}

function meshOfLinks(links: readonly Link[], podCount: number): Mesh {
  const pods = podsOf(podCount);
  const reports = pods.map((_, from) => {
    const own = links.filter((link) => link.from === from);
    const stats = emptyStats(own.length);
    const udp = emptyUdp(own.length);
    for (const [i, { figures }] of own.entries()) {
      stats.samples[i] = figures.samples;
      stats.failures[i] = figures.failures;
      stats.p50Us[i] = figures.p50Us16;
      stats.p95Us[i] = figures.p95Us16;
      stats.maxUs[i] = figures.maxUs16;
      stats.jitterUs[i] = figures.jitterUs16;
      stats.usualUs[i] = figures.usualUs16;
      writeLoss(udp, i, figures);
    }
    const specs = own.map(({ to, ipv6, end }) => ({ to, flags: ipv6 ? FLAG_IPV6 : 0, ...end }));
    return mergedReportOf(from, [], { links: linksOf(specs), stats, udp });
  });
  return meshOf(pods, reports);
}
