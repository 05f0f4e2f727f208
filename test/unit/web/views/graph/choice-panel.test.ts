import { range } from 'd3';
import { expect, test } from 'vitest';
import { LINK_LIMITS } from '../../../../../web/model/address.ts';
import { limitAt, STEPS, stepOf } from '../../../../../web/views/graph/choice-panel.tsx';

test('the slider of links has round limits from the least to the most, and stays where it was put', () => {
  const limits = range(STEPS + 1).map(limitAt);
  expect([limits[0], limits[24], limits.at(-1)]).toEqual([LINK_LIMITS.min, 200, LINK_LIMITS.max]);
  expect(limits.map(stepOf)).toEqual(range(STEPS + 1));
  expect(limits.filter((limit) => limit > 100 && limit % 10 > 0)).toEqual([]);
});
