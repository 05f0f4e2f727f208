import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TimeRange } from '../../../../server/runtime/time-range.ts';
import { inOrder, LEAST_RANGE_MS, MAX_RANGES, withEnd, withRange } from '../../../../web/model/timeline-ranges.ts';

const time = fc.integer({ min: 0, max: 1_000_000 });
const ranges = fc.array(fc.record({ fromMs: time, toMs: time }), { maxLength: 5 });

function expectSound(kept: readonly TimeRange[]): void {
  expect(kept.length).toBeLessThanOrEqual(MAX_RANGES);
  for (const [i, { fromMs, toMs }] of kept.entries()) {
    expect(toMs - fromMs).toBeGreaterThanOrEqual(LEAST_RANGE_MS);
    expect(fromMs).toBeGreaterThanOrEqual(kept[i - 1]?.toMs ?? 0);
  }
}

test('ranges are in order, apart and long enough, whatever they are made from', () => {
  fc.assert(fc.property(ranges, (any) => expectSound(inOrder(any))));
});

test('a range that is drawn is there, in either direction, unless it is too short', () => {
  fc.assert(
    fc.property(ranges, time, time, (any, one, other) => {
      const before = inOrder(any);
      const after = withRange(before, one, other);
      expectSound(after);
      const drawn = { fromMs: Math.min(one, other), toMs: Math.max(one, other) };
      if (drawn.toMs - drawn.fromMs < LEAST_RANGE_MS) expect(after).toEqual(before);
      else expect(after).toContainEqual(drawn);
    }),
  );
});

test('the fourth takes the place of the nearest', () => {
  const three = [0, 20_000, 80_000].map((fromMs) => ({ fromMs, toMs: fromMs + 5000 }));
  expect(withRange(three, 60_000, 70_000).map(({ fromMs }) => fromMs)).toEqual([0, 20_000, 60_000]);
});

test('an end moves as far as its neighbours, the track and the least length allow', () => {
  fc.assert(
    fc.property(ranges, fc.nat(2), fc.boolean(), fc.integer({ min: -1e6, max: 2e6 }), (any, index, begin, atMs) => {
      const before = inOrder(any);
      const moved = withEnd(before, index, begin ? 'fromMs' : 'toMs', atMs, { fromMs: 0, toMs: 1_000_000 });
      expectSound(moved);
      expect(moved).toHaveLength(before.length);
    }),
  );
  const two = [
    { fromMs: 0, toMs: 5000 },
    { fromMs: 10_000, toMs: 15_000 },
  ];
  const limits = { fromMs: 0, toMs: 20_000 };
  expect(withEnd(two, 0, 'toMs', 99_000, limits)[0]).toEqual({ fromMs: 0, toMs: 10_000 });
  expect(withEnd(two, 1, 'toMs', 99_000, limits)[1]).toEqual({ fromMs: 10_000, toMs: 20_000 });
  expect(withEnd(two, 1, 'fromMs', 12_500.4, limits)[1]).toEqual({ fromMs: 12_500, toMs: 15_000 });
});
