import { get as httpsGet } from 'node:https';
import { text } from 'node:stream/consumers';
import { CoreV1Api, KubeConfig, Watch } from '@kubernetes/client-node';
import { describe, expect, it, vi } from 'vitest';
import type { KubeObject } from '../../deploy/local/api/objects.ts';
import type { Table } from '../../deploy/local/api/table.ts';
import { call } from '../../deploy/local/client/api-calls.ts';
import { readKubeconfig } from '../../deploy/local/state-folder.ts';
import { eventually } from '../support/eventually.ts';
import { clusterOfFile, fetchText, isAlive, PODS, TABLE } from '../support/stand-ins.ts';

const { current, api, pods, firstPod } = clusterOfFile();

describe('the API', () => {
  it('rejects requests without a valid token, except for the version', async () => {
    for (const token of ['', 'wrong']) {
      const { code, json } = await api('GET', PODS, { token });
      expect({ code, ...json }).toMatchObject({ code: 401, reason: 'Unauthorized', kind: 'Status' });
    }
    const version = await api('GET', '/version', { token: 'wrong' });
    expect(version).toMatchObject({ code: 200, json: { major: '1', minor: '32' } });
  });

  it("allows the pods' account to read pods and nodes, and nothing else", async () => {
    const env = JSON.parse(await fetchText(`http://${firstPod().ip}:8080/env`)) as { KUBECONFIG: string };
    const { token } = readKubeconfig(env.KUBECONFIG);
    expect((await api('GET', PODS, { token })).code).toBe(200);
    expect((await api('GET', '/api/v1/nodes', { token })).code).toBe(200);
    const refused = await api('DELETE', `${PODS}/${firstPod().name}`, { token });
    expect(refused).toMatchObject({ code: 403, json: { reason: 'Forbidden', code: 403, status: 'Failure' } });
    expect((await api('GET', '/apis/apps/v1/deployments', { token })).code).toBe(403);
  });

  it.each(['v1', 'v1beta1'])(
    'lists no custom resource definitions in %s, as PowerfulSeal asks first',
    async (version) => {
      const path = `/apis/apiextensions.k8s.io/${version}`;
      const { code, json } = await api('GET', `${path}/customresourcedefinitions`);
      expect([code, json['kind'], json['apiVersion'], json.items]).toEqual([
        200,
        'CustomResourceDefinitionList',
        `apiextensions.k8s.io/${version}`,
        [],
      ]);
      expect((await api('GET', path)).json['resources']).toMatchObject([{ verbs: ['get', 'list', 'watch'] }]);
    },
  );

  it('answers by loopback names only', async () => {
    const { port } = new URL(current().access.url);
    const codeFor = (host: string) =>
      new Promise((resolve) => {
        const options = { host: '127.0.0.1', port, path: '/version', headers: { host }, rejectUnauthorized: false };
        httpsGet(options, (response) => resolve(response.resume().statusCode));
      });
    expect(await codeFor(`127.0.0.1:${port}`)).toBe(200);
    expect(await codeFor(`localhost:${port}`)).toBe(200);
    expect(await codeFor(`evil.example:${port}`)).toBe(403);
  });

  it.each([
    ['GET', `${PODS}/nope`, 404, 'NotFound', 'pods "nope" not found'],
    ['GET', '/apis/apps/v1/namespaces/default/deployments/nope', 404, 'NotFound', 'deployments.apps "nope" not found'],
    ['GET', '/api/v1/widgets', 404, 'NotFound', 'the server could not find the requested resource'],
    ['GET', '/api/v1/%E0%A4%A', 400, 'BadRequest', 'URI malformed'],
    ['PUT', PODS, 405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource'],
    ['GET', `${PODS}?labelSelector=a+b`, 400, 'BadRequest', "unable to parse requirement: 'a b'"],
  ])('answers %s %s with %i and a Status', async (method, path, code, reason, message) => {
    const answer = await api(method, path);
    expect(answer.code).toBe(code);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(answer.json).toMatchObject({ kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, message, code });
  });

  it('rejects bodies that are too large, not JSON, of another kind, or invalid', async () => {
    const post = (body: object) => api('POST', PODS, { body });
    expect((await post({ a: 'x'.repeat(1024 * 1024) })).code).toBe(413);
    expect((await api('POST', PODS, { body: {}, contentType: 'application/vnd.kubernetes.protobuf' })).code).toBe(415);
    expect((await post({ kind: 'Service', apiVersion: 'v1', metadata: { name: 'a' } })).code).toBe(400);
    const container = { name: 'c', image: 'i' };
    for (const [body, cause] of [
      [{ metadata: { name: 'a' }, spec: { containers: [] } }, 'FieldValueInvalid'],
      [{ metadata: { name: 'Not Valid' }, spec: { containers: [container] } }, 'FieldValueInvalid'],
      [{ metadata: {}, spec: { containers: [container] } }, 'FieldValueRequired'],
      [{ metadata: { name: 'a' }, spec: { containers: [{ ...container, env: 'x' }] } }, 'FieldValueInvalid'],
    ] as const) {
      const json = { reason: 'Invalid', details: { causes: [{ reason: cause }] } };
      expect(await post(body)).toMatchObject({ code: 422, json });
    }
  });

  it('runs a pod with one known and one unknown image', async () => {
    const containers = [
      { name: 'goldpinger', image: 'docker.io/x/goldpinger:v2', env: [{ name: 'PORT', value: '9090' }] },
      { name: 'web', image: 'docker.io/library/nginx:1.27' },
    ];
    const body = { metadata: { name: 'chaos', labels: { chaos: 'true' } }, spec: { containers } };
    expect(await api('POST', PODS, { body })).toMatchObject({ code: 201, json: { status: { phase: 'Pending' } } });
    expect(await api('POST', PODS, { body })).toMatchObject({ code: 409, json: { reason: 'AlreadyExists' } });
    const now = () => pods().find((pod) => pod.name === 'chaos');
    await eventually(() => expect(now()).toMatchObject({ status: 'ImagePullBackOff', ready: false }));
    const told = JSON.stringify((await api('GET', `${PODS}/chaos`)).json);
    expect(told).toContain('"docker.io/library/nginx:1.27\\": this machine runs no images, only goldpinger-ts');
    await eventually(async () => expect(await fetchText(`http://${now()?.ip}:9090/ping`)).toContain('boot_time'));
    const { json } = await api('GET', `${PODS}?labelSelector=chaos%3Dtrue`, { accept: TABLE });
    expect((json as unknown as Table).rows[0]?.cells.slice(0, 3)).toEqual(['chaos', '1/2', 'ImagePullBackOff']);
    expect((await api('GET', `${PODS}/chaos/log`)).json['message']).toContain('choose one of: [goldpinger web]');
    const pid = now()?.pid ?? 0;
    await api('DELETE', `${PODS}/chaos?gracePeriodSeconds=0`);
    expect(now()).toBeUndefined();
    await eventually(() => expect(isAlive(pid)).toBe(false));
  });

  it('returns logs: the last lines, with times, and live', async () => {
    const pod = firstPod();
    const read = async (query: string) =>
      text(await call(current().access, { method: 'GET', path: `${PODS}/${pod.name}/log?${query}` }));
    expect(await read('tailLines=1')).toBe(`listening on ${pod.ip}:8080\n`);
    expect(await read('tailLines=0')).toBe('');
    expect(await read('timestamps=true')).toMatch(/^\d{4}-\d\d-\d\dT\S+Z listening on/);
    const path = `${PODS}/${pod.name}/log?follow=true`;
    const following = await call(current().access, { method: 'GET', path });
    current().deletePod(pod.name);
    expect(await text(following)).toBe(`listening on ${pod.ip}:8080\nasked to end\n`);
    await current().ready();
  });

  it('works with the official client: list, watch, delete', async () => {
    const config = new KubeConfig();
    config.loadFromFile(current().kubeconfigPath);
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
    await current().ready();
  });
});
