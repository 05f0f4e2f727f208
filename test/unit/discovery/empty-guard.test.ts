import { describe, expect, test } from 'vitest';
import { emptyGuard } from '../../../server/discovery/empty-guard.ts';

describe('an empty list', () => {
  test('is believed while no live pod is known', () => {
    expect(emptyGuard(60_000)(0, 0, 5)).toBe(true);
  });

  test('is believed after three in a row and two refresh intervals, while live pods are known', () => {
    const believes = emptyGuard(60_000);
    expect(believes(0, 3, 0)).toBe(false);
    expect(believes(0, 3, 1_000)).toBe(false);
    expect(believes(0, 3, 59_999)).toBe(false);
    expect(believes(0, 3, 60_000)).toBe(true);
  });

  test('is not believed after two in a row, however far apart', () => {
    const believes = emptyGuard(60_000);
    expect(believes(0, 3, 0)).toBe(false);
    expect(believes(0, 3, 600_000)).toBe(false);
    expect(believes(0, 3, 600_001)).toBe(true);
  });

  test('is counted from the start again after a list with pods', () => {
    const believes = emptyGuard(60_000);
    for (const nowMs of [0, 30_000]) believes(0, 3, nowMs);
    expect(believes(3, 3, 40_000)).toBe(true);
    expect(believes(0, 3, 60_000)).toBe(false);
    expect(believes(0, 3, 90_000)).toBe(false);
    expect(believes(0, 3, 120_000)).toBe(true);
  });
});
