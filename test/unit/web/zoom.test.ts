import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NO_ZOOM, panBy, toScene, toStage, wheelFactor, zoomAt } from '../../../web/views/graph/geometry.ts';

const zoom = fc.record({
  k: fc.double({ min: 0.5, max: 12, noNaN: true }),
  x: fc.integer({ min: -3000, max: 900 }),
  y: fc.integer({ min: -3000, max: 600 }),
});
const point = fc.record({ x: fc.integer({ min: 0, max: 900 }), y: fc.integer({ min: 0, max: 600 }) });

test('what lies under the pointer stays there while zooming', () => {
  fc.assert(
    fc.property(zoom, point, fc.double({ min: 0.1, max: 10, noNaN: true }), (before, at, factor) => {
      const scene = toScene(before, at);
      const after = toStage(zoomAt(before, factor, at), scene);
      expect(after.x).toBeCloseTo(at.x, 5);
      expect(after.y).toBeCloseTo(at.y, 5);
    }),
  );
});

test('zoom is between 50 % and 1200 %', () => {
  expect(zoomAt(NO_ZOOM, 0.001, { x: 0, y: 0 }).k).toBe(0.5);
  expect(zoomAt(NO_ZOOM, 1000, { x: 0, y: 0 }).k).toBe(12);
});

test('the scene cannot be dragged off the stage', () => {
  fc.assert(
    fc.property(zoom, fc.integer(), fc.integer(), (before, dx, dy) => {
      const after = panBy(before, dx, dy, 900, 600);
      expect(after.x).toBeLessThanOrEqual(820);
      expect(after.x + after.k * 900).toBeGreaterThanOrEqual(80 - 1e-6);
      expect(after.y).toBeLessThanOrEqual(520);
      expect(after.y + after.k * 600).toBeGreaterThanOrEqual(80 - 1e-6);
    }),
  );
});

test('a wheel zooms in upwards, by little on a touchpad, and never by more than a step', () => {
  expect(wheelFactor(-100, 0, false)).toBeCloseTo(1.149, 3);
  expect(wheelFactor(3, 1, false)).toBeCloseTo(0.901, 3);
  expect(wheelFactor(-1e9, 0, false)).toBeLessThan(1.4);
  expect(wheelFactor(-10, 0, true)).toBeGreaterThan(wheelFactor(-10, 0, false));
});
