import { connect, type Socket } from 'node:net';
import type { End } from './faults.ts';
import { Link } from './link.ts';
import type { StageDeps } from './stage.ts';
import type { Stream, Toxic } from './toxic.ts';

/** What a connection is made from. */
interface ConnectionOptions {
  client: Socket;
  upstream: { host: string; port: number };
  toxics: readonly Toxic[];
  deps: StageDeps;
  /** Called once, when both its sockets are closed. */
  onClose: () => void;
}

/** One client's connection and its own connection to the upstream, with a link each way. */
export class Connection {
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #links = new Map<Stream, Link>();

  constructor({ client, upstream, toxics, deps, onClose }: ConnectionOptions) {
    this.#client = client;
    this.#upstream = connect({ ...upstream, allowHalfOpen: true, noDelay: true, keepAlive: true });
    let open = 2;
    for (const socket of [this.#client, this.#upstream]) {
      socket.on('error', () => {}); // Its end is dealt with at 'close'.
      socket.on('close', () => {
        this.#closed(socket);
        open -= 1;
        if (open === 0) onClose();
      });
    }
    // As with Toxiproxy, a client whose upstream is away has been accepted, and is closed.
    this.#upstream.once('connect', () => {
      // The client may have been set up long ago; toxics are those of now.
      this.#links.set('upstream', this.#link('upstream', toxics, deps));
      this.#links.set('downstream', this.#link('downstream', toxics, deps));
      this.#client.resume();
    });
  }

  /** Puts a new toxic to work. */
  add(toxic: Toxic): void {
    this.#links.get(toxic.stream)?.add(toxic);
  }

  /** Follows a change of a toxic. */
  change(toxic: Toxic): void {
    this.#links.get(toxic.stream)?.change(toxic);
  }

  /** Takes a toxic away. */
  remove(toxic: Toxic): void {
    this.#links.get(toxic.stream)?.remove(toxic);
  }

  /** Ends both sides at once. */
  destroy(): void {
    this.#client.destroy();
    this.#upstream.destroy();
  }

  #link(stream: Stream, toxics: readonly Toxic[], deps: StageDeps): Link {
    const up = stream === 'upstream';
    const [source, target] = up ? [this.#client, this.#upstream] : [this.#upstream, this.#client];
    const ofStream = toxics.filter((toxic) => toxic.stream === stream);
    return new Link(source, target, ofStream, deps, (end) => this.#ended(end, source, target));
  }

  #ended(end: End, source: Socket, target: Socket): void {
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

  #closed(socket: Socket): void {
    const fromClient = socket === this.#client;
    const reading = this.#links.get(fromClient ? 'upstream' : 'downstream');
    const writing = this.#links.get(fromClient ? 'downstream' : 'upstream');
    writing?.discard();
    if (reading) reading.close();
    else (fromClient ? this.#upstream : this.#client).destroy();
  }
}
