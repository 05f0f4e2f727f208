import { expect, it } from 'vitest';
import { matrixBounds } from '../../../server/peers/mesh.ts';
import { LINK_BYTES, STAT_BYTES } from '../../../server/protocol/links.ts';

/** MB that matrices take at most. */
function mostMB(podCount: number, pingNumber = 0): number {
  const { now, past } = matrixBounds(podCount, pingNumber);
  const links = podCount * (pingNumber || podCount);
  return ((now.running + now.kept + past.running + past.kept) * links * (LINK_BYTES + STAT_BYTES)) / 1e6;
}

it('bounds what matrices take together', () => {
  expect(Math.round(mostMB(300))).toBe(43);
  expect(Math.round(mostMB(1_000))).toBe(160);
  expect(mostMB(1_000, 50)).toBeLessThan(43);
  expect(matrixBounds(301, 0).past).toEqual({ running: 1, kept: 1 });
  expect(matrixBounds(20, 50)).toEqual(matrixBounds(300, 0));
});
