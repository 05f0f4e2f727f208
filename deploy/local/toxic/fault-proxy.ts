import { createServer } from 'node:http';
import type { Express, NextFunction, Request, Response } from 'express';
import express from 'express';
import type { Clock } from '../../../server/runtime/clock.ts';
import { SerialQueue } from '../../../server/runtime/concurrency.ts';
import { textOf } from '../../../server/runtime/errors.ts';
import { hostPort, isLoopbackHost } from '../../../server/runtime/host-port.ts';
import type { PodNetwork } from '../pod-network.ts';
import { close, listen } from '../sockets.ts';
import { type Address, realAddress } from './address.ts';
import { Registry, type ToxicProxy } from './proxies.ts';
import { makeBodyError, ToxiproxyError } from './toxic.ts';

interface FaultProxyOptions {
  /** Where the API listens. In a pod `localhost` and "every address" are the pod's own; see `realAddress`. */
  api: Address;
  network: PodNetwork;
  clock: Clock;
  random: () => number;
}

/** A running fault proxy. */
export type FaultProxy = Awaited<ReturnType<typeof startFaultProxy>>;

/** The version of Toxiproxy whose API this is: the chapter that docs/experiments.md follows uses it. */
export const API_VERSION = '2.1.4';
const MAX_BODY_BYTES = 1024 * 1024;
const FOREIGN_HOST = 'this API answers only by a loopback name, e.g. 127.0.0.1 or localhost\n';

/** Starts a TCP proxy with Toxiproxy's API. Rejects with the system's error if the API cannot listen. */
export async function startFaultProxy({ api, network, clock, random }: FaultProxyOptions) {
  const held = { bytes: 0 };
  const registry = new Registry({ clock, random, held, network });
  const { host, port } = realAddress(api, network);
  const app = toxiproxyApi(registry, isLoopbackHost(host));
  const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 }, app);
  const boundPort = await listen(server, host, port);
  return {
    /** Without a slash at the end. */
    apiUrl: `http://${hostPort(host || '127.0.0.1', boundPort)}`,
    /** How much toxics hold back. */
    bufferedBytes: () => held.bytes,
    /** Stops the API and all proxies. */
    async stop(): Promise<void> {
      const closed = close(server);
      server.closeAllConnections();
      await registry.close();
      await closed;
    },
  };
}

/** A request: the proxy and the toxic that its path names, and its body. */
interface Call {
  registry: Registry;
  /** Only the routes whose path names one may use it. */
  proxy: ToxicProxy;
  toxic: string;
  body: unknown;
}

const PROXY = '/proxies/:proxy';
const TOXICS = `${PROXY}/toxics`;
const TOXIC = `${TOXICS}/:toxic`;

/** What is answered as JSON: the status, and how the answer is made. Nothing is an empty body. */
const ROUTES: readonly ['get' | 'post' | 'patch' | 'delete', path: string, status: number, (call: Call) => unknown][] =
  [
    ['get', '/proxies', 200, ({ registry }) => registry.views()],
    ['post', '/proxies', 201, ({ registry, body }) => registry.create(body)],
    ['get', PROXY, 200, ({ proxy }) => proxy.view],
    ['post', PROXY, 200, ({ proxy, body }) => proxy.update(body)],
    ['patch', PROXY, 200, ({ proxy, body }) => proxy.update(body)],
    ['delete', PROXY, 204, ({ registry, proxy }) => registry.remove(proxy.name)],
    ['get', TOXICS, 200, ({ proxy }) => proxy.view.toxics],
    ['post', TOXICS, 200, ({ proxy, body }) => proxy.addToxic(body)],
    ['get', TOXIC, 200, ({ proxy, toxic }) => proxy.toxic(toxic)],
    ['post', TOXIC, 200, ({ proxy, toxic, body }) => proxy.changeToxic(toxic, body)],
    ['patch', TOXIC, 200, ({ proxy, toxic, body }) => proxy.changeToxic(toxic, body)],
    ['delete', TOXIC, 204, ({ proxy, toxic }) => proxy.removeToxic(toxic)],
  ];

/**
 * Toxiproxy's HTTP API: endpoints, status codes and messages of version 2.1.4, and PATCH as in later versions. With
 * `isLocalOnly` it answers requests for loopback names only, see `isLoopbackHost`.
 */
function toxiproxyApi(registry: Registry, isLocalOnly: boolean): Express {
  const app = express();
  app.disable('x-powered-by');
  app.enable('strict routing');
  app.enable('case sensitive routing');
  app.use((request, response, next) => {
    // Any web page can make a browser send requests here. Toxiproxy rejects browsers by their User-Agent, too.
    const { host = 'localhost', 'user-agent': agent } = request.headers;
    if (agent?.startsWith('Mozilla/')) sendError(response, 403, 'User agent not allowed\n');
    else if (isLocalOnly && !isLoopbackHost(host)) sendError(response, 403, FOREIGN_HOST);
    else next();
  });
  // A missing proxy or toxic is a 404, whatever the body is.
  app.param('proxy', (_request, { locals }, next, name) => {
    locals['proxy'] = registry.proxy(name);
    next();
  });
  app.param('toxic', (_request, { locals }, next, name) => {
    locals['proxy'].toxic(name);
    next();
  });
  /** Changes are made one after another. */
  const queue = new SerialQueue();
  // The body is JSON whatever its content type says. `strict: false` also reads null, which `parseFields` accepts.
  const readBody = [express.json({ type: () => true, limit: MAX_BODY_BYTES, strict: false }), demandBody];
  for (const [method, path, status, make] of ROUTES) {
    const readers = method === 'post' || method === 'patch' ? readBody : [];
    app[method](
      path,
      readers,
      async ({ body, params }: Request<{ proxy: string; toxic: string }>, response: Response) => {
        // The proxy is looked for again: it may have been removed while the request waited.
        const value = await queue.run(async () => {
          const proxy = response.locals['proxy'] && registry.proxy(params.proxy);
          return make({ registry, proxy, toxic: params.toxic, body });
        });
        if (value === undefined) response.status(status).end();
        else sendJson(response, status, value);
      },
    );
  }
  app.post('/populate', readBody, async ({ body }: Request, response: Response) => {
    const { proxies, error } = await queue.run(() => registry.populate(body));
    if (error) sendJson(response, error.status, { error: error.message, status: error.status, proxies });
    else sendJson(response, 201, { proxies });
  });
  app.post('/reset', async (_, response) => {
    await queue.run(() => registry.reset());
    response.status(204).end();
  });
  app.get('/version', (_, response) => {
    send(response, 200, { 'content-type': 'text/plain;charset=utf-8' }, API_VERSION);
  });
  app.all([...ROUTES.map(([, path]) => path), '/populate', '/reset', '/version'], (_, response) => {
    response.status(405).end();
  });
  app.use((_, response) => sendError(response, 404, '404 page not found\n'));
  app.use(handleError);
  return app;
}

/** Rejects an empty body, which express.json would read as `{}`. */
function demandBody({ headers }: Request, _response: Response, next: NextFunction): void {
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  if (!hasBody) throw makeBodyError('the body is empty');
  next();
}

/** Answers with Toxiproxy's error object. Express calls it for every error. */
function handleError(error: unknown, request: Request, response: Response, _next: NextFunction): void {
  const { status, message } = toxiproxyErrorOf(error);
  // The rest of a body that is too large is not read, so the connection cannot be used again.
  if (status === 413) response.setHeader('connection', 'close');
  // Toxiproxy answers errors of /populate like its successes.
  if (request.path === '/populate') sendJson(response, status, { error: message, status, proxies: null });
  else sendError(response, status, `${JSON.stringify({ error: message, status })}\n`);
}

/** Turns anything thrown, the errors of express' body parser included, into a ToxiproxyError. */
function toxiproxyErrorOf(error: unknown): ToxiproxyError {
  if (error instanceof ToxiproxyError) return error;
  const { status } = error as { status?: unknown };
  if (status === 413) return new ToxiproxyError(413, `bad request body: more than ${MAX_BODY_BYTES} bytes`);
  if (typeof status === 'number' && status < 500) return makeBodyError(textOf(error));
  return new ToxiproxyError(500, textOf(error));
}

function sendJson(response: Response, status: number, value: unknown): void {
  send(response, status, { 'content-type': 'application/json' }, JSON.stringify(value));
}

/** Sends an error with the headers of Go's http.Error: plain text, even if the text is JSON. */
function sendError(response: Response, status: number, text: string): void {
  send(response, status, { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' }, text);
}

function send(response: Response, status: number, headers: Record<string, string>, text: string): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(text) }).end(text);
}
