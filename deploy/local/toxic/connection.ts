import { connect, type Socket } from 'node:net';
import type { End } from './faults.ts';
import { type Sink, Stage, type StageDeps } from './stage.ts';
import type { Stream, Toxic } from './toxic.ts';

/** The options of a connection. */
interface ConnectionOptions {
  client: Socket;
  upstream: { host: string; port: number };
  /** The proxy's live list. It is read when the upstream is connected, so that toxics added before that are in it. */
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

/** One direction of a connection: from a socket through the toxics of that stream, in their order, to another socket. */
export class Link {
  readonly #source: Socket;
  readonly #sink: Sink;
  readonly #deps: StageDeps;
  #stages: Stage[] = [];
  #isOver = false;

  /** Calls `onEnd` with `end` when the source has ended and all bytes are written, and with `close` or `reset` when it breaks. */
  constructor(source: Socket, target: Socket, toxics: readonly Toxic[], deps: StageDeps, onEnd: (end: End) => void) {
    this.#source = source;
    this.#deps = deps;
    this.#sink = {
      push: ({ data }) => {
        if (target.writable) target.write(data);
      },
      finish: (end) => {
        if (this.#isOver) return;
        this.#isOver = end !== 'end';
        onEnd(end);
      },
      get full() {
        return target.writableNeedDrain;
      },
    };
    for (const toxic of toxics) this.add(toxic);
    source.on('data', (data: Buffer) => this.#push(data));
    source.on('end', () => this.#first().finish('end'));
    target.on('drain', () => this.#roomAt(this.#stages.length));
  }

  /** Adds a stage for a toxic at the end of the link. */
  add(toxic: Toxic): void {
    const stage: Stage = new Stage(toxic, this.#deps, {
      next: () => this.#stages[this.#stages.indexOf(stage) + 1] ?? this.#sink,
      onRoom: () => this.#roomAt(this.#stages.indexOf(stage)),
      onIdle: () => this.#takeOut(stage),
    });
    this.#stages.push(stage);
    stage.pump(); // Some faults set a timer at once.
  }

  /** The attributes of `toxic` (the same object) were changed in place. */
  change(toxic: Toxic): void {
    for (const stage of this.#stages) if (stage.toxic === toxic) stage.change();
  }

  /** Removes the stage of a toxic. */
  remove(toxic: Toxic): void {
    for (const stage of [...this.#stages]) if (stage.toxic === toxic) stage.remove();
  }

  /** The source is closed. What it has sent still goes on, then the connection is closed. */
  close(): void {
    this.#first().finish('close');
  }

  /** The target is closed. Everything that waits is dropped. */
  discard(): void {
    this.#isOver = true;
    for (const stage of this.#stages) stage.discard();
    this.#source.resume(); // Otherwise its end would not be noticed.
  }

  #push(data: Buffer): void {
    const first = this.#first();
    first.push({ data, atMs: this.#deps.clock.monotonicMs() });
    if (!this.#isOver && this.#first().full) this.#source.pause();
  }

  #first(): Sink {
    return this.#stages[0] ?? this.#sink;
  }

  /** Stage `index` has room again (index = number of stages: the target). The stage before it, or the source, goes on. */
  #roomAt(index: number): void {
    const before = this.#stages[index - 1];
    if (before) before.pump();
    else if (!this.#first().full) this.#source.resume();
  }

  #takeOut(stage: Stage): void {
    const index = this.#stages.indexOf(stage);
    if (index < 0) return;
    this.#stages.splice(index, 1);
    this.#roomAt(index);
  }
}
