import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EmptyGuard } from '../../../server/discovery/sync.ts';
import { Backoff } from '../../../server/discovery/timing.ts';

describe('the wait after a failure', () => {
  test('doubles up to the cap, and begins anew after a success', () => {
    const backoff = new Backoff(1_000, 30_000, () => 0.999_999);
    const waits = Array.from({ length: 8 }, () => Math.round(backoff.next()));
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    backoff.reset();
    expect(Math.round(backoff.next())).toBe(1_000);
  });

  test('is between half of that and all of it', () => {
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

describe('an empty list', () => {
  test('is believed while nobody is known', () => {
    expect(new EmptyGuard(60_000).believes(0, 0, 5)).toBe(true);
  });

  test('needs three successive answers and two refresh intervals while peers are known', () => {
    const guard = new EmptyGuard(60_000);
    expect(guard.believes(0, 3, 0)).toBe(false);
    expect(guard.believes(0, 3, 1_000)).toBe(false);
    expect(guard.believes(0, 3, 59_999)).toBe(false);
    expect(guard.believes(0, 3, 60_000)).toBe(true);
  });

  test('is not believed after two answers, however far apart', () => {
    const guard = new EmptyGuard(60_000);
    expect(guard.believes(0, 3, 0)).toBe(false);
    expect(guard.believes(0, 3, 600_000)).toBe(false);
    expect(guard.believes(0, 3, 600_001)).toBe(true);
  });

  test('counts from the start again after one that is not', () => {
    const guard = new EmptyGuard(60_000);
    for (const nowMs of [0, 30_000]) guard.believes(0, 3, nowMs);
    expect(guard.believes(3, 3, 40_000)).toBe(true);
    expect(guard.believes(0, 3, 60_000)).toBe(false);
    expect(guard.believes(0, 3, 90_000)).toBe(false);
    expect(guard.believes(0, 3, 120_000)).toBe(true);
  });
});
