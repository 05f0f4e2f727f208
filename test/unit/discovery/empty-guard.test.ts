import { expect, test } from 'vitest';
import { emptyGuard } from '../../../server/discovery/empty-guard.ts';

type List = [listed: number, live: number, nowMs: number];

test.each<[what: string, lists: List[], believed: boolean[]]>([
  ['believed while no live pod is known', [[0, 0, 5]], [true]],
  [
    'believed after three in a row and two refresh intervals, while live pods are known',
    [0, 1_000, 59_999, 60_000].map((ms): List => [0, 3, ms]),
    [false, false, false, true],
  ],
  [
    'not believed after two in a row, however far apart',
    [0, 600_000, 600_001].map((ms): List => [0, 3, ms]),
    [false, false, true],
  ],
  [
    'counted from the start again after a list with pods',
    [[0, 3, 0], [0, 3, 30_000], [3, 3, 40_000], ...[60_000, 90_000, 120_000].map((ms): List => [0, 3, ms])],
    [false, false, true, false, false, true],
  ],
])('an empty list is %s', (_what, lists, believed) => {
  const believes = emptyGuard(60_000);
  expect(lists.map((list) => believes(...list))).toEqual(believed);
});
