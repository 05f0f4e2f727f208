import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Socket } from 'node:net';
import type { KubeObject as StoredObject } from '../../deploy/local/api/objects.ts';
import { NODES, PODS, resourceByName } from '../../deploy/local/api/resources.ts';
import { kubernetesApi } from '../../deploy/local/api/server.ts';
import { expired } from '../../deploy/local/api/status.ts';
import { Store } from '../../deploy/local/api/store.ts';
import { listen } from '../../deploy/local/sockets.ts';
import { realClock } from '../../server/runtime/clock.ts';
import { type KubeFault, misbehave } from './kube-faults.ts';
import { podObject, type StubPod } from './kube-objects.ts';

/** The requests that a fault affects. `refuse` always affects all of them. */
export type FaultScope = 'all' | 'list' | 'watch' | 'nodes';

/** A request that the API has received. */
export interface ReceivedRequest {
  kind: 'list' | 'watch' | 'nodes' | 'other';
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
}

/** The options of the API. */
export interface KubeApiOptions {
  host?: string;
  /** Only requests with this bearer token are allowed; '' = all. */
  token?: string;
  /** Serves https with these, in PEM. With `ca`, client certificates of that CA are required. */
  tls?: { key: string; cert: string; ca?: string };
}

/** The store compacts its history when it is twice this long. */
const KEEP_CHANGES = 200;

/**
 * The local cluster's API server with pods and nodes that a test sets, on a real socket of the loopback interface. Faults
 * are a layer in front of it.
 */
export class KubeApi {
  /** All requests so far, oldest first. */
  readonly requests: ReceivedRequest[] = [];
  /** The token that is allowed; a test changes it to rotate the token. */
  token: string;
  readonly #options: KubeApiOptions;
  readonly #api: RequestListener;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #watches = new Set<ServerResponse>();
  readonly #faults = new Map<FaultScope, KubeFault>();
  /** What the store gives to the next new object. */
  #next = { uid: '', createdMs: 0 };
  readonly #store = new Store({
    nowMs: () => this.#next.createdMs,
    random: Math.random,
    newUid: () => this.#next.uid,
    keepChanges: KEEP_CHANGES,
  });
  #port = 0;

  /** Use `KubeApi.start`. */
  private constructor(options: KubeApiOptions) {
    this.#options = options;
    this.token = options.token ?? '';
    this.#api = kubernetesApi({
      store: this.#store,
      userOf: (token) => (this.token === '' || token === this.token ? 'admin' : undefined),
      logOf: () => undefined,
      clock: realClock,
      bookmarkMs: 60_000,
    });
    const { tls } = options;
    const needsClient = tls?.ca !== undefined;
    this.#server = tls
      ? createSecureServer({ ...tls, requestCert: needsClient, rejectUnauthorized: needsClient })
      : createServer();
    this.#server.on('request', (request, response) => this.#handle(request, response));
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => {});
      if (this.#faults.get('all') === 'reset') socket.resetAndDestroy();
    });
  }

  /** Starts the API on a free port. */
  static async start(options: KubeApiOptions = {}): Promise<KubeApi> {
    const api = new KubeApi(options);
    await api.#listen();
    return api;
  }

  /** E.g. `http://127.0.0.1:40123`. */
  get url(): string {
    return `${this.#options.tls ? 'https' : 'http'}://${this.#options.host ?? '127.0.0.1'}:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  /** Number of open watches. */
  get watchCount(): number {
    return this.#watches.size;
  }

  /** Number of open connections. */
  get connectionCount(): number {
    return this.#sockets.size;
  }

  /** Writes a kubeconfig for this API and returns `path`. `cluster` and `user` are added to its only cluster and user. */
  writeKubeconfig(path: string, more: { cluster?: object; user?: object; namespace?: string } = {}): string {
    const { cluster, user = this.token === '' ? {} : { token: this.token }, namespace } = more;
    return writeKubeconfig(path, { server: this.url, ...cluster }, user, namespace);
  }

  /** Adds a pod, or changes the one with the same namespace and name. Another `uid` makes it another pod. Returns the uid. */
  putPod(pod: StubPod): string {
    const object = podObject(pod);
    const { name, namespace, uid } = object.metadata as { name: string; namespace: string; uid: string };
    const before = this.#store.get(PODS, namespace, name);
    if (before && before.metadata.uid !== uid) this.deletePod(name, namespace);
    this.#next = { uid, createdMs: Date.parse(String(object.metadata['creationTimestamp'])) };
    const whole = { apiVersion: 'v1', kind: 'Pod', ...object } as unknown as StoredObject;
    if (before?.metadata.uid === uid) {
      this.#store.update(PODS, { ...whole, metadata: { ...whole.metadata, resourceVersion: '' } });
    } else {
      this.#store.create(PODS, whole);
    }
    return uid;
  }

  /** Deletes a pod at once. */
  deletePod(name: string, namespace = 'default'): void {
    this.#store.remove(PODS, namespace, name);
  }

  /** Deletes a node. Its pods stay until they are deleted, too. */
  deleteNode(name: string): void {
    this.#store.remove(NODES, '', name);
  }

  /** Adds or changes a node; `zone` '' = it has no zone label. `isCordoned`: as after `kubectl cordon`. */
  putNode(name: string, zone: string, isCordoned = false): void {
    const spec = isCordoned ? { unschedulable: true } : {};
    const labels: Record<string, string> = zone === '' ? {} : { 'topology.kubernetes.io/zone': zone };
    const before = this.#store.get(NODES, '', name);
    this.#next = { uid: `node-${name}`, createdMs: 0 };
    if (before) this.#store.update(NODES, { ...before, metadata: { ...before.metadata, labels }, spec });
    else this.#store.create(NODES, { metadata: { name, labels }, spec });
  }

  /**
   * Misbehaves until `heal`. Open watches end as the fault would end them: reset for `refuse` and `reset`, silent for
   * `hung`, closed otherwise.
   */
  async break(fault: KubeFault, scope: FaultScope = 'all'): Promise<void> {
    this.#faults.set(fault === 'refuse' ? 'all' : scope, fault);
    if (fault === 'refuse') {
      const closed = new Promise((resolve) => this.#server.close(resolve));
      for (const socket of this.#sockets) socket.resetAndDestroy();
      await closed;
    } else if (scope === 'all' || scope === 'watch') {
      if (fault === 'reset') for (const socket of this.#sockets) socket.resetAndDestroy();
      else if (fault === 'hung') for (const watch of this.#watches) watch.write = () => true;
      else this.closeWatches();
    }
  }

  /** Behaves again. Watches that were hung stay silent, because their connections are dead. */
  async heal(): Promise<void> {
    const refused = this.#faults.get('all') === 'refuse';
    this.#faults.clear();
    if (refused) await this.#listen();
  }

  /** Ends all watches, as the server does when their time is up. */
  closeWatches(): void {
    for (const watch of this.#watches) watch.end();
    this.#watches.clear();
  }

  /** Compacts the history, so that a watch from an earlier version gets 410. Open watches get an ERROR event if `told`. */
  compact(told = true): void {
    const configMaps = resourceByName('configmaps');
    for (let i = 0; configMaps && i <= KEEP_CHANGES; i++) {
      this.#store.create(configMaps, { metadata: { name: 'noise' } });
      this.#store.remove(configMaps, '', 'noise');
    }
    if (!told) return;
    this.sendLine(JSON.stringify({ type: 'ERROR', object: expired('too old resource version').status }));
    this.closeWatches();
  }

  /** Sends a bookmark to all open watches. */
  bookmark(): void {
    const object = { kind: 'Pod', metadata: { resourceVersion: String(this.#store.version) } };
    this.sendLine(JSON.stringify({ type: 'BOOKMARK', object }));
  }

  /** Sends one line to all open watches, unchanged. */
  sendLine(line: string): void {
    for (const watch of this.#watches) watch.write(`${line}\n`);
  }

  /** Stops everything. */
  async close(): Promise<void> {
    const closed = this.#server.listening ? new Promise((resolve) => this.#server.close(resolve)) : undefined;
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #listen(): Promise<void> {
    this.#port = await listen(this.#server, this.#options.host ?? '127.0.0.1', this.#port);
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', this.url);
    const [, noun] = /^\/api\/v1\/(?:namespaces\/[^/]+\/)?(pods|nodes)$/.exec(pathname) ?? [];
    const isWatch = /^(1|true)$/.test(query.get('watch') ?? '');
    const kind = noun === undefined ? 'other' : noun === 'nodes' ? 'nodes' : isWatch ? 'watch' : 'list';
    this.requests.push({ kind, path: pathname, query, headers: request.headers });
    const fault = this.#faultOf(kind);
    if (fault !== undefined) {
      misbehave(fault, request, response, this.#api, this.#store.version);
      return;
    }
    if (kind === 'watch') {
      this.#watches.add(response);
      response.on('close', () => this.#watches.delete(response));
    }
    this.#api(request, response);
  }

  #faultOf(kind: ReceivedRequest['kind']): KubeFault | undefined {
    const fault = this.#faults.get('all') ?? (kind === 'other' ? undefined : this.#faults.get(kind));
    // Watches of an empty API server still work.
    return fault === 'empty' && kind === 'watch' ? undefined : fault;
  }
}

/** Writes a kubeconfig with one cluster and one user and returns `path`. */
export function writeKubeconfig(path: string, cluster: object, user: object, namespace = 'default'): string {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'stub', cluster }],
    users: [{ name: 'stub', user }],
    contexts: [{ name: 'stub', context: { cluster: 'stub', user: 'stub', namespace } }],
    'current-context': 'stub',
  };
  writeFileSync(path, JSON.stringify(config));
  return path;
}
