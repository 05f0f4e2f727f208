import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backoffMs, DEFAULT_TIMING } from '../../../server/discovery/timing.ts';

describe('the wait after a failure', () => {
  test('doubles up to the cap', () => {
    const waits = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => Math.round(backoffMs(n, DEFAULT_TIMING, () => 0.999_999)));
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  });

  test('is shortened by at most a half', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.nat(5_000), (random, failures) => {
        const fullMs = Math.min(30_000, 1_000 * 2 ** failures);
        const waitMs = backoffMs(failures + 1, DEFAULT_TIMING, () => random);
        expect(waitMs).toBeGreaterThanOrEqual(fullMs / 2);
        expect(waitMs).toBeLessThanOrEqual(fullMs);
      }),
    );
  });
});
