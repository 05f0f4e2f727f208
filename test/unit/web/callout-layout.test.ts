import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { axisStatesOf } from '../../../web/model/axis-states.ts';
import { layoutHeatmap } from '../../../web/model/heat-layout.ts';
import { arrange } from '../../../web/model/order.ts';
import { type Callout, callouts, type PlacedCallout, placeCallouts } from '../../../web/views/heatmap/callouts.ts';
import { pictureOf } from './heat-pictures.ts';

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
const layout = layoutHeatmap({ ...room, n: 7, groups: [], fit: true });

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
    return callouts(picture, axisStates, arrange(picture, axisStates, { order: 'name', group: 'none', filter: '' }));
  };
  const [some] = titles(() => 'node-a');
  expect(some?.title).toBe('2 pods of node-a are gone');
  expect(some?.lines).toEqual([expect.stringMatching(/^terminated .*\d\d:13:20 to .*\d\d:15:20$/)]);
  const [node] = titles((_, i) => (i < 2 ? 'node-a' : 'node-b'));
  expect(node?.title).toBe('node-a is gone');
  expect(node?.lines[0]).toMatch(/^2 pods, terminated /);
  expect(titles((_, i) => `node-${i}`)[0]?.title).toMatch(/^\S+ is gone$/);
});
