import { createServer } from 'node:https';
import type { Express, NextFunction, Request, Response } from 'express';
import express from 'express';
import { textOf } from '../../../server/runtime/errors.ts';
import { isLoopbackHost } from '../../../server/runtime/host-port.ts';
import type { ServerIdentity } from '../certificate.ts';
import { close, listen } from '../sockets.ts';
import { DISCOVERY_DOCUMENTS } from './discovery-docs.ts';
import { type ObjectApiOptions, sendJson, serveObjects } from './object-api.ts';
import { forbiddenTo, type User } from './rbac.ts';
import { objectRequestOf } from './request.ts';
import { ApiError, badRequest, failure } from './status.ts';

export interface ApiOptions extends ObjectApiOptions {
  /** Finds the user of a bearer token ('' if a request has none); undefined if there is none. */
  userOf(token: string): User | undefined;
}

const MAX_CONNECTIONS = 2000;
/** A real API server accepts 3 MiB. No object of this cluster comes near this size. */
const MAX_BODY_BYTES = 1024 * 1024;

/** Starts the Kubernetes API on a free port of 127.0.0.1. `stop` ends all connections, watches included. */
export async function startApiServer(options: ApiOptions, { certPem, keyPem }: ServerIdentity) {
  const api = kubernetesApi(options);
  const server = createServer({ cert: certPem, key: keyPem }, (request, response) => {
    // See `isLoopbackHost`: no web page of another site may ask this machine's API.
    if (isLoopbackHost(request.headers.host ?? '')) api(request, response);
    else response.writeHead(403).end('this API answers only by a loopback name, e.g. 127.0.0.1 or localhost\n');
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.on('tlsClientError', () => {}); // A client that does not speak TLS is only disconnected.
  const port = await listen(server, '127.0.0.1', 0);
  return {
    url: `https://127.0.0.1:${port}`,
    stop() {
      const closed = close(server);
      server.closeAllConnections();
      return closed;
    },
  };
}

/** The request handler of the Kubernetes API: health, discovery documents, and the objects of the store. */
export function kubernetesApi(options: ApiOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.enable('case sensitive routing');
  app.get(['/healthz', '/livez', '/readyz'], (_, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' }).end('ok');
  });
  app.use((request, response, next) => {
    const [, token = ''] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
    response.locals['user'] = options.userOf(token);
    // As in a real cluster, the version needs no token.
    if (response.locals['user'] || request.path === '/version') next();
    else throw failure(401, 'Unauthorized', 'Unauthorized');
  });
  for (const [path, document] of Object.entries(DISCOVERY_DOCUMENTS)) {
    app.get(path, (_, response) => sendJson(response, 200, document));
  }
  app.use((request, response, next) => {
    const target = objectRequestOf(request.method, request.url);
    const forbidden = forbiddenTo(options.store, response.locals['user'], target);
    if (forbidden) throw forbidden;
    if (/protobuf|cbor|yaml/.test(request.headers['content-type'] ?? '')) {
      throw failure(415, 'UnsupportedMediaType', 'this cluster reads only JSON (kubectl apply -f sends it)');
    }
    response.locals['target'] = target;
    next();
  });
  app.use(express.json({ type: () => true, limit: MAX_BODY_BYTES, strict: false }), (request, response) => {
    serveObjects(options, response.locals['target'], request, response);
  });
  app.use(sendError);
  return app;
}

/** Answers with a Status. Express calls it for every error, and recognises it by its four parameters. */
function sendError(error: unknown, request: Request, response: Response, _next: NextFunction): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { status } = apiErrorOf(error);
  // Nobody needs the rest of the body. Node would read it to the end to keep the connection.
  if (!request.complete) response.setHeader('connection', 'close');
  if (status.code === 401) response.setHeader('www-authenticate', 'Bearer realm="goldpinger-local"');
  sendJson(response, status.code, status);
}

/** Turns anything thrown, the errors of express' parsers included, into an ApiError. */
function apiErrorOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const { status } = error as { status?: unknown };
  if (status === 413) {
    return failure(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${MAX_BODY_BYTES}`);
  }
  if (status === 400 || error instanceof URIError) return badRequest(textOf(error));
  if (status === 415) return failure(415, 'UnsupportedMediaType', textOf(error));
  return failure(500, 'InternalError', `Internal error: ${textOf(error)}`);
}
