import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, BlockList, type Socket, type SocketAddress } from 'node:net';

import type { DiscoverySnapshot } from '../protocol/pod.ts';
import { hostPort, isLoopbackHost, isWildcardHost } from '../runtime/host-port.ts';
import { Connections } from './connections.ts';
import type { ProcessContext, RouteContext } from './context.ts';
import { sendError } from './errors.ts';
import { isPing, pingAnswer } from './ping.ts';
import { Requests } from './requests.ts';
import { Streams } from './stream.ts';

/*
 * A connection is admitted by connections.ts, which answers pings itself and hands every other connection to Node's HTTP server.
 * requests.ts says when each request is worked on; then app.ts (or passive-app.ts) routes it.
 */

/** See `isLoopbackHost`: a page of another site must not read this machine's own server. */
const FOREIGN_HOST =
  'this server listens on a loopback address (HOST) and answers only by such a name, e.g. localhost or 127.0.0.1';
/** Ingresses send large session cookies. Node counts the URL with the headers, so with a short URL they may be larger. */
const MAX_HEADER_BYTES = 65_536;
/** Verdicts have long queries. */
const MAX_URL_CHARS = 70_000;
const LONG_URL = `the URL is longer than ${MAX_URL_CHARS} characters`;
/** Taking a path or a header `Accept` of 60,000 characters apart blocks the event loop for 70 ms. Ours have none of this length. */
const MAX_PATH_CHARS = 1_000;
const LONG_PATH = `the path is longer than ${MAX_PATH_CHARS} characters`;
/** What comes after it is not read. */
const MAX_ACCEPT_CHARS = 4_000;
/** Connections that the system may hold for us until we accept them (docs/security.md). Node's default is 511. */
const BACKLOG = 4096;
/** How long an idle connection stays open at least, ms; and for twice FRESH_CONNECTION_INTERVAL, so that peers can keep theirs. */
const MIN_KEPT_MS = 5_000;
/** How long requests in flight may take to finish once the listener has closed. */
const CLOSE_DEADLINE_MS = 2_000;
/** Further headers of a request are dropped: each costs more memory than its bytes. */
const MAX_HEADERS = 200;

/** The HTTP side of a running service. */
export interface HttpServer {
  /** Where it listens, as `http://host:port`. */
  address: string;
  /** Ends streams and idle connections, lets requests in flight finish, cuts off what is left after `deadlineMs`. */
  close(deadlineMs?: number): Promise<void>;
}

/** How long a client may take, ms. */
interface Timeouts {
  /** To send its request; a new connection may be silent that long. */
  requestMs: number;
  /** How often `requestMs` is checked; a client may take that much longer. Node's default of 30 s would be too coarse. */
  checkMs: number;
  /**
   * How long no byte may move on a connection: cuts off a client that does not read its answer. Streams have a rule of
   * their own (`UNREAD_MS` in stream.ts).
   */
  stalledMs: number;
}

/** A request may take this much longer than the mesh, which it may have to wait for (CHECK_ALL_TIMEOUT), ms. */
const AFTER_MESH_MS = 5_000;
/** The least `givesWayMs` of requests, ms. */
const GIVES_WAY_MS = 10_000;

/** The usual time limits. `checkAllTimeoutMs`: the mesh may be collected for this long before the first byte of an answer. */
const timeoutsFor = ({ checkAllTimeoutMs }: ProcessContext['config']): Timeouts => ({
  requestMs: 10_000,
  checkMs: 1_000,
  stalledMs: Math.max(30_000, checkAllTimeoutMs + AFTER_MESH_MS),
});

/** Serves everything at HOST and PORT. Rejects with the system's error (EADDRINUSE, ...) if it cannot listen. */
export function listen(context: RouteContext, timeouts?: Timeouts): Promise<HttpServer> {
  const streams = new Streams(context);
  const served = {
    loadApp: async () => (await import('./app.ts')).createApp(context, streams),
    snapshot: () => context.monitor.snapshot,
    endStreams: () => streams.stop(),
  };
  return serve(served, context, timeouts);
}

/** Serves what a passive pod answers. Rejects as `listen` does. It knows no pods, so every client is a stranger. */
export function listenPassive(context: ProcessContext): Promise<HttpServer> {
  const nobody = { pods: [] };
  const served = {
    loadApp: async () => (await import('./passive-app.ts')).createPassiveApp(context),
    snapshot: () => nobody,
    endStreams: () => {},
  };
  return serve(served, context);
}

/** What is served besides pings. */
interface Served {
  loadApp(): Promise<RequestListener>;
  snapshot(): Pick<DiscoverySnapshot, 'pods'>;
  /** Ends answers that have no end of their own: streams. */
  endStreams(): void;
}

/** Wires connections, requests and app, and listens. */
async function serve(
  { loadApp, snapshot, endStreams }: Served,
  context: ProcessContext,
  timeouts = timeoutsFor(context.config),
): Promise<HttpServer> {
  const ping = pingAnswer(context);
  const app = loadedAtFirstRequest(loadApp, context);
  const { clock, config } = context;
  const { host, port } = config;
  const keptMs = Math.max(MIN_KEPT_MS, 2 * config.freshConnectionIntervalMs);
  const requests = new Requests({
    clock,
    givesWayMs: Math.max(GIVES_WAY_MS, config.checkAllTimeoutMs + AFTER_MESH_MS),
    onIdle: (socket) => connections.becameIdle(socket),
    onError: (error) => context.log.error({ err: error }, 'a request failed'),
  });
  const isLocalOnly = isLoopbackHost(host);
  const answersTo = (name = 'localhost') => !isLocalOnly || isLoopbackHost(name);
  const connections = new Connections({
    clock,
    ping,
    answersTo,
    silentMs: timeouts.requestMs,
    keptMs,
    snapshot,
    hasRequest: (socket) => requests.has(socket),
  });
  const options = {
    maxHeaderSize: MAX_URL_CHARS + MAX_HEADER_BYTES,
    headersTimeout: timeouts.requestMs,
    requestTimeout: timeouts.requestMs,
    connectionsCheckingInterval: timeouts.checkMs,
    keepAliveTimeout: keptMs,
  };
  const server = createServer(options, (req, res) => {
    const url = withSingleSlashes(req.url);
    req.url = url;
    const [path = ''] = url.split('?', 1);
    if (req.headers.accept !== undefined) req.headers.accept = req.headers.accept.slice(0, MAX_ACCEPT_CHARS);
    requests.add(req, res, connections.clientOf(req.socket), () => {
      const refuse = (status: number, why: string) => sendError(res.setHeader('Connection', 'close'), status, why);
      if (!answersTo(req.headers.host)) refuse(403, FOREIGN_HOST);
      else if (isPing(req.method, url)) ping.send(res);
      else if (url.length > MAX_URL_CHARS) refuse(414, LONG_URL);
      else if (path.length > MAX_PATH_CHARS) refuse(414, LONG_PATH);
      else app(req, res);
    });
  });
  server.timeout = timeouts.stalledMs;
  server.maxHeadersCount = MAX_HEADERS;
  // The listener that Node has added takes a connection that has sent bytes already as well as a new one.
  const [serveHttp] = server.listeners('connection');
  server.removeAllListeners('connection');
  const filter = new ConnectionFilter(connections);
  Object.assign(server, { blockList: filter });
  server.on('connection', (socket) => {
    if (filter.lets(socket)) connections.accept(socket, (ready) => serveHttp?.call(server, ready));
  });
  // Without a host Node listens on all addresses of both families, or of IPv4 alone where the system has no IPv6.
  server.listen({ port, backlog: BACKLOG, ...(isWildcardHost(host) ? {} : { host }) });
  await once(server, 'listening');
  const bound = server.address() as AddressInfo;
  return {
    address: `http://${hostPort(bound.address, bound.port)}`,
    close: async (deadlineMs = CLOSE_DEADLINE_MS) => {
      endStreams();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      connections.closePingOnly();
      server.closeIdleConnections();
      // Connections that become idle from now on are closed at once.
      server.keepAliveTimeout = 1;
      const deadline = clock.setTimer(() => connections.closeAll(), deadlineMs);
      await closed;
      deadline.cancel();
    },
  };
}

/** `//ping` is `/ping`, as in Goldpinger: tools join a path to a base URL that ends with a slash. */
function withSingleSlashes(url = ''): string {
  return url.replace(/^\/[^?]*/, (path) => path.replace(/\/{2,}/g, '/'));
}

/**
 * Closes new connections that are too many in a second. Since Node 22.13 a server asks its `blockList` about each connection before
 * it makes a Socket: then refusing one costs so little that a flood of 10,000 a second leaves the process half idle. Before, the
 * Socket is reset.
 */
class ConnectionFilter extends BlockList {
  readonly #connections: Connections;
  #isAsked = false;

  constructor(connections: Connections) {
    super();
    this.#connections = connections;
  }

  /** Called by Node. Whether the connection is closed. */
  override check(address: string | SocketAddress): boolean {
    this.#isAsked = true;
    return !this.#connections.admits(typeof address === 'string' ? address : address.address);
  }

  /** Called for each connection that Node hands us. If it is not served, closes it. */
  lets(socket: Socket): boolean {
    const { remoteAddress } = socket;
    // Its client has reset it already. Node asks only about connections that have an address.
    if (remoteAddress === undefined) socket.destroy();
    else if (this.#isAsked || this.#connections.admits(remoteAddress)) return true;
    else socket.resetAndDestroy();
    return false;
  }
}

/** Loads the express application for the first request that needs it: that takes a third of the time of a start. */
function loadedAtFirstRequest(load: () => Promise<RequestListener>, { log }: ProcessContext): RequestListener {
  let loading: Promise<RequestListener> | null = null;
  return (req, res) => {
    loading ??= load();
    loading.then(
      (app) => app(req, res),
      (error) => {
        log.error({ err: error }, 'the HTTP application cannot be loaded');
        sendError(res, 500, 'internal error; the log of this pod says more');
      },
    );
  };
}
