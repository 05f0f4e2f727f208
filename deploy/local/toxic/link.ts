import type { Socket } from 'node:net';
import type { End } from './faults.ts';
import { type Sink, Stage, type StageDeps } from './stage.ts';
import type { Toxic } from './toxic.ts';

/** What each line of pieces may hold whatever others hold, bytes. */
const OWN_BYTES = 64 * 1024;
/** The most that one line may hold: 4 MiB at 250 ms are 16 MiB/s. */
const MOST_BYTES = 4 * 1024 * 1024;
/** The most that all lines hold beyond their own. */
const SHARED_BYTES = 64 * 1024 * 1024;

/** Memory for bytes on their way, shared by all connections: a delay needs room, stalled receivers must not take it all. */
export class BufferPool {
  #usedBytes = 0;

  /** Counts bytes in (or, negative, out). */
  count(bytes: number): void {
    this.#usedBytes += bytes;
  }

  /** Whether a line that holds `bytes` may take no more. */
  isFull(bytes: number): boolean {
    return bytes >= MOST_BYTES || (bytes >= OWN_BYTES && this.#usedBytes >= SHARED_BYTES);
  }

  /** Bytes that are held now. */
  get usedBytes(): number {
    return this.#usedBytes;
  }
}

/** One direction of a connection: from a socket through the toxics of that stream, in order, to another socket. */
export class Link {
  readonly #source: Socket;
  readonly #sink: Sink;
  readonly #deps: StageDeps;
  #stages: Stage[] = [];
  #over = false;

  /** `onEnd` is called with how the stream ended, after all its bytes have been written to `target`. */
  constructor(source: Socket, target: Socket, toxics: readonly Toxic[], deps: StageDeps, onEnd: (end: End) => void) {
    this.#source = source;
    this.#deps = deps;
    this.#sink = {
      push: ({ data }) => {
        if (target.writable) target.write(data);
      },
      finish: (end) => {
        if (this.#over) return;
        this.#over = end !== 'end';
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

  /** Puts a toxic at the end of the line. */
  add(toxic: Toxic): void {
    const stage: Stage = new Stage(toxic, this.#deps, {
      next: () => this.#stages[this.#stages.indexOf(stage) + 1] ?? this.#sink,
      onRoom: () => this.#roomAt(this.#stages.indexOf(stage)),
      onIdle: () => this.#takeOut(stage),
    });
    this.#stages.push(stage);
    stage.pump(); // A fault that counts from now sets its timer.
  }

  /** The toxic has been changed. */
  change(toxic: Toxic): void {
    for (const stage of this.#stages) if (stage.toxic === toxic) stage.change();
  }

  /** Takes a toxic away. */
  remove(toxic: Toxic): void {
    for (const stage of [...this.#stages]) if (stage.toxic === toxic) stage.remove();
  }

  /** The source has gone: what it has sent still goes on, then the connection is done with. */
  close(): void {
    this.#first().finish('close');
  }

  /** Nobody takes anything any more. */
  discard(): void {
    this.#over = true;
    for (const stage of this.#stages) stage.discard();
    this.#source.resume(); // So that its end is seen.
  }

  #push(data: Buffer): void {
    const first = this.#first();
    first.push({ data, atMs: this.#deps.clock.monotonicMs() });
    if (!this.#over && this.#first().full) this.#source.pause();
  }

  #first(): Sink {
    return this.#stages[0] ?? this.#sink;
  }

  /** There is room at a place in the line: whoever stands before it may go on. */
  #roomAt(place: number): void {
    const before = this.#stages[place - 1];
    if (before) before.pump();
    else if (!this.#first().full) this.#source.resume();
  }

  #takeOut(stage: Stage): void {
    const place = this.#stages.indexOf(stage);
    if (place < 0) return;
    this.#stages.splice(place, 1);
    this.#roomAt(place);
  }
}
