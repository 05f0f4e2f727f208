import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Finding, FindingKind } from '../../../../../server/protocol/finding.ts';
import { axisStatesOf } from '../../../../../web/model/axis-states.ts';
import { layoutHeatmap } from '../../../../../web/model/heat-layout.ts';
import { foldPicture } from '../../../../../web/model/levels.ts';
import { buildPicture, type Picture } from '../../../../../web/model/mesh-view.ts';
import { type AxisGroup, arrange } from '../../../../../web/model/order.ts';
import {
  type Callout,
  callouts,
  MAX_CALLOUTS,
  mainRun,
  type PlacedCallout,
  placeCallouts,
} from '../../../../../web/views/heatmap/callouts.ts';
import type { MeshOptions } from '../../../../support/feed/plan.ts';
import { pictureOf, USUAL } from '../../pictures.ts';

function found(picture: Picture, group: 'none' | 'node' | 'zone' = 'none', states: string[] = []): Callout[] {
  const axisStates = axisStatesOf(picture);
  return callouts(picture, axisStates, arrange(picture, { order: 'name', group, filter: '' }), states);
}

describe('beside the picture stands', () => {
  const since = /^since \d\d:\d\d:\d\d$/;
  test.each<[string, MeshOptions, string | RegExp, object, (string | RegExp)[]]>([
    [
      // The notice above the view says already that it is slow from all others.
      'the row that is slow, in the words of the server, with the median',
      { pods: 4, scenario: 'slow-pod' },
      'goldpinger-chaos',
      { axis: 'row', state: 'slow', runs: [{ first: 3, last: 3 }], cells: [], pod: 3 },
      [/^only the first byte is late: check the process or a proxy, not the network$/, /^median 25\d ms(, since .+)?$/],
    ],
    [
      'the pod that does not answer, with outcome and since when, and that it did not report only once',
      { pods: 3, scenario: 'dead-pod' },
      'goldpinger-chaos',
      {},
      [/^refused: nothing listens on its port$/, since],
    ],
    [
      'the pod that reaches nobody, by its column',
      { pods: 6, scenario: 'cut-off' },
      /./,
      { axis: 'column', state: 'failed', runs: [{ first: 5, last: 5 }] },
      [/^timeout in connect: check its own net/, since],
    ],
    ['the starved pod, by its column', { pods: 6, scenario: 'starved' }, /./, { axis: 'column', state: 'suspect' }, []],
  ])('%s', (_, options, title, place, lines) => {
    const [callout, ...rest] = found(pictureOf(options));
    expect(rest).toEqual([]);
    expect(callout).toMatchObject({ title: expect.stringMatching(title), ...place });
    for (const [i, line] of lines.entries()) expect(callout?.lines[i]).toMatch(line);
  });

  test('nothing that the server did not find, whatever the figures say', () => {
    const { mesh } = pictureOf({ pods: 4, scenario: 'dead-pod' });
    expect(found(buildPicture({ ...mesh, findings: [] }, USUAL))).toEqual([]);
  });

  test('each pod that did not report, by its column', () => {
    const missing = found(pictureOf({ pods: 6, scenario: 'missing-reports' }));
    expect(missing.map(({ axis, lines }) => `${axis}: ${lines[0]}`)).toEqual(Array(2).fill('column: did not report'));
  });

  test('a whole node once, not each of its pods, at all of its rows; what came and what went', () => {
    const all = found(pictureOf({ pods: 120, scenario: 'mixed' }), 'node');
    const node = all.find(({ state }) => state === 'failed')!;
    expect(node).toMatchObject({ pod: -1, title: expect.stringMatching(/^Node worker-\d+$/) });
    expect(node.lines[0]).toMatch(/^timeout in connect: check the node an/);
    expect(node.runs.map(({ first, last }) => last - first)).toEqual([9]);
    for (const end of [' is gone', ' joined']) expect(all.some(({ title }) => title.endsWith(end))).toBe(true);
    const [apart] = found(pictureOf({ pods: 30, scenario: 'mixed' })).filter(({ state }) => state === 'failed');
    expect(apart!.title).toBe('Node worker-01');
    expect(apart!.runs.length).toBeGreaterThan(1);
    expect(apart!.runs.reduce((rows, { first, last }) => rows + last - first + 1, 0)).toBe(9);
  });

  const one = (position = -1) => ({ first: position, last: position });

  test('a link that fails, where its cell is small: by its cell, at the row of its destination', () => {
    const picture = pictureOf({ pods: 13, scenario: 'one-way' });
    const [{ pods, from, subject: title } = expect.fail()] = picture.mesh.findings;
    const place = { runs: [one(pods[0])], cells: [{ columns: one(from[0]), rows: one(pods[0]) }] };
    expect(found(picture)).toMatchObject([{ axis: 'row', state: 'failed', ...place, title, pod: -1 }]);
    expect(found(pictureOf({ pods: 12, scenario: 'one-way' }))).toEqual([]);
  });

  test.each([12, 120, 300])(
    'two zones that do not reach each other: the cells of both directions, of %i pods',
    (pods) => {
      const picture = pictureOf({ pods, scenario: 'zone-cut' });
      for (const level of ['zone', 'node', 'pod'] as const) {
        const folded = foldPicture(picture, { level, unfolded: [] });
        const { cells = [], runs } = found(folded, 'zone')[0] ?? {};
        const rows = folded.n / 3;
        const [a, b] = [0, 1].map((zone) => ({ first: zone * rows, last: (zone + 1) * rows - 1 }));
        expect(cells).toHaveLength(2);
        expect(cells).toEqual(
          expect.arrayContaining([
            { columns: a, rows: b },
            { columns: b, rows: a },
          ]),
        );
        expect(runs).toEqual([{ first: 0, last: 2 * rows - 1 }]);
      }
    },
  );

  test('six at the most, the gravest, of the states that the filter shows; those of lost datagrams with the lossy links', () => {
    const { mesh } = pictureOf({ pods: 30, scenario: 'slow-pod' });
    const of = (kind: FindingKind, severity: Finding['severity'], ...pods: number[]): Finding[] =>
      pods.map((pod) => ({
        ...mesh.findings[0]!,
        kind,
        severity,
        pods: [pod],
        subject: `p${pod}`,
        title: `p${pod}: bad`,
      }));
    const findings = [
      ...of('pod-unreachable', 'failed', 9, 7, 5, 3, 1),
      ...of('pod-slow', 'slow', 8, 6, 4),
      ...of('pod-lossy', 'slow', 12),
      ...of('cpu-starved', 'suspect', 11),
    ];
    const picture = buildPicture({ ...mesh, findings }, USUAL);
    const shown = (...states: string[]) => found(picture, 'none', states).map(({ title }) => title);
    expect(shown()).toEqual(['p1', 'p3', 'p5', 'p7', 'p8', 'p9']);
    expect(shown()).toHaveLength(MAX_CALLOUTS);
    expect(shown('slow')).toEqual(['p4', 'p6', 'p8']);
    expect(shown('lossy', 'unreliable')).toEqual(['p11', 'p12']);
    expect(shown('warning')).toEqual([]);
    expect(shown('failed', 'slow')).toHaveLength(MAX_CALLOUTS);
  });

  test('of pods that are gone or new only what the filter shows', () => {
    const picture = pictureOf({ pods: 120, scenario: 'mixed' });
    expect(found(picture, 'node', ['gone']).map(({ state }) => state)).toEqual(['gone']);
  });

  test('names that cannot turn the text around', () => {
    expect(JSON.stringify(found(pictureOf({ pods: 40, scenario: 'hostile' })))).not.toMatch(/[\u202e\u200b]/);
  });
});

function layoutOf(n: number, height: number, groups: readonly AxisGroup[] = []) {
  const names = { fullWidth: 112, shortWidth: 44, groupWidth: 70, names: 'auto' } as const;
  return layoutHeatmap({ width: 780, height, dpr: 1, narrow: false, n, groups, fit: true, ...names });
}

describe('a callout', () => {
  const picture = pictureOf({ pods: 120, scenario: 'mixed' });
  const arrangement = arrange(picture, { order: 'name', group: 'node', filter: '' });
  const layout = layoutOf(120, 600, arrangement.groups);
  const all = callouts(picture, axisStatesOf(picture), arrangement);
  const bounds = { low: 60, high: 620, width: 300, action: false };

  test('has a line from its rows with a bracket around several; that of a column comes last', () => {
    const placed = placeCallouts(all, layout, { x: 0, y: 0 }, bounds);
    expect(placed.at(-1)?.callout.axis).toBe('column');
    const { leader, x } = placed.find(({ callout }) => callout.state === 'failed')!;
    expect(x).toBeGreaterThan(layout.left + layout.viewWidth);
    const [, middle, from, to] = /^M\S+ ([\d.]+)H.*M\S+ ([\d.]+)h6V([\d.]+)h-6$/.exec(leader)!.map(Number);
    expect(middle).toBeCloseTo((from! + to!) / 2, 6);
  });

  test('has none while its row is scrolled out of view', () => {
    const scrolled = placeCallouts(all, layout, { x: 0, y: 5000 }, bounds);
    expect(scrolled.filter(({ callout, leader }) => callout.axis === 'row' && leader !== '')).toEqual([]);
  });
});

const slow = (first: number): Callout => ({
  axis: 'row',
  state: 'slow',
  runs: [{ first, last: first }],
  cells: [],
  pod: first,
  title: `goldpinger-chaos-sk9d7r6qwf-5qcj${first}`,
  lines: ['slow from all 4 others', 'first byte only: process or proxy', 'median 254 ms, since 05:53:51'],
});
const gone: Callout = {
  ...slow(0),
  state: 'gone',
  runs: [{ first: 0, last: 1 }],
  pod: -1,
  title: '2 pods of node-a are gone',
  lines: ['left 05:51:20 to 05:53:50'],
};
/** Experiment 2b soon after experiment 2: two pods are gone, and two rows that touch are slow. */
const ALL = [gone, slow(2), slow(3)];

function placed(high: number, all = ALL): PlacedCallout[] {
  return placeCallouts(all, layoutOf(7, 290), { x: 0, y: 0 }, { low: 100, high, width: 340, action: true });
}

/** How high the words are where no line is wrapped, px. */
const heightOf = ({ callout, action }: PlacedCallout) => 20 + callout.lines.length * 18 + (action ? 22 : 0);

function expectApart(all: readonly PlacedCallout[], high: number): void {
  for (const [i, one] of all.entries()) {
    const end = one.y - 10 + heightOf(one);
    expect(end).toBeLessThanOrEqual((all[i + 1]?.y ?? high + 10) - 10);
  }
}

describe('words beside rows that touch', () => {
  test('say everything where there is room', () => {
    const all = placed(600);
    expect(all.map(({ callout }) => callout)).toEqual(ALL);
    expect(all.every(({ action }) => action)).toBe(true);
    expectApart(all, 600);
  });

  test('say less where there is not, never one over the other: no button, then fewer lines', () => {
    expect(placed(340).map(({ callout }) => callout)).toEqual(ALL);
    expect(placed(340).some(({ action }) => action)).toBe(false);
    const linesAt = (high: number) => placed(high).map(({ callout }) => callout.lines.length);
    expect([linesAt(290), linesAt(240)]).toEqual([
      [1, 2, 2],
      [1, 1, 1],
    ]);
    for (const high of [340, 290, 240]) expectApart(placed(high), high);
  });

  test('leave out the least grave where not even that fits, and keep one whatever the room', () => {
    expect(placed(210).map(({ callout }) => mainRun(callout).first)).toEqual([2, 3]);
    expectApart(placed(210), 210);
    expect(placed(100).map(({ callout }) => callout.state)).toEqual(['slow']);
  });

  test('are apart for any callouts in any room, in the order of their rows', () => {
    const any = fc.record({ first: fc.nat(6), lines: fc.integer({ min: 1, max: 3 }), isGone: fc.boolean() });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 6 }), fc.integer({ min: 200, max: 900 }), (wanted, high) => {
        const some = wanted
          .map(({ first, lines, isGone }) => ({
            ...(isGone ? gone : slow(first)),
            runs: [{ first, last: first }],
            lines: Array(lines).fill('x'),
          }))
          .sort((a, b) => mainRun(a).first - mainRun(b).first);
        const all = placed(high, some);
        expect(all.length).toBeGreaterThanOrEqual(Math.min(1, some.length));
        expectApart(all, high);
        const firsts = all.map(({ callout }) => mainRun(callout).first);
        expect(firsts).toEqual([...firsts].sort((a, b) => a - b));
      }),
    );
  });
});

test('pods of a node are gone together, and one that is alone by its name', () => {
  const foundWith = (nodeOf: (i: number) => string) => {
    const picture = pictureOf({ pods: 4, scenario: 'healthy' }, ({ pods }) => {
      pods.forEach((pod, i) => {
        Object.assign(pod, { node: nodeOf(i) });
        if (i < 2) Object.assign(pod, { lifecycle: 'gone', sinceMs: 1_700_000_000_000 + i * 120_000 });
      });
    });
    return found(picture);
  };
  const [both] = foundWith(() => 'node-a');
  expect(both?.title).toBe('2 pods of node-a are gone');
  expect(both?.lines).toEqual([expect.stringMatching(/^terminated .*\d\d:13:20 to .*\d\d:15:20$/)]);
  expect(foundWith((i) => `node-${i}`)[0]?.title).toMatch(/^\S+ is gone$/);
});
