import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { createApp } from '../../../server/http/app.ts';
import type { RouteContext } from '../../../server/http/context.ts';
import OPENAPI from '../../../server/http/openapi.json';
import { type HttpServer, listen } from '../../../server/http/server.ts';
import { Streams } from '../../../server/http/stream.ts';
import type { PodHistory } from '../../../server/protocol/history.ts';
import { BusyError } from '../../../server/runtime/errors.ts';
import { stubAnswers } from './answers-stub.ts';

const servers: HttpServer[] = [];

async function serve(overrides: Partial<RouteContext> = {}) {
  const stub = stubAnswers(overrides);
  const server = await listen(stub.answers, '127.0.0.1', 0);
  servers.push(server);
  return { ...stub, url: server.address };
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close(0)));
});

/** Sends raw bytes and gives everything that comes back. */
function raw(url: string, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    let answer = '';
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    socket.on('data', (data) => {
      answer += data.toString('latin1');
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });
}

describe('Goldpinger endpoints', () => {
  it.each(['/ping', '/ping/', '/ping?x=1'])('%s tells the boot time in ms with Z, uncompressed', async (path) => {
    const { url, received } = await serve();
    const answer = await fetch(url + path, { headers: { 'accept-encoding': 'gzip' } });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-encoding')).toBeNull();
    expect(await answer.text()).toBe('{"boot_time":"2026-11-22T14:39:48.013Z"}');
    expect(received).toEqual(['ping']);
  });

  it('/cluster_health is 200 when healthy and 418 when not', async () => {
    const healthy = await serve();
    const answer = await fetch(`${healthy.url}/cluster_health`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      OK: true,
      'duration-ns': expect.any(Number),
      'generated-at': expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
    const unhealthy = await serve({ clusterHealth: () => ({ OK: false }) });
    expect((await fetch(`${unhealthy.url}/cluster_health`)).status).toBe(418);
  });

  it('/healthz is 503 with the reason when the process cannot serve', async () => {
    const { url } = await serve({ livenessFailure: () => 'the mesh is on fire' });
    const answer = await fetch(`${url}/healthz`);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ OK: false, reason: 'the mesh is on fire' });
  });

  it('/heatmap.png takes t0, t1, t2 in ms and refuses what is no number or out of order', async () => {
    const asked: unknown[] = [];
    const { url } = await serve({
      heatmapPng: async (_mesh, limits) => {
        asked.push(limits);
        return Buffer.from('\x89PNG');
      },
    });
    expect((await fetch(`${url}/heatmap.png`)).headers.get('content-type')).toBe('image/png');
    expect((await fetch(`${url}/heatmap.png?t0=2&t1=5&t2=100`)).status).toBe(200);
    expect(asked).toEqual([
      { goodMs: 1, warningMs: 10, problemMs: 100 },
      { goodMs: 2, warningMs: 5, problemMs: 100 },
    ]);
    for (const query of ['t0=x', 't0=-1', 't0=1e9', 't0=1&t0=2', 't0=50&t1=5', 't2=NaN']) {
      const answer = await fetch(`${url}/heatmap.png?${query}`);
      expect([query, answer.status]).toEqual([query, 400]);
      expect(await answer.json()).toMatchObject({ code: 400 });
    }
    expect(asked).toHaveLength(2);
  });
});

/** The part of express' router that lists its routes. */
interface RouterLike {
  stack: { route?: { path: string | string[]; methods: Record<string, boolean> }; handle: Partial<RouterLike> }[];
}

/** Every route of an app as `method path`, without those that only answer 405. */
function routesOf({ stack }: RouterLike): string[] {
  return stack.flatMap(({ route, handle }) => {
    if (route === undefined) return handle.stack === undefined ? [] : routesOf({ stack: handle.stack });
    const methods = Object.keys(route.methods);
    // `app.all`, which answers 405, has every method that there is.
    if (methods.includes('_all') || methods.length > 5) return [];
    return [route.path].flat().flatMap((path) => methods.map((method) => `${method} ${path}`));
  });
}

/** Older names that are served, but not described. */
const ALIASES = ['get /api/v1/row', 'get /api/v1/row-history'];

const BEGIN_OF: Record<string, string> = { to: 'from', toAge: 'fromAge', end: 'start' };

/** A valid value of a parameter. */
function exampleOf(path: string, name: string): string {
  const nowMs = stubAnswers().clock.nowMs();
  if (path === '/heatmap.png') return { t0: '0.5', t1: '20', t2: '200' }[name] ?? '';
  if (path.endsWith('link') || path.endsWith('link-history') || path.endsWith('samples')) return 'uid-a';
  if (path === '/api/v1/pod-history' && name === 'to') return 'uid-a';
  const examples: Record<string, string> = {
    after: `${nowMs - 2_000}-${nowMs - 1_000}`,
    at: String(nowMs - 1_000),
    before: `${nowMs - 9_000}-${nowMs - 8_000}`,
    end: String(nowMs),
    expect: 'healthy',
    format: path === '/api/v1/verdict' ? 'bool' : 'json',
    from: String(nowMs - 5_000),
    fromAge: '60000',
    limit: '5',
    peers: '0123456789abcdef',
    sinceAge: '60000',
    start: String(nowMs - 5_000),
    status: 'always200',
    step: '60000',
    title: 'A title',
    to: String(nowMs),
    toAge: '1000',
    window: path === '/api/v1/verdict' ? '30s' : '60000',
  };
  return examples[name] ?? '';
}

describe('every path', () => {
  const gets = Object.entries(OPENAPI.paths).flatMap(([path, item]) =>
    'get' in item ? [{ path, get: item.get }] : [],
  );

  it.each(gets.filter(({ path }) => path !== '/api/v1/pod-report'))(
    '$path answers as it says',
    async ({ path, get }) => {
      const { url } = await serve();
      const needed = get.parameters.filter(({ required }) => required).map(({ name }) => `${name}=uid-a`);
      const abort = new AbortController();
      const answer = await fetch(`${url}${path}?${needed.join('&')}`, { signal: abort.signal });
      expect(Object.keys(get.responses)).toContain(String(answer.status));
      expect(answer.headers.get('content-type')).toContain(get.produces[0]);
      abort.abort();
    },
  );

  it.each(Object.entries(OPENAPI.paths))('%s answers 405 with Allow to methods that it has not', async (path, item) => {
    const { url } = await serve();
    const allowed = Object.keys(item).map((method) => method.toUpperCase());
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH'].filter((name) => !allowed.includes(name))) {
      const answer = await fetch(url + path, { method });
      expect([method, answer.status, answer.headers.get('allow')]).toEqual([method, 405, allowed.join(', ')]);
      const message = `method ${method} is not allowed, but [${allowed.join(',')}] are`;
      expect(await answer.json()).toEqual({ code: 405, message });
    }
  });

  it('is described in swagger.json, and nothing else is', async () => {
    const { answers } = stubAnswers();
    const app = createApp(answers, new Streams(answers));
    const served = routesOf(app.router as unknown as RouterLike).filter((route) => !ALIASES.includes(route));
    const described = Object.entries(OPENAPI.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
    );
    expect(served.sort()).toEqual(described.sort());
    const { url } = await serve();
    const sent = await (await fetch(`${url}/swagger.json`)).json();
    expect(sent).toEqual({ ...OPENAPI, info: { ...OPENAPI.info, version: '9.9.9' } });
  });

  it.each(gets.filter(({ get }) => get.parameters.length > 0))(
    '$path accepts each parameter that is described',
    async ({ path, get }) => {
      const { url } = await serve({ podReport: async () => Promise.reject(new BusyError('reached')) });
      const needed = get.parameters.filter(({ required }) => required);
      for (const { name } of get.parameters) {
        // The end of a range is refused without its begin.
        const begin = get.parameters.filter((parameter) => BEGIN_OF[name] === parameter.name);
        const names = new Set([...needed, ...begin].map((parameter) => parameter.name).concat(name));
        const query = [...names].map((each) => `${each}=${encodeURIComponent(exampleOf(path, each))}`);
        const abort = new AbortController();
        const answer = await fetch(`${url}${path}?${query.join('&')}`, { signal: abort.signal });
        const message = answer.status === 400 ? ((await answer.json()) as { message: string }).message : '';
        // The stub refuses verdicts and reports, but only after the parameters were read.
        expect([name, message]).toEqual([name, expect.stringMatching(/^$|in this test$/)]);
        abort.abort();
      }
    },
  );

  it.each(['/api/v1/verdict', '/api/v1/report', '/api/v1/comparison'] as const)(
    '%s refuses a parameter that is not described, and lists those that are',
    async (path) => {
      const { url } = await serve();
      const answer = await fetch(`${url}${path}?nonsense=1`);
      const { message } = (await answer.json()) as { message: string };
      const names = OPENAPI.paths[path].get.parameters.map(({ name }) => name);
      expect([answer.status, message.split('; there are ')[0]]).toEqual([400, 'nonsense in query: no such parameter']);
      expect(message.split('; there are ')[1]?.split(', ').sort()).toEqual(names.sort());
    },
  );

  it.each([
    ['/api/v1/row', '/api/v1/pod-report'],
    ['/api/v1/row-history', '/api/v1/pod-history'],
  ])('%s is an alias of %s', async (alias, path) => {
    const podHistory = async () => ({ marker: 'history' }) as unknown as PodHistory;
    const podReport = () => Promise.reject(new BusyError('report'));
    const past = { ...stubAnswers().answers.past, podHistory, podReport };
    const { url } = await serve({ podReport, past });
    for (const query of ['', '?fromAge=60000&step=1000', '?fromAge=x']) {
      const [one, other] = [await fetch(url + alias + query), await fetch(url + path + query)];
      expect([one.status, await one.text()]).toEqual([other.status, await other.text()]);
      expect(one.status).not.toBe(404);
    }
  });

  it('is 404 with code and message where nothing is served', async () => {
    const { url } = await serve();
    const answer = await fetch(`${url}/nope`);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toEqual({ code: 404, message: 'path /nope was not found' });
  });

  it('is 406 for a client that takes no JSON', async () => {
    const { url } = await serve();
    for (const path of ['/check', '/check_all', '/cluster_health', '/api/v1/mesh']) {
      const answer = await fetch(url + path, { headers: { accept: 'application/xml' } });
      expect([path, answer.status]).toEqual([path, 406]);
    }
  });
});

describe('faults and limits', () => {
  it('tells the client little and the log everything', async () => {
    const { url, errors } = await serve({
      collect: async () => {
        throw new Error('secret detail');
      },
    });
    const answer = await fetch(`${url}/check_all`);
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toContain('secret');
    expect(errors).toEqual(['a request failed']);
  });

  it('breaks the connection when an answer fails half way, so that half is not taken for whole', async () => {
    const { url } = await serve({
      *checkAll() {
        yield 'x'.repeat(20_000);
        throw new Error('half way');
      },
    });
    await expect(fetch(`${url}/check_all`).then((answer) => answer.text())).rejects.toThrow();
  });

  it('refuses long URLs, large headers and broken requests without going down', async () => {
    const { url } = await serve();
    expect((await fetch(`${url}/check?${'x'.repeat(5000)}`)).status).toBe(414);
    const head = 'GET /check HTTP/1.1\r\nHost: x\r\n';
    expect(await raw(url, `${head}X: ${'y'.repeat(20_000)}\r\n\r\n`)).toContain('431');
    expect(await raw(url, 'NONSENSE\r\n\r\n')).toContain('400');
    expect((await fetch(`${url}/ping`)).status).toBe(200);
  });

  it.each(['/api/v1/mesh?window=7', '/api/v1/link?from=a', '/api/v1/link?from=a&to=..%00', '/api/v1/samples'])(
    'refuses %s with 400',
    async (path) => {
      const { url } = await serve();
      expect((await fetch(url + path)).status).toBe(400);
    },
  );

  it('calls no address that a client names: an unknown pod is 404', async () => {
    const { url } = await serve();
    expect((await fetch(`${url}/api/v1/link?from=10.9.8.7:80&to=uid-a`)).status).toBe(404);
  });
});

describe('the page', () => {
  it('is served at / with a policy that allows no inline script', async () => {
    const { url } = await serve();
    const answer = await fetch(`${url}/`);
    expect(await answer.text()).toContain('<title>goldpinger</title>');
    const policy = answer.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("script-src 'self'");
    // A worker of the page reads the stream; without this, default-src would forbid it.
    expect(policy.split(';')).toContain("worker-src 'self'");
    expect(policy).not.toContain('unsafe');
    expect(policy).not.toContain('upgrade-insecure-requests');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('x-powered-by')).toBeNull();
  });

  it('is compressed well, as it is asked for once and kept', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'goldpinger-page-'));
    mkdirSync(join(folder, 'assets'));
    const script = Array.from({ length: 3000 }, (_, i) => `const name${(i * 7919) % 3000} = ${i} + other${i % 97};`);
    writeFileSync(join(folder, 'assets', 'page.js'), script.join('\n'));
    const { url } = await serve({ pageDir: folder });
    const answer = await raw(
      url,
      'GET /assets/page.js HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n',
    );
    rmSync(folder, { recursive: true });
    expect(answer).toMatch(/Content-Encoding: gzip/i);
    const usual = gzipSync(script.join('\n'), { level: 6 }).length;
    expect(answer.length).toBeLessThan(usual + 2000);
    expect(usual + 2000).toBeLessThan(gzipSync(script.join('\n'), { level: 1 }).length);
  });

  it('keeps its hashed assets for ever and asks again for everything else', async () => {
    const { url } = await serve();
    expect((await fetch(`${url}/`)).headers.get('cache-control')).toBe('no-cache');
    expect((await fetch(`${url}/assets/page.js`)).headers.get('cache-control')).toContain('immutable');
    expect((await fetch(`${url}/../package.json`)).status).toBe(404);
    expect((await fetch(`${url}/%2e%2e/package.json`)).status).toBe(404);
  });
});

describe('shutdown', () => {
  it('/readyz turns 503 while the rest still answers', async () => {
    let ready = true;
    const { url } = await serve({ isReady: () => ready });
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    ready = false;
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect((await fetch(`${url}/ping`)).status).toBe(200);
  });
});
