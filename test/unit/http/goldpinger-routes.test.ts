import { request } from 'node:http';
import { expect, it } from 'vitest';
import type { Thresholds } from '../../../server/protocol/link-state.ts';
import { meshOf, podsOf, snapshotOf, statusOf } from '../../support/mesh.ts';
import { jsonOf, serve } from './serve.ts';

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
  const { hostname, port } = new URL(url);
  const answer = await new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
    const asked = request({ hostname, port, path: 'http://goldpinger/ping', agent: false }, async (res) => {
      resolve({ status: res.statusCode, body: Buffer.concat(await res.toArray()).toString() });
    });
    asked.on('error', reject).end();
  });
  expect(answer).toEqual({ status: 200, body: '{"boot_time":"2026-11-22T14:39:48.013Z"}' });
  expect(received).toEqual(['ping']);
});

it('/cluster_health is 200 when healthy and 418 when not', async () => {
  const healthy = await serve();
  const { status, body } = await jsonOf(await fetch(`${healthy.url}/cluster_health`));
  expect(status).toBe(200);
  expect(body).toMatchObject({
    OK: true,
    'duration-ns': expect.any(Number),
    'generated-at': expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  });
  const noList = meshOf(podsOf(2), undefined, { discovery: statusOf({ phase: 'stale', lastGoodMs: 0 }) });
  const unhealthy = await serve({ collector: { collect: async () => noList } });
  expect((await fetch(`${unhealthy.url}/cluster_health`)).status).toBe(418);
});

it('/healthz is 503 with the reason when the process cannot serve', async () => {
  const { url } = await serve({ monitor: { livenessFailure: () => 'the mesh is on fire' } });
  const { status, body } = await jsonOf(await fetch(`${url}/healthz`));
  expect(status).toBe(503);
  expect(body).toMatchObject({ OK: false, reason: 'the mesh is on fire' });
});

it('a path may begin with two slashes, as with Goldpinger: a base URL that ends with one makes such paths', async () => {
  const { url } = await serve();
  for (const path of ['//check', '/check//', '//cluster_health?a=//b', '//api//v1/findings']) {
    expect([path, (await fetch(url + path)).status]).toEqual([path, 200]);
  }
});

it('/heatmap.png moves the defaults of the thresholds that a query leaves out or empty, and so takes any single one', async () => {
  const asked: unknown[] = [];
  const paint = async (_mesh: unknown, { goodMs, warningMs, problemMs }: Thresholds) => {
    asked.push([goodMs, warningMs, problemMs]);
    return Buffer.from('\x89PNG');
  };
  const { url } = await serve({ painter: { paint } });
  for (const query of ['t0=50', 't0=200', 't1=0.5', 't1=300', 't2=5', 't2=0', 't0=&t1=&t2=', 't0=3&t2=4']) {
    expect([query, (await fetch(`${url}/heatmap.png?${query}`)).status]).toEqual([query, 200]);
  }
  const [low, high] = [
    [0.5, 0.5, 100],
    [1, 300, 300],
  ];
  expect(asked).toEqual([[50, 50, 100], [200, 200, 200], low, high, [1, 5, 5], [0, 0, 0], [1, 10, 100], [3, 4, 4]]);
});

it('/heatmap.png takes t0, t1, t2 in ms and refuses what is no number or out of order', async () => {
  const asked: unknown[] = [];
  const paint = async (_mesh: unknown, limits: unknown) => {
    asked.push(limits);
    return Buffer.from('\x89PNG');
  };
  const { url } = await serve({ painter: { paint } });
  expect((await fetch(`${url}/heatmap.png`)).headers.get('content-type')).toBe('image/png');
  expect((await fetch(`${url}/heatmap.png?t0=2&t1=5&t2=100`)).status).toBe(200);
  for (const query of ['t0=x', 't0=-1', 't0=1e9', 't0=1&t0=2', 't0=50&t1=5', 't2=NaN']) {
    const { status, body } = await jsonOf(await fetch(`${url}/heatmap.png?${query}`));
    expect([query, status, body]).toEqual([query, 400, expect.objectContaining({ code: 400 })]);
  }
  expect(asked).toEqual([
    { goodMs: 1, warningMs: 10, problemMs: 100 },
    { goodMs: 2, warningMs: 5, problemMs: 100 },
  ]);
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
