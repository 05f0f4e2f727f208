import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Backoff, DEFAULT_TIMING } from '../../../server/discovery/timing.ts';
import type { DiscoveryFault } from '../../../server/protocol/pod.ts';

const failure = (fault: DiscoveryFault, retryAfterMs = 0) => ({ fault, retryAfterMs });

describe('the wait after a failure', () => {
  test.each<[DiscoveryFault, number[]]>([
    ['timeout', [1_000, 2_000, 3_000, 3_000, 3_000, 3_000]],
    ['forbidden', [1_000, 2_000, 4_000, 8_000, 16_000, 30_000]],
  ])('doubles up to a cap, after %s: %j', (fault, expected) => {
    const backoff = new Backoff(DEFAULT_TIMING, () => 0.999_999);
    expect(expected.map(() => Math.round(backoff.nextMs(failure(fault))))).toEqual(expected);
  });

  test('begins anew when the API server refuses us after it was away, and when it works again', () => {
    const backoff = new Backoff(DEFAULT_TIMING, () => 0.999_999);
    for (let i = 0; i < 9; i++) backoff.nextMs(failure('refused'));
    expect(Math.round(backoff.nextMs(failure('forbidden')))).toBe(1_000);
    backoff.nextMs(failure('forbidden'));
    backoff.reset();
    expect(Math.round(backoff.nextMs(failure('forbidden')))).toBe(1_000);
  });

  test('is what the server asks for if that is longer', () => {
    expect(new Backoff(DEFAULT_TIMING, () => 0).nextMs(failure('server-error', 7_000))).toBe(7_000);
  });

  test('is shortened by at most a half', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.nat(50), (random, failures) => {
        const backoff = new Backoff(DEFAULT_TIMING, () => random);
        for (let i = 0; i < failures; i++) backoff.nextMs(failure('refused'));
        const fullMs = Math.min(3_000, 1_000 * 2 ** failures);
        const waitMs = backoff.nextMs(failure('refused'));
        expect(waitMs).toBeGreaterThanOrEqual(fullMs / 2);
        expect(waitMs).toBeLessThanOrEqual(fullMs);
      }),
    );
  });
});
