import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { UNSENT } from '../../../server/http/stream.ts';
import { encodeMergedReport, encodeMesh, type Mesh } from '../../../server/protocol/mesh.ts';
import { fileAt } from './files.ts';
import type { Story } from './past.ts';
import { pastAnswer, takeAnnotation } from './past-answers.ts';
import { linkHistoryOf, samplesOf } from './samples.ts';

/**
 * How the feed behaves. `live`: as the product. `down`: connections are cut at once. `no-stream`: the stream answers
 * 503, everything else works. `held`: the stream opens and a proxy holds back all it says. `garbage`: every answer is a
 * login page. `bad-reports`: valid JSON that is not the contract's.
 */
export type FeedMode = 'live' | 'down' | 'no-stream' | 'held' | 'garbage' | 'bad-reports';

/** What a feed is started with. `mesh` is called anew for each window that is asked for (ms; 0 = none). */
export interface FeedOptions {
  /** Folder with the built page. */
  root: string;
  mesh: (windowMs: number) => Mesh;
  /** Path under which all is served, with a slash at both ends. */
  base?: string;
  /** Port on 127.0.0.1; 0 = any. */
  port?: number;
  /** What is told of the past; without it nothing is known, as by Goldpinger. */
  story?: Story;
}

const CSP =
  "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; " +
  "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";
const MAX_STREAMS = 16;
/** It says something only when the scenario changes: a page told of less would take its silence for a cut stream, and poll. */
const REFRESH_MS = 300_000;

interface Stream {
  response: ServerResponse;
  windowMs: number;
  /** The pods that were sent last; null = none yet. */
  pods: string | null;
  reports: Map<number, string>;
}

/** A stand-in for the server: the page and its three endpoints from a scenario, on loopback, to be bent at will. */
export class Feed {
  /** Paths (with query) that were asked for, newest last, at most 1000. */
  readonly requests: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #streams = new Set<Stream>();
  readonly #options: Required<Omit<FeedOptions, 'story'>>;
  readonly #story: Story | undefined;
  #mode: FeedMode = 'live';
  /** How far the served time is ahead of ours, ms; null = not known yet. */
  #skewMs: number | null = null;

  private constructor(options: FeedOptions) {
    this.#options = { base: '/', port: 0, ...options };
    this.#story = options.story;
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#server.on('connection', (socket) => {
      if (this.#mode === 'down') socket.destroy();
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  /** Starts listening on 127.0.0.1. */
  static async start(options: FeedOptions): Promise<Feed> {
    const feed = new Feed(options);
    await new Promise<void>((resolve, reject) => {
      feed.#server.once('error', reject);
      feed.#server.listen(feed.#options.port, '127.0.0.1', resolve);
    });
    return feed;
  }

  /** Where the page is, e.g. `http://127.0.0.1:1234/`. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${this.#options.base}`;
  }

  /** Open streams. */
  get streams(): number {
    return this.#streams.size;
  }

  /** Changes how the feed behaves; all but `live` cut what is open. */
  setMode(mode: FeedMode): void {
    this.#mode = mode;
    if (mode === 'live') return;
    for (const { response } of this.#streams) response.destroy();
    if (mode === 'down') for (const socket of this.#sockets) socket.destroy();
  }

  /** Shows another mesh from now on, and sends every stream what changed. */
  show(mesh: (windowMs: number) => Mesh): void {
    this.#options.mesh = mesh;
    if (this.#mode === 'live') for (const stream of this.#streams) this.#send(stream);
  }

  /** Stops; all connections are cut. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://feed');
    this.requests.push(url.pathname + url.search);
    if (this.requests.length > 1000) this.requests.shift();
    response.setHeader('content-security-policy', CSP);
    if (!url.pathname.startsWith(this.#options.base)) return void end(response, 404, 'text/plain', 'not found');
    const path = `/${url.pathname.slice(this.#options.base.length)}`;
    if (path.startsWith('/api/') && this.#mode === 'garbage') {
      return void end(response, 200, 'text/html', '<html><body>Please log in</body></html>');
    }
    const windowMs = Number(url.searchParams.get('window') ?? 0);
    if (path === '/api/v1/stream') return this.#open(response, windowMs);
    if (this.#story !== undefined && path.startsWith('/api/')) {
      const past = await this.#past(this.#story, path, url.searchParams, request);
      if (past !== null) return void end(response, past.status, 'application/json', past.body);
    }
    if (path === '/api/v1/mesh') {
      const body =
        this.#mode === 'bad-reports' ? '{"reports":[7]}' : [...encodeMesh(this.#options.mesh(windowMs))].join('');
      return void end(response, 200, 'application/json', body);
    }
    if (path === '/api/v1/link' || path === '/api/v1/link-history') {
      const of = path === '/api/v1/link' ? samplesOf : linkHistoryOf;
      const uid = (name: string) => url.searchParams.get(name) ?? '';
      const body = JSON.stringify(of(this.#options.mesh(0), uid('from'), uid('to')));
      return void end(response, 200, 'application/json', body);
    }
    const raw = RAW[path];
    if (raw !== undefined) return void end(response, 200, 'application/json', raw);
    if (path === '/metrics') return void end(response, 200, 'text/plain; version=0.0.4', METRICS);
    const file = await fileAt(this.#options.root, path);
    if (file === null) return void end(response, 404, 'application/json', '{"code":404,"message":"not found"}');
    end(response, 200, file.type, file.body);
  }

  async #past(story: Story, path: string, query: URLSearchParams, request: IncomingMessage) {
    const nowMs = this.#nowMs();
    const isWrite = path === '/api/v1/annotations' && request.method === 'POST';
    return isWrite ? takeAnnotation(story, request, nowMs) : pastAnswer(story, path, query, nowMs);
  }

  /** The served time. A mesh is made for it once: a thousand pods take a while. */
  #nowMs(): number {
    const { atMs, ageMs } = this.#skewMs === null ? this.#options.mesh(0) : { atMs: 0, ageMs: 0 };
    this.#skewMs ??= atMs + ageMs - Date.now();
    return Date.now() + this.#skewMs;
  }

  #open(response: ServerResponse, windowMs: number): void {
    if (this.#mode === 'no-stream' || this.#streams.size >= MAX_STREAMS) {
      return void end(response, 503, 'application/json', '{"code":503,"message":"too many streams"}');
    }
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.flushHeaders();
    const stream: Stream = { response, windowMs, pods: null, reports: new Map() };
    this.#streams.add(stream);
    response.on('close', () => this.#streams.delete(stream));
    if (this.#mode === 'bad-reports') response.write('event: head\ndata: {"reports":7}\n\n');
    if (this.#mode === 'live') this.#send(stream);
  }

  /** One batch, as the product sends it: all reports where the pods changed, else the changed ones. */
  #send(stream: Stream): void {
    const { reports, ...head } = this.#options.mesh(stream.windowMs);
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

function end(response: ServerResponse, status: number, type: string, body: string | Buffer): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
  response.end(body);
}

const RAW: Record<string, string> = {
  '/check_all': '{"hosts":[],"responses":{}}',
  '/check': '{"podResults":{}}',
  '/cluster_health': '{"OK":true,"nodesTotal":4}',
};

const METRICS = `# HELP goldpinger_nodes_health_total Number of nodes that are healthy and unhealthy.
# TYPE goldpinger_nodes_health_total gauge
goldpinger_nodes_health_total{goldpinger_instance="goldpinger-001",status="healthy"} 4
goldpinger_nodes_health_total{goldpinger_instance="goldpinger-001",status="unhealthy"} 0
`;
