import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../../../server/runtime/clock.ts';
import { textOf } from '../../../server/runtime/errors.ts';
import type { ServerIdentity } from '../certificate.ts';
import { discoveryDocument } from './discovery-docs.ts';
import type { LogSource } from './logs.ts';
import { ObjectApi } from './object-api.ts';
import { forbiddenTo, type Tokens } from './rbac.ts';
import { parseObjectRequest } from './request.ts';
import { ApiError, failure, noSuchPath, unauthorized } from './status.ts';
import type { Store } from './store.ts';

/** What the API server is made with. */
interface ApiServerOptions {
  store: Store;
  tokens: Tokens;
  logs: LogSource;
  clock: Clock;
  random: () => number;
  identity: ServerIdentity;
  /** How often a watch that asked for bookmarks gets one. */
  bookmarkMs: number;
}

/** A running API server. */
interface ApiServer {
  /** e.g. `https://127.0.0.1:40123`. */
  url: string;
  /** Ends all connections, watches included. */
  stop(): Promise<void>;
}

/** Starts the Kubernetes API on a free port of 127.0.0.1. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const objects = new ObjectApi(options);
  const { certPem, keyPem } = options.identity;
  const server = createServer({ cert: certPem, key: keyPem }, (request, response) => {
    void answer(options, objects, request, response);
  });
  server.maxConnections = 2000;
  server.on('tlsClientError', () => {}); // A client that speaks nonsense is its own problem.
  await listen(server);
  const { port } = server.address() as AddressInfo;
  return { url: `https://127.0.0.1:${port}`, stop: () => close(server) };
}

async function answer(
  options: ApiServerOptions,
  objects: ObjectApi,
  request: IncomingMessage,
  response: ServerResponse,
) {
  try {
    const url = new URL(request.url ?? '/', 'https://127.0.0.1');
    if (isHealthPath(url.pathname)) {
      response.writeHead(200, { 'content-type': 'text/plain' }).end('ok');
      return;
    }
    // As in a real cluster, the version is no secret.
    const user = options.tokens.userOf(request.headers.authorization);
    if (!user && url.pathname !== '/version') throw unauthorized();
    const document = discoveryDocument(url.pathname.replace(/(?<=.)\/$/, ''), request.headers.host ?? '');
    if (document && request.method === 'GET') {
      sendJson(response, 200, document);
      return;
    }
    if (document || !user) throw noSuchPath();
    const wanted = parseObjectRequest(request.method ?? 'GET', url);
    const forbidden = forbiddenTo(options.store, user, wanted);
    if (forbidden) throw forbidden;
    await objects.serve(wanted, request, response);
  } catch (error) {
    sendError(request, response, error);
  }
}

function sendError(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const told = error instanceof ApiError ? error : failure(500, 'InternalError', `Internal error: ${textOf(error)}`);
  // The body is not read. Node would read it to its end to keep the connection, for nobody.
  if (!request.complete) response.setHeader('connection', 'close');
  if (told.status.code === 401) response.setHeader('www-authenticate', 'Bearer realm="goldpinger-local"');
  sendJson(response, told.status.code, told.status);
}

/** Sends a JSON answer. */
function sendJson(response: ServerResponse, code: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(code, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }).end(text);
}

function isHealthPath(path: string): boolean {
  return path === '/healthz' || path === '/livez' || path === '/readyz';
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
