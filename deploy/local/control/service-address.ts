import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../../server/runtime/clock.ts';
import { textOf } from '../../../server/runtime/errors.ts';
import type { AddressPool } from '../addresses.ts';
import type { ServiceObject } from '../api/objects.ts';
import { PODS, SERVICES } from '../api/resources.ts';
import type { Store } from '../api/store.ts';
import { controlLoop } from './controller.ts';
import { readyPodsOf, targetPortOf } from './endpoints.ts';
import { recordEvent } from './events.ts';

/** Which Service to stand for, and how to choose. */
interface ServiceAddressOptions {
  store: Store;
  namespace: string;
  name: string;
  /** Which of its ports, from 0. */
  portIndex?: number;
  /** Gives [0, 1): a Service picks a pod by chance for every connection. */
  random: () => number;
}

const MAX_CONNECTIONS = 2000;

/**
 * The address of a Service on this machine: forwards each TCP connection to one ready pod, and keeps it there. If that
 * pod dies, so do its connections; without a ready pod a connection is reset.
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

  /** Begins to listen; gives the port. Throws (rejects with) an Error that says what helps if the port is taken. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => reject(explained(error, host, port)));
      this.#server.listen({ host, port, exclusive: true }, () => resolve((this.#server.address() as AddressInfo).port));
    });
  }

  /** Ends the address and all its connections. */
  async close(): Promise<void> {
    this.#unsubscribe();
    for (const [client, { upstream }] of this.#connections) {
      client.destroy();
      upstream.destroy();
    }
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(client: Socket): void {
    client.on('error', () => {}); // Its end is dealt with at 'close'.
    const target = this.#pick();
    if (!target) {
      client.resetAndDestroy();
      return;
    }
    const upstream = forward(client, { host: target.ip, port: target.port });
    this.#connections.set(client, { podUid: target.uid, upstream });
    client.on('close', () => this.#connections.delete(client));
  }

  #pick(): { uid: string; ip: string; port: number } | undefined {
    const { store, namespace, name, random, portIndex = 0 } = this.#options;
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

function explained(error: NodeJS.ErrnoException, host: string, port: number): Error {
  if (error.code === 'EADDRINUSE') {
    return new Error(
      `port ${port} of ${host} is taken by another program: end it, or take another: --port ${port + 1}`,
    );
  }
  if (error.code === 'EACCES')
    return new Error(`port ${port} may not be used by this user: take one above 1023, e.g. --port 8080`);
  return error;
}

/** What giving Services addresses takes. */
interface ServiceAddressesDeps {
  store: Store;
  addresses: AddressPool;
  clock: Clock;
  random: () => number;
  /** Whether a Service has an address by other means. */
  isServed(service: ServiceObject): boolean;
}

interface Given {
  uid: string;
  ports: string;
  ip: string;
  doors: ServiceAddress[];
}

/**
 * Gives every Service of type LoadBalancer or NodePort a loopback address of its own, on its own ports, and writes it
 * to its status; takes it back when the Service goes.
 */
export class ServiceAddresses {
  readonly #deps: ServiceAddressesDeps;
  readonly #given = new Map<string, Given>();
  readonly #stopLoop: () => void;
  #turn: Promise<void> = Promise.resolve();

  constructor(deps: ServiceAddressesDeps) {
    this.#deps = deps;
    this.#stopLoop = controlLoop(deps.store, [SERVICES], () => {
      this.#turn = this.#turn.then(() => this.#reconcile());
    });
  }

  /** Ends all addresses. */
  async stop(): Promise<void> {
    this.#stopLoop();
    await this.#turn;
    for (const key of [...this.#given.keys()]) await this.#takeBack(key);
  }

  async #reconcile(): Promise<void> {
    const wanted = new Map<string, ServiceObject>();
    for (const service of this.#deps.store.list(SERVICES) as ServiceObject[]) {
      const { type } = service.spec;
      const isOpen = (type === 'LoadBalancer' || type === 'NodePort') && !this.#deps.isServed(service);
      if (isOpen) wanted.set(`${service.metadata.namespace}/${service.metadata.name}`, service);
    }
    for (const [key, { uid, ports }] of this.#given) {
      const service = wanted.get(key);
      if (service?.metadata.uid !== uid || portsOf(service) !== ports) await this.#takeBack(key);
    }
    for (const [key, service] of wanted) if (!this.#given.has(key)) await this.#give(key, service);
  }

  async #give(key: string, service: ServiceObject): Promise<void> {
    const { store, addresses, clock, random } = this.#deps;
    const { name, namespace = '', uid } = service.metadata;
    const ip = await addresses.take();
    const given: Given = { uid, ports: portsOf(service), ip: ip ?? '', doors: [] };
    this.#given.set(key, given); // Also if it fails: the next change is soon enough to try again.
    try {
      if (ip === null) throw new Error(`no free address: ${addresses.advice}`);
      for (const [portIndex, { port }] of (service.spec.ports ?? []).entries()) {
        const door = new ServiceAddress({ store, namespace, name, random, portIndex });
        given.doors.push(door);
        await door.listen(ip, port);
      }
    } catch (error) {
      const happening = { type: 'Warning', reason: 'SyncLoadBalancerFailed', component: 'service-controller' } as const;
      recordEvent(store, clock.nowMs(), service, { ...happening, message: textOf(error) });
      return;
    }
    const current = store.get(SERVICES, namespace, name) as ServiceObject | undefined;
    if (current?.metadata.uid !== uid) return;
    const ports = (service.spec.ports ?? []).map(({ port, protocol = 'TCP' }) => ({ port, protocol }));
    // Its cluster IP is the same: on this machine everybody is inside the cluster.
    const spec = { ...current.spec, clusterIP: given.ip };
    store.update(SERVICES, { ...current, spec, status: { loadBalancer: { ingress: [{ ip: given.ip, ports }] } } });
  }

  async #takeBack(key: string): Promise<void> {
    const given = this.#given.get(key);
    this.#given.delete(key);
    for (const door of given?.doors ?? []) await door.close();
    if (given && given.ip !== '') this.#deps.addresses.release(given.ip);
  }
}

function portsOf({ spec }: ServiceObject): string {
  return (spec.ports ?? []).map(({ port }) => port).join();
}

/**
 * Joins a client's socket (with `allowHalfOpen`) to a new connection to `target` and gives that: bytes, ends and resets
 * pass both ways; a client whose target is away is reset.
 */
export function forward(client: Socket, target: { host: string; port: number }): Socket {
  const upstream = connect({ ...target, allowHalfOpen: true, noDelay: true });
  client.on('error', () => {}); // Its end is dealt with at 'close'.
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
