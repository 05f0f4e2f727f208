import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/**
 * Makes a server listen and resolves with its port. Rejects with the system's error. Later errors of the server (a failed
 * accept, because no file descriptors are left) do not end the program.
 */
export async function listen(server: Server, host: string, port: number): Promise<number> {
  server.listen({ host, port, exclusive: true });
  await once(server, 'listening');
  server.on('error', () => {});
  return (server.address() as AddressInfo).port;
}

/** Stops listening. Resolves when the last connection has ended. */
export function close(server: Server): Promise<void> {
  return new Promise((resolve) => void server.close(() => resolve()));
}

/** Where a connection is forwarded to. */
export interface ForwardTarget {
  host: string;
  port: number;
  /** The pod to which it leads: see `Forwarder.resetPod`. */
  podUid?: string;
}

/** The most connections of one `Forwarder`: each takes two of this program's open files. */
const MAX_CONNECTIONS = 2000;

/** Listens on an address and forwards each TCP connection to a target. */
export class Forwarder {
  readonly #server: Server;
  readonly #connections = new Map<Socket, { podUid: string | undefined; upstream: Socket }>();

  /** `choose` is called for each connection, which is reset if there is no target. */
  constructor(choose: () => ForwardTarget | undefined) {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      client.on('error', () => {}); // The 'close' event follows.
      const target = choose();
      if (!target) {
        client.resetAndDestroy();
        return;
      }
      this.#connections.set(client, { podUid: target.podUid, upstream: forward(client, target) });
      client.on('close', () => this.#connections.delete(client));
    });
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** Starts to listen and resolves with the port. Rejects with the system's error. */
  listen(host: string, port: number): Promise<number> {
    return listen(this.#server, host, port);
  }

  /** Resets the connections to a pod. */
  resetPod(podUid: string): void {
    for (const [client, connection] of this.#connections) {
      if (connection.podUid !== podUid) continue;
      client.resetAndDestroy();
      connection.upstream.destroy();
    }
  }

  /** Stops listening and ends all connections. */
  async close(): Promise<void> {
    for (const [client, { upstream }] of this.#connections) {
      client.destroy();
      upstream.destroy();
    }
    await close(this.#server);
  }
}

/**
 * Joins a client's socket (with `allowHalfOpen`) to a new connection to a target, which it returns. Bytes, ends and resets
 * pass in both directions. The client is reset if the target does not accept.
 */
function forward(client: Socket, { host, port }: ForwardTarget): Socket {
  const upstream = connect({ host, port, allowHalfOpen: true, noDelay: true });
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
