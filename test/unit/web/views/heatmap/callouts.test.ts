import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Finding } from '../../../../../server/protocol/finding.ts';
import { DEFAULT_THRESHOLDS } from '../../../../../server/protocol/link-state.ts';
import { axisStatesOf } from '../../../../../web/model/axis-states.ts';
import { layoutHeatmap } from '../../../../../web/model/heat-layout.ts';
import { buildPicture, type Picture } from '../../../../../web/model/mesh-view.ts';
import { arrange } from '../../../../../web/model/order.ts';
import {
  type Callout,
  callouts,
  MAX_CALLOUTS,
  type PlacedCallout,
  placeCallouts,
} from '../../../../../web/views/heatmap/callouts.ts';
import { pictureOf } from '../../pictures.ts';

const USUAL = { thresholds: DEFAULT_THRESHOLDS, value: 'last', phase: 'total' } as const;

function found(picture: Picture, group: 'none' | 'node' = 'none'): Callout[] {
  const axisStates = axisStatesOf(picture);
  return callouts(picture, axisStates, arrange(picture, { order: 'name', group, filter: '' }));
}

describe('beside the picture stands', () => {
  test('nothing while all is well', () => {
    expect(found(pictureOf({ pods: 6, scenario: 'healthy' }))).toEqual([]);
  });

  test('the row that is slow, in the words of the server, with the median', () => {
    const [callout, ...rest] = found(pictureOf({ pods: 4, scenario: 'slow-pod' }));
    expect(rest).toEqual([]);
    expect(callout).toMatchObject({ axis: 'row', state: 'slow', first: 3, last: 3, pod: 3 });
    expect(callout?.title).toBe('goldpinger-chaos');
    // The notice above the view says already that it is slow from all others.
    expect(callout?.lines[0]).toBe('only the first byte is late: check the process or a proxy, not the network');
    expect(callout?.lines[1]).toMatch(/^median 25\d ms(, since .+)?$/);
  });

  test('nothing that the server did not find, whatever the figures say', () => {
    const picture = pictureOf({ pods: 4, scenario: 'dead-pod' });
    expect(found(buildPicture({ ...picture.mesh, findings: [] }, USUAL))).toEqual([]);
  });

  test('the pod that does not answer, with outcome and since when, and that it did not report only once', () => {
    const all = found(pictureOf({ pods: 3, scenario: 'dead-pod' }));
    expect(all).toHaveLength(1);
    expect(all[0]?.title).toBe('goldpinger-chaos');
    expect(all[0]?.lines[0]).toBe('refused: nothing listens on its port');
    expect(all[0]?.lines[1]).toMatch(/^since \d\d:\d\d:\d\d$/);
  });

  test('the pod that reaches nobody, the starved one and the one that did not report, by their columns', () => {
    const [cutOff] = found(pictureOf({ pods: 6, scenario: 'cut-off' }));
    expect(cutOff).toMatchObject({ axis: 'column', state: 'failed', first: 5, last: 5 });
    expect(cutOff?.lines[0]).toMatch(/^timeout in connect: check its own net/);
    expect(found(pictureOf({ pods: 6, scenario: 'starved' }))[0]).toMatchObject({ axis: 'column', state: 'suspect' });
    const missing = found(pictureOf({ pods: 6, scenario: 'missing-reports' }));
    expect(missing.map(({ axis, lines }) => [axis, lines[0]])).toEqual([
      ['column', 'did not report'],
      ['column', 'did not report'],
    ]);
  });

  test('a whole node once, not each of its pods', () => {
    const callout = found(pictureOf({ pods: 120, scenario: 'mixed' }), 'node').find(({ state }) => state === 'failed');
    expect(callout).toMatchObject({ pod: -1 });
    expect(callout?.title).toMatch(/^Node worker-\d+$/);
    expect(callout?.lines[0]).toMatch(/^timeout in connect: check the node an/);
    expect((callout?.last ?? 0) - (callout?.first ?? 0)).toBe(9);
  });

  test('a link that fails, where its cell is small: by the row of its destination', () => {
    const picture = pictureOf({ pods: 60, scenario: 'one-way' });
    const [finding] = picture.mesh.findings;
    const [callout, ...rest] = found(picture);
    expect(rest).toEqual([]);
    expect(callout).toMatchObject({
      axis: 'row',
      state: 'failed',
      first: finding?.pods[0],
      title: finding?.subject,
      pod: -1,
    });
    expect(found(pictureOf({ pods: 12, scenario: 'one-way' }))).toEqual([]);
  });

  test('what came and what went', () => {
    const titles = found(pictureOf({ pods: 120, scenario: 'mixed' }), 'node').map(({ title }) => title);
    expect(titles.some((title) => title.endsWith(' is gone'))).toBe(true);
    expect(titles.some((title) => title.endsWith(' joined'))).toBe(true);
  });

  test('the node of pods that are no neighbours once, by the most of them that are', () => {
    const [callout] = found(pictureOf({ pods: 30, scenario: 'mixed' })).filter(({ state }) => state === 'failed');
    expect(callout?.title).toBe('Node worker-01');
    expect((callout?.last ?? 99) - (callout?.first ?? 0)).toBeLessThan(9);
  });

  test('six at the most, the gravest', () => {
    const { mesh } = pictureOf({ pods: 30, scenario: 'slow-pod' });
    const of = (pod: number, kind: 'pod-unreachable' | 'pod-slow', severity: 'failed' | 'slow'): Finding => {
      return { ...mesh.findings[0]!, kind, severity, pods: [pod], subject: `p${pod}`, title: `p${pod}: bad` };
    };
    const failed = [9, 7, 5, 3, 1].map((pod) => of(pod, 'pod-unreachable', 'failed'));
    const slow = [8, 6, 4].map((pod) => of(pod, 'pod-slow', 'slow'));
    const all = found(buildPicture({ ...mesh, findings: [...failed, ...slow] }, USUAL));
    expect(all).toHaveLength(MAX_CALLOUTS);
    expect(all.map(({ first }) => first)).toEqual([1, 3, 5, 7, 8, 9]);
    expect(all.filter(({ state }) => state === 'failed')).toHaveLength(5);
  });

  test('names that cannot turn the text around', () => {
    const picture = pictureOf({ pods: 4, scenario: 'slow-pod' }, ({ pods }) => {
      pods[3]!.name = 'zzz\u202egnp';
    });
    picture.n = 40;
    expect(JSON.stringify(found(pictureOf({ pods: 40, scenario: 'hostile' })))).not.toMatch(/[\u202e\u200b]/);
    expect(picture.pods[3]?.name).not.toContain('\u202e');
  });
});

describe('callouts are placed', () => {
  const picture = pictureOf({ pods: 120, scenario: 'mixed' });
  const axisStates = axisStatesOf(picture);
  const arrangement = arrange(picture, { order: 'name', group: 'node', filter: '' });
  const room = { width: 780, height: 600, dpr: 1, fullWidth: 112, shortWidth: 44, groupWidth: 70, narrow: false };
  const layout = layoutHeatmap({ ...room, n: 120, groups: arrangement.groups, fit: true, names: 'auto' });
  const all = callouts(picture, axisStates, arrangement);
  const bounds = { low: 60, high: 620, width: 300, action: false };
  const placed = placeCallouts(all, layout, { x: 0, y: 0 }, bounds);

  test('right of the matrix, 36 px apart at the least, within their bounds, rows before columns', () => {
    expect(placed.length).toBeGreaterThan(3);
    for (const [i, { x, y }] of placed.entries()) {
      expect(x).toBeGreaterThan(layout.left + layout.viewWidth);
      expect(y).toBeGreaterThanOrEqual(60);
      expect(y).toBeLessThanOrEqual(620);
      if (i > 0) expect(y - placed[i - 1]!.y).toBeGreaterThanOrEqual(36);
    }
    expect(placed.at(-1)?.callout.axis).toBe('column');
  });

  test('with a line from their row, and a bracket around several', () => {
    const { leader } = placed.find(({ callout }) => callout.state === 'failed')!;
    const [, middle, from, to] = /^M\S+ ([\d.]+)H.*M\S+ ([\d.]+)h6V([\d.]+)h-6$/.exec(leader)!.map(Number);
    expect(middle).toBeCloseTo((from! + to!) / 2, 6);
  });

  test('without a line while their row is scrolled out of view', () => {
    const scrolled = placeCallouts(all, layout, { x: 0, y: 5000 }, bounds);
    expect(scrolled.filter(({ callout, leader }) => callout.axis === 'row' && leader !== '')).toEqual([]);
  });
});

const slow = (first: number): Callout => ({
  axis: 'row',
  state: 'slow',
  first,
  last: first,
  pod: first,
  title: `goldpinger-chaos-sk9d7r6qwf-5qcj${first}`,
  lines: ['slow from all 4 others', 'first byte only: process or proxy', 'median 254 ms, since 05:53:51'],
});
const gone: Callout = {
  axis: 'row',
  state: 'gone',
  first: 0,
  last: 1,
  pod: -1,
  title: '2 pods of node-a are gone',
  lines: ['left 05:51:20 to 05:53:50'],
};
/** Experiment 2b soon after experiment 2: two pods are gone, and two rows that touch are slow. */
const ALL = [gone, slow(2), slow(3)];

const room = { width: 780, height: 290, dpr: 1, fullWidth: 112, shortWidth: 44, groupWidth: 70, narrow: false };
const layout = layoutHeatmap({ ...room, n: 7, groups: [], fit: true, names: 'auto' });

function placed(high: number, all = ALL): PlacedCallout[] {
  return placeCallouts(all, layout, { x: 0, y: 0 }, { low: 100, high, width: 340, action: true });
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
    const noButtons = placed(340);
    expect(noButtons.map(({ callout }) => callout)).toEqual(ALL);
    expect(noButtons.some(({ action }) => action)).toBe(false);
    expectApart(noButtons, 340);
    const shorter = placed(290);
    expect(shorter.map(({ callout }) => callout.lines.length)).toEqual([1, 2, 2]);
    expectApart(shorter, 290);
    const brief = placed(240);
    expect(brief.map(({ callout }) => callout.lines.length)).toEqual([1, 1, 1]);
    expectApart(brief, 240);
  });

  test('leave out the least grave where not even that fits, and keep one whatever the room', () => {
    const two = placed(210);
    expect(two.map(({ callout }) => callout.first)).toEqual([2, 3]);
    expectApart(two, 210);
    expect(placed(100).map(({ callout }) => callout.state)).toEqual(['slow']);
  });

  test('are apart for any callouts in any room, in the order of their rows', () => {
    const any = fc.record({ first: fc.nat(6), lines: fc.integer({ min: 1, max: 3 }), isGone: fc.boolean() });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 6 }), fc.integer({ min: 200, max: 900 }), (wanted, high) => {
        const some = wanted
          .map(({ first, lines, isGone }) => ({
            ...(isGone ? gone : slow(first)),
            first,
            lines: Array(lines).fill('x'),
          }))
          .sort((a, b) => a.first - b.first);
        const all = placed(high, some);
        expect(all.length).toBeGreaterThanOrEqual(Math.min(1, some.length));
        expectApart(all, high);
        const firsts = all.map(({ callout }) => callout.first);
        expect(firsts).toEqual([...firsts].sort((a, b) => a - b));
      }),
    );
  });
});

test('some pods of a node are gone, a node is, and one pod is', () => {
  const titles = (change: (name: string, i: number) => string) => {
    const picture = pictureOf({ pods: 4, scenario: 'healthy' }, ({ pods }) => {
      pods.forEach((pod, i) => {
        Object.assign(pod, { node: change(pod.node, i) });
        if (i < 2) Object.assign(pod, { lifecycle: 'gone', sinceMs: 1_700_000_000_000 + i * 120_000 });
      });
    });
    const axisStates = axisStatesOf(picture);
    return callouts(picture, axisStates, arrange(picture, { order: 'name', group: 'none', filter: '' }));
  };
  const [some] = titles(() => 'node-a');
  expect(some?.title).toBe('2 pods of node-a are gone');
  expect(some?.lines).toEqual([expect.stringMatching(/^terminated .*\d\d:13:20 to .*\d\d:15:20$/)]);
  const [node] = titles((_, i) => (i < 2 ? 'node-a' : 'node-b'));
  expect(node?.title).toBe('node-a is gone');
  expect(node?.lines[0]).toMatch(/^2 pods, terminated /);
  expect(titles((_, i) => `node-${i}`)[0]?.title).toMatch(/^\S+ is gone$/);
});
