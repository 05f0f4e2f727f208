import { zoomIdentity } from 'd3';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keepVisible } from '../../../../../web/views/graph/gestures.ts';

test('the scene cannot be dragged off the stage', () => {
  const k = fc.double({ min: 0.5, max: 12, noNaN: true });
  fc.assert(
    fc.property(k, fc.integer(), fc.integer(), (scale, x, y) => {
      const after = keepVisible(zoomIdentity.translate(x, y).scale(scale), [900, 600]);
      expect(after.k).toBe(scale);
      expect(after.x).toBeLessThanOrEqual(820);
      expect(after.x + scale * 900).toBeGreaterThanOrEqual(80 - 1e-6);
      expect(after.y).toBeLessThanOrEqual(520);
      expect(after.y + scale * 600).toBeGreaterThanOrEqual(80 - 1e-6);
    }),
  );
});
