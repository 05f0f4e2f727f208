import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Events } from '../../server/protocol/event.ts';
import { unpack16 } from '../../server/protocol/links.ts';
import { eventually } from '../support/eventually.ts';
import { lossOf } from '../support/mesh.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { meshOf, StubMesh } from '../support/stub-mesh.ts';

const UDP_PORT = 6969;
const UDP = { UDP_ENABLED: 'true', UDP_PORT: String(UDP_PORT), UDP_TIMEOUT: '200ms', REFRESH_INTERVAL: '1' };

let mesh: StubMesh;
let server: ServerProcess;
let socket: Socket;
let http: Server;

/** A pod that answers pings, on whose way datagrams are lost, doubled and swapped. It echoes as Goldpinger's listener does. */
async function startLossyPod(host: string, port: number): Promise<void> {
  http = createServer((_request, response) => void response.end('{}')).listen(port, host);
  socket = createSocket('udp4');
  socket.bind(UDP_PORT, host);
  await once(socket, 'listening');
  let held: Buffer | null = null;
  socket.on('message', (bytes, { port, address }) => {
    if (bytes.toString('latin1', 0, 4) !== 'GPNG' || bytes.length < 16) return;
    const send = (what: Buffer) => socket.send(what, port, address);
    const sequence = bytes.readUInt32BE(4);
    // 0 and 1 are lost, 4 comes after 5, 7 comes twice.
    if (sequence === 4) held = Buffer.from(bytes);
    if (sequence < 2 || sequence === 4) return;
    send(bytes);
    if (sequence === 5 && held !== null) send(held);
    if (sequence === 7) send(bytes);
  });
}

beforeAll(async () => {
  mesh = await StubMesh.start();
  for (const pod of [1, 2, 3, 4]) mesh.addPod(pod);
  await startLossyPod(mesh.host(3), mesh.port);
  [server] = await Promise.all([mesh.serve(1, UDP), mesh.serve(2, UDP)]);
});

afterAll(async () => {
  socket.close();
  http.close();
  await mesh.stop();
});

it('pods measure each other; a lossy way shows, and a pod without the probe is not measured', async () => {
  await eventually(async () => {
    const { pods, reports } = await meshOf(server);
    const own = reports.find(({ pod }) => pods[pod]?.name === 'pod-1')!;
    const link = (name: string) => [...own.links.to].findIndex((to) => pods[to]?.name === name);
    const { udp } = own;
    const lossy = link('pod-3');
    expect([lossOf(udp, link('pod-2')), lossOf(udp, lossy), lossOf(udp, link('pod-4'))]).toEqual([0, 0.2, -1]);
    expect([udp!.duplicates[lossy], udp!.outOfOrder[lossy]]).toEqual([1, 1]);
    // On loopback there is no router on the way.
    expect(udp!.hops[link('pod-2')]).toBe(0);
    expect(unpack16(udp!.rttUs[link('pod-2')]!)).toBeGreaterThan(0);
  });
});

it('the metrics and the samples of a link say the same', async () => {
  await eventually(async () => {
    const metrics = await server.text('/metrics');
    const loss = (i: number) =>
      new RegExp(`^goldpinger_peers_loss_pct\\{.*pod_ip="${mesh.host(i)}"\\} (.*)$`, 'm').exec(metrics)?.[1];
    expect([loss(2), loss(3), loss(4)]).toEqual(['0', '20', undefined]);
  });
  const { pods } = await meshOf(server);
  const uid = (name: string) => pods.find((pod) => pod.name === name)!.uid;
  const samples = await server.json<{ udp: { sent: number; lost: number }[] }>(
    `/api/v1/link?from=${uid('pod-1')}&to=${uid('pod-3')}`,
  );
  expect(samples.udp.at(-1)).toMatchObject({ sent: 10, lost: 2 });
});

it('the event log says since when datagrams are lost', async () => {
  await eventually(async () => {
    const nowMs = Date.now();
    const { events } = await server.json<Events>(`/api/v1/events?from=${nowMs - 60_000}&to=${nowMs}`);
    const lossy = events.filter(({ kind }) => kind === 'link-lossy');
    expect(lossy.map(({ pod, detail }) => `${pod?.name} ${detail}`)).toContain('pod-3 20 %');
    // Each pod that sees it enters it once. They may have started apart, then it is not one event.
    expect(lossy.reduce((sum, { fromCount }) => sum + fromCount, 0)).toBe(2);
  });
});
