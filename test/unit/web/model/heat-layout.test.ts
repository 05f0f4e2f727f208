import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type HeatRequest, layoutHeatmap, placeCard, positionAt } from '../../../../web/model/heat-layout.ts';

const USUAL: HeatRequest = {
  n: 4,
  groups: [],
  width: 1060,
  height: 600,
  dpr: 1,
  fullWidth: 112,
  shortWidth: 44,
  groupWidth: 70,
  narrow: false,
  fit: false,
  names: 'auto',
};
const layout = (change: Partial<HeatRequest> = {}) => layoutHeatmap({ ...USUAL, ...change });
const groups = (count: number, length: number) =>
  Array.from({ length: count }, (_, i) => ({ name: `worker-${i}`, start: i * length, length }));

describe('the size of a cell', () => {
  test('is 122 px at the most, with its figure', () => {
    expect(layout({ height: 2000, width: 3000 })).toMatchObject({ kind: 'figures', pitch: 126, gap: 4, axis: 'full' });
  });

  test.each([
    ['figures', 12, 0],
    ['marks', 30, 0],
    ['patterns', 120, 12],
    ['colours', 250, 25],
  ])('holds %s for %i pods in %i groups', (kind, n, count) => {
    expect(layout({ n, groups: groups(count, 10) }).kind).toBe(kind);
  });

  test('is 2 px and scrolls where more do not fit, and shares pixels where all are to be seen', () => {
    const scrolled = layout({ n: 1000, groups: groups(100, 10) });
    expect(scrolled).toMatchObject({ pitch: 2, scrollable: true, shared: false });
    expect(scrolled.extent).toBeGreaterThan(scrolled.viewWidth);
    const fitted = layout({ n: 1000, groups: groups(100, 10), fit: true });
    expect(fitted).toMatchObject({ shared: true, scrollable: true });
    expect(fitted.extent).toBeLessThanOrEqual(fitted.viewWidth + 1);
  });
});

describe('names on the axes', () => {
  test.each([
    ['full where they fit above the columns', { n: 3 }, { axis: 'full', columns: 'full', slant: 0 }],
    ['short above more columns', { n: 8 }, { axis: 'full', columns: 'short', slant: 0 }],
    ['then slanted', { n: 20 }, { columns: 'short', slant: 45 }],
    ['then steep', { n: 32 }, { columns: 'short', slant: 65 }],
    ['short on narrow screens', { width: 360, height: 470, narrow: true }, { axis: 'short', slant: 0 }],
    ['those of groups if there is no room', { n: 120, groups: groups(12, 10) }, { axis: 'groups' }],
    ['numbers if there are no groups', { n: 120 }, { axis: 'numbers' }],
  ])('are %s', (_rule, change, expected) => expect(layout(change)).toMatchObject(expected));

  test('are short on both axes where full ones would have to be cut', () => {
    const found = layout({ fullWidth: Number.POSITIVE_INFINITY });
    expect(found).toMatchObject({ kind: 'figures', axis: 'short', columns: 'short', slant: 0 });
    expect(found.left).toBeLessThan(100);
  });
});

test('a line lies between two groups, wider than between two pods of one, at any size', () => {
  for (const [n, length] of [
    [4, 2],
    [12, 4],
    [30, 10],
    [120, 10],
    [250, 25],
    [400, 40],
  ] as const) {
    const { starts } = layout({ n, groups: groups(n / length, length) });
    const step = (i: number) => (starts[i] ?? 0) - (starts[i - 1] ?? 0);
    expect(step(length)).toBeGreaterThanOrEqual(step(1) + 1);
    expect(step(length + 1)).toBeCloseTo(step(1), 5);
  }
});

test('whatever is asked for, cells lie in order, within the view unless it scrolls, and hits find them again', () => {
  const requests = fc.record({
    n: fc.integer({ min: 0, max: 400 }),
    count: fc.integer({ min: 0, max: 9 }),
    width: fc.integer({ min: 320, max: 2600 }),
    height: fc.integer({ min: 240, max: 1600 }),
    dpr: fc.constantFrom(1, 1.25, 1.5, 2, 3),
    narrow: fc.boolean(),
    fit: fc.boolean(),
  });
  fc.assert(
    fc.property(requests, ({ n, count, ...rest }) => {
      const length = Math.ceil(n / Math.max(1, count));
      const some = count < 2 ? [] : groups(Math.ceil(n / Math.max(1, length)), length);
      const found = layoutHeatmap({ ...USUAL, n, groups: some, ...rest });
      expect(found.starts).toHaveLength(n + 1);
      for (let i = 1; i <= n; i++) expect(found.starts[i]!).toBeGreaterThan(found.starts[i - 1]!);
      if (!found.shared && n > 0) {
        expect((found.pitch * rest.dpr) % 1).toBeCloseTo(0, 6);
        const cell = found.pitch - found.gap;
        for (const i of [0, n >> 1, n - 1]) expect(positionAt(found, found.starts[i]! + cell / 2)).toBe(i);
      }
      if (!found.scrollable) expect(found.extent).toBeLessThanOrEqual(Math.max(40, found.viewWidth) + 0.5);
    }),
  );
});

test('a point outside is at the nearest cell, and nowhere without cells', () => {
  const found = layout();
  expect(positionAt(found, -50)).toBe(0);
  expect(positionAt(found, 1e6)).toBe(3);
  expect(positionAt(layout({ n: 0 }), 10)).toBe(-1);
});

describe('the card', () => {
  const bounds = { x: 0, y: 0, width: 1000, height: 600 };
  const size = { width: 320, height: 170 };
  const overlaps = (a: { x: number; y: number; width: number; height: number }, b: typeof a) =>
    a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

  test('is beside its cell and never on it, within bounds where there is room', () => {
    const places = fc.record({ x: fc.integer({ min: 0, max: 990 }), y: fc.integer({ min: 0, max: 590 }) });
    fc.assert(
      fc.property(places, fc.integer({ min: 1, max: 122 }), ({ x, y }, side) => {
        const cell = { x, y, width: side, height: side };
        const card = placeCard(cell, size, bounds);
        expect(overlaps(cell, card)).toBe(false);
        expect(card.x).toBeGreaterThanOrEqual(0);
        expect(card.x + card.width).toBeLessThanOrEqual(1000);
      }),
    );
  });

  test('goes above or below on a screen that has no side', () => {
    const cell = { x: 150, y: 300, width: 70, height: 70 };
    const card = placeCard(cell, { width: 344, height: 170 }, { x: 4, y: 4, width: 352, height: 600 });
    expect(card.y).toBe(382);
    expect(overlaps(cell, card)).toBe(false);
  });
});
