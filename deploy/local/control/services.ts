import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../../server/runtime/clock.ts';
import { textOf } from '../../../server/runtime/errors.ts';
import type { AddressPool } from '../addresses.ts';
import { isReady, type PodObject, type ServiceObject, selects } from '../api/objects.ts';
import { ENDPOINT_SLICES, PODS, SERVICES } from '../api/resources.ts';
import type { Store } from '../api/store.ts';
import { controlLoop } from './controllers.ts';
import { recordEvent } from './events.ts';

/** The options of a service address. */
interface ServiceAddressOptions {
  store: Store;
  namespace: string;
  name: string;
  /** Index of the Service's port, from 0. */
  portIndex: number;
  /** Returns [0, 1). A Service chooses a random pod for every connection. */
  random: () => number;
}

const MAX_CONNECTIONS = 2000;

/**
 * The address of a Service on this machine. Each TCP connection is forwarded to one ready pod. It is reset if that pod
 * is deleted, or if no pod is ready.
 */
export class ServiceAddress {
  readonly #options: ServiceAddressOptions;
  readonly #server: Server;
  readonly #connections = new Map<Socket, { podUid: string; upstream: Socket }>();
  readonly #unsubscribe: () => void;

  constructor(options: ServiceAddressOptions) {
    this.#options = options;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#unsubscribe = options.store.subscribe(({ resource, type, object }) => {
      if (resource === PODS && type === 'DELETED') this.#drop(object.metadata.uid);
    });
  }

  /** Starts to listen and resolves with the port. Rejects with an Error and advice if the port cannot be used. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, host, port)));
      this.#server.listen({ host, port, exclusive: true }, () => resolve((this.#server.address() as AddressInfo).port));
    });
  }

  /** Stops listening and closes all connections. */
  async close(): Promise<void> {
    this.#unsubscribe();
    for (const [client, { upstream }] of this.#connections) {
      client.destroy();
      upstream.destroy();
    }
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(client: Socket): void {
    client.on('error', () => {}); // The 'close' event follows.
    const target = this.#choosePod();
    if (!target) {
      client.resetAndDestroy();
      return;
    }
    const upstream = forward(client, { host: target.ip, port: target.port });
    this.#connections.set(client, { podUid: target.uid, upstream });
    client.on('close', () => this.#connections.delete(client));
  }

  #choosePod(): { uid: string; ip: string; port: number } | undefined {
    const { store, namespace, name, random, portIndex } = this.#options;
    const service = store.get(SERVICES, namespace, name) as ServiceObject | undefined;
    if (!service) return undefined;
    const ready = readyPodsOf(store, service);
    const pod = ready[Math.floor(random() * ready.length)];
    const port = pod && targetPortOf(service, pod, portIndex);
    if (!pod || port === undefined) return undefined;
    return { uid: pod.metadata.uid, ip: pod.status.podIP ?? '', port };
  }

  #drop(podUid: string): void {
    for (const [client, connection] of this.#connections) {
      if (connection.podUid !== podUid) continue;
      client.resetAndDestroy();
      connection.upstream.destroy();
    }
  }
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): Error {
  if (error.code === 'EADDRINUSE') {
    return new Error(`port ${port} of ${host} is in use by another program: stop it, or use --port ${port + 1}`);
  }
  if (error.code === 'EACCES') {
    return new Error(`this user may not use port ${port}: use one above 1023, e.g. --port 8080`);
  }
  return error;
}

/** What ServiceAddresses needs. */
interface ServiceAddressesDeps {
  store: Store;
  addresses: AddressPool;
  clock: Clock;
  random: () => number;
  /** Whether a Service already has another address. */
  isServed(service: ServiceObject): boolean;
}

/** An address that a Service has. */
interface Assignment {
  uid: string;
  ports: string;
  /** '' if no address was free. */
  ip: string;
  /** One for each port. */
  listeners: ServiceAddress[];
}

/**
 * Gives every Service of type LoadBalancer or NodePort its own loopback address and writes it to the Service's status.
 * The address is released when the Service is deleted.
 */
export class ServiceAddresses {
  readonly #deps: ServiceAddressesDeps;
  readonly #assigned = new Map<string, Assignment>();
  readonly #stopLoop: () => void;
  #reconciled: Promise<void> = Promise.resolve();

  constructor(deps: ServiceAddressesDeps) {
    this.#deps = deps;
    this.#stopLoop = controlLoop(deps.store, [SERVICES], () => {
      this.#reconciled = this.#reconciled.then(() => this.#reconcile());
    });
  }

  /** Releases all addresses. */
  async stop(): Promise<void> {
    this.#stopLoop();
    await this.#reconciled;
    for (const key of [...this.#assigned.keys()]) await this.#release(key);
  }

  async #reconcile(): Promise<void> {
    const wanted = new Map<string, ServiceObject>();
    for (const service of this.#deps.store.list(SERVICES) as ServiceObject[]) {
      const { type } = service.spec;
      const isOpen = (type === 'LoadBalancer' || type === 'NodePort') && !this.#deps.isServed(service);
      if (isOpen) wanted.set(`${service.metadata.namespace}/${service.metadata.name}`, service);
    }
    for (const [key, { uid, ports }] of this.#assigned) {
      const service = wanted.get(key);
      if (service?.metadata.uid !== uid || portsOf(service) !== ports) await this.#release(key);
    }
    for (const [key, service] of wanted) if (!this.#assigned.has(key)) await this.#assign(key, service);
  }

  async #assign(key: string, service: ServiceObject): Promise<void> {
    const { store, addresses, clock, random } = this.#deps;
    const { name, namespace = '', uid } = service.metadata;
    const ip = await addresses.take();
    const assignment: Assignment = { uid, ports: portsOf(service), ip: ip ?? '', listeners: [] };
    this.#assigned.set(key, assignment); // Also if it fails. The next change of the Service tries again.
    try {
      if (ip === null) throw new Error(`no free address: ${addresses.advice}`);
      for (const [portIndex, { port }] of (service.spec.ports ?? []).entries()) {
        const listener = new ServiceAddress({ store, namespace, name, random, portIndex });
        assignment.listeners.push(listener);
        await listener.listen(ip, port);
      }
    } catch (error) {
      const event = { type: 'Warning', reason: 'SyncLoadBalancerFailed', component: 'service-controller' } as const;
      recordEvent(store, clock.nowMs(), service, { ...event, message: textOf(error) });
      return;
    }
    const current = store.get(SERVICES, namespace, name) as ServiceObject | undefined;
    if (current?.metadata.uid !== uid) return;
    const ports = (service.spec.ports ?? []).map(({ port, protocol = 'TCP' }) => ({ port, protocol }));
    // On this machine every program is inside of the cluster, so the cluster IP is the same.
    const spec = { ...current.spec, clusterIP: ip };
    store.update(SERVICES, { ...current, spec, status: { loadBalancer: { ingress: [{ ip, ports }] } } });
  }

  async #release(key: string): Promise<void> {
    const assignment = this.#assigned.get(key);
    this.#assigned.delete(key);
    for (const listener of assignment?.listeners ?? []) await listener.close();
    if (assignment && assignment.ip !== '') this.#deps.addresses.release(assignment.ip);
  }
}

function portsOf({ spec }: ServiceObject): string {
  return (spec.ports ?? []).map(({ port }) => port).join();
}

/**
 * Joins a client's socket (with `allowHalfOpen`) to a new connection to `target`, which it returns. Bytes, ends and resets
 * pass in both directions. The client is reset if the target does not accept.
 */
export function forward(client: Socket, target: { host: string; port: number }): Socket {
  const upstream = connect({ ...target, allowHalfOpen: true, noDelay: true });
  client.on('error', () => {}); // The 'close' event follows.
  upstream.on('error', () => client.resetAndDestroy());
  upstream.on('close', () => client.destroySoon());
  client.on('close', (failed) => {
    if (failed) upstream.resetAndDestroy();
    else upstream.destroySoon();
  });
  client.pipe(upstream);
  upstream.pipe(client);
  return upstream;
}

const SERVICE_LABEL = 'kubernetes.io/service-name';

/** Lists the pods that a Service leads to, by name: selected, ready and not being deleted. */
export function readyPodsOf(store: Store, service: ServiceObject): PodObject[] {
  return (store.list(PODS, service.metadata.namespace) as PodObject[]).filter(
    (pod) =>
      selects(service.spec.selector, pod.metadata.labels) &&
      isReady(pod) &&
      pod.metadata.deletionTimestamp === undefined &&
      pod.status.podIP !== undefined,
  );
}

/** Returns the pod's port to which a port of a Service leads; undefined if the Service has no port at `index`. */
export function targetPortOf(service: ServiceObject, pod: PodObject, index: number): number | undefined {
  const port = service.spec.ports?.[index];
  if (!port) return undefined;
  if (typeof port.targetPort === 'number') return port.targetPort;
  const named = pod.spec.containers.flatMap((one) => one.ports ?? []).find((one) => one.name === port.targetPort);
  return named?.containerPort ?? port.port;
}

/** Keeps one EndpointSlice for each Service with a selector. `kubectl describe service` shows it. */
export function reconcileEndpoints(store: Store): void {
  const services = store.list(SERVICES) as ServiceObject[];
  for (const service of services.filter((one) => one.spec.selector !== undefined)) writeSlice(store, service);
  for (const slice of store.list(ENDPOINT_SLICES)) {
    const owner = slice.metadata.labels?.[SERVICE_LABEL];
    const { namespace = '', name } = slice.metadata;
    if (!services.some((one) => one.metadata.name === owner && one.metadata.namespace === namespace)) {
      store.remove(ENDPOINT_SLICES, namespace, name);
    }
  }
}

function writeSlice(store: Store, service: ServiceObject): void {
  const { name, namespace = '' } = service.metadata;
  const pods = readyPodsOf(store, service);
  const port = pods[0] && targetPortOf(service, pods[0], 0);
  const slice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${name}-local`, namespace, labels: { [SERVICE_LABEL]: name } },
    addressType: 'IPv4',
    endpoints: pods.map((pod) => ({
      addresses: [pod.status.podIP],
      conditions: { ready: true, serving: true, terminating: false },
      nodeName: pod.spec.nodeName,
      targetRef: { kind: 'Pod', namespace, name: pod.metadata.name, uid: pod.metadata.uid },
    })),
    ports: port === undefined ? [] : [{ name: service.spec.ports?.[0]?.name ?? '', protocol: 'TCP', port }],
  };
  const stored = store.get(ENDPOINT_SLICES, namespace, slice.metadata.name);
  if (!stored) store.create(ENDPOINT_SLICES, slice);
  else store.update(ENDPOINT_SLICES, { ...stored, ...slice, metadata: { ...stored.metadata, ...slice.metadata } });
}
