import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import express, { type Express, type Request, type Response } from 'express';
import { inlineSources } from '../../../server/http/app.ts';
import { unsentFor } from '../../../server/http/stream.ts';
import { STREAM_FIGURES } from '../../../server/protocol/link-quality.ts';
import { encodeMergedReport, encodeMesh, type Mesh } from '../../../server/protocol/mesh.ts';
import { linkHistoryOf, samplesOf } from './mesh-past.ts';
import type { Story } from './story.ts';
import { answerOf, write } from './story-api.ts';

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

/** Folder of the built page. */
const PAGE_DIR = 'dist/web';
/** The server's policy for the built page. */
const contentSecurityPolicy = () =>
  `default-src 'none'; script-src 'self' ${inlineSources(PAGE_DIR, 'script').join(' ')}; worker-src 'self'; style-src 'self' ` +
  `${inlineSources(PAGE_DIR, 'style').join(' ')}; img-src 'self' data: blob:; connect-src 'self'; ` +
  "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";
const MAX_STREAMS = 16;
const MAX_REQUESTS = 1000;
/**
 * The feed sends only when the mesh changes. With a shorter interval the page would take the silence for a broken stream,
 * and poll.
 */
const REFRESH_MS = 300_000;
const METRICS = `# HELP goldpinger_nodes_health_total Number of nodes that are healthy and unhealthy.
# TYPE goldpinger_nodes_health_total gauge
goldpinger_nodes_health_total{goldpinger_instance="goldpinger-001",status="healthy"} 4
goldpinger_nodes_health_total{goldpinger_instance="goldpinger-001",status="unhealthy"} 0
`;

interface Stream {
  response: Response;
  windowMs: number;
  unsent: ReturnType<typeof unsentFor>;
  /** The pods that were sent last; null = none yet. */
  pods: string | null;
  reports: Map<number, string>;
}

/** A stand-in for the server on loopback: the page and its API with made-up meshes. A test can change how it behaves. */
export class Feed {
  /** Path and query of the newest `MAX_REQUESTS` requests, oldest first. */
  readonly requests: string[] = [];
  readonly #server: Server;
  readonly #base: string;
  readonly #story: Story | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #streams = new Set<Stream>();
  #mesh: MeshSource;
  #mode: FeedMode = 'live';
  #pod = 'goldpinger-001';
  /** How far the served time is ahead of ours, ms; null = not known yet. */
  #skewMs: number | null = null;

  private constructor({ mesh, base = '/', story }: FeedOptions) {
    this.#mesh = mesh;
    this.#base = base;
    this.#story = story;
    this.#server = this.#app().listen(0, '127.0.0.1');
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
    this.#pod = pod;
  }

  /** Stops the feed and closes all connections. */
  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #app(): Express {
    const pages = express.Router();
    pages.use('/api', (_request, response, next) => {
      if (this.#mode === 'garbage') response.type('html').send('<html><body>Please log in</body></html>');
      else next();
    });
    pages.get('/api/v1/stream', (request, response) => {
      const figure = STREAM_FIGURES.find((one) => one === request.query['figure']) ?? '';
      this.#open(response, windowOf(request), unsentFor(figure));
    });
    pages.use('/api', (request, response, next) =>
      this.#answerFromStory(request, response).then((isDone) => isDone || next()),
    );
    pages.get('/api/v1/mesh', (request, response) => {
      const isBad = this.#mode === 'bad-reports';
      response.type('json').send(isBad ? '{"reports":[7]}' : [...encodeMesh(this.#mesh(windowOf(request)))].join(''));
    });
    pages.get('/api/v1/link', ({ query }, response) => {
      response.json(samplesOf(this.#mesh(0), String(query['from']), String(query['to'])));
    });
    pages.get('/api/v1/link-history', ({ query }, response) => {
      response.json(linkHistoryOf(this.#mesh(0), String(query['from']), String(query['to']), 10_000));
    });
    pages.get('/check_all', (_request, response) => void response.json({ hosts: [], responses: {} }));
    pages.get('/check', (_request, response) => void response.json({ podResults: {} }));
    pages.get('/cluster_health', (_request, response) => void response.json({ OK: true, nodesTotal: 4 }));
    pages.get('/metrics', (_request, response) => void response.type('text/plain; version=0.0.4').send(METRICS));
    pages.use(express.static(PAGE_DIR, { cacheControl: false, etag: false, lastModified: false }));
    const app = express();
    const policy = contentSecurityPolicy();
    app.use((request, response, next) => {
      this.requests.push(request.url);
      if (this.requests.length > MAX_REQUESTS) this.requests.shift();
      response.set({ 'content-security-policy': policy, 'cache-control': 'no-store', 'goldpinger-pod': this.#pod });
      next();
    });
    app.use(this.#base, pages);
    app.use((_request, response) => void response.status(404).json({ code: 404, message: 'not found' }));
    return app;
  }

  /** Answers a request about the past; resolves with false if it is about something else. */
  async #answerFromStory(request: Request, response: Response): Promise<boolean> {
    if (this.#story === undefined) return false;
    const url = new URL(request.originalUrl, this.url);
    const path = `/${url.pathname.slice(this.#base.length)}`;
    const isWrite = path === '/api/v1/annotations' && request.method === 'POST';
    const answer = isWrite
      ? write(this.#story, request.headers.authorization, await textOf(request), this.#nowMs())
      : await answerOf(this.#story, path, url.searchParams, this.#nowMs());
    if (answer !== null) response.status(answer.status).type('json').send(answer.body);
    return answer !== null;
  }

  /** The served time. For it a mesh is made only once, because a thousand pods take a while. */
  #nowMs(): number {
    if (this.#skewMs === null) {
      const { atMs, ageMs } = this.#mesh(0);
      this.#skewMs = atMs + ageMs - Date.now();
    }
    return Date.now() + this.#skewMs;
  }

  #open(response: Response, windowMs: number, unsent: Stream['unsent']): void {
    if (this.#mode === 'no-stream' || this.#streams.size >= MAX_STREAMS) {
      response.status(503).json({ code: 503, message: 'too many streams' });
      return;
    }
    response.type('text/event-stream').flushHeaders();
    const stream: Stream = { response, windowMs, unsent, pods: null, reports: new Map() };
    this.#streams.add(stream);
    response.on('close', () => this.#streams.delete(stream));
    if (this.#mode === 'bad-reports') response.write(event('head', '{"reports":7}'));
    else this.#send(stream);
  }

  /** Sends one update as the product does: all reports if the pods changed, otherwise the changed ones. */
  #send(stream: Stream): void {
    const { reports, ...head } = this.#mesh(stream.windowMs);
    const pods = head.pods.map((pod) => pod.uid).join();
    const reset = pods !== stream.pods;
    if (reset) stream.reports.clear();
    stream.pods = pods;
    const changed = reports.flatMap((report) => {
      const text = encodeMergedReport(report, stream.unsent);
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

function windowOf({ query }: Request): number {
  return Number(query['window'] ?? 0);
}

async function textOf(request: Request): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}
