import { describe, expect, it, test } from 'vitest';
import {
  DEFAULT_THRESHOLDS,
  isNormalAgain,
  isSlow,
  isWorseResult,
  LATENCY_STATES,
  latencyCode,
  latePhase,
  thresholdsFor,
} from '../../../server/protocol/link-state.ts';

describe('a latency', () => {
  test.each([
    [1_999, 'good'],
    [2_000, 'fair'],
    [4_999, 'fair'],
    [5_000, 'warning'],
    [99_999, 'warning'],
    [100_000, 'slow'],
  ])('of %i us is %s: exactly a limit belongs to the worse state', (us, state) => {
    expect(LATENCY_STATES[latencyCode(us, DEFAULT_THRESHOLDS)]).toBe(state);
  });

  it('has thresholds that never exceed SLOW_LINK', () => {
    expect(thresholdsFor(100)).toEqual(DEFAULT_THRESHOLDS);
    expect(thresholdsFor(3)).toEqual({ goodMs: 2, warningMs: 3, problemMs: 3 });
    expect(thresholdsFor(1)).toEqual({ goodMs: 1, warningMs: 1, problemMs: 1 });
  });

  it('is slow from SLOW_LINK on, the limit included, and normal again only below 80 % of it, so that it does not alternate', () => {
    const latencies = [-1, 79_999, 80_000, 99_999, 100_000];
    expect(latencies.map((us) => isSlow(us, 100_000))).toEqual([false, false, false, false, true]);
    expect(latencies.map((us) => isNormalAgain(us, 100_000))).toEqual([true, true, false, false, false]);
  });
});

describe('of two results of one link', () => {
  test.each([
    ['a failure is worse than any answer', true, 1, false, 900_000, true],
    ['an answer is never worse than a failure', false, 900_000, true, 1, false],
    ['the slower answer is worse', false, 2, false, 1, true],
    ['equal ones are not worse', false, 1, false, 1, false],
  ])('%s', (_rule, failed, us, otherFailed, otherUs, expected) => {
    expect(isWorseResult(failed, us, otherFailed, otherUs)).toBe(expected);
  });
});

describe('the late phase', () => {
  test.each([
    ['first-byte', 210, 251_900, 252_140],
    ['connect', 250_000, 300, 250_320],
    ['connect', 65_000, 20_000, 100_000],
    ['both', 125_000, 125_000, 250_020],
    ['both', 25_000, 25_000, 100_000],
    ['body', 200, 300, 250_000],
    ['response', 200, 125_000, 250_000],
    ['unmeasured', -1, -1, 252_000],
  ] as const)(
    'is %s where connect takes %i, the first byte %i, and all %i us',
    (phase, connectUs, firstByteUs, totalUs) => {
      expect(latePhase(connectUs, firstByteUs, totalUs)).toBe(phase);
    },
  );
});
