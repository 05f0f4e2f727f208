import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { misbehave, type StubFault, sendJson, sendStatus } from './kube-faults.ts';
import { KubeHistory } from './kube-history.ts';
import { type KubeObject, listObject, matches, podObject, type StubPod, statusObject } from './kube-objects.ts';

/** Which requests a fault concerns. `refuse` always concerns all of them. */
export type StubScope = 'all' | 'list' | 'watch' | 'nodes';

/** A request that the stub has received. */
export interface StubRequest {
  kind: 'list' | 'watch' | 'nodes' | 'other';
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
}

/** How the stub is set up. */
export interface StubOptions {
  host?: string;
  /** Only requests with this bearer token are let in; '' = all. */
  token?: string;
  /** Between two bookmarks of a watch, ms. */
  bookmarkMs?: number;
  /** Serves https with these, in PEM; with `ca` client certificates of that CA are asked for and required. */
  tls?: { key: string; cert: string; ca?: string };
}

/**
 * A Kubernetes API server that knows pods and nodes and can be told to misbehave, on a real socket of the loopback
 * interface. It speaks of the real protocol what discovery uses: lists in pages, watches with bookmarks, 410 for
 * versions that were compacted. Label selectors are of the form `key=value`.
 */
export class KubeStub {
  /** All requests so far, oldest first. */
  readonly requests: StubRequest[] = [];
  /** The token that is let in; change it to rotate. */
  token: string;
  readonly #options: StubOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #pods = new Map<string, KubeObject>();
  readonly #nodes = new Map<string, KubeObject>();
  readonly #history: KubeHistory;
  readonly #faults = new Map<StubScope, StubFault>();
  #port = 0;

  /** Use `KubeStub.start`. */
  private constructor(options: StubOptions) {
    this.#options = options;
    this.token = options.token ?? '';
    this.#history = new KubeHistory(options.bookmarkMs ?? 60_000);
    const handler = (request: IncomingMessage, response: ServerResponse) => this.#handle(request, response);
    const { tls } = options;
    this.#server = tls
      ? createSecureServer(
          { ...tls, requestCert: tls.ca !== undefined, rejectUnauthorized: tls.ca !== undefined },
          handler,
        )
      : createServer(handler);
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => {});
      if (this.#faults.get('all') === 'reset') socket.resetAndDestroy();
    });
  }

  /** Starts a stub on a free port. */
  static async start(options: StubOptions = {}): Promise<KubeStub> {
    const stub = new KubeStub(options);
    await stub.#listen();
    return stub;
  }

  /** E.g. `http://127.0.0.1:40123`. */
  get url(): string {
    return `${this.#options.tls ? 'https' : 'http'}://${this.#options.host ?? '127.0.0.1'}:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  /** Watches that are open now. */
  get watchCount(): number {
    return this.#history.watchCount;
  }

  /** Connections that are open now. */
  get connectionCount(): number {
    return this.#sockets.size;
  }

  /** Writes a kubeconfig for this stub; `cluster` and `user` are added to its only cluster and user. Gives `path`. */
  writeKubeconfig(path: string, more: { cluster?: object; user?: object; namespace?: string } = {}): string {
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'stub', cluster: { server: this.url, ...more.cluster } }],
      users: [{ name: 'stub', user: more.user ?? (this.token === '' ? {} : { token: this.token }) }],
      contexts: [{ name: 'stub', context: { cluster: 'stub', user: 'stub', namespace: more.namespace ?? 'default' } }],
      'current-context': 'stub',
    };
    writeFileSync(path, JSON.stringify(config));
    return path;
  }

  /** Adds a pod, or changes the one of the same namespace and name (another `uid` makes it another pod). Gives its uid. */
  putPod(pod: StubPod): string {
    const key = `${pod.namespace ?? 'default'}/${pod.name}`;
    const object = podObject(pod);
    const before = this.#pods.get(key);
    if (before && before.metadata['uid'] !== object.metadata['uid']) this.deletePod(pod.name, pod.namespace);
    this.#pods.set(key, object);
    this.#history.publish(
      this.#pods.has(key) && before?.metadata['uid'] === object.metadata['uid'] ? 'MODIFIED' : 'ADDED',
      object,
    );
    return String(object.metadata['uid']);
  }

  /** Deletes a pod at once. */
  deletePod(name: string, namespace = 'default'): void {
    const key = `${namespace}/${name}`;
    const object = this.#pods.get(key);
    if (!object) throw new Error(`no pod ${key}`);
    this.#pods.delete(key);
    this.#history.publish('DELETED', object);
  }

  /** Adds or changes a node; `zone` '' = it has no zone label. */
  putNode(name: string, zone: string): void {
    const labels = zone === '' ? {} : { 'topology.kubernetes.io/zone': zone };
    this.#nodes.set(name, { metadata: { name, uid: `node-${name}`, labels } });
  }

  /**
   * Misbehaves from now on, until `heal`. Open watches are ended the way the fault would: reset for `refuse` and `reset`,
   * left without a word for `hung`, closed otherwise.
   */
  async break(fault: StubFault, scope: StubScope = 'all'): Promise<void> {
    this.#faults.set(fault === 'refuse' ? 'all' : scope, fault);
    this.#history.mute = fault === 'hung' && (scope === 'all' || scope === 'watch');
    if (fault === 'refuse') {
      const closed = new Promise((resolve) => this.#server.close(resolve));
      for (const socket of this.#sockets) socket.resetAndDestroy();
      await closed;
    } else if (scope === 'all' || scope === 'watch') {
      if (fault === 'reset') for (const socket of this.#sockets) socket.resetAndDestroy();
      else if (fault !== 'hung') this.closeWatches();
    }
  }

  /** Behaves again. Watches that were hung stay so: their connections are dead. */
  async heal(): Promise<void> {
    const refused = this.#faults.get('all') === 'refuse';
    this.#faults.clear();
    this.#history.mute = false;
    if (refused) await this.#listen();
  }

  /** Ends all watches as the server does when their time is up. */
  closeWatches(): void {
    this.#history.endWatches();
  }

  /** Forgets the history: a watch from before now gets 410. With `told`, open watches hear so in an ERROR event. */
  compact(told = true): void {
    this.#history.compact();
    if (told) this.#history.endWatches(`${JSON.stringify({ type: 'ERROR', object: statusObject(410) })}\n`);
  }

  /** Sends a bookmark to all open watches. */
  bookmark(): void {
    this.#history.bookmark();
  }

  /** Sends one line to all open watches, as it is. */
  sendLine(line: string): void {
    this.#history.sendLine(line);
  }

  /** Ends everything. */
  async close(): Promise<void> {
    const closed = this.#server.listening ? new Promise((resolve) => this.#server.close(resolve)) : undefined;
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#port, this.#options.host ?? '127.0.0.1', () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', this.url);
    const [, namespace = '', noun] = /^\/api\/v1\/(?:namespaces\/([^/]+)\/)?(pods|nodes)$/.exec(url.pathname) ?? [];
    const watching = /^(1|true)$/.test(url.searchParams.get('watch') ?? '');
    const kind = noun === undefined ? 'other' : noun === 'nodes' ? 'nodes' : watching ? 'watch' : 'list';
    const query = url.searchParams;
    this.requests.push({ kind, path: url.pathname, query, headers: request.headers });
    const fault = this.#faultOf(kind);
    if (fault !== undefined) {
      const list = (items: KubeObject[]) => () => listObject('PodList', items, this.#history.version);
      misbehave(fault, request, response, list(this.#matching(query, namespace)), list([]));
    } else if (this.token !== '' && request.headers.authorization !== `Bearer ${this.token}`) sendStatus(response, 401);
    else if (request.method !== 'GET') sendStatus(response, 405);
    else if (kind === 'other') sendStatus(response, 404);
    else if (kind === 'nodes')
      sendJson(response, listObject('NodeList', [...this.#nodes.values()], this.#history.version));
    else if (kind === 'watch') this.#history.watch(response, query, namespace);
    else this.#list(response, query, namespace);
  }

  #faultOf(kind: StubRequest['kind']): StubFault | undefined {
    const fault = this.#faults.get('all') ?? (kind === 'other' ? undefined : this.#faults.get(kind));
    // An empty API server still lets itself be watched.
    return fault === 'empty' && kind === 'watch' ? undefined : fault;
  }

  #list(response: ServerResponse, query: URLSearchParams, namespace: string): void {
    const [version = '', from = '0'] = (query.get('continue') ?? '').split(':');
    const all = this.#matching(query, namespace);
    const limit = Number(query.get('limit') ?? 0) || all.length || 1;
    const end = Number(from) + limit;
    const list = listObject('PodList', all.slice(Number(from), end), Number(version) || this.#history.version);
    if (end < all.length) list.metadata['continue'] = `${list.metadata['resourceVersion']}:${end}`;
    if (version !== '' && Number(version) < this.#history.oldest) sendStatus(response, 410);
    else sendJson(response, list);
  }

  #matching(query: URLSearchParams, namespace: string): KubeObject[] {
    const selector = query.get('labelSelector') ?? '';
    return [...this.#pods.values()].filter((pod) => matches(pod, selector, namespace));
  }
}
