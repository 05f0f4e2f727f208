import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { get as httpGet } from 'node:http';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import { CoreV1Api, KubeConfig, Watch } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { KubeObject } from '../../deploy/local/api/objects.ts';
import type { Table } from '../../deploy/local/api/table.ts';
import { type ApiCall, call, linesOf, textOf } from '../../deploy/local/client/api-client.ts';
import { type ClusterOptions, startCluster } from '../../deploy/local/cluster.ts';
import { readKubeconfig } from '../../deploy/local/kubeconfig.ts';
import type { LocalCluster } from '../../deploy/local/local-cluster.ts';
import { soon } from './server-process.ts';

const STAND_IN = 'test/fixtures/stand-in-server.cjs';
const PODS = '/api/v1/namespaces/default/pods';
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
const options: ClusterOptions = {
  pods: 3,
  intervalS: 2,
  serverPath: STAND_IN,
  backoff: { firstMs: 50, longestMs: 200 },
};

let cluster: LocalCluster;

beforeAll(async () => {
  cluster = await startCluster({ ...options, keepChanges: 60, bookmarkMs: 100 });
  await cluster.ready();
});
afterAll(() => cluster.stop());

interface Answer {
  code: number;
  headers: Record<string, unknown>;
  json: Record<string, unknown> & { items: KubeObject[]; metadata: Record<string, unknown> };
}

/** A request as the administrator, or with another token. */
async function api(method: string, path: string, more: Partial<ApiCall> & { token?: string } = {}): Promise<Answer> {
  const { token = cluster.access.token, ...rest } = more;
  const answer = await call({ ...cluster.access, token }, { ...rest, method: method as ApiCall['method'], path });
  const text = await textOf(answer);
  return { code: answer.statusCode ?? 0, headers: answer.headers, json: JSON.parse(text) as Answer['json'] };
}

/** GET over plain HTTP; rejects with the error's code if the connection fails. */
function fetchText(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = httpGet(url, { agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve(text)).on('error', reject);
    });
    request.on('error', reject);
  });
}

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
const livePods = () => cluster.pods().filter((pod) => !pod.terminating);
const firstPod = () => {
  const pod = livePods().find((one) => one.ready);
  if (!pod) throw new Error('no ready pod');
  return pod;
};

describe('the pods', () => {
  it('are processes with an address, a node, and the environment of our manifest', async () => {
    const pods = cluster.pods();
    expect(pods).toHaveLength(3);
    expect(new Set(pods.map((pod) => pod.ip)).size).toBe(3);
    expect(new Set(pods.map((pod) => pod.node)).size).toBe(3);
    for (const pod of pods) {
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

  it('are replaced when they are killed, under another name and address', async () => {
    const victim = firstPod();
    cluster.deletePod(victim.name, { graceSeconds: 0 });
    expect(cluster.pods().map((pod) => pod.name)).not.toContain(victim.name);
    await cluster.ready();
    expect(livePods()).toHaveLength(3);
    expect(cluster.pods().map((pod) => pod.ip)).not.toContain(victim.ip);
    await soon(() => expect(isAlive(victim.pid)).toBe(false));
  });

  it('keep name and address when they die by themselves, and are restarted', async () => {
    const victim = firstPod();
    const logPath = `${PODS}/${victim.name}/log`;
    await fetchText(`http://${victim.ip}:8080/die`).catch(() => '');
    const now = () => cluster.pods().find((pod) => pod.uid === victim.uid);
    await vi.waitFor(() => expect(now()).toMatchObject({ restarts: 1, ready: true, ip: victim.ip }), 20_000);
    expect(now()?.pid).not.toBe(victim.pid);
    const before = await call(cluster.access, { method: 'GET', path: `${logPath}?previous=true` });
    expect(await textOf(before)).toBe(`listening on ${victim.ip}:8080\n`);
  });

  it('come and go with the scale of their Deployment', async () => {
    const seen: string[] = [];
    const stop = cluster.onEvent((news) => seen.push(news.what));
    await api('PATCH', '/apis/apps/v1/namespaces/default/deployments/goldpinger/scale', {
      body: { spec: { replicas: 5 } },
      contentType: 'application/merge-patch+json',
    });
    await cluster.ready();
    expect(livePods()).toHaveLength(5);
    expect(seen.filter((what) => what === 'ready')).toHaveLength(2);
    cluster.scale(3);
    await vi.waitFor(() => expect(cluster.pods()).toHaveLength(3), 20_000);
    expect(seen.filter((what) => what === 'terminating')).toHaveLength(2);
    expect(seen.filter((what) => what === 'gone')).toHaveLength(2);
    stop();
  });
});

describe('the API', () => {
  it('knows nobody without a token, and tells its version to everybody', async () => {
    for (const token of ['', 'wrong']) {
      const { code, json } = await api('GET', PODS, { token });
      expect({ code, reason: json['reason'], kind: json['kind'] }).toEqual({
        code: 401,
        reason: 'Unauthorized',
        kind: 'Status',
      });
    }
    const version = await api('GET', '/version', { token: 'wrong' });
    expect(version).toMatchObject({ code: 200, json: { major: '1', minor: '32' } });
  });

  it('lets the pods see pods and nodes, and do nothing else', async () => {
    const env = JSON.parse(await fetchText(`http://${firstPod().ip}:8080/env`)) as { KUBECONFIG: string };
    const { token } = readKubeconfig(env.KUBECONFIG);
    expect((await api('GET', PODS, { token })).code).toBe(200);
    expect((await api('GET', '/api/v1/nodes', { token })).code).toBe(200);
    const refused = await api('DELETE', `${PODS}/${firstPod().name}`, { token });
    expect(refused).toMatchObject({ code: 403, json: { reason: 'Forbidden', code: 403, status: 'Failure' } });
    expect((await api('GET', '/apis/apps/v1/deployments', { token })).code).toBe(403);
  });

  it.each([
    ['GET', `${PODS}/nope`, 404, 'NotFound', 'pods "nope" not found'],
    ['GET', '/apis/apps/v1/namespaces/default/deployments/nope', 404, 'NotFound', 'deployments.apps "nope" not found'],
    ['GET', '/api/v1/widgets', 404, 'NotFound', 'the server could not find the requested resource'],
    ['PUT', PODS, 405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource'],
    ['GET', `${PODS}?labelSelector=a+b`, 400, 'BadRequest', "unable to parse requirement: 'a b'"],
  ])('answers %s %s with %i and a Status', async (method, path, code, reason, message) => {
    const answer = await api(method, path);
    expect(answer.code).toBe(code);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(answer.json).toMatchObject({ kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, message, code });
  });

  it('refuses bodies that are too large, not JSON, of another kind, or not valid', async () => {
    const post = (body: object) => api('POST', PODS, { body });
    expect((await post({ a: 'x'.repeat(1024 * 1024) })).code).toBe(413);
    expect((await api('POST', PODS, { body: {}, contentType: 'application/vnd.kubernetes.protobuf' })).code).toBe(415);
    expect((await post({ kind: 'Service', apiVersion: 'v1', metadata: { name: 'a' } })).code).toBe(400);
    const container = { name: 'c', image: 'i' };
    for (const body of [
      { metadata: { name: 'a' }, spec: { containers: [] } },
      { metadata: { name: 'Not Valid' }, spec: { containers: [container] } },
      { metadata: {}, spec: { containers: [container] } },
      { metadata: { name: 'a' }, spec: { containers: [{ ...container, env: 'x' }] } },
    ]) {
      expect(await post(body)).toMatchObject({ code: 422, json: { reason: 'Invalid' } });
    }
  });

  it('runs a pod of several containers, each under the image that this machine has or has not', async () => {
    const containers = [
      { name: 'goldpinger', image: 'docker.io/x/goldpinger:v2', env: [{ name: 'PORT', value: '9090' }] },
      { name: 'web', image: 'docker.io/library/nginx:1.27' },
    ];
    const body = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'chaos', labels: { chaos: 'true' } },
      spec: { containers },
    };
    expect(await api('POST', PODS, { body })).toMatchObject({ code: 201, json: { status: { phase: 'Pending' } } });
    expect(await api('POST', PODS, { body })).toMatchObject({ code: 409, json: { reason: 'AlreadyExists' } });
    const now = () => cluster.pods().find((pod) => pod.name === 'chaos');
    await soon(() => expect(now()).toMatchObject({ status: 'ImagePullBackOff', ready: false }));
    await soon(async () => expect(await fetchText(`http://${now()?.ip}:9090/ping`)).toContain('boot_time'));
    const { json } = await api('GET', `${PODS}?labelSelector=chaos%3Dtrue`, { accept: TABLE });
    expect((json as unknown as Table).rows[0]?.cells.slice(0, 3)).toEqual(['chaos', '1/2', 'ImagePullBackOff']);
    expect((await api('GET', `${PODS}/chaos/log`)).json['message']).toContain('choose one of: [goldpinger web]');
    const pid = now()?.pid ?? 0;
    await api('DELETE', `${PODS}/chaos?gracePeriodSeconds=0`);
    expect(now()).toBeUndefined();
    await soon(() => expect(isAlive(pid)).toBe(false));
  });

  it('lists in pages of one version', async () => {
    const first = await api('GET', `${PODS}?limit=2`);
    expect(first.json.items).toHaveLength(2);
    expect(first.json.metadata['remainingItemCount']).toBe(1);
    const rest = await api('GET', `${PODS}?limit=2&continue=${first.json.metadata['continue']}`);
    expect(rest.json.items).toHaveLength(1);
    expect(rest.json.metadata['resourceVersion']).toBe(first.json.metadata['resourceVersion']);
    expect(rest.json.metadata['continue']).toBeUndefined();
  });

  it('says 410 to a watch, and to a list, from a version that it has forgotten', async () => {
    const { json } = await api('GET', `${PODS}?limit=1`);
    const version = json.metadata['resourceVersion'];
    const configMap = (value: number) => ({ metadata: { name: 'noise' }, data: { value: String(value) } });
    await api('POST', '/api/v1/namespaces/default/configmaps', { body: configMap(0) });
    for (let i = 1; i <= 130; i++) {
      await api('PATCH', '/api/v1/namespaces/default/configmaps/noise', {
        body: configMap(i),
        contentType: 'application/merge-patch+json',
      });
    }
    const watch = await call(cluster.access, { method: 'GET', path: `${PODS}?watch=1&resourceVersion=${version}` });
    expect(watch.statusCode).toBe(200);
    const lines = (await textOf(watch))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; object: object });
    expect(lines).toMatchObject([{ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } }]);
    expect((await api('GET', `${PODS}?limit=1&continue=${json.metadata['continue']}`)).code).toBe(410);
  });

  it('ends a watch when its time is over, with a last bookmark', async () => {
    const path = `${PODS}?watch=1&timeoutSeconds=1&allowWatchBookmarks=true`;
    const lines = (await textOf(await call(cluster.access, { method: 'GET', path }))).trim().split('\n');
    const types = lines.map((line) => (JSON.parse(line) as { type: string }).type);
    expect(types.slice(0, 3)).toEqual(['ADDED', 'ADDED', 'ADDED']);
    // One at least on the way, though this process be held up for most of the second, and the last.
    expect(types.slice(3).length).toBeGreaterThan(1);
    expect(new Set(types.slice(3))).toEqual(new Set(['BOOKMARK']));
  });

  it('gives logs: the last lines, with times, and as they come', async () => {
    const pod = firstPod();
    const read = async (query: string) =>
      textOf(await call(cluster.access, { method: 'GET', path: `${PODS}/${pod.name}/log?${query}` }));
    expect(await read('tailLines=1')).toBe(`listening on ${pod.ip}:8080\n`);
    expect(await read('tailLines=0')).toBe('');
    expect(await read('limitBytes=6')).toBe('listen');
    expect(await read('timestamps=true')).toMatch(/^\d{4}-\d\d-\d\dT\S+Z listening on/);
    const following = await call(cluster.access, { method: 'GET', path: `${PODS}/${pod.name}/log?follow=true` });
    cluster.deletePod(pod.name);
    expect(await textOf(following)).toBe(`listening on ${pod.ip}:8080\nasked to end\n`);
    await cluster.ready();
  });

  it('works with the official client: list, watch, delete', async () => {
    const config = new KubeConfig();
    config.loadFromFile(cluster.kubeconfigPath);
    const core = config.makeApiClient(CoreV1Api);
    const list = await core.listNamespacedPod({ namespace: 'default', labelSelector: 'app=goldpinger', limit: 50 });
    expect(list.items).toHaveLength(3);
    const events: string[] = [];
    const controller = await new Watch(config).watch(
      PODS,
      { resourceVersion: list.metadata?.resourceVersion ?? '', labelSelector: 'app=goldpinger' },
      (type: string, pod: KubeObject) => events.push(`${type} ${pod.metadata.name}`),
      () => {},
    );
    const name = list.items[0]?.metadata?.name ?? '';
    const deleted = await core.deleteNamespacedPod({ name, namespace: 'default', gracePeriodSeconds: 7 });
    expect(deleted.metadata?.deletionGracePeriodSeconds).toBe(7);
    await vi.waitFor(() => expect(events).toContain(`DELETED ${name}`), 20_000);
    expect(events.indexOf(`MODIFIED ${name}`)).toBeGreaterThanOrEqual(0);
    controller.abort();
    await cluster.ready();
  });
});

describe('kubectl', () => {
  /** What kubectl prints, or null where it is not installed. */
  async function kubectl(...args: string[]): Promise<string | null> {
    try {
      const { stdout } = await promisify(execFile)('kubectl', ['--kubeconfig', cluster.kubeconfigPath, ...args]);
      return stdout;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  it('get pods shows the columns of the table, -w the rows as they change', async () => {
    const list = (await api('GET', PODS, { accept: TABLE })).json as unknown as Table;
    expect(list.rows.map((row) => row.cells.slice(1, 4))).toEqual(Array(3).fill(['1/1', 'Running', '0']));
    const { resourceVersion } = list.metadata as { resourceVersion: string };
    const watch = await call(cluster.access, {
      method: 'GET',
      path: `${PODS}?watch=1&resourceVersion=${resourceVersion}`,
      accept: TABLE,
    });
    const victim = firstPod().name;
    cluster.deletePod(victim);
    for await (const line of linesOf(watch)) {
      const { type, object } = JSON.parse(line) as { type: string; object: Table };
      expect(object.kind).toBe('Table');
      if (type === 'DELETED' && object.rows[0]?.cells[0] === victim) break;
    }
    await cluster.ready();
    const printed = await kubectl('get', 'pods');
    if (printed === null) return;
    const [head, ...rows] = printed.trim().split('\n');
    expect(head?.split(/ {2,}/)).toEqual(['NAME', 'READY', 'STATUS', 'RESTARTS', 'AGE']);
    expect(rows.map((row) => row.split(/ {2,}/).slice(1, 4))).toEqual(Array(3).fill(['1/1', 'Running', '0']));
  });

  it('delete pod --grace-period=0 --force ends a pod at once', async () => {
    const victim = firstPod();
    const body = { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: 0, propagationPolicy: 'Background' };
    const answer = await api('DELETE', `${PODS}/${victim.name}`, { body });
    expect(answer).toMatchObject({ code: 200, json: { kind: 'Pod', metadata: { uid: victim.uid } } });
    expect(await api('GET', `${PODS}?fieldSelector=metadata.name%3D${victim.name}`)).toMatchObject({
      json: { items: [] },
    });
    await cluster.ready();
    const second = firstPod();
    const printed = await kubectl('delete', 'pod', second.name, '--grace-period=0', '--force');
    if (printed === null) return;
    expect(printed).toContain(`pod "${second.name}" force deleted`);
    expect(cluster.pods().map((pod) => pod.name)).not.toContain(second.name);
    await cluster.ready();
  });

  it('apply finds that the server checks fields by itself, and creates, then changes', async () => {
    const { json } = await api('GET', '/openapi/v3/api/v1');
    const paths = json['paths'] as Record<string, { patch: { parameters: { name: string }[] } }>;
    expect(paths['/api/v1/namespaces/{namespace}/pods/{name}']?.patch.parameters[0]?.name).toBe('fieldValidation');
    const groups = (await api('GET', '/apis')).json['groups'] as { name: string }[];
    expect(groups.map((group) => group.name)).toEqual(['discovery.k8s.io', 'apps', 'rbac.authorization.k8s.io']);
    const applied = await kubectl('apply', '-f', 'test/fixtures/local-service.yml');
    if (applied === null) return;
    expect(applied).toContain('service/second created');
    expect(await kubectl('apply', '-f', 'test/fixtures/local-service.yml')).toContain('service/second unchanged');
    expect(await kubectl('describe', 'pod', firstPod().name)).toContain('Controlled By:  ReplicaSet/goldpinger-');
    const ips = livePods()
      .map((pod) => pod.ip)
      .sort();
    for (const ip of ips) expect(await kubectl('describe', 'service', 'second')).toContain(`${ip}:8080`);
    expect(await kubectl('delete', 'svc', 'second')).toContain('service "second" deleted');
  });
});

describe('the service address', () => {
  it('leads to ready pods, all of them in the end', async () => {
    const seen = new Set<string>();
    await vi.waitFor(
      async () => {
        const env = JSON.parse(await fetchText(`${cluster.serviceUrl}env`)) as { POD_NAME: string };
        seen.add(env.POD_NAME);
        expect(seen.size).toBe(3);
      },
      { timeout: 20_000, interval: 1 },
    );
    expect([...seen].sort()).toEqual(livePods().map((pod) => pod.name));
  });

  it('keeps a connection on its pod, and resets it when that pod is killed', async () => {
    const { port } = new URL(cluster.serviceUrl);
    const socket = connect(Number(port), '127.0.0.1');
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    socket.write('GET /env HTTP/1.1\r\nHost: x\r\n\r\n');
    const podName = () => /"POD_NAME":"([^"]+)"/.exec(text)?.[1] ?? '';
    await soon(() => expect(podName()).not.toBe(''));
    const first = podName();
    text = '';
    socket.write('GET /env HTTP/1.1\r\nHost: x\r\n\r\n');
    await soon(() => expect(podName()).toBe(first));
    const failed = once(socket, 'error');
    cluster.deletePod(first, { graceSeconds: 0 });
    expect(await failed).toMatchObject([{ code: 'ECONNRESET' }]);
    await cluster.ready();
  });
});

describe('clusters beside each other', () => {
  it('have addresses and ports of their own, follow their options, and leave nothing behind', async () => {
    const serverEnv = { IGNORE_TERM: '1', REFRESH_INTERVAL: '7' };
    const rights = { pods: ['list'], nodes: [] };
    const other = await startCluster({ ...options, pods: 2, serverEnv, rights, port: 'none' });
    await other.ready();
    const pods = other.pods();
    const taken = new Set(cluster.pods().map((pod) => pod.ip));
    expect(pods.some((pod) => taken.has(pod.ip))).toBe(false);
    expect(other.serviceUrl).toBe('');
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

  it('say what is in the way of a start, and leave nothing behind then either', async () => {
    const { port } = new URL(cluster.serviceUrl);
    await expect(startCluster({ ...options, port: Number(port) })).rejects.toThrow(
      `port ${port} of 127.0.0.1 is taken by another program: end it, or take another: --port ${Number(port) + 1}`,
    );
  });

  it('kill a pod that will not end, after its grace period', async () => {
    const other = await startCluster({ ...options, pods: 1, serverEnv: { IGNORE_TERM: '1' }, port: 'none' });
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
