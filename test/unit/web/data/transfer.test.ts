import { expect, test } from 'vitest';
import type { Mesh } from '../../../../server/protocol/mesh.ts';
import { emptyUdp } from '../../../../server/protocol/udp.ts';
import { MeshPacker, unpackMesh } from '../../../../web/data/transfer.ts';
import { meshOf } from '../../../support/feed/scenarios.ts';

function packMesh(mesh: Mesh, knownPods: Mesh['pods'] | null) {
  const packer = new MeshPacker(mesh.pods.length);
  for (const report of mesh.reports) packer.add(report);
  return packer.finish(mesh, knownPods);
}

test.each([0, 60_000])(
  'a mesh arrives as it was sent, and the sender keeps its own: statistics over %i ms, UDP with an odd number of links',
  (windowMs) => {
    const mesh = meshOf({ pods: 7, scenario: 'mixed', windowMs });
    for (const [i, report] of mesh.reports.entries()) {
      if (i !== 1) report.udp = emptyUdp(report.links.length);
      report.udp?.sent.fill(10 + i);
      report.udp?.hops.fill(i);
    }
    const want = structuredClone(mesh);
    const packed = packMesh(mesh, null);
    const got = unpackMesh(structuredClone(packed, { transfer: [packed.bytes] }), []);
    expect(got).toMatchObject(want);
    expect(mesh).toEqual(want);
  },
);

test('unchanged pods are not sent again, and stay the very same', () => {
  const mesh = meshOf({ pods: 3, scenario: 'healthy' });
  const packed = packMesh({ ...mesh }, mesh.pods);
  expect(packed.pods).toBeNull();
  expect(unpackMesh(packed, mesh.pods).pods).toBe(mesh.pods);
});
