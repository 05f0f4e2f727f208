import { expect, it } from 'vitest';
import type { Thresholds } from '../../../server/protocol/link-state.ts';
import { meshOf, podsOf, snapshotOf, statusOf } from '../../support/mesh.ts';
import { dial, jsonOf, serve } from './serve.ts';

it('every path answers as exactly application/json, which chaos tools compare; errors too', async () => {
  const { url } = await serve();
  for (const path of ['/ping', '/check', '/check_all', '/cluster_health', '/healthz', '/nope']) {
    expect([path, (await fetch(url + path)).headers.get('content-type')]).toEqual([path, 'application/json']);
  }
  const posted = await fetch(`${url}/check`, { method: 'POST' });
  expect([posted.status, posted.headers.get('content-type')]).toEqual([405, 'application/json']);
});

it.each(['/ping', '/ping/', '/ping?x=1', '//ping', '/ping//?x=//'])(
  '%s gives the boot time in ms with Z, uncompressed',
  async (path) => {
    const { url, received } = await serve();
    const answer = await fetch(url + path, { headers: { 'accept-encoding': 'gzip' } });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-encoding')).toBeNull();
    expect(await answer.text()).toBe('{"boot_time":"2026-11-22T14:39:48.013Z"}');
    expect(received).toEqual(['ping']);
  },
);

it('/ping answers a client that asks through a proxy, by its whole URI', async () => {
  const { url, received } = await serve();
  const request = 'GET http://goldpinger/ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
  const { ended, received: answer } = await dial(url, request);
  await ended();
  expect(answer()).toMatch(/^HTTP\/1\.1 200 .*\{"boot_time":"2026-11-22T14:39:48.013Z"\}$/s);
  expect(received).toEqual(['ping']);
});

it('/cluster_health is 200 when healthy and 418 when not', async () => {
  const { status, body } = await jsonOf(await fetch(`${(await serve()).url}/cluster_health`));
  const generatedAt = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  const expected = { OK: true, 'duration-ns': expect.any(Number), 'generated-at': generatedAt };
  expect([status, body]).toMatchObject([200, expected]);
  const noList = meshOf(podsOf(2), undefined, { discovery: statusOf({ phase: 'stale', lastGoodMs: 0 }) });
  const unhealthy = await serve({ collector: { collect: async () => noList } });
  expect((await fetch(`${unhealthy.url}/cluster_health`)).status).toBe(418);
});

it('/healthz is 503 with the reason when the process cannot serve', async () => {
  const { url } = await serve({ monitor: { livenessFailure: () => 'the mesh is on fire' } });
  const answer = await jsonOf(await fetch(`${url}/healthz`));
  expect(answer).toMatchObject({ status: 503, body: { OK: false, reason: 'the mesh is on fire' } });
});

it('a path may begin with two slashes, as with Goldpinger: a base URL that ends with one makes such paths', async () => {
  const { url } = await serve();
  for (const path of ['//check', '/check//', '//cluster_health?a=//b', '//api//v1/findings']) {
    expect([path, (await fetch(url + path)).status]).toEqual([path, 200]);
  }
});

it('/heatmap.png takes t0, t1, t2 in ms, and moves the defaults of those that a query leaves out, so that any single one will do', async () => {
  const asked: unknown[] = [];
  const paint = async (_mesh: unknown, { goodMs, warningMs, problemMs }: Thresholds) => {
    asked.push([goodMs, warningMs, problemMs]);
    return Buffer.from('\x89PNG');
  };
  const { url } = await serve({ painter: { paint } });
  const limits = {
    '': [1, 10, 100],
    't0=&t1=&t2=': [1, 10, 100],
    't0=2&t1=5&t2=100': [2, 5, 100],
    't0=50': [50, 50, 100],
    't0=200': [200, 200, 200],
    't1=0.5': [0.5, 0.5, 100],
    't1=300': [1, 300, 300],
    't2=5': [1, 5, 5],
    't2=0': [0, 0, 0],
    't0=3&t2=4': [3, 4, 4],
  };
  for (const query of Object.keys(limits)) {
    const { status, headers } = await fetch(`${url}/heatmap.png?${query}`);
    expect([query, status, headers.get('content-type')]).toEqual([query, 200, 'image/png']);
  }
  for (const query of ['t0=x', 't0=-1', 't0=1e9', 't0=1&t0=2', 't0=50&t1=5', 't2=NaN']) {
    const { status, body } = await jsonOf(await fetch(`${url}/heatmap.png?${query}`));
    expect([query, status, body]).toEqual([query, 400, expect.objectContaining({ code: 400 })]);
  }
  expect(asked).toEqual(Object.values(limits));
});

it.each([
  [100, true],
  [101, false],
])('/cluster_health and /api/v1/findings of %i pods share a collection: %s', async (podCount, share) => {
  const windows = new Set<number>();
  const collect = async ({ windowMs }: { windowMs: number }) => {
    windows.add(windowMs);
    return meshOf(podsOf(2));
  };
  const { url } = await serve({ collector: { collect }, monitor: { snapshot: snapshotOf(podsOf(podCount)) } });
  for (const path of ['/cluster_health', '/api/v1/findings']) await fetch(url + path);
  expect(windows.size === 1).toBe(share);
});
