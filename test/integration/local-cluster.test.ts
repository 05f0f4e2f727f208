import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, it, vi } from 'vitest';
import { call } from '../../deploy/local/client/api-calls.ts';
import { startCluster } from '../../deploy/local/cluster.ts';
import { readKubeconfig } from '../../deploy/local/state-folder.ts';
import { eventually } from '../support/eventually.ts';
import { clusterOfFile, fetchText, isAlive, options, PODS } from '../support/stand-ins.ts';

const { current, pods, livePods, firstPod } = clusterOfFile();

describe('the pods', () => {
  it('are processes with an address, a node, and the environment of our manifest', async () => {
    const all = pods();
    expect(all).toHaveLength(3);
    expect(new Set(all.map((pod) => pod.ip)).size).toBe(3);
    expect(new Set(all.map((pod) => pod.node)).size).toBe(3);
    for (const pod of all) {
      expect(isAlive(pod.pid)).toBe(true);
      const env = JSON.parse(await fetchText(`http://${pod.ip}:8080/env`)) as Record<string, string>;
      expect(env).toMatchObject({
        HOST: pod.ip,
        PORT: '8080',
        POD_IP: pod.ip,
        POD_NAME: pod.name,
        HOSTNAME: pod.node,
        NAMESPACE: 'default',
        LABEL_SELECTOR: 'app=goldpinger',
        REFRESH_INTERVAL: '2',
      });
      expect(existsSync(env['KUBECONFIG'] ?? '')).toBe(true);
    }
  });

  it('are replaced under another name and address when they are deleted, with the token of their account', async () => {
    const victim = firstPod();
    const kubeconfig = async () => {
      const env = JSON.parse(await fetchText(`http://${firstPod().ip}:8080/env`)) as { KUBECONFIG: string };
      return readFileSync(env.KUBECONFIG, 'utf8');
    };
    const before = await kubeconfig();
    current().deletePod(victim.name, { graceSeconds: 0 });
    expect(pods().map((pod) => pod.name)).not.toContain(victim.name);
    await current().ready();
    expect(livePods()).toHaveLength(3);
    expect(pods().map((pod) => pod.ip)).not.toContain(victim.ip);
    await eventually(() => expect(isAlive(victim.pid)).toBe(false));
    expect(await kubeconfig()).toBe(before);
  });

  it('are restarted with the same name and address when they crash', async () => {
    const victim = firstPod();
    const logPath = `${PODS}/${victim.name}/log`;
    await fetchText(`http://${victim.ip}:8080/die`).catch(() => '');
    const now = () => pods().find((pod) => pod.uid === victim.uid);
    await vi.waitFor(() => expect(now()).toMatchObject({ restarts: 1, ready: true, ip: victim.ip }), 20_000);
    expect(now()?.pid).not.toBe(victim.pid);
    const before = await call(current().access, { method: 'GET', path: `${logPath}?previous=true` });
    expect(await text(before)).toBe(`listening on ${victim.ip}:8080\n`);
  });
});

describe('the service address', () => {
  it('leads to all ready pods in turn', async () => {
    const seen = new Set<string>();
    await vi.waitFor(
      async () => {
        const env = JSON.parse(await fetchText(`${current().serviceUrl}env`)) as { POD_NAME: string };
        seen.add(env.POD_NAME);
        expect(seen.size).toBe(3);
      },
      { timeout: 20_000, interval: 1 },
    );
    expect([...seen].sort()).toEqual(livePods().map((pod) => pod.name));
  });

  it('keeps a connection on one pod, and resets it when that pod is deleted', async () => {
    const { port } = new URL(current().serviceUrl);
    const socket = connect(Number(port), '127.0.0.1');
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    socket.write('GET /env HTTP/1.1\r\nHost: x\r\n\r\n');
    const podName = () => /"POD_NAME":"([^"]+)"/.exec(text)?.[1] ?? '';
    await eventually(() => expect(podName()).not.toBe(''));
    const first = podName();
    text = '';
    socket.write('GET /env HTTP/1.1\r\nHost: x\r\n\r\n');
    await eventually(() => expect(podName()).toBe(first));
    const failed = once(socket, 'error');
    current().deletePod(first, { graceSeconds: 0 });
    expect(await failed).toMatchObject([{ code: 'ECONNRESET' }]);
    await current().ready();
  });
});

describe('clusters beside each other', () => {
  it('have their own addresses and ports, follow their options, and leave nothing behind', async () => {
    const serverEnv = { IGNORE_TERM: '1', REFRESH_INTERVAL: '7' };
    const rights = { pods: ['list'], nodes: [] };
    const other = await startCluster({ ...options, pods: 2, serverEnv, rights });
    await other.ready();
    const others = other.pods();
    const taken = new Set(pods().map((pod) => pod.ip));
    expect(others.some((pod) => taken.has(pod.ip))).toBe(false);
    const env = JSON.parse(await fetchText(`http://${others[0]?.ip}:8080/env`)) as Record<string, string>;
    expect(env['REFRESH_INTERVAL']).toBe('7');
    const account = readKubeconfig(env['KUBECONFIG'] ?? '');
    const status = async (path: string) => (await call(account, { method: 'GET', path })).statusCode;
    expect(await status(PODS)).toBe(200);
    expect(await status(`${PODS}?watch=1`)).toBe(403);
    expect(await status('/api/v1/nodes')).toBe(403);
    expect(readFileSync(`${other.logFolder}/default_${others[0]?.name}_goldpinger.log`, 'utf8')).toContain('listening');

    await Promise.all([other.stop(), other.stop()]);
    for (const pod of others) expect(isAlive(pod.pid)).toBe(false);
    expect(existsSync(other.kubeconfigPath)).toBe(false);
    await expect(call(other.access, { method: 'GET', path: PODS })).rejects.toThrow('no local cluster is running');
  });
});
