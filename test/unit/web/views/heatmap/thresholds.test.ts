import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEFAULT_THRESHOLDS } from '../../../../../server/protocol/link-state.ts';
import {
  binsOf,
  msAt,
  positionOf,
  scaleFor,
  stepFrom,
  THRESHOLD_NAMES,
  ticksOf,
  withThreshold,
} from '../../../../../web/views/heatmap/thresholds.ts';
import { pictureOf } from '../../heat-pictures.ts';

describe('the scale', () => {
  test('goes from 0.1 ms to 1 s, and further where timeout or thresholds need it', () => {
    expect(scaleFor(300, DEFAULT_THRESHOLDS)).toEqual({ leastMs: 0.1, mostMs: 1000 });
    expect(scaleFor(3000, DEFAULT_THRESHOLDS).mostMs).toBe(10_000);
    expect(scaleFor(300, { goodMs: 0.05, warningMs: 1, problemMs: 2000 })).toEqual({ leastMs: 0.01, mostMs: 10_000 });
    expect(ticksOf({ leastMs: 0.1, mostMs: 1000 })).toEqual([0.1, 1, 10, 100, 1000]);
  });

  test('leads from a figure to its place and back, to two figures', () => {
    const scale = { leastMs: 0.1, mostMs: 1000 };
    fc.assert(
      fc.property(fc.double({ min: 0.1, max: 1000, noNaN: true }), (ms) => {
        expect(Math.abs(msAt(scale, positionOf(scale, ms)) / ms - 1)).toBeLessThan(0.051);
      }),
    );
    expect(positionOf(scale, 0)).toBe(0);
    expect(positionOf(scale, 9999)).toBe(1);
  });
});

describe('thresholds', () => {
  test('stay in order whatever is set, and what was set stays', () => {
    const ms = fc.double({ min: 0.01, max: 10_000, noNaN: true });
    fc.assert(
      fc.property(fc.constantFrom(...THRESHOLD_NAMES), ms, (name, value) => {
        const set = withThreshold(DEFAULT_THRESHOLDS, name, value);
        expect(set[name]).toBe(value);
        expect(set.goodMs).toBeLessThanOrEqual(set.warningMs);
        expect(set.warningMs).toBeLessThanOrEqual(set.problemMs);
      }),
    );
  });

  test('push only those they pass', () => {
    expect(withThreshold(DEFAULT_THRESHOLDS, 'goodMs', 50)).toEqual({ goodMs: 50, warningMs: 50, problemMs: 100 });
    expect(withThreshold(DEFAULT_THRESHOLDS, 'problemMs', 3)).toEqual({ goodMs: 2, warningMs: 3, problemMs: 3 });
  });

  test('step by one in the second figure', () => {
    expect(stepFrom(2, 1)).toBe(2.1);
    expect(stepFrom(2, -1)).toBe(1.9);
    expect(stepFrom(100, 1)).toBe(110);
    expect(stepFrom(100, -1)).toBe(99);
    expect(stepFrom(9.9, 1)).toBe(10);
    expect(stepFrom(0.01, -1)).toBe(0.01);
  });
});

describe('the distribution', () => {
  const scale = { leastMs: 0.1, mostMs: 1000 };

  test('counts every link that answered, once', () => {
    const picture = pictureOf({ pods: 4, scenario: 'slow-pod' });
    const bins = binsOf(picture, scale, 33);
    expect(bins.reduce((sum, count) => sum + count, 0)).toBe(16);
    expect(bins.slice(positionOf(scale, 200) * 33).reduce((sum, count) => sum + count, 0)).toBe(4);
  });

  test('leaves out failed links', () => {
    const picture = pictureOf({ pods: 3, scenario: 'dead-pod' });
    expect(binsOf(picture, scale, 33).reduce((sum, count) => sum + count, 0)).toBe(4);
  });

  test('of a thousand pods is made from a part of the links that visits every row', () => {
    const n = 400;
    const state = new Uint8Array(n * n);
    const valueUs = new Float32Array(n * n).fill(500);
    for (let from = 0; from < n; from++) valueUs[from * n + 7] = 250_000;
    const bins = binsOf({ ...pictureOf({ pods: 1, scenario: 'alone' }), n, state, valueUs }, scale, 60);
    const total = bins.reduce((sum, count) => sum + count, 0);
    expect(total).toBeLessThan(50_000);
    const slow = bins.slice(positionOf(scale, 200) * 60).reduce((sum, count) => sum + count, 0);
    expect(slow / total).toBeCloseTo(1 / n, 3);
  });
});
