import { describe, expect, it, onTestFinished } from 'vitest';
import { createApp } from '../../../server/http/app.ts';
import OPENAPI from '../../../server/http/openapi.json';
import { Streams } from '../../../server/http/stream.ts';
import { startLoopbackPeer } from '../../support/loopback-peer.ts';
import { stubContext } from '../../support/route-context.ts';
import { jsonOf, serve } from './serve.ts';

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

/** The parameter without which another one is refused, where the path has both. */
const NEEDED_BY: Record<string, string> = { to: 'from', toAge: 'fromAge', end: 'start', of: 'fromAge' };

/** A valid value of a parameter. */
function exampleOf(path: string, name: string, nowMs: number): string {
  if (path === '/heatmap.png') return { t0: '0.5', t1: '20', t2: '200' }[name] ?? '';
  if (path.endsWith('link') || path.endsWith('link-history') || path.endsWith('samples')) return 'uid-1';
  if (path === '/api/v1/pod-history' && name === 'to') return 'uid-1';
  const examples: Record<string, string> = {
    after: `${nowMs - 2_000}-${nowMs - 1_000}`,
    at: String(nowMs - 1_000),
    by: 'uid-1',
    before: `${nowMs - 9_000}-${nowMs - 8_000}`,
    end: String(nowMs),
    expect: 'healthy',
    format: path === '/api/v1/verdict' ? 'bool' : 'json',
    from: String(nowMs - 5_000),
    fromAge: '60000',
    limit: '5',
    links: '3',
    of: 'uid-0',
    peers: '0123456789abcdef',
    process: 'abc-1',
    seq: '7',
    since: '1234.5',
    sinceAge: '60000',
    start: String(nowMs - 5_000),
    status: 'always200',
    step: '60000',
    title: 'A title',
    to: String(nowMs),
    toAge: '1000',
    within: '30s',
    window: path === '/api/v1/verdict' ? '30s' : '60000',
  };
  return examples[name] ?? '';
}

/** Serves the app alone. `read` are the names of all query parameters that its routes have read. */
async function serveRecorded() {
  const { context, clock } = stubContext();
  const streams = new Streams(context);
  const app = createApp(context, streams);
  const read = new Set<string>();
  app.set('query parser', (text: string) => {
    const get = (target: object, name: string | symbol) => {
      read.add(String(name));
      return Reflect.get(target, name);
    };
    return new Proxy(Object.fromEntries(new URLSearchParams(text)), { get });
  });
  const { port } = await startLoopbackPeer(app);
  onTestFinished(() => streams.stop());
  return { url: `http://127.0.0.1:${port}`, read, nowMs: clock.nowMs() };
}

interface Operation {
  produces?: string[];
  parameters?: { name: string; required?: boolean }[];
  responses: object;
}

const PATHS: [path: string, item: Record<string, Operation>][] = Object.entries(OPENAPI.paths);

describe('every path', () => {
  const gets = PATHS.flatMap(([path, { get }]) => (get === undefined ? [] : [{ path, parameters: [], ...get }]));

  const described = PATHS.map(([path, item]) => [path, Object.keys(item).join().toUpperCase()] as const);
  // The page, and older names.
  const undescribed = ['/', '/api/v1/row', '/api/v1/row-history'].map((path) => [path, 'GET,HEAD'] as const);

  it.each([...described, ...undescribed])(
    '%s has the methods %s, and answers 405 with Allow to others',
    async (path, allowed) => {
      const { url } = await serve();
      const others = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH'].filter((method) => !allowed.includes(method));
      for (const method of others) {
        const answer = await fetch(url + path, { method });
        expect([method, answer.status, answer.headers.get('allow')]).toEqual([method, 405, allowed.replace(',', ', ')]);
        const message = `method ${method} is not allowed, but [${allowed}] are`;
        expect(await answer.json()).toEqual({ code: 405, message });
      }
    },
  );

  it('is described in swagger.json, and nothing else is', async () => {
    const { context } = stubContext();
    const app = createApp(context, new Streams(context));
    const served = routesOf(app.router as unknown as RouterLike).filter((route) => !ALIASES.includes(route));
    const routes = PATHS.flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
    );
    expect(served.sort()).toEqual(routes.sort());
    const { url } = await serve();
    const sent = await (await fetch(`${url}/swagger.json`)).json();
    expect(sent).toEqual({ ...OPENAPI, info: { ...OPENAPI.info, version: '9.9.9' } });
  });

  it.each(gets)('$path answers as it says, takes each parameter that is described, and reads no other', async (get) => {
    const { path, parameters, responses, produces = OPENAPI.produces } = get;
    const { url, read, nowMs } = await serveRecorded();
    const needed = parameters.filter(({ required }) => required).map(({ name }) => name);
    for (const name of ['', ...parameters.map((parameter) => parameter.name)]) {
      const other = parameters.find((parameter) => parameter.name === NEEDED_BY[name])?.name ?? '';
      const names = [...new Set([...needed, other, name])].filter((each) => each !== '');
      const query = names.map((each) => `${each}=${encodeURIComponent(exampleOf(path, each, nowMs))}`);
      const abort = new AbortController();
      const answer = await fetch(`${url}${path}?${query.join('&')}`, { signal: abort.signal });
      expect(Object.keys(responses)).toContain(String(answer.status));
      if (name === '') expect(answer.headers.get('content-type')).toContain(produces[0]);
      const message = answer.status === 400 ? (await jsonOf(answer)).body.message : '';
      // The stub refuses reports, but only after the parameters were read.
      expect([name, message]).toEqual([name, expect.stringMatching(/^$|^not in this test$/)]);
      abort.abort();
    }
    expect([...read].sort()).toEqual(parameters.map(({ name }) => name).sort());
  });

  it.each(['/api/v1/verdict', '/api/v1/report', '/api/v1/comparison', '/api/v1/rounds'] as const)(
    '%s refuses a parameter that is not described, and lists those that are',
    async (path) => {
      const { url } = await serve();
      const { status, body } = await jsonOf(await fetch(`${url}${path}?nonsense=1`));
      const [message, names = ''] = body.message?.split('; there are ') ?? [];
      expect([status, message]).toEqual([400, 'nonsense in query: no such parameter']);
      expect(names.split(', ').sort()).toEqual(OPENAPI.paths[path].get.parameters.map(({ name }) => name).sort());
    },
  );

  it('/api/v1/findings, which has no parameters, refuses any', async () => {
    const { status, body } = await jsonOf(await fetch(`${(await serve()).url}/api/v1/findings?window=5m`));
    expect([status, body.message]).toEqual([400, 'window in query: no such parameter; there are none']);
  });

  it('is 404 with code and message where nothing is served', async () => {
    const answer = await fetch(`${(await serve()).url}/nope`);
    expect([answer.status, await answer.json()]).toEqual([404, { code: 404, message: 'path /nope was not found' }]);
  });

  it.each(gets)('$path answers HEAD at once and takes no place', async ({ path, parameters }) => {
    const { url } = await serve({ env: { MAX_STREAMS: '1' } });
    const query = parameters.filter(({ required }) => required).map(({ name }) => `${name}=uid-1`);
    const abort = new AbortController();
    const statusOf = async (init: RequestInit) => (await fetch(`${url}${path}?${query.join('&')}`, init)).status;
    const heads = [await statusOf({ method: 'HEAD' }), await statusOf({ method: 'HEAD' })];
    const status = await statusOf({ signal: abort.signal });
    expect([...heads, await statusOf({ method: 'HEAD' })]).toEqual([status, status, status]);
    abort.abort();
  });
});

it('every answer names the pod that gives it, because a Service leads to any; those of our API are never kept', async () => {
  const { url } = await serve();
  for (const path of ['/check', '/metrics', '/api/v1/mesh', '/api/v1/samples', '/', '/no-such-path']) {
    const { headers } = await fetch(url + path);
    expect(headers.get('goldpinger-pod')).toBe('pod-0');
    if (path.startsWith('/api/')) expect([path, headers.get('cache-control')]).toEqual([path, 'no-store']);
  }
});

describe('other origins', () => {
  it('may embed /heatmap.png, whatever images they accept', async () => {
    const { url } = await serve();
    for (const accept of ['image/webp', 'text/html', 'image/avif,image/webp,*/*;q=0.8']) {
      const { status, headers } = await fetch(`${url}/heatmap.png`, { headers: { accept } });
      expect([status, headers.get('content-type')]).toEqual([200, 'image/png']);
      expect(headers.get('cross-origin-resource-policy')).toBe('cross-origin');
      expect(headers.get('content-security-policy')).toBeNull();
      expect(headers.get('x-frame-options')).toBeNull();
    }
  });

  it.each([{}, { FRAME_ANCESTORS: "'self' https://wiki.example.com" }])(
    'may show the page in a frame by %j',
    async (env) => {
      const { url } = await serve({ env });
      const { headers } = await fetch(url);
      const sources = env.FRAME_ANCESTORS ?? "'self'";
      expect(headers.get('content-security-policy')?.split(';')).toContain(`frame-ancestors ${sources}`);
      // It could name no other origin, and old browsers would obey it.
      expect(headers.get('x-frame-options')).toBeNull();
    },
  );
});

describe('the page', () => {
  it('is served at / with a policy that allows no inline script but its own', async () => {
    const { url } = await serve({ pageDir: 'web' });
    const answer = await fetch(`${url}/`);
    expect(await answer.text()).toContain('<title>goldpinger</title>');
    const policy = answer.headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(/script-src 'self' 'sha256-[^']+';/);
    expect(policy).toMatch(/style-src 'self' 'sha256-[^']+'[;]?/);
    // A worker of the page reads the stream; without this, default-src would forbid it.
    expect(policy.split(';')).toContain("worker-src 'self'");
    expect(policy).not.toContain('unsafe');
    expect(policy).not.toContain('upgrade-insecure-requests');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('x-powered-by')).toBeNull();
  });

  it('keeps its hashed assets for ever and asks again for everything else', async () => {
    const { url } = await serve();
    expect((await fetch(`${url}/`)).headers.get('cache-control')).toBe('no-cache');
    expect((await fetch(`${url}/assets/page.js`)).headers.get('cache-control')).toContain('immutable');
    expect((await fetch(`${url}/../package.json`)).status).toBe(404);
    expect((await fetch(`${url}/%2e%2e/package.json`)).status).toBe(404);
  });
});
