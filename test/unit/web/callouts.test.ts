import { describe, expect, test } from 'vitest';
import type { Finding } from '../../../server/protocol/finding.ts';
import { DEFAULT_THRESHOLDS } from '../../../server/protocol/link-state.ts';
import { axisStatesOf } from '../../../web/model/axis-states.ts';
import { layoutHeatmap } from '../../../web/model/heat-layout.ts';
import { buildPicture, type Picture } from '../../../web/model/mesh-view.ts';
import { arrange } from '../../../web/model/order.ts';
import { type Callout, callouts, MAX_CALLOUTS, placeCallouts } from '../../../web/views/heatmap/callouts.ts';
import { pictureOf } from './heat-pictures.ts';

const USUAL = { thresholds: DEFAULT_THRESHOLDS, value: 'last', phase: 'total' } as const;

function found(picture: Picture, group: 'none' | 'node' = 'none'): Callout[] {
  const axisStates = axisStatesOf(picture);
  return callouts(picture, axisStates, arrange(picture, axisStates, { order: 'name', group, filter: '' }));
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
    expect(callout?.lines.slice(0, 2)).toEqual([
      'slow from all 3 others',
      'only the first byte is late: check the process or a proxy, not the network',
    ]);
    expect(callout?.lines[2]).toMatch(/^median 25\d ms(, since .+)?$/);
  });

  test('nothing that the server did not find, whatever the figures say', () => {
    const picture = pictureOf({ pods: 4, scenario: 'dead-pod' });
    expect(found(buildPicture({ ...picture.mesh, findings: [] }, USUAL))).toEqual([]);
  });

  test('the pod that does not answer, with outcome and since when, and that it did not report only once', () => {
    const all = found(pictureOf({ pods: 3, scenario: 'dead-pod' }));
    expect(all).toHaveLength(1);
    expect(all[0]?.title).toBe('goldpinger-chaos');
    expect(all[0]?.lines.slice(0, 2)).toEqual([
      'unreachable from all 2 others',
      'refused: nothing listens on its port',
    ]);
    expect(all[0]?.lines[2]).toMatch(/^since \d\d:\d\d:\d\d$/);
  });

  test('the pod that reaches nobody, the starved one and the one that did not report, by their columns', () => {
    const [cutOff] = found(pictureOf({ pods: 6, scenario: 'cut-off' }));
    expect(cutOff).toMatchObject({ axis: 'column', state: 'failed', first: 5, last: 5 });
    expect(cutOff?.lines[0]).toBe('reaches none of the 5 others');
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
    expect(callout?.title).toMatch(/^node worker-\d+$/);
    expect(callout?.lines[0]).toMatch(/^its 10 pods are unreachable from all \d+ pods that report$/);
    expect((callout?.last ?? 0) - (callout?.first ?? 0)).toBe(9);
  });

  test('what came and what went', () => {
    const titles = found(pictureOf({ pods: 120, scenario: 'mixed' }), 'node').map(({ title }) => title);
    expect(titles.some((title) => title.endsWith(' is gone'))).toBe(true);
    expect(titles.some((title) => title.endsWith(' joined'))).toBe(true);
  });

  test('the node of pods that are no neighbours once, by the most of them that are', () => {
    const [callout] = found(pictureOf({ pods: 30, scenario: 'mixed' })).filter(({ state }) => state === 'failed');
    expect(callout?.title).toBe('node worker-01');
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
  const arrangement = arrange(picture, axisStates, { order: 'name', group: 'node', filter: '' });
  const room = { width: 780, height: 600, dpr: 1, fullWidth: 112, shortWidth: 44, groupWidth: 70, narrow: false };
  const layout = layoutHeatmap({ ...room, n: 120, groups: arrangement.groups, fit: true });
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
    const node = placed.find(({ callout }) => callout.state === 'failed');
    expect(node?.bracket).not.toBeNull();
    expect(node?.leader[0]?.[1]).toBeCloseTo((node!.bracket!.from + node!.bracket!.to) / 2, 6);
  });

  test('without a line while their row is scrolled out of view', () => {
    const scrolled = placeCallouts(all, layout, { x: 0, y: 5000 }, bounds);
    expect(scrolled.filter(({ callout }) => callout.axis === 'row').every(({ leader }) => leader.length === 0)).toBe(
      true,
    );
  });
});
