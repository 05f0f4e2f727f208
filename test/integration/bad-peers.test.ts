import { afterAll, beforeAll, expect, it } from 'vitest';
import { BAD_PEER_KINDS, BAD_PEERS, startBadPeer } from '../support/bad-peers.ts';
import { eventually } from '../support/eventually.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { linkOf, meshOf, StubMesh } from '../support/stub-mesh.ts';

/** One real server, and a peer of every bad kind beside it. */
let mesh: StubMesh;
let server: ServerProcess;

beforeAll(async () => {
  mesh = await StubMesh.start();
  mesh.addPod(1);
  for (const [i, kind] of BAD_PEER_KINDS.entries()) {
    const peer = await startBadPeer(kind, { host: mesh.host(i + 2), port: mesh.port });
    mesh.onEnd(() => peer.stop());
    mesh.addPod(i + 2, { name: kind });
  }
  server = await mesh.serve(1, { REFRESH_INTERVAL: '2', PING_TIMEOUT: '800ms', CHECK_TIMEOUT: '300ms' });
});

afterAll(() => mesh.stop());

it('a server among bad peers shows each with its outcome, accuses no good one, and lacks the reports of all', async () => {
  // This process plays the peers. If it was delayed, the next pings have the right outcomes.
  await eventually(async () => {
    const picture = await meshOf(server);
    const outcomes = BAD_PEER_KINDS.map((kind) => [kind, linkOf(picture, 'pod-1', kind).outcome]);
    expect(outcomes).toEqual(BAD_PEER_KINDS.map((kind) => [kind, BAD_PEERS[kind].outcome]));
    const missing = picture.reports.filter((report) => report.missing !== '').map(({ pod }) => picture.pods[pod]?.name);
    expect(missing.sort()).toEqual([...BAD_PEER_KINDS].sort());
    const { podResults } = await server.json<{
      podResults: Record<string, { OK: boolean; 'status-code': number; error?: string }>;
    }>('/check');
    const answers = BAD_PEER_KINDS.map((kind) => {
      const { OK, error = '', 'status-code': status } = podResults[kind]!;
      return [kind, OK, status, error === ''];
    });
    const isGood = (kind: (typeof BAD_PEER_KINDS)[number]) => BAD_PEERS[kind].outcome === 'ok';
    expect(answers).toEqual(BAD_PEER_KINDS.map((kind) => [kind, isGood(kind), isGood(kind) ? 200 : 504, isGood(kind)]));
  }, 60_000);
  expect(await server.health()).toBe(418);
  // Once, with both names, outcome and latency.
  const refused = { from: 'pod-1', outcome: 'refused', phase: 'connect', totalUs: expect.any(Number) };
  expect(server.said('link fails').filter(({ to }) => to === 'refuses')).toMatchObject([refused]);
  const png = Buffer.from(await (await fetch(`${server.url}/heatmap.png`)).arrayBuffer());
  expect(png.toString('latin1', 1, 4)).toBe('PNG');
  expect(await server.metric('goldpinger_peer_ping_failures_total', '="refuses"')).toBeGreaterThan(0);
});

it('a link whose state stays as it was keeps its series when its pod moves, and when it is probed again', async () => {
  /** Values of `goldpinger_peer_up` by address. */
  const isUp = async () => {
    const lines = (await server.text('/metrics')).matchAll(
      /^goldpinger_peer_up\{.*peer="refuses".*pod_ip="([^"]*)".*\} (\d)$/gm,
    );
    return Object.fromEntries([...lines].map(([, address, up]) => [address, up]));
  };
  const [before, after] = [mesh.host(2), mesh.host(BAD_PEER_KINDS.length + 2)];
  expect(BAD_PEER_KINDS[0]).toBe('refuses');
  expect(await isUp()).toEqual({ [before]: '0' });
  mesh.addPod(2, { name: 'refuses', ip: after });
  await eventually(async () => expect(await isUp()).toEqual({ [after]: '0' }));
  // Without an address it is nobody's target; its results are kept meanwhile.
  mesh.addPod(2, { name: 'refuses', ip: '' });
  await eventually(async () => expect(await isUp()).toEqual({}));
  mesh.addPod(2, { name: 'refuses', ip: after });
  await eventually(async () => expect(await isUp()).toEqual({ [after]: '0' }));
});
