import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { ServiceObject } from '../api/objects.ts';
import { PODS, SERVICES } from '../api/resources.ts';
import type { Store } from '../api/store.ts';
import { readyPodsOf, targetPortOf } from './endpoints.ts';
import { forward } from './forward.ts';

/** Which Service to stand for, and how to choose. */
export interface ServiceAddressOptions {
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
