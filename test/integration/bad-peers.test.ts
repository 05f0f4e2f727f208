import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FLAG_NOT_YET } from '../../server/protocol/links.ts';
import type { Mesh } from '../../server/protocol/mesh.ts';
import { BAD_PEER_KINDS, BAD_PEERS, startBadPeer } from '../support/bad-peers.ts';
import { eventually } from '../support/eventually.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { linkOf, meshOf, StubMesh } from '../support/stub-mesh.ts';

/** One real server, and a peer of every bad kind beside it. */
let mesh: StubMesh;
let server: ServerProcess;
let picture: Mesh;

beforeAll(async () => {
  mesh = await StubMesh.start();
  mesh.addPod(1);
  for (const [i, kind] of BAD_PEER_KINDS.entries()) {
    const peer = await startBadPeer(kind, { host: mesh.host(i + 2), port: mesh.port });
    mesh.onEnd(() => peer.stop());
    mesh.addPod(i + 2, { name: kind });
  }
  server = await mesh.serve(1, { REFRESH_INTERVAL: '2', PING_TIMEOUT: '800ms', CHECK_TIMEOUT: '300ms' });
  // On a busy machine first samples may be suspect, and one alone decides nothing.
  await eventually(async () => {
    picture = await meshOf(server);
    const own = picture.reports.find(({ missing }) => missing === '')!;
    expect(own.links.length).toBe(BAD_PEER_KINDS.length + 1);
    expect(own.links.flags.every((flags) => (flags & FLAG_NOT_YET) === 0)).toBe(true);
  }, 60_000);
}, 90_000);

afterAll(() => mesh.stop());

describe('a real server among bad peers', () => {
  it.each(BAD_PEER_KINDS)('reports a peer that %s with its outcome and phase', async (kind) => {
    const { outcome, phase } = BAD_PEERS[kind];
    // This process plays the peers. If it was delayed, the next ping has the right outcome.
    await eventually(async () => {
      const isEnded = outcome === 'timeout' || outcome === 'ok';
      const link = () => linkOf(picture, 'pod-1', kind);
      const result = () => (isEnded ? link() : { outcome: link().outcome, phase });
      if (result().outcome !== outcome || result().phase !== phase) picture = await meshOf(server);
      expect(result()).toEqual({ outcome, phase });
    });
  });

  it('answers /check with 504 and an error for each of them, and only for them', async () => {
    // As above: if a good peer was delayed, the next ping has the right outcome.
    await eventually(async () => {
      const { podResults } = await server.json<{
        podResults: Record<string, { OK: boolean; 'status-code': number; error?: string }>;
      }>('/check');
      for (const kind of BAD_PEER_KINDS) {
        const { OK, error, 'status-code': status } = podResults[kind]!;
        const good = BAD_PEERS[kind].outcome === 'ok';
        expect([kind, OK, status]).toEqual([kind, good, good ? 200 : 504]);
        expect([kind, (error ?? '') === '']).toEqual([kind, good]);
      }
    });
  });

  it('says that none of them reported, and is not healthy', async () => {
    const missing = picture.reports.filter((report) => report.missing !== '').map(({ pod }) => picture.pods[pod]?.name);
    expect(missing.sort()).toEqual([...BAD_PEER_KINDS].sort());
    expect(await server.health()).toBe(418);
  });

  it('logs each failing link once, with both names, outcome and latency', async () => {
    const refused = server.said('link fails').filter(({ to }) => to === 'refuses');
    expect(refused).toHaveLength(1);
    expect(refused[0]).toMatchObject({
      from: 'pod-1',
      outcome: 'refused',
      phase: 'connect',
      totalUs: expect.any(Number),
    });
  });

  it('serves all of it as a heatmap and as metrics that name the peers', async () => {
    const png = await fetch(`${server.url}/heatmap.png`);
    expect(
      Buffer.from(await png.arrayBuffer())
        .subarray(1, 4)
        .toString(),
    ).toBe('PNG');
    const metrics = await server.text('/metrics');
    expect(metrics).toMatch(/goldpinger_peer_ping_failures_total\{[^}]*="refuses"[^}]*\} [1-9]/);
  });
});
