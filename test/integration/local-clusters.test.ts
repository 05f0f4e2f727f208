import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { call } from '../../deploy/local/client/api-client.ts';
import { startCluster } from '../../deploy/local/cluster.ts';
import { readKubeconfig } from '../../deploy/local/state-folder.ts';
import { clusterOfFile, fetchText, isAlive, options, PODS } from '../support/stand-ins.ts';

const { current } = clusterOfFile();

describe('clusters beside each other', () => {
  it('have their own addresses and ports, follow their options, and leave nothing behind', async () => {
    const serverEnv = { IGNORE_TERM: '1', REFRESH_INTERVAL: '7' };
    const rights = { pods: ['list'], nodes: [] };
    const other = await startCluster({ ...options, pods: 2, serverEnv, rights });
    await other.ready();
    const pods = other.pods();
    const taken = new Set(
      current()
        .pods()
        .map((pod) => pod.ip),
    );
    expect(pods.some((pod) => taken.has(pod.ip))).toBe(false);
    const env = JSON.parse(await fetchText(`http://${pods[0]?.ip}:8080/env`)) as Record<string, string>;
    expect(env['REFRESH_INTERVAL']).toBe('7');
    const account = readKubeconfig(env['KUBECONFIG'] ?? '');
    const status = async (path: string) => (await call(account, { method: 'GET', path })).statusCode;
    expect(await status(PODS)).toBe(200);
    expect(await status(`${PODS}?watch=1`)).toBe(403);
    expect(await status('/api/v1/nodes')).toBe(403);
    expect(readFileSync(`${other.logFolder}/default_${pods[0]?.name}_goldpinger.log`, 'utf8')).toContain('listening');

    await Promise.all([other.stop(), other.stop()]);
    for (const pod of pods) expect(isAlive(pod.pid)).toBe(false);
    expect(existsSync(other.kubeconfigPath)).toBe(false);
    await expect(call(other.access, { method: 'GET', path: PODS })).rejects.toThrow('no local cluster is running');
  });

  it('tell why they cannot start, and leave nothing behind then either', async () => {
    const { port } = new URL(current().serviceUrl);
    await expect(startCluster({ ...options, port: Number(port) })).rejects.toThrow(
      `port ${port} of 127.0.0.1 is in use by another program: stop it, or use --port ${Number(port) + 1}`,
    );
  });

  it('kill a pod that ignores SIGTERM after its grace period', async () => {
    const other = await startCluster({ ...options, pods: 1, serverEnv: { IGNORE_TERM: '1' } });
    await other.ready();
    const [victim] = other.pods();
    other.deletePod(victim?.name ?? '', { graceSeconds: 1 });
    expect(other.pods()).toContainEqual(
      expect.objectContaining({ uid: victim?.uid, status: 'Terminating', pid: victim?.pid }),
    );
    await vi.waitFor(() => expect(other.pods().map((pod) => pod.uid)).not.toContain(victim?.uid), 20_000);
    expect(isAlive(victim?.pid ?? 0)).toBe(false);
    await other.stop();
  });
});
