import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MeshEvent } from '../../../server/protocol/event.ts';
import { emptyLinks, emptyStats, pack16 } from '../../../server/protocol/links.ts';
import type { Mesh } from '../../../server/protocol/mesh.ts';
import { CHANGES, compare, mostChanged } from '../../../web/pure/compare.ts';
import { changeColours, changeShare } from '../../../web/pure/compare-colours.ts';
import {
  deltaText,
  doingText,
  nothingText,
  onScale,
  pairName,
  pairWords,
  reportPath,
  seenAfter,
} from '../../../web/pure/compare-words.ts';
import { meshOf } from '../../support/feed/scenarios.ts';

/** How a link did: samples, failures, p50 in us (-1 = none); null = it was not probed. */
type Doing = [samples: number, failures: number, p50Us: number] | null;

const BASE = meshOf({ pods: 4, scenario: 'healthy' });

/** The matrix of a range over pods `from`.. of the four, each link as `doing` says. */
function rangeMesh(doing: (from: number, to: number) => Doing, present: readonly number[] = [0, 1, 2, 3]): Mesh {
  const pods = present.flatMap((i) => BASE.pods[i] ?? []);
  const rows = present.map((from, pod) => {
    const known = present.flatMap((to, index) => {
      const did = doing(from, to);
      return did === null ? [] : [{ index, did }];
    });
    const [links, stats] = [emptyLinks(known.length), emptyStats(known.length)];
    known.forEach(({ index, did: [samples, failures, p50Us] }, i) => {
      links.to[i] = index;
      stats.samples[i] = samples;
      stats.failures[i] = failures;
      stats.p50Us[i] = pack16(p50Us);
    });
    return { ...BASE.reports[0]!, pod, links, stats };
  });
  return { ...BASE, pods, reports: rows };
}

const fine: Doing = [30, 0, 600];
const healthy = rangeMesh(() => fine);
const compared = (during: Mesh, before = healthy, after: Mesh | null = null, aimed: string[] = []) =>
  compare({ before, during, after }, 100_000, aimed);
const changeOf = (one: ReturnType<typeof compared>, from: number, to: number) =>
  CHANGES[one.change[from * one.n + to] ?? 0];

describe('what became of a link', () => {
  test.each([
    [fine, fine, 'same'],
    [fine, [30, 0, 900], 'same'],
    [fine, [30, 0, 1200], 'slower'],
    [[30, 0, 252_000], fine, 'faster'],
    [fine, [30, 30, -1], 'broke'],
    [fine, [30, 1, 600], 'broke'],
    [[30, 10, 600], [30, 12, 600], 'failing'],
    [[30, 10, 600], [30, 20, 600], 'broke'],
    [[30, 30, -1], fine, 'mended'],
    [[30, 30, -1], [30, 0, 252_000], 'slower'],
    [[30, 18, 600], [30, 0, 252_000], 'slower'],
    [[30, 18, 252_000], [30, 0, 252_100], 'same'],
    [null, fine, 'unknown'],
    [fine, null, 'unknown'],
  ] as const)('%o then %o is %s', (old, now, change) => {
    const one = compared(
      rangeMesh((from, to) => (from === 0 && to === 1 ? (now as Doing) : fine)),
      rangeMesh((from, to) => (from === 0 && to === 1 ? (old as Doing) : fine)),
    );
    expect(changeOf(one, 0, 1)).toBe(change);
    expect(changeOf(one, 1, 0)).toBe('same');
  });
});

describe('experiment 2', () => {
  const during = rangeMesh((_, to) => (to === 3 ? [60, 0, 252_000] : fine));

  test('a quarter of the links is affected, the pod that answers late is the target, nothing is collateral', () => {
    const { figures, targets, pods } = compared(during);
    expect(figures).toMatchObject({ affected: 4, of: 16, collateral: 0, failed: { before: 0, during: 0, after: -1 } });
    expect([...targets].map((i) => pods[i]?.label)).toEqual(['chaos']);
    expect(figures.othersUs).toEqual({ before: 600, during: 600 });
    expect(figures.mostUs).toBeCloseTo(251_400, -2);
  });

  test('the affected links come first, with names', () => {
    const one = compared(during);
    const { pairs, all } = mostChanged(one, 5);
    expect(all).toBe(16);
    expect(pairs.slice(0, 4).every((pair) => pairName(one, pair).endsWith('→ chaos'))).toBe(true);
  });

  test('so do those that always failed before and are slow now, without a figure that nobody has', () => {
    const one = compared(
      during,
      rangeMesh((_, to) => (to === 3 ? [60, 60, -1] : fine)),
    );
    const { pairs } = mostChanged(one, 4);
    expect(pairs.map((pair) => pairWords(one, pair))).toEqual(
      ['001', '002', '003', 'chaos'].map((from) => `${from} → chaos: failed, then 252 ms; slower`),
    );
  });

  test('what the finding aims at is the target: then the rest is collateral', () => {
    const { figures } = compared(during, healthy, null, [BASE.pods[0]!.uid]);
    expect(figures.collateral).toBe(3);
  });
});

test('pods that came or went: their links are unknown, and bad ones count', () => {
  const during = rangeMesh((_, to) => (to === 3 ? [9, 9, -1] : fine));
  const one = compared(
    during,
    rangeMesh(() => fine, [0, 1, 2]),
    rangeMesh(() => fine, [0, 1]),
  );
  expect(one.n).toBe(4);
  expect(changeOf(one, 0, 3)).toBe('unknown');
  expect(one.figures).toMatchObject({ affected: 4, failed: { before: 0, during: 4, after: 0 } });
});

describe('whatever the figures', () => {
  const did = fc.option(
    fc
      .tuple(fc.integer({ min: 1, max: 60 }), fc.nat(60), fc.integer({ min: -1, max: 500_000 }))
      .map(([samples, failures, us]): Doing => [samples, Math.min(samples, failures), us]),
  );
  const range = fc
    .tuple(fc.array(did, { minLength: 16, maxLength: 16 }), fc.subarray([0, 1, 2, 3], { minLength: 1 }))
    .map(([all, present]) => rangeMesh((from, to) => all[from * 4 + to] ?? null, present));

  test('a comparison of a range with itself finds nothing slower, faster, mended or broken by more', () => {
    fc.assert(
      fc.property(range, (mesh) => {
        const { change, figures } = compared(mesh, mesh);
        for (const code of change) expect(['same', 'failing', 'unknown']).toContain(CHANGES[code]);
        expect(figures.mostUs).toBe(0);
        expect(figures.failed.before).toBe(figures.failed.during);
      }),
    );
  });

  test('the other way round, slower is faster', () => {
    fc.assert(
      fc.property(range, range, (one, other) => {
        const [there, back] = [compared(one, other), compared(other, one)];
        there.deltaUs.forEach((delta, pair) => {
          expect(Number.isNaN(delta) || delta === -(back.deltaUs[pair] ?? 0)).toBe(true);
        });
      }),
    );
  });

  test('counts add up, and the list is in order without doubles', () => {
    fc.assert(
      fc.property(range, range, fc.integer({ min: 1, max: 20 }), (before, during, most) => {
        const one = compared(during, before);
        const { affected, collateral, of } = one.figures;
        expect(collateral).toBeLessThanOrEqual(affected);
        expect(affected).toBeLessThanOrEqual(of);
        const { pairs, all } = mostChanged(one, most);
        expect(pairs.length).toBe(Math.min(most, all));
        expect(new Set(pairs).size).toBe(pairs.length);
      }),
    );
  });
});

test('colours go from the same to either end, a tenth of the most is still seen', () => {
  const colours = changeColours('#000000', '#ff0000', '#0000ff', '#eeeeee');
  expect([colours.at(0), colours.at(1), colours.at(-1)]).toEqual(['#000000', '#ff0000', '#0000ff']);
  expect([colours.inkAt(0), colours.inkAt(1), colours.inkAt(-1)]).toEqual(['#eeeeee', '#000000', '#eeeeee']);
  expect(changeShare(50, 250_000)).toBe(0);
  expect(changeShare(25_000, 250_000)).toBeGreaterThan(0.3);
  expect(changeShare(-250_000, 250_000)).toBe(-1);
  expect(changeShare(Number.NaN, 250_000)).toBe(0);
});

test('words and places', () => {
  expect([252_000, -300, 20, Number.NaN].map(deltaText)).toEqual(['+252 ms', '−0.30 ms', '±0', '–']);
  expect([doingText(600, 0), doingText(Number.NaN, 1), doingText(600, 0.03), doingText(1, Number.NaN)]).toEqual([
    '0.60 ms',
    'failed',
    '3 % failed',
    '–',
  ]);
  expect([onScale(100), onScale(10_000), onScale(1e6), onScale(1), onScale(1e9)]).toEqual([0, 0.5, 1, 0, 1]);
  const ranges = [1, 3, 5].map((at) => ({ fromMs: at * 1000, toMs: at * 1000 + 900 }));
  expect(reportPath(ranges, [])).toBe('api/v1/report?from=3000&to=3900&before=1000-1900&after=5000-5900');
  expect(reportPath(ranges.slice(0, 2), ['healthy', 'latency>=200ms,to=chaos'])).toBe(
    'api/v1/report?from=3000&to=3900&before=1000-1900&expect=healthy&expect=latency%3E%3D200ms%2Cto%3Dchaos',
  );
});

test('no findings at the end of a range in which links became worse is not called nothing', () => {
  expect(nothingText({ affected: 3, of: 12 })).toBe(
    'Nothing stood out any more at its end, but 3 of 12 links became worse.',
  );
  expect(nothingText({ affected: 0, of: 12 })).toBe('Nothing stood out during the range.');
  expect(nothingText()).toBe('Nothing stood out during the range.');
});

describe('how long it took to be seen', () => {
  const event = (kind: MeshEvent['kind'], atMs: number): MeshEvent => ({
    ...{ kind, atMs, id: `${atMs}`, pod: null, from: [], fromCount: 0 },
    ...{ outcome: null, phase: null, totalUs: 1, detail: '' },
  });
  const note = (fromMs: number) => ({ id: 'n', fromMs, toMs: null, text: '', tags: [], writtenMs: 0 });
  const range = { fromMs: 100_000, toMs: 200_000 };

  test('counts from the annotation, else from the begin of the range, to the first bad link', () => {
    const events = [event('pod-seen', 101_000), event('link-slow', 104_000), event('link-slow', 150_000)];
    expect(seenAfter(range, events, [note(20_000), note(99_000)])).toEqual({ afterMs: 5000, from: 'the annotation' });
    expect(seenAfter(range, events, [])).toEqual({ afterMs: 4000, from: 'its begin' });
    expect(seenAfter(range, [event('link-slow', 300_000)], [])).toEqual({ afterMs: null, from: 'its begin' });
  });
});
