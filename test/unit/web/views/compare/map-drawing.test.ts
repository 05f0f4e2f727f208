import fc from 'fast-check';
import { expect, it } from 'vitest';
import { layoutMap } from '../../../../../web/views/compare/map-drawing.ts';

/** Letters are 7 px wide. */
const ctx = { font: '', measureText: (text: string) => ({ width: 7 * text.length }) } as CanvasRenderingContext2D;
const podsOf = (count: number, label: string) => ({
  n: count,
  pods: Array.from({ length: count }, (_, i) => ({ uid: `${i}`, label, isTarget: false })),
});

it('the map of changes fits into its room, whatever that is, because it never scrolls', () => {
  const px = fc.integer({ min: 120, max: 900 });
  const label = fc.string({ minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), label, px, px, (count, name, width, height) => {
      const laid = layoutMap(ctx, podsOf(count, name), { width, height });
      // Less a rounding error: cells of many pods are fractions of a pixel.
      expect(laid.width).toBeLessThan(width + 1e-6);
      expect(laid.height).toBeLessThan(height + 1e-6);
      expect(laid.pitch).toBeGreaterThan(0);
    }),
  );
});

it('names of columns lie if a cell is wide enough for them, and stand otherwise, also where the height decides', () => {
  const four = podsOf(4, 'chaos');
  expect(layoutMap(ctx, four, { width: 420, height: 260 })).toMatchObject({ pitch: 59, top: 22, height: 258 });
  expect(layoutMap(ctx, four, { width: 420, height: 190 })).toMatchObject({ pitch: 36, top: 45, height: 189 });
});
