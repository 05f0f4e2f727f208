import { describe, expect, test } from 'vitest';
import {
  CHANGES,
  type ChangedLink,
  type Comparison,
  emptyComparedColumns,
  type LinkSummary,
  NOT_SEEN,
} from '../../../../server/protocol/comparison.ts';
import { FLAG_IPV6, NONE16, pack16 } from '../../../../server/protocol/links.ts';
import { comparisonQuery, reportPath } from '../../../../web/model/address.ts';
import {
  changeAt,
  changeMapOf,
  changeText,
  deltaText,
  legendOf,
  medianFigures,
  noFindingsText,
  onScale,
  pairText,
  pairUids,
  qualityTexts,
  resultText,
} from '../../../../web/model/comparison.ts';
import { changeColours, changeShare, pixelsOf } from '../../../../web/views/compare/map-drawing.ts';
import { LATE_ANSWER, MeshBuilder, TIMEOUT } from '../../../support/mesh.ts';
import {
  annotationOf,
  annotationsOf,
  comparisonOf,
  eventOf,
  eventsOf,
  FROM_MS,
  pageOf,
  type Scene,
  slowPod,
  TO_MS,
} from '../../../support/report-scene.ts';

describe('the map of changes', () => {
  test('has a cell for each pair of pods, column by column, and marks the targets', async () => {
    const map = changeMapOf(await comparisonOf());
    expect(map.pods).toEqual([0, 1, 2, 3].map((i) => ({ uid: `uid-${i}`, label: `${i}`, isTarget: i === 3 })));
    expect(pairText(map, 3)).toBe('0 → 3: 0.50 ms, then 251 ms; +251 ms');
    expect(pairText(map, 3, true)).toBe('from 0 to 3: 0.50 ms, then 251 ms; +251 ms');
    expect(pairText(map, 12)).toBe('3 → 0: 0.50 ms, then 0.50 ms; as before');
    expect(pairUids(map, 3)).toEqual({ from: 'uid-0', to: 'uid-3' });
    expect(map.maxDeltaUs).toBe(250_700);
  });

  test('shows pods by name, and links without a sample before as new', async () => {
    const comparison = await comparisonOf({
      before: new MeshBuilder(3),
      during: slowPod(4),
      after: new MeshBuilder(4),
    });
    const map = changeMapOf({ ...comparison, pods: comparison.pods.map((pod, i) => ({ ...pod, name: `p-${9 - i}` })) });
    expect(map.pods.map(({ label }) => label)).toEqual(['6', '7', '8', '9']);
    expect(pairText(map, 4)).toBe('7 → 6: –, then 251 ms; new and bad');
    expect(Number.isNaN(map.deltaUs[4])).toBe(true);
    expect(map.maxDeltaUs).toBe(0);
  });

  test('says that a link that always failed is slow now, without a difference that nobody knows', async () => {
    const before = new MeshBuilder(4).into(3, { outcome: 'refused' }, true);
    for (const { stats } of before.reports) stats?.p50Us.fill(NONE16);
    expect(pairText(changeMapOf(await comparisonOf({ before })), 3)).toBe('0 → 3: failed, then 251 ms; slower');
  });

  test.each([
    ['the slower one', { us: 600, failed: 0 }, { us: 900, failed: 0 }],
    ['the one that failed', { us: 600, failed: 0 }, { us: 400, failed: 5 }],
    ['the one that failed more', { us: 600, failed: 4 }, { us: 400, failed: 5 }],
    ['the one with samples', { us: -1, failed: NOT_SEEN }, { us: 400, failed: 0 }],
  ])('shows the worse of two IP families, whichever comes first: %s', async (_title, better, worse) => {
    const comparison = await comparisonOf();
    for (const families of [
      [better, worse],
      [worse, better],
    ]) {
      const columns = emptyComparedColumns(0, 2);
      columns.flags.set([0, FLAG_IPV6]);
      columns.to.fill(1);
      for (const [i, family] of families.entries()) {
        columns.duringP50Us[i] = pack16(family.us);
        columns.duringFailed[i] = family.failed;
        columns.change[i] = CHANGES.indexOf(family === worse ? 'slower' : 'same');
      }
      expect(changeAt(changeMapOf({ ...comparison, links: [columns] }), 1)).toBe('slower');
    }
  });
});

const [a, b, c, chaos] = slowPod(4).pods;
const SCENES: [name: string, scene: Scene][] = [
  [
    'a slow pod',
    {
      events: eventsOf([eventOf('link-slow', FROM_MS + 3_000, chaos ?? null, a && b && c ? [a, b, c] : [])]),
      annotations: annotationsOf([annotationOf(FROM_MS, TO_MS)]),
    },
  ],
  [
    'failures and collateral',
    {
      during: new MeshBuilder(12).into(11, LATE_ANSWER, true).set(1, 2, TIMEOUT),
    },
  ],
  ['no target', { during: new MeshBuilder(4).each(() => true, LATE_ANSWER, true) }],
  ['nothing changed', { during: new MeshBuilder(4) }],
  ['a new slow pod', { before: new MeshBuilder(3), during: slowPod(4) }],
  ['a pod has gone', { before: new MeshBuilder(4), during: new MeshBuilder(3), after: new MeshBuilder(3) }],
];

describe.each(SCENES)('the Compare view and the report page: %s', (_name, scene) => {
  test('list the same links in the same order, with the same targets', async () => {
    const page = await pageOf(scene);
    const rows = page.matchAll(/<th scope="row" class="free"><bdi>([^<]*)<\/bdi> → <bdi>([^<]*)<\/bdi>/g);
    const comparison = await comparisonOf(scene);
    expect(comparison.report.changed.map(({ from, to }) => [from, to])).toEqual(
      [...rows].map(([, from, to]) => [from, to]),
    );
    expect(targetLabels(comparison)).toHaveLength(comparison.report.targets.count);
    const told = /Links by change: ([^.]*)\./.exec(page)?.[1]?.match(/\d+/g) ?? [];
    expect(legendOf(comparison.report.changes).map(({ count }) => count)).toEqual(told.map(Number));
    const map = changeMapOf(comparison);
    for (const { change, count } of legendOf(comparison.report.changes)) {
      expect(map.change.filter((_, pair) => changeAt(map, pair) === change)).toHaveLength(count);
    }
  });
});

function targetLabels(comparison: Comparison): string[] {
  return changeMapOf(comparison).pods.flatMap(({ label, isTarget }) => (isTarget ? label : []));
}

test('of many links that share a pixel the map shows the one that matters most, and a bad one on 3 pixels', async () => {
  const map = changeMapOf(
    await comparisonOf({ before: new MeshBuilder(40), during: slowPod(40), after: new MeshBuilder(40) }),
  );
  for (const side of [10, 40, 75]) {
    const { pairs } = pixelsOf(map, side);
    expect(pairs.every((pair) => pair >= 0)).toBe(true);
    // The last pod is slow to reach: the last row, and no more than two pixels above it.
    const bad = (y: number) =>
      pairs.subarray(y * side, (y + 1) * side).every((pair) => changeAt(map, pair) === 'slower');
    expect(bad(side - 1)).toBe(true);
    expect(bad(side - 2)).toBe(true);
    expect(bad(side - Math.ceil(side / 40) - 2)).toBe(false);
  }
});

test('colours go from "same" to either end, and a tenth of the largest change is still visible', () => {
  const colours = changeColours('#000000', '#ff0000', '#0000ff', '#eeeeee');
  expect(colours(0)).toEqual({ fill: '#000000', ink: '#eeeeee' });
  expect(colours(1)).toEqual({ fill: '#ff0000', ink: '#000000' });
  expect(colours(-1)).toEqual({ fill: '#0000ff', ink: '#eeeeee' });
  expect(changeShare(50, 250_000)).toBe(0);
  expect(changeShare(25_000, 250_000)).toBeGreaterThan(0.3);
  expect(changeShare(-250_000, 250_000)).toBe(-1);
  expect(changeShare(Number.NaN, 250_000)).toBe(0);
  // Noise of half a millisecond stays pale although nothing changed more.
  expect(changeShare(500, 500)).toBeLessThan(0.33);
});

describe('texts', () => {
  test.each([
    [252_000, '+252 ms'],
    [-300, '−0.30 ms'],
    [20, '±0'],
    [Number.NaN, '–'],
  ])('a change of %d us is %s', (us, text) => expect(deltaText(us)).toBe(text));

  test.each([
    [600, 0, '0.60 ms'],
    [Number.NaN, 100, 'failed'],
    [600, 3, '3 % failed'],
    [1, NOT_SEEN, '–'],
  ])('a median of %d us with %i %% failed is %s', (us, percent, text) => expect(resultText(us, percent)).toBe(text));

  const median = (failures: number, p50Us: number): LinkSummary => ({ samples: 30, failures, p50Us });
  const changed = (change: ChangedLink['change'], before: LinkSummary | null, during: LinkSummary): ChangedLink => ({
    from: 'a',
    to: 'b',
    fromUid: 'uid-a',
    toUid: 'uid-b',
    ipv6: false,
    affected: true,
    touchesTarget: true,
    change,
    before,
    during,
    after: null,
  });

  test('a changed link has the change of its median, or a word where failures matter more', () => {
    expect(changeText(changed('slower', median(0, 600), median(0, 252_600)))).toBe('+252');
    expect(changeText(changed('slower', median(30, -1), median(0, 252_600)))).toBe('slower');
    expect(changeText(changed('fails-more', median(0, 600), median(3, 600)))).toBe('more failures');
    expect(changeText(changed('loses-more', median(0, 600), median(0, 600)))).toBe('more datagrams lost');
    expect(medianFigures({ ...median(0, 600), sent: 100, lost: 12 })).toEqual(['0.60', '12 % lost']);
    expect(changeText(changed('unknown', null, median(0, 252_600)))).toBe('no data in one range');
    expect([median(0, 600), median(1, 600), median(30, -1), null].flatMap(medianFigures)).toEqual([
      '0.60',
      '3 % failed',
      'failed',
      '–',
    ]);
  });

  test('a changed link has its success rate, what is usual for it, and its jitter, where they say something', () => {
    const fine = { ...median(0, 600), jitterUs: 60, usualUs: 550 };
    expect([fine, median(30, -1), null].map(qualityTexts)).toEqual([[], [], []]);
    expect(qualityTexts({ ...median(3, 4_000), jitterUs: 12_000, usualUs: 1_000 })).toEqual([
      '90 % ok',
      '4.0 × usual',
      'jitter 12 ms',
    ]);
    expect(qualityTexts({ ...median(0, 1_000), usualUs: 4_000 })).toEqual(['0.3 × usual']);
    // As always, or of no weight.
    expect(qualityTexts({ ...median(0, 252_000), jitterUs: 400, usualUs: 252_000 })).toEqual([]);
  });

  test('medians have a place on a log scale from 0.1 ms to 1 s', () => {
    expect([100, 10_000, 1e6, 1, 1e9].map(onScale)).toEqual([0, 0.5, 1, 0, 1]);
  });

  test('the link to the report has the same ranges and hypothesis as the comparison', () => {
    const ranges = [1, 3, 5].map((at) => ({ fromMs: at * 1000, toMs: at * 1000 + 900 }));
    expect(reportPath(ranges, [])).toBe('api/v1/report?from=3000&to=3900&before=1000-1900&after=5000-5900');
    const expectations = ['healthy', 'latency>=200ms,to=chaos'];
    const query = 'from=3000&to=3900&before=1000-1900&expect=healthy&expect=latency%3E%3D200ms%2Cto%3Dchaos';
    expect(comparisonQuery(ranges.slice(0, 2), expectations)).toBe(query);
    expect(reportPath(ranges.slice(0, 2), expectations)).toBe(`api/v1/report?${query}`);
  });

  test('a fault that was over at the end of the range does not look like no fault', async () => {
    const { affected } = (await comparisonOf()).report;
    expect(noFindingsText(affected)).toBe('No findings at the end of the range, but 4 of 16 links became worse.');
    expect(noFindingsText({ ...affected, links: 0 })).toBe('No findings in the range.');
  });
});
