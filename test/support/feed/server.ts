import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Reporter } from '../../../server/analysis/comparison/report.ts';
import { createApp } from '../../../server/http/app.ts';
import type { RouteContext } from '../../../server/http/context.ts';
import { Streams } from '../../../server/http/stream.ts';
import { UNSENT } from '../../../server/protocol/links.ts';
import { encodeMergedReport, type Mesh } from '../../../server/protocol/mesh.ts';
import { realClock } from '../../../server/runtime/clock.ts';
import { settingsOf } from '../mesh.ts';
import { configOf } from '../route-context.ts';
import { madeUpContext } from './scene-server.ts';
import type { Story } from './story.ts';

/**
 * How the feed behaves. `live`: as the product. `down`: connections are closed at once. `no-stream`: the stream answers
 * 503, everything else works. `garbage`: the API answers with a login page. `bad-reports`: the API answers with valid JSON
 * that is not a mesh.
 */
export type FeedMode = 'live' | 'down' | 'no-stream' | 'garbage' | 'bad-reports';

/** Makes the mesh with the statistics of a window (ms; 0 = none). */
export type MeshSource = (windowMs: number) => Mesh;

/** The content of a feed. */
export interface FeedOptions {
  mesh: MeshSource;
  /** Path of the page, with a slash at both ends. */
  base?: string;
  /** The past; without it the feed has no history, as Goldpinger. */
  story?: Story;
}

/** The token with which the feed accepts annotations. */
export const FEED_TOKEN = 'token-of-the-feed';
/** Longer than HISTORY_WINDOW may be, because tests compare ranges of any day. */
const HISTORY_WINDOW_MS = 7 * 86_400_000;
/** What a server without history does not know. */
const PAST_PATH = /^\/api\/v1\/(annotations|comparison|events|history|report|rounds)$/;
const MAX_STREAMS = 16;
const MAX_REQUESTS = 1000;
/** The feed sends only when the mesh changes. With a shorter interval the page would call the data late. */
const REFRESH_MS = 300_000;
/** As the product: without a comment now and then, the page would take the silence for a blocked stream, and poll. */
const HEARTBEAT_MS = 5_000;
const METRICS = `# HELP goldpinger_nodes_health_total Number of nodes that are healthy and unhealthy.
# TYPE goldpinger_nodes_health_total gauge
goldpinger_nodes_health_total{goldpinger_instance="goldpinger-001",status="healthy"} 4
goldpinger_nodes_health_total{goldpinger_instance="goldpinger-001",status="unhealthy"} 0
`;

interface Stream {
  response: ServerResponse;
  windowMs: number;
  /** The pods that were sent last; null = none yet. */
  pods: string | null;
  reports: Map<number, string>;
}

/**
 * A stand-in for the server on loopback: the product's own Express application with made-up meshes in place of measured ones.
 * Only the stream is the feed's own, because it sends when a test says so. A test can change how the feed behaves.
 */
export class Feed {
  /** Path and query of the newest `MAX_REQUESTS` requests, oldest first. */
  readonly requests: string[] = [];
  readonly #server: Server;
  readonly #base: string;
  readonly #context: RouteContext;
  readonly #app: RequestListener;
  readonly #hasPast: boolean;
  readonly #sockets = new Set<Socket>();
  readonly #streams = new Set<Stream>();
  #mesh: MeshSource;
  #mode: FeedMode = 'live';
  /** How far the served time is ahead of ours, ms; null = not known yet. */
  #skewMs: number | null = null;

  private constructor({ mesh, base = '/', story }: FeedOptions) {
    this.#mesh = mesh;
    this.#base = base;
    this.#hasPast = story !== undefined;
    this.#context = this.#contextWith(story);
    this.#app = createApp(this.#context, new Streams(this.#context));
    this.#server = createServer((request, response) => this.#handle(request, response)).listen(0, '127.0.0.1');
    this.#server.on('connection', (socket) => {
      if (this.#mode === 'down') socket.destroy();
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  /** Starts a feed on a free port of 127.0.0.1. */
  static async start(options: FeedOptions): Promise<Feed> {
    const feed = new Feed(options);
    await once(feed.#server, 'listening');
    return feed;
  }

  /** Address of the page, e.g. `http://127.0.0.1:1234/`. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${this.#base}`;
  }

  /** Number of open streams. */
  get streams(): number {
    return this.#streams.size;
  }

  /** Changes how the feed behaves. Every mode but `live` closes the open streams. */
  setMode(mode: FeedMode): void {
    this.#mode = mode;
    if (mode === 'live') return;
    for (const { response } of this.#streams) response.destroy();
    if (mode === 'down') for (const socket of this.#sockets) socket.destroy();
  }

  /** Shows another mesh from now on, and sends the changes to every stream. */
  show(mesh: MeshSource): void {
    this.#mesh = mesh;
    if (this.#mode === 'live') for (const stream of this.#streams) this.#send(stream);
  }

  /** From now on answers name this pod, as behind a Service that leads to another one. */
  answersAs(pod: string): void {
    this.#context.monitor.selfName = pod;
  }

  /** Stops the feed and closes all connections. */
  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #contextWith(story: Story | undefined): RouteContext {
    const clock = { ...realClock, nowMs: () => this.#nowMs() };
    const config = { ...configOf({ WRITE_TOKEN: FEED_TOKEN }), historyWindowMs: HISTORY_WINDOW_MS };
    const content = { pageDir: 'dist/web', mesh: (windowMs: number) => this.#mesh(windowMs), story };
    const context = madeUpContext(content, clock, config, 10_000);
    const { monitor, metrics, pastMeshes, events, annotations } = context;
    monitor.selfName = 'goldpinger-001';
    return {
      ...context,
      metrics: {
        ...metrics,
        async *render() {
          yield METRICS;
        },
      },
      reporter: new Reporter(settingsOf({ historyWindowMs: HISTORY_WINDOW_MS }), {
        clock,
        past: pastMeshes.of,
        events: events.events,
        annotations: annotations.read,
        // As long as the head of a PNG, which has its size.
        paint: async () => new Uint8Array(24),
      }),
    };
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const { url = '/' } = request;
    this.requests.push(url);
    if (this.requests.length > MAX_REQUESTS) this.requests.shift();
    if (!url.startsWith(this.#base)) {
      response.writeHead(404).end();
      return;
    }
    request.url = url.slice(this.#base.length - 1);
    const { pathname, searchParams } = new URL(request.url, this.url);
    if (this.#mode === 'garbage' && pathname.startsWith('/api/')) {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html><body>Please log in</body></html>');
    } else if (pathname === '/api/v1/stream') {
      this.#open(response, searchParams);
    } else if (this.#mode === 'bad-reports' && pathname === '/api/v1/mesh') {
      sendJson(response, 200, { reports: [7] });
    } else if (!this.#hasPast && PAST_PATH.test(pathname)) {
      sendJson(response, 404, { code: 404, message: 'not found' });
    } else {
      this.#app(request, response);
    }
  }

  /** The served time. For it a mesh is made only once, because a thousand pods take a while. */
  #nowMs(): number {
    if (this.#skewMs === null) {
      const { atMs, ageMs } = this.#mesh(0);
      this.#skewMs = atMs + ageMs - Date.now();
    }
    return Date.now() + this.#skewMs;
  }

  #open(response: ServerResponse, query: URLSearchParams): void {
    if (this.#mode === 'no-stream' || this.#streams.size >= MAX_STREAMS) {
      sendJson(response, 503, { code: 503, message: 'too many streams' });
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    const windowMs = Number(query.get('window') ?? 0);
    const stream: Stream = { response, windowMs, pods: null, reports: new Map() };
    this.#streams.add(stream);
    const heartbeat = setInterval(() => response.write(':\n\n'), HEARTBEAT_MS);
    response.on('close', () => {
      clearInterval(heartbeat);
      this.#streams.delete(stream);
    });
    if (this.#mode === 'bad-reports') response.write(event('head', '{"reports":7}'));
    else this.#send(stream);
  }

  /** Sends one update as the product does: all reports if the pods changed, otherwise the changed ones. */
  #send(stream: Stream): void {
    const { reports, ...head } = this.#mesh(stream.windowMs);
    this.#context.monitor.snapshot = { pods: head.pods, status: head.discovery };
    const pods = head.pods.map((pod) => pod.uid).join();
    const reset = pods !== stream.pods;
    if (reset) stream.reports.clear();
    stream.pods = pods;
    const changed = reports.flatMap((report) => {
      const text = encodeMergedReport(report, UNSENT);
      if (stream.reports.get(report.pod) === text) return [];
      stream.reports.set(report.pod, text);
      return [text];
    });
    const { response } = stream;
    const settings = { ...head.settings, refreshIntervalMs: REFRESH_MS };
    response.write(event('head', JSON.stringify({ ...head, settings, reset, reportCount: reports.length })));
    for (const text of changed) response.write(event('report', text));
    response.write(event('end', '{}'));
  }
}

function event(name: string, data: string): string {
  return `event: ${name}\ndata: ${data}\n\n`;
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
