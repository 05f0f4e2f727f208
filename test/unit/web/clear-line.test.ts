import { expect, test } from 'vitest';
import { clearStart } from '../../../web/views/graph/layout.ts';

const from = { x: 0, y: 0 };
const to = { x: 100, y: 0 };
const box = (x: number, y: number) => ({ x, y, width: 20, height: 10 });

test('a line that meets no words begins where it is', () => {
  expect(clearStart(from, to, [], 10)).toEqual(from);
  expect(clearStart(from, to, [box(30, 1), box(110, -5)], 10)).toEqual(from);
});

test('a line that would pass behind words begins after the last of them', () => {
  expect(clearStart(from, to, [box(40, -5), box(10, -5)], 10)?.x).toBeCloseTo(66);
  const slanted = clearStart(from, { x: 100, y: 100 }, [box(40, 40)], 10);
  expect(slanted?.x).toBeCloseTo(50 + 6 / Math.SQRT2);
  expect(slanted?.y).toBeCloseTo(50 + 6 / Math.SQRT2);
});

test('a line of which next to nothing is left is none', () => {
  expect(clearStart(from, to, [box(70, -5)], 10)).toBeNull();
  expect(clearStart(from, to, [box(90, -5)], 10)).toBeNull();
});
