import { zoomIdentity } from 'd3';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { arrowHead, distanceTo, linkCurve, pointAt, selfLoop } from '../../../../../web/views/graph/geometry.ts';
import { keepVisible } from '../../../../../web/views/graph/gestures.ts';

const BOW = 0.1;
const point = fc.record({ x: fc.integer({ min: -500, max: 500 }), y: fc.integer({ min: -500, max: 500 }) });

describe('a link', () => {
  test('bends to the left of its way, so that the two directions part', () => {
    const there = linkCurve({ x: 0, y: 0 }, { x: 200, y: 0 }, 10, 10, BOW);
    const back = linkCurve({ x: 200, y: 0 }, { x: 0, y: 0 }, 10, 10, BOW);
    expect([there.cx, there.cy]).toEqual([100, -20]);
    expect([back.cx, back.cy]).toEqual([100, 20]);
  });

  test('begins and ends 4 px from the edges of its pods', () => {
    fc.assert(
      fc.property(point, point, (from, to) => {
        fc.pre(Math.hypot(from.x - to.x, from.y - to.y) > 120);
        const curve = linkCurve(from, to, 26, 14, BOW);
        expect(Math.hypot(curve.x0 - from.x, curve.y0 - from.y)).toBeCloseTo(30);
        expect(Math.hypot(curve.x1 - to.x, curve.y1 - to.y)).toBeCloseTo(18);
      }),
    );
  });

  test('has finite figures even between pods in one place', () => {
    const curve = linkCurve({ x: 5, y: 5 }, { x: 5, y: 5 }, 26, 26, BOW);
    expect(Object.values(curve).every(Number.isFinite)).toBe(true);
  });

  test('has an arrow with its tip at the end, along the way it came', () => {
    const corners = arrowHead({ x0: 0, y0: 0, cx: 50, cy: 0, x1: 100, y1: 0 }, 10);
    const half = expect.closeTo(4.6);
    expect(corners).toEqual([
      { x: 100, y: 0 },
      { x: 90, y: half },
      { x: 90, y: expect.closeTo(-4.6) },
    ]);
  });
});

test('the distance to a link is next to nothing for each of its points, and grows beside it', () => {
  const curve = linkCurve({ x: 0, y: 0 }, { x: 200, y: 40 }, 5, 5, BOW);
  for (let t = 0; t <= 1; t += 0.07) expect(distanceTo(curve, pointAt(curve, t))).toBeLessThan(0.5);
  const { x, y } = pointAt(curve, 0.5);
  expect(distanceTo(curve, { x, y: y + 6 })).toBeCloseTo(6, 0);
  expect(distanceTo(curve, { x: -100, y: 0 })).toBeGreaterThan(100);
});

test('a loop lies outside its pod, in the direction asked for', () => {
  const loop = selfLoop({ x: 100, y: 100 }, 26, -Math.PI / 2);
  expect(loop.x).toBeCloseTo(100);
  expect(loop.y + loop.radius).toBeLessThan(100);
  expect(loop.y - loop.radius).toBeLessThan(100 - 26 - 8);
});

test('the scene cannot be dragged off the stage', () => {
  const k = fc.double({ min: 0.5, max: 12, noNaN: true });
  fc.assert(
    fc.property(k, fc.integer(), fc.integer(), (scale, x, y) => {
      const after = keepVisible(zoomIdentity.translate(x, y).scale(scale), [900, 600]);
      expect(after.k).toBe(scale);
      expect(after.x).toBeLessThanOrEqual(820);
      expect(after.x + scale * 900).toBeGreaterThanOrEqual(80 - 1e-6);
      expect(after.y).toBeLessThanOrEqual(520);
      expect(after.y + scale * 600).toBeGreaterThanOrEqual(80 - 1e-6);
    }),
  );
});
