import { sum } from 'd3';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEFAULT_THRESHOLDS } from '../../../../../server/protocol/link-state.ts';
import {
  binsOf,
  msAt,
  scaleFor,
  stepFrom,
  THRESHOLD_NAMES,
  ticksOf,
  withThreshold,
} from '../../../../../web/views/heatmap/thresholds.ts';
import { pictureOf } from '../../pictures.ts';

describe('the scale', () => {
  test('goes from 0.1 ms to 1 s, and further where timeout or thresholds need it', () => {
    expect(scaleFor(300, DEFAULT_THRESHOLDS).domain()).toEqual([0.1, 1000]);
    expect(scaleFor(3000, DEFAULT_THRESHOLDS).domain()).toEqual([0.1, 10_000]);
    expect(scaleFor(300, { goodMs: 0.05, warningMs: 1, problemMs: 2000 }).domain()).toEqual([0.01, 10_000]);
    expect(ticksOf(scaleFor(300, DEFAULT_THRESHOLDS))).toEqual([0.1, 1, 10, 100, 1000]);
  });

  test('leads from a figure to its place and back, to two figures', () => {
    const scale = scaleFor(300, DEFAULT_THRESHOLDS);
    fc.assert(
      fc.property(fc.double({ min: 0.1, max: 1000, noNaN: true }), (ms) => {
        expect(Math.abs(msAt(scale, scale(ms)) / ms - 1)).toBeLessThan(0.051);
      }),
    );
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
    expect([2, 100, 9.9].map((ms) => stepFrom(ms, 1))).toEqual([2.1, 110, 10]);
    expect([2, 100, 0.01].map((ms) => stepFrom(ms, -1))).toEqual([1.9, 99, 0.01]);
  });
});

describe('the distribution', () => {
  const scale = scaleFor(300, DEFAULT_THRESHOLDS);

  test('counts every link that answered, once, and no failed one', () => {
    const bins = binsOf(pictureOf({ pods: 4, scenario: 'slow-pod' }), scale, 33);
    expect([sum(bins), sum(bins.slice(scale(200) * 33))]).toEqual([16, 4]);
    expect(sum(binsOf(pictureOf({ pods: 3, scenario: 'dead-pod' }), scale, 33))).toBe(4);
  });

  test('of a thousand pods is made from a part of the links that visits every row', () => {
    const n = 400;
    const state = new Uint8Array(n * n);
    const valueUs = new Float32Array(n * n).fill(500);
    for (let from = 0; from < n; from++) valueUs[from * n + 7] = 250_000;
    const bins = binsOf({ ...pictureOf({ pods: 1, scenario: 'alone' }), n, state, valueUs }, scale, 60);
    expect(sum(bins)).toBeLessThan(50_000);
    expect(sum(bins.slice(scale(200) * 60)) / sum(bins)).toBeCloseTo(1 / n, 3);
  });
});
