import { connect, type Socket } from 'node:net';
import type { End } from './faults.ts';
import { Link } from './link.ts';
import type { StageDeps } from './stage.ts';
import type { Stream, Toxic } from './toxic.ts';

/** The options of a connection. */
interface ConnectionOptions {
  client: Socket;
  upstream: { host: string; port: number };
  toxics: readonly Toxic[];
  deps: StageDeps;
  /** Called once, when both sockets are closed. */
  onClose: () => void;
}

/** A client's connection and its connection to the upstream, with one link in each direction. */
export class Connection {
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #links = new Map<Stream, Link>();

  constructor({ client, upstream, toxics, deps, onClose }: ConnectionOptions) {
    this.#client = client;
    this.#upstream = connect({ ...upstream, allowHalfOpen: true, noDelay: true, keepAlive: true });
    let open = 2;
    for (const socket of [this.#client, this.#upstream]) {
      socket.on('error', () => {}); // The 'close' event follows.
      socket.on('close', () => {
        this.#handleClose(socket);
        open -= 1;
        if (open === 0) onClose();
      });
    }
    // As in Toxiproxy, the client is accepted before the upstream is reached. It is closed if the upstream is away.
    this.#upstream.once('connect', () => {
      // The toxics may have changed since the client connected.
      this.#links.set('upstream', this.#link('upstream', toxics, deps));
      this.#links.set('downstream', this.#link('downstream', toxics, deps));
      this.#client.resume();
    });
  }

  /** Applies a new toxic. */
  add(toxic: Toxic): void {
    this.#links.get(toxic.stream)?.add(toxic);
  }

  /** Applies a change of a toxic. */
  change(toxic: Toxic): void {
    this.#links.get(toxic.stream)?.change(toxic);
  }

  /** Removes a toxic. */
  remove(toxic: Toxic): void {
    this.#links.get(toxic.stream)?.remove(toxic);
  }

  /** Closes both sockets at once. */
  destroy(): void {
    this.#client.destroy();
    this.#upstream.destroy();
  }

  #link(stream: Stream, toxics: readonly Toxic[], deps: StageDeps): Link {
    const [source, target] = stream === 'upstream' ? [this.#client, this.#upstream] : [this.#upstream, this.#client];
    const ofStream = toxics.filter((toxic) => toxic.stream === stream);
    return new Link(source, target, ofStream, deps, (end) => this.#handleEnd(end, source, target));
  }

  #handleEnd(end: End, source: Socket, target: Socket): void {
    if (end === 'end') {
      target.end();
    } else if (end === 'close') {
      target.destroySoon();
      source.destroy();
    } else {
      source.resetAndDestroy();
      target.resetAndDestroy();
    }
  }

  #handleClose(socket: Socket): void {
    const fromClient = socket === this.#client;
    const reading = this.#links.get(fromClient ? 'upstream' : 'downstream');
    const writing = this.#links.get(fromClient ? 'downstream' : 'upstream');
    writing?.discard();
    if (reading) reading.close();
    else (fromClient ? this.#upstream : this.#client).destroy();
  }
}
