import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { meshOf, StubMesh } from '../support/stub-mesh.ts';

let mesh: StubMesh;
let server: ServerProcess;

beforeAll(async () => {
  mesh = await StubMesh.start();
  mesh.addPod(1);
  server = await mesh.serve(1);
});

afterAll(() => mesh.stop());

/** The addresses of a peer in `goldpinger_peer_up`, with their values. */
async function seriesOf(peer: string): Promise<string[][]> {
  const metrics = await server.text('/metrics');
  const lines = metrics.matchAll(/^goldpinger_peer_up\{.*peer="([^"]*)".*pod_ip="([^"]*)".*\} (\d)$/gm);
  return [...lines].filter(([, name]) => name === peer).map(([, , address = '', up = '']) => [address, up]);
}

it('a link whose state stays as it was keeps its series when its pod moves, and when it is probed again', async () => {
  const peer = { name: 'refuses', uid: 'uid-refuses' };
  mesh.addPod(2, peer);
  await eventually(async () => expect(await seriesOf('refuses')).toEqual([[mesh.host(2), '0']]));
  mesh.addPod(2, { ...peer, ip: mesh.host(3) });
  await eventually(async () => expect(await seriesOf('refuses')).toEqual([[mesh.host(3), '0']]));
  // Without an address it is nobody's target; its results are kept meanwhile.
  mesh.addPod(2, { ...peer, ip: '' });
  await eventually(async () => {
    const { pods } = await meshOf(server);
    expect(pods.find(({ name }) => name === 'refuses')?.lifecycle).toBe('starting');
    expect(await seriesOf('refuses')).toEqual([]);
  });
  mesh.addPod(2, { ...peer, ip: mesh.host(3) });
  await eventually(async () => expect(await seriesOf('refuses')).toEqual([[mesh.host(3), '0']]));
});
