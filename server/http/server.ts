import { createServer, type Server, type ServerResponse } from 'node:http';
import { hostPort, isLoopbackHost } from '../runtime/address.ts';
import { createApp } from './app.ts';
import type { RouteContext } from './context.ts';
import { isPing, PingAnswer } from './ping.ts';
import { Streams } from './stream.ts';

/** `0.0.0.0` and `::`, however they are written. */
const WILDCARD = /^\[?(::ffff:)?[0.:]+\]?$/i;
/** Bytes of URL and headers. Ingresses send large session cookies, and verdicts have long queries. */
const MAX_HEADER_BYTES = 65_536;
const MAX_URL_CHARS = 70_000;
/** Pings of 5000 nodes on their own connections stay far below; a leak of clients does not take the process down. */
const MAX_CONNECTIONS = 4096;

/** The HTTP side of a running service. */
export interface HttpServer {
  /** Where it listens, as `http://host:port`. */
  address: string;
  /** Ends streams and idle connections, lets requests in flight finish, cuts off what is left after `deadlineMs`. */
  close(deadlineMs: number): Promise<void>;
}

/** How long a client may take, ms. */
interface Timeouts {
  /** To send its request. */
  requestMs: number;
  /** How often `requestMs` is checked; a client may take that much longer. Node's default of 30 s would be too coarse. */
  checkMs: number;
  /**
   * How long no byte may move on a connection. This is the one cut-off of a client that does not read its answer, live
   * streams included: what is written while the socket is full waits in memory, moves no byte and so does not extend the
   * time. A stream that is read never reaches it, because its heartbeats come every 5 s (stream.ts).
   */
  stalledMs: number;
}

const TIMEOUTS: Timeouts = { requestMs: 10_000, checkMs: 1_000, stalledMs: 30_000 };

/** Listens on `host:port`. Rejects with the system's error (EADDRINUSE, ...) if it cannot. */
export async function listen(
  context: RouteContext,
  host: string,
  port: number,
  timeouts: Timeouts = TIMEOUTS,
): Promise<HttpServer> {
  const streams = new Streams(context);
  const app = createApp(context, streams);
  const ping = new PingAnswer(context);
  const isLocalOnly = isLoopbackHost(host);
  const server = createServer(
    { maxHeaderSize: MAX_URL_CHARS + MAX_HEADER_BYTES, connectionsCheckingInterval: timeouts.checkMs },
    (req, res) => {
      if (isLocalOnly && !isLoopbackHost(req.headers.host ?? 'localhost')) refuse(res, 403, FOREIGN_HOST);
      else if (isPing(req.method, req.url)) ping.send(res);
      else if ((req.url?.length ?? 0) > MAX_URL_CHARS) refuse(res, 414, LONG_URL);
      else app(req, res);
    },
  );
  server.headersTimeout = timeouts.requestMs;
  server.requestTimeout = timeouts.requestMs;
  server.keepAliveTimeout = 5000;
  server.timeout = timeouts.stalledMs;
  server.maxConnections = MAX_CONNECTIONS;
  server.maxRequestsPerSocket = 10_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    // Without a host Node listens on all addresses of both families, or of IPv4 alone where the system has no IPv6.
    server.listen({ port, ...(WILDCARD.test(host) ? {} : { host }) }, resolve);
  });
  return { address: addressOf(server), close: (deadlineMs) => close(server, streams, context, deadlineMs) };
}

const LONG_URL = `the URL is longer than ${MAX_URL_CHARS} characters`;
/** See `isLoopbackHost`: a page of another site must not read this machine's own server. */
const FOREIGN_HOST =
  'this server listens on a loopback address (HOST) and answers only by such a name, e.g. localhost or 127.0.0.1';

function refuse(res: ServerResponse, code: number, message: string): void {
  res.writeHead(code, { 'Content-Type': 'application/json', Connection: 'close' });
  res.end(JSON.stringify({ code, message }));
}

function addressOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === 'string') return String(address);
  return `http://${hostPort(address.address, address.port)}`;
}

async function close(server: Server, streams: Streams, context: RouteContext, deadlineMs: number): Promise<void> {
  streams.stop();
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const deadline = context.clock.setTimer(() => server.closeAllConnections(), deadlineMs);
  await closed;
  deadline.cancel();
}
