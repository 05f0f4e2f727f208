import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { StubMesh, untilHealthy } from '../support/stub-mesh.ts';

// A connection on which an answer was slow is not kept; on a busy machine that would be some.
const SETTINGS = { REFRESH_INTERVAL: '0.2', PING_TIMEOUT: '3s', CHECK_TIMEOUT: '3s', SLOW_LINK: '3s' };

const PHASES = 'goldpinger_peer_phase_seconds_count';
const pings = (server: ServerProcess) => server.metric(PHASES, 'phase="first-byte"');
const opened = (server: ServerProcess) => server.metric(PHASES, 'phase="connect"');
const failed = (server: ServerProcess) => server.metric('goldpinger_errors_total', 'type="ping"');

/** Starts pods with these numbers, and waits until each has pinged all others. */
async function start(mesh: StubMesh, numbers: readonly number[], env: Record<string, string> = {}) {
  const servers = await Promise.all(numbers.map((i) => mesh.serve(i, { ...SETTINGS, ...env })));
  for (const i of numbers) mesh.addPod(i);
  for (const server of servers) await untilHealthy(server);
  return servers;
}

// At the same time, because they wait for pings most of it.
describe.concurrent('kept connections', { timeout: 120_000 }, () => {
  it('carry nearly all pings: each link opens one at most every FRESH_CONNECTION_INTERVAL, 10 s by default', async ({
    onTestFinished,
  }) => {
    const mesh = await StubMesh.forTest(onTestFinished);
    const [server] = await start(mesh, [1, 2, 3]);
    await eventually(async () => expect(await pings(server!)).toBeGreaterThanOrEqual(60), 40_000);
    expect(await opened(server!)).toBeLessThanOrEqual(2 * 3);
    expect(await failed(server!)).toBe(0);
  });

  it('no ping fails at either end of a kept connection while pods are replaced one by one', async ({
    onTestFinished,
  }) => {
    const mesh = await StubMesh.forTest(onTestFinished);
    const servers = await start(mesh, [1, 2, 3], { SHUTDOWN_GRACE: '3s' });
    for (const [old, next] of [
      [1, 4],
      [2, 5],
      [3, 6],
    ] as const) {
      const [leaving] = servers.splice(0, 1);
      const survivors = [...servers];
      leaving?.child.kill('SIGTERM');
      mesh.addPod(old, { deletedMs: Date.now() });
      await eventually(async () => expect((await fetch(`${leaving?.url}/readyz`)).status).toBe(503));
      // All peers have pinged it since: their connections have been closed in order.
      const before = await Promise.all(survivors.map(pings));
      await eventually(async () => {
        for (const [i, server] of survivors.entries()) expect(await pings(server)).toBeGreaterThan(before[i]! + 8);
      });
      expect(await failed(leaving!)).toBe(0);
      mesh.kube.deletePod(`pod-${old}`);
      servers.push(...(await start(mesh, [next], { SHUTDOWN_GRACE: '3s' })));
      expect(await leaving?.ended).toBe(0);
      for (const server of servers) expect(await failed(server)).toBe(0);
    }
  });
});
