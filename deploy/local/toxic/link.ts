import type { Socket } from 'node:net';
import type { End } from './faults.ts';
import { type Sink, Stage, type StageDeps } from './stage.ts';
import type { Toxic } from './toxic.ts';

/** One direction of a connection: from a socket through the toxics of that stream, in their order, to another socket. */
export class Link {
  readonly #source: Socket;
  readonly #sink: Sink;
  readonly #deps: StageDeps;
  #stages: Stage[] = [];
  #isOver = false;

  /** Calls `onEnd` with how the stream ended, after all its bytes have been written to `target`. */
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

  /** The toxic has been changed. */
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

  /** There is room at an index of the link. The stage before it, or the source, may go on. */
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
