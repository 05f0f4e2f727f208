import { connect, type Socket } from 'node:net';
import { Link, type LinkDeps } from './link.ts';
import type { Stream, Toxic } from './toxic.ts';

/** The options of a connection. */
interface ConnectionOptions {
  client: Socket;
  upstream: { host: string; port: number };
  /** The proxy's live list. It is read when the upstream is connected, so that toxics added before that are in it. */
  toxics: readonly Toxic[];
  deps: LinkDeps;
  /** Called once, when both sockets are closed. */
  onClose: () => void;
}

/** A client's connection and its connection to the upstream, with one link in each direction. */
export class Connection {
  readonly #sockets: Record<Stream, [source: Socket, target: Socket]>;
  readonly #links = new Map<Stream, Link>();

  constructor({ client, upstream, toxics, deps, onClose }: ConnectionOptions) {
    // The socket may be half-open: the toxics decide when it is closed, after they have passed everything: they decide when a socket is closed.
    const server = connect({ ...upstream, allowHalfOpen: true, noDelay: true, keepAlive: true });
    this.#sockets = { upstream: [client, server], downstream: [server, client] };
    let open = 2;
    for (const socket of [client, server]) {
      socket.on('error', () => {}); // The 'close' event follows.
      socket.on('close', () => {
        open -= 1;
        if (open === 0) onClose();
        // As in Toxiproxy, the client is accepted before the upstream is reached, and closed if the upstream is away.
        else if (this.#links.size === 0) this.destroy();
      });
    }
    server.once('connect', () => {
      for (const stream of ['upstream', 'downstream'] as const) {
        const ofStream = toxics.filter((toxic) => toxic.stream === stream);
        const onEnd = (isReset: boolean) => this.#handleEnd(stream, isReset);
        this.#links.set(stream, new Link(this.#sockets[stream], ofStream, deps, onEnd));
      }
    });
  }

  /** Returns the link that a toxic affects; undefined while the upstream is not connected. */
  linkOf({ stream }: Toxic): Link | undefined {
    return this.#links.get(stream);
  }

  /** Closes both sockets at once. */
  destroy(): void {
    for (const socket of this.#sockets.upstream) socket.destroy();
  }

  /** As in Toxiproxy, the target is closed for both directions. The link of the other direction then loses its source. */
  #handleEnd(stream: Stream, isReset: boolean): void {
    const [source, target] = this.#sockets[stream];
    if (isReset) {
      source.resetAndDestroy();
      target.resetAndDestroy();
    } else {
      target.destroySoon();
    }
  }
}
