import { createServer } from 'node:http';
import type { Express, NextFunction, Request, RequestHandler, Response } from 'express';
import express from 'express';
import { hostPort, isLoopbackHost } from '../../../server/runtime/address.ts';
import type { Clock } from '../../../server/runtime/clock.ts';
import { textOf } from '../../../server/runtime/errors.ts';
import type { PodNetwork } from '../pod-network.ts';
import { listen } from '../sockets.ts';
import { type Address, realAddress } from './address.ts';
import { Registry } from './proxies.ts';
import { badRequestBody, ToxiproxyError } from './toxic.ts';

/** The options of a fault proxy. */
interface FaultProxyOptions {
  /** Where the API listens; in a pod as the pod's programs understand the address. */
  api: Address;
  network: PodNetwork;
  clock: Clock;
  /** Returns [0, 1). */
  random: () => number;
}

/** A running fault proxy. */
export interface FaultProxy {
  /** URL of the API, without a slash at the end. */
  apiUrl: string;
  /** Number of bytes that toxics hold back. */
  bufferedBytes(): number;
  /** Stops the API and all proxies. */
  stop(): Promise<void>;
}

/** The version whose API this is: the one of the book chapter. */
export const API_VERSION = '2.1.4';
const MAX_BODY_BYTES = 1024 * 1024;
const FOREIGN_HOST = 'this API answers only by a loopback name, e.g. 127.0.0.1 or localhost\n';

/** Starts a TCP proxy with Toxiproxy's API. Rejects with the system's error if the API cannot listen. */
export async function startFaultProxy({ api, network, clock, random }: FaultProxyOptions): Promise<FaultProxy> {
  const held = { bytes: 0 };
  const registry = new Registry({ clock, random, held, network });
  const { host, port } = realAddress(api, network);
  const app = toxiproxyApi(registry, isLoopbackHost(host));
  const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 }, app);
  const boundPort = await listen(server, host, port);
  return {
    apiUrl: `http://${hostPort(host, boundPort)}`,
    bufferedBytes: () => held.bytes,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await registry.close();
      await closed;
    },
  };
}

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
  app.param('proxy', (_request, _response, next, name) => {
    registry.proxy(name);
    next();
  });
  app.param('toxic', ({ params }, _response, next, name) => {
    registry.proxy(String(params['proxy'])).toxic(name);
    next();
  });
  const parseBody: RequestHandler = express.json({ type: () => true, limit: MAX_BODY_BYTES, strict: false });
  for (const [path, handlers] of Object.entries(routesOf(registry))) {
    for (const [method, handle] of Object.entries(handlers)) {
      const hasBody = (method === 'post' || method === 'patch') && path !== '/reset';
      app[method as keyof Handlers](
        path,
        hasBody ? [parseBody, demandBody] : [],
        async (request: Request, response: Response) => {
          const [status, value] = await handle(request);
          if (value === undefined) response.status(status).end();
          else sendJson(response, status, value);
        },
      );
    }
    app.all(path, (_, response) => response.status(405).end());
  }
  app.get('/version', (_, response) => {
    response.writeHead(200, { 'content-type': 'text/plain;charset=utf-8' }).end(API_VERSION);
  });
  app.all('/version', (_, response) => response.status(405).end());
  app.use((_, response) => sendError(response, 404, '404 page not found\n'));
  app.use(handleError);
  return app;
}

/** Status and JSON of an answer; no value = no body. */
type Answer = [status: number, value?: object];
type Handler = (request: Request) => Answer | Promise<Answer>;
type Handlers = Partial<Record<'get' | 'post' | 'patch' | 'delete', Handler>>;

/** The handlers of each path. They throw or reject with ToxiproxyError. */
function routesOf(registry: Registry): Record<string, Handlers> {
  const proxyOf = ({ params }: Request) => registry.proxy(String(params['proxy']));
  const toxicOf = ({ params }: Request) => String(params['toxic']);
  const updateProxy: Handler = async (request) => [200, await registry.update(proxyOf(request).name, request.body)];
  const changeToxic: Handler = (request) => [200, proxyOf(request).changeToxic(toxicOf(request), request.body)];
  return {
    '/proxies': {
      get: () => [200, registry.views()],
      post: async ({ body }) => [201, await registry.create(body)],
    },
    '/proxies/:proxy': {
      get: (request) => [200, proxyOf(request).view],
      post: updateProxy,
      patch: updateProxy,
      async delete(request) {
        await registry.remove(proxyOf(request).name);
        return [204];
      },
    },
    '/proxies/:proxy/toxics': {
      get: (request) => [200, proxyOf(request).view.toxics],
      post: (request) => [200, proxyOf(request).addToxic(request.body)],
    },
    '/proxies/:proxy/toxics/:toxic': {
      get: (request) => [200, proxyOf(request).toxic(toxicOf(request))],
      post: changeToxic,
      patch: changeToxic,
      delete(request) {
        proxyOf(request).removeToxic(toxicOf(request));
        return [204];
      },
    },
    '/populate': {
      async post({ body }) {
        const { proxies, error } = await registry.populate(body);
        return error ? [error.status, { error: error.message, status: error.status, proxies }] : [201, { proxies }];
      },
    },
    '/reset': {
      async post() {
        await registry.reset();
        return [204];
      },
    },
  };
}

/** Rejects an empty body, which express.json would read as `{}`. */
function demandBody({ headers }: Request, _response: Response, next: NextFunction): void {
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  if (!hasBody) throw badRequestBody('the body is empty');
  next();
}

/** Answers with Toxiproxy's error object. Express calls it for every error. */
function handleError(error: unknown, request: Request, response: Response, _next: NextFunction): void {
  const { status, message } = toxiproxyErrorOf(error);
  // The rest of a body that is too large is not read.
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
  if (typeof status === 'number' && status < 500) return badRequestBody(textOf(error));
  return new ToxiproxyError(500, textOf(error));
}

function sendJson(response: Response, status: number, value: object): void {
  send(response, status, { 'content-type': 'application/json' }, JSON.stringify(value));
}

/** Sends an error as Go's http.Error does, also if the text is JSON. */
function sendError(response: Response, status: number, text: string): void {
  send(response, status, { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' }, text);
}

function send(response: Response, status: number, headers: Record<string, string>, text: string): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(text) }).end(text);
}
