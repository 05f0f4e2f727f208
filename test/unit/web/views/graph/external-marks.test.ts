import { expect, test } from 'vitest';
import { clearStart } from '../../../../../web/views/graph/external-marks.tsx';

const from = { x: 0, y: 0 };
const to = { x: 100, y: 0 };
const box = (x: number, y: number) => ({ x, y, width: 20, height: 10 });

test.each([
  ['that meets no words begins where it is', to, [], 0, 0],
  ['beside words too', to, [box(30, 5), box(110, -5)], 0, 0],
  ['that would pass behind words begins after the last of them', to, [box(40, -5), box(10, -5)], 63, 67],
  ['that is slanted likewise', { x: 100, y: 100 }, [box(40, 40)], 53, 57],
  ['of which next to nothing is left is none', to, [box(70, -5)], null, null],
  ['that ends behind words likewise', to, [box(90, -5)], null, null],
])('a line %s', (_, end, words, low, high) => {
  const start = clearStart(from, end, words);
  if (low === null) expect(start).toBe(null);
  else {
    expect(start!.x).toBeGreaterThanOrEqual(low);
    expect(start!.x).toBeLessThanOrEqual(high);
    expect(start!.y).toBeCloseTo((start!.x * end.y) / end.x);
  }
});
