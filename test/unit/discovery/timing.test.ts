import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Backoff } from '../../../server/discovery/timing.ts';

describe('the wait after a failure', () => {
  test('doubles up to the cap, and starts again after a success', () => {
    const backoff = new Backoff(1_000, 30_000, () => 0.999_999);
    const waits = Array.from({ length: 8 }, () => Math.round(backoff.next()));
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    backoff.reset();
    expect(Math.round(backoff.next())).toBe(1_000);
  });

  test('is shortened by at most a half', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.nat(5_000), (random, failures) => {
        const backoff = new Backoff(1_000, 30_000, () => random);
        for (let i = 0; i < failures; i++) backoff.next();
        const fullMs = Math.min(30_000, 1_000 * 2 ** failures);
        const waitMs = backoff.next();
        expect(waitMs).toBeGreaterThanOrEqual(fullMs / 2);
        expect(waitMs).toBeLessThanOrEqual(fullMs);
      }),
    );
  });
});
