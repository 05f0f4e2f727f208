import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { arcLabel, layoutRing, ringOrder, seatPods } from '../../../../web/model/ring-layout.ts';

const BOX = { x: 150, y: 50, width: 300, height: 300 };

function pod(name: string, node = '', zone = '') {
  return { uid: `uid-${name}`, name, node, zone };
}

describe('the ring', () => {
  test.each([
    ['four pods at the corners of a square, clockwise from the upper left', 4, '194,94 406,94 406,306 194,306'],
    ['three pods as a triangle that stands on its tip', 3, '170,125 430,125 300,350'],
    ['a pod that is alone in the middle', 1, '300,200'],
  ])('has %s', (_rule, count, places) => {
    const pods = ['a', 'b', 'c', 'd'].slice(0, count).map((name) => pod(name));
    const { spots } = layoutRing(pods, 'none', BOX);
    expect(spots.map(({ x, y }) => `${Math.round(x)},${Math.round(y)}`).join(' ')).toBe(places);
  });

  test('binds neighbours of one node, with gaps between nodes, the first to the right of the top', () => {
    const pods = [pod('a', 'n1'), pod('b', 'n2'), pod('c', 'n1'), pod('d', 'n2')];
    const { arcs, order, spots } = layoutRing(pods, 'node', BOX);
    expect(arcs.map(({ name, pods: members }) => [name, members])).toEqual([
      ['n1', [0, 2]],
      ['n2', [1, 3]],
    ]);
    expect(order).toEqual([0, 2, 1, 3]);
    expect(spots[0]!.x).toBeGreaterThan(300);
    expect(spots[3]!.x).toBeLessThan(300);
    const slot = (2 * Math.PI) / (4 + 2 * 1.6);
    expect(arcs[0]!.to - arcs[0]!.from).toBeCloseTo(slot);
    expect(arcs[1]!.from - arcs[0]!.to).toBeCloseTo(slot * 2.6);
  });

  test('keeps nodes of the same name in two zones apart', () => {
    const { arcs } = layoutRing([pod('a', 'n', 'z1'), pod('b', 'n', 'z2')], 'node', BOX);
    expect(arcs.map(({ name, pods }) => [name, pods])).toEqual([
      ['n', [0]],
      ['n', [1]],
    ]);
  });

  test('orders by zone, node and name as people count', () => {
    const pods = [pod('p10', 'n1', 'z'), pod('p9', 'n1', 'z'), pod('p1', 'n10', 'z'), pod('p2', 'n2', 'z')];
    expect(ringOrder(pods, 'zone')).toEqual([1, 0, 3, 2]);
    expect(ringOrder(pods, 'none')).toEqual([2, 3, 1, 0]);
  });
});

const anyPod = fc.record({
  uid: fc.uuid(),
  name: fc.string({ maxLength: 12 }),
  node: fc.constantFrom('', 'n1', 'n2', 'n3'),
  zone: fc.constantFrom('', 'z1', 'z2'),
});
const anyPods = fc.uniqueArray(anyPod, { selector: ({ uid }) => uid, maxLength: 40 });
const anyGroup = fc.constantFrom('none' as const, 'node' as const, 'zone' as const);

test('the order does not depend on how the pods come in', () => {
  fc.assert(
    fc.property(anyPods, anyGroup, fc.integer({ min: 0, max: 50 }), (pods, group, turn) => {
      const turned = [...pods.slice(turn % (pods.length || 1)), ...pods.slice(0, turn % (pods.length || 1))];
      const uids = (list: typeof pods) => ringOrder(list, group).map((i) => list[i]!.uid);
      expect(uids(turned)).toEqual(uids(pods));
    }),
  );
});

test('a pod that joins moves no two others past each other', () => {
  fc.assert(
    fc.property(anyPods, anyPod, anyGroup, (pods, newcomer, group) => {
      fc.pre(pods.every(({ uid }) => uid !== newcomer.uid));
      const after = [...pods, newcomer];
      const left = ringOrder(after, group).filter((i) => i < pods.length);
      expect(left).toEqual(ringOrder(pods, group));
    }),
  );
});

test('every pod has a place on the ellipse, and arcs hold each exactly once', () => {
  fc.assert(
    fc.property(anyPods, anyGroup, fc.integer({ min: 300, max: 600 }), (pods, group, width) => {
      const { spots, cx, cy, rx, ry, arcs, order } = layoutRing(pods, group, { ...BOX, width });
      expect([...order].sort((a, b) => a - b)).toEqual(pods.map((_, i) => i));
      for (const { x, y } of spots)
        if (pods.length > 1) expect(Math.hypot((x - cx) / rx, (y - cy) / ry)).toBeCloseTo(1);
      if (group !== 'none') expect(arcs.flatMap((arc) => arc.pods)).toEqual(order);
    }),
  );
});

test('neighbours on an ellipse are equally far apart', () => {
  const pods = Array.from({ length: 40 }, (_, i) => pod(`p${i}`));
  const { spots } = layoutRing(pods, 'none', { ...BOX, width: 500 });
  const steps = spots.map(({ x, y }, i) => Math.hypot(x - spots.at(i - 1)!.x, y - spots.at(i - 1)!.y));
  expect(Math.max(...steps) / Math.min(...steps)).toBeLessThan(1.03);
});

test('zones stand around their nodes; pods that share a place are drawn once, and empty places not at all', () => {
  const pods = [pod('a', 'n1', 'z1'), pod('b', 'n2', 'z1'), pod('c', 'n3', 'z2'), pod('d', 'n3', 'z2')];
  const slots = [...pods.slice(0, 3), pod('left', 'n4', 'z2')];
  const ring = seatPods(layoutRing(slots, 'node', BOX), [0, 1, 2, 2], (index) => index < 3);
  expect(ring.zones.map(({ name, pods: members }) => [name, members])).toEqual([
    ['z1', [0, 1]],
    ['z2', [2]],
  ]);
  expect(ring.order).toEqual([0, 1, 2]);
  expect(ring.spots[3]).toEqual(ring.spots[2]);
});

test('the name of an arc stands in its middle and reads away from the ring', () => {
  const ring = layoutRing([pod('a', 'n1'), pod('b', 'n2')], 'node', BOX);
  expect(arcLabel(ring, ring.arcs[0]!, 50)).toMatchObject({ anchor: 'start' });
  expect(arcLabel(ring, ring.arcs[1]!, 50)).toMatchObject({ anchor: 'end' });
});
