import { connect, type Socket } from 'node:net';
import type { Clock, Timer } from '../../../server/runtime/clock.ts';
import type { Address } from './address.ts';
import { type Fault, faultOf, type Piece, type Step } from './faults.ts';
import type { Stream, Toxic } from './toxic.ts';

/**
 * A stage that holds this many bytes is full, and takes no further piece. It may hold more, because one piece has up to 64 KiB.
 * The stage of a latency may hold MAX_LATENCY_BYTES, so that it does not limit the bandwidth: 4 MiB at 250 ms are 16 MiB/s.
 */
const MAX_STAGE_BYTES = 64 * 1024;
const MAX_LATENCY_BYTES = 4 * 1024 * 1024;
/** When all stages of the program together hold this much, MAX_STAGE_BYTES is the limit for those of a latency too. */
const MAX_HELD_BYTES = 64 * 1024 * 1024;
/** Memory that a piece needs besides its bytes. A slicer makes many pieces of one byte. */
const PIECE_OVERHEAD_BYTES = 200;

/** What all links of a fault proxy share. */
export interface LinkDeps {
  clock: Clock;
  /** Returns [0, 1). */
  random: () => number;
  /** Bytes that all stages hold now, and PIECE_OVERHEAD_BYTES for each piece. */
  held: { bytes: number };
}

/** One toxic on one link, and the pieces that wait for its decision. */
interface Stage {
  /** undefined: the fault goes on even if the toxic is changed or removed. */
  toxic: Toxic | undefined;
  fault: Fault;
  state: { passedBytes: number };
  queue: Piece[];
  /** Bytes in the queue, and PIECE_OVERHEAD_BYTES for each piece. */
  heldBytes: number;
  /** Nothing comes after what is in the queue. */
  hasEnded: boolean;
}

/**
 * One direction of a connection: from a socket through the toxics of that stream, in their order, to another socket. "Link" is
 * Toxiproxy's word for it (`ToxicLink`); elsewhere in this project a link is a pod and another that it pings. Calls `onEnd` at most
 * once, when everything has been written to the target that may be, and tells whether the connection must be reset.
 */
class Link {
  readonly #source: Socket;
  readonly #target: Socket;
  readonly #deps: LinkDeps;
  readonly #onEnd: (isReset: boolean) => void;
  readonly #stages: Stage[] = [];
  #isReset = false;
  #isOver = false;
  #timer: Timer | undefined;

  constructor(
    [source, target]: [source: Socket, target: Socket],
    toxics: readonly Toxic[],
    deps: LinkDeps,
    onEnd: (isReset: boolean) => void,
  ) {
    this.#source = source;
    this.#target = target;
    this.#deps = deps;
    this.#onEnd = onEnd;
    for (const toxic of toxics) this.add(toxic);
    source.on('data', (data: Buffer) => {
      this.#push(0, { data, atMs: this.#nowMs() });
      this.#run();
    });
    const handleEnd = () => {
      this.#endInput(0);
      this.#run();
    };
    source.on('end', handleEnd);
    source.on('close', handleEnd);
    target.on('drain', () => this.#run());
    target.on('close', () => this.#discard());
    this.#run();
  }

  /** Adds a toxic at the end of the link. */
  add(toxic: Toxic): void {
    const state = { passedBytes: 0 };
    const fault = this.#faultOf(toxic, state);
    this.#stages.push({ toxic, fault, state, queue: [], heldBytes: 0, hasEnded: false });
    this.#run(); // A timeout starts at once.
  }

  /** Follows the change of a toxic: its fault starts anew, and the piece that it was holding is passed on. */
  change(toxic: Toxic): void {
    this.#stages.forEach((stage, i) => {
      if (stage.toxic !== toxic) return;
      stage.fault = this.#faultOf(toxic, stage.state);
      // A `limit_data` holds no piece back. One that waits there waits for room behind it, and is still to be counted.
      if (stage.queue[0] && toxic.type !== 'limit_data') this.#push(i + 1, this.#take(stage));
    });
    this.#run();
  }

  /** Removes a toxic, and passes on what it was holding. */
  remove(toxic: Toxic): void {
    const i = this.#stages.findIndex((stage) => stage.toxic === toxic);
    const stage = this.#stages[i];
    if (!stage) return;
    while (stage.queue[0]) this.#push(i + 1, this.#take(stage));
    // As in Toxiproxy, a connection ends with its `timeout`: that has dropped bytes, so what comes later would make no sense.
    if (stage.hasEnded || toxic.type === 'timeout') this.#endOutput(i);
    else this.#stages.splice(i, 1);
    this.#run();
  }

  #faultOf(toxic: Toxic, state: Stage['state']): Fault {
    return faultOf({ toxic, state, random: this.#deps.random, nowMs: this.#nowMs() });
  }

  /** Does everything that can be done now. It is called whenever something may have changed. */
  #run(): void {
    this.#timer?.cancel();
    let wakeMs: number;
    let hasMoved: boolean;
    do {
      wakeMs = Number.POSITIVE_INFINITY;
      hasMoved = false;
      for (let i = 0; i < this.#stages.length && !this.#isOver; i++) {
        const step = this.#step(i);
        if (step.do === 'wait') wakeMs = Math.min(wakeMs, step.untilMs);
        else hasMoved = true;
      }
    } while (hasMoved && !this.#isOver);
    if (this.#isOver) return;
    if (wakeMs < Number.POSITIVE_INFINITY) {
      this.#timer = this.#deps.clock.setTimer(() => this.#run(), wakeMs - this.#nowMs());
    }
    if (this.#isFull(0)) this.#source.pause();
    else this.#source.resume();
  }

  /** Lets stage `i` decide once, and carries out its decision, which is returned. */
  #step(i: number): Step {
    const stage = this.#stages[i] as Stage;
    const [piece] = stage.queue;
    const nowMs = this.#nowMs();
    const head = piece ?? (stage.hasEnded ? 'end' : undefined);
    const step = stage.fault(piece && this.#isFull(i + 1) ? undefined : head, nowMs);
    if (step.do === 'pass') {
      const { data, atMs } = this.#take(stage, step.bytes);
      this.#push(i + 1, { data, atMs: step.atMs ?? atMs });
      if (step.isLast) this.#endOutput(i);
    } else if (step.do === 'drop') {
      this.#take(stage);
    } else if (step.do === 'become') {
      stage.fault = step.fault;
      stage.toxic = undefined;
    } else if (step.do === 'end') {
      this.#isReset ||= step.isReset === true;
      this.#endOutput(i);
    }
    return step;
  }

  /** Whether stage `i`, or the target if there are fewer stages, takes no further piece. */
  #isFull(i: number): boolean {
    const stage = this.#stages[i];
    if (!stage) return this.#target.writableNeedDrain;
    const mayHoldMore = stage.toxic?.type === 'latency' && this.#deps.held.bytes < MAX_HELD_BYTES;
    return stage.heldBytes >= (mayHoldMore ? MAX_LATENCY_BYTES : MAX_STAGE_BYTES);
  }

  /** Gives a piece to stage `i`, or to the target if there are fewer stages. */
  #push(i: number, piece: Piece): void {
    const stage = this.#stages[i];
    if (this.#isOver || stage?.hasEnded || piece.data.length === 0) return;
    if (!stage) {
      if (this.#target.writable) this.#target.write(piece.data);
      return;
    }
    stage.queue.push(piece);
    this.#hold(stage, piece.data.length + PIECE_OVERHEAD_BYTES);
  }

  /** Takes the first `bytes` of a stage's first piece. */
  #take(stage: Stage, bytes = Number.POSITIVE_INFINITY): Piece {
    const piece = stage.queue[0] as Piece;
    if (bytes >= piece.data.length) {
      stage.queue.shift();
      this.#hold(stage, -piece.data.length - PIECE_OVERHEAD_BYTES);
      return piece;
    }
    const data = piece.data.subarray(0, bytes);
    piece.data = piece.data.subarray(bytes);
    this.#hold(stage, -bytes);
    return { data, atMs: piece.atMs };
  }

  #hold(stage: Stage, bytes: number): void {
    stage.heldBytes += bytes;
    this.#deps.held.bytes += bytes;
  }

  /** Nothing more comes to stage `i`, or to the target if there are fewer stages. */
  #endInput(i: number): void {
    const stage = this.#stages[i];
    if (stage) stage.hasEnded = true;
    else this.#finish();
  }

  /** Stage `i` has ended the stream. It and the stages before it are dropped, so that the stage after it is the first one now. */
  #endOutput(i: number): void {
    for (const stage of this.#stages.splice(0, i + 1)) this.#hold(stage, -stage.heldBytes);
    this.#endInput(0);
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#discard();
    this.#onEnd(this.#isReset);
  }

  /** The link is over: drops everything that waits or will still come. */
  #discard(): void {
    this.#isOver = true;
    this.#timer?.cancel();
    for (const stage of this.#stages.splice(0)) this.#hold(stage, -stage.heldBytes);
    this.#source.resume(); // Otherwise its end would not be noticed.
  }

  #nowMs(): number {
    return this.#deps.clock.monotonicMs();
  }
}

/** A client's connection and its connection to the upstream, with one link in each direction. */
export class Connection {
  readonly #sockets: Record<Stream, [source: Socket, target: Socket]>;
  readonly #links = new Map<Stream, Link>();

  /**
   * `toxics` is the proxy's live list. It is read when the upstream is connected, so that toxics added before that are in
   * it. `onClose` is called once, when both sockets are closed.
   */
  constructor(client: Socket, upstream: Address, toxics: readonly Toxic[], deps: LinkDeps, onClose: () => void) {
    // The socket may be half-open: the toxics decide when it is closed, after they have passed everything.
    const server = connect({ ...upstream, allowHalfOpen: true, noDelay: true, keepAlive: true });
    this.#sockets = { upstream: [client, server], downstream: [server, client] };
    let openSockets = 2;
    for (const socket of [client, server]) {
      socket.on('error', () => {}); // The 'close' event follows.
      socket.on('close', () => {
        openSockets -= 1;
        if (openSockets === 0) onClose();
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

  destroy(): void {
    for (const socket of this.#sockets.upstream) socket.destroy();
  }

  /**
   * A link has ended. As in Toxiproxy its target is closed for both directions. That socket is the source of the other link,
   * which so ends, too.
   */
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
