import { expect, test } from 'vitest';
import { tierOf } from '../../../../../web/views/graph/tier.ts';

test('pods shrink, names go and links are chosen as their number grows', () => {
  const tiers = [1, 12, 13, 30, 31, 160, 161, 400, 401].map((n) => tierOf(n, false));
  expect(tiers.map(({ disc }) => disc)).toEqual([26, 26, 14, 14, 5, 5, 3, 3, 3]);
  expect(tiers.map(({ allLinks }) => allLinks)).toEqual([true, true, true, true, false, false, false, false, false]);
  expect(tiers.map(({ names }) => names[0]).join('')).toBe('ffssuuuuu');
  expect(tiers.map(({ stateOnArcs }) => stateOnArcs).indexOf(true)).toBe(8);
});
