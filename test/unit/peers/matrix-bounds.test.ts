import { expect, it } from 'vitest';
import { meshBounds } from '../../../server/peers/mesh.ts';
import { LINK_BYTES, STAT_BYTES } from '../../../server/protocol/links.ts';

/** MB that meshes take at most. */
function mostMB(podCount: number, pingNumber = 0): number {
  const { now, past } = meshBounds(podCount, pingNumber);
  const links = podCount * (pingNumber || podCount);
  return ((now.running + now.kept + past.running + past.kept) * links * (LINK_BYTES + STAT_BYTES)) / 1e6;
}

it('bounds what meshes take together', () => {
  expect(Math.round(mostMB(300))).toBe(43);
  expect(Math.round(mostMB(1_000))).toBe(160);
  expect(mostMB(1_000, 50)).toBeLessThan(43);
  expect(meshBounds(301, 0).past).toEqual({ running: 1, kept: 1 });
  expect(meshBounds(20, 50)).toEqual(meshBounds(300, 0));
});
