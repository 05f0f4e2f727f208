import { readdirSync, readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startLoopbackPeer } from '../support/loopback-peer.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { meshOf, StubMesh } from '../support/stub-mesh.ts';

const WAVES = 5;
const PODS_A_WAVE = 100;

/** Resident memory in MiB; NaN where /proc is not (macOS). */
function residentMiB(server: ServerProcess): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))?.[1]) / 1024;
  } catch {
    return Number.NaN;
  }
}

/** Open sockets and files; NaN where /proc is not. */
function openFiles(server: ServerProcess): number {
  try {
    return readdirSync(`/proc/${server.child.pid}/fd`).length;
  } catch {
    return Number.NaN;
  }
}

const perPeer = (metrics: string) =>
  metrics.split('\n').filter((line) => line.includes('churn-') || line.includes('pod_ip='));

describe('500 pods that join and leave', () => {
  it('leave no series, links, sockets or memory behind', async () => {
    const mesh = await StubMesh.forTest();
    // One listener answers for all of them: every address of the loopback network is this machine.
    const answer: RequestListener = (req, res) => {
      res.writeHead(req.url === '/ping' ? 200 : 404, { 'Content-Type': 'application/json' });
      res.end(req.url === '/ping' ? '{"boot_time":"2026-11-22T14:39:48.013Z"}' : '{"code":404,"message":"not found"}');
    };
    await startLoopbackPeer(answer, { host: '0.0.0.0', port: mesh.port });
    const env = {
      PORT: String(mesh.port + 1),
      CLIENT_PORT_OVERRIDE: String(mesh.port),
      REFRESH_INTERVAL: '0.5',
      GONE_RETENTION: '1s',
    };
    // A heap that must be swept: otherwise growth says only that the machine has memory to spare.
    const server = await mesh.serve(250, env, { nodeFlags: ['--max-semi-space-size=2', '--max-old-space-size=24'] });
    mesh.addPod(1, { name: 'stays' });
    const sizes: number[] = [];
    for (let wave = 0; wave < WAVES; wave++) {
      const names = Array.from({ length: PODS_A_WAVE }, (_, i) => `churn-${wave}-${i}`);
      for (const [i, name] of names.entries()) mesh.addPod(i + 2, { name, uid: `uid-${name}` });
      await eventually(async () => expect(await pinged(server, `churn-${wave}-`)).toBe(PODS_A_WAVE), 60_000);
      for (const name of names) mesh.kube.deletePod(name);
      await eventually(
        async () => expect((await meshOf(server)).pods.map(({ name }) => name)).toEqual(['stays']),
        60_000,
      );
      sizes.push(residentMiB(server));
    }
    const metrics = await server.text('/metrics');
    expect(metrics).not.toContain('churn-');
    expect(new Set(perPeer(metrics).map((line) => /pod_ip="([^"]*)"/.exec(line)?.[1]))).toEqual(
      new Set([mesh.host(1)]),
    );
    const check = await server.json<{ podResults: object }>('/check');
    expect(Object.keys(check.podResults)).toEqual(['stays']);
    const requests = await server.text('/api/v1/pod-report');
    expect(requests).not.toContain('churn-');
    if (!Number.isNaN(openFiles(server))) {
      await eventually(() => expect(openFiles(server)).toBeLessThan(40));
      // The second wave has warmed everything up; what came after it must not add to it.
      expect(sizes.at(-1)! - sizes[1]!).toBeLessThan(12);
    }
  }, 180_000);
});

/** How many peers with this prefix have answered a ping. */
async function pinged(server: ServerProcess, prefix: string): Promise<number> {
  const check = await server.json<{ podResults: Record<string, { OK: boolean }> }>('/check');
  return Object.entries(check.podResults).filter(([name, { OK }]) => name.startsWith(prefix) && OK).length;
}
