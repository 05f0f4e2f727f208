import type { Clock, Timer } from '../../../server/runtime/clock.ts';
import { type End, type Fault, faultOf, noFault, type Piece } from './faults.ts';
import type { Toxic } from './toxic.ts';

/** What each stage may hold in any case, bytes. */
const OWN_BYTES = 64 * 1024;
/** The most that one stage may hold: 4 MiB at 250 ms are 16 MiB/s. */
const MAX_STAGE_BYTES = 4 * 1024 * 1024;
/** When all stages together hold this much, each may hold only OWN_BYTES. */
const MAX_SHARED_BYTES = 64 * 1024 * 1024;

/** Limits the bytes that the stages of all connections hold. A delay needs memory, but slow receivers must not use it up. */
export class BufferPool {
  #usedBytes = 0;

  /** Adds bytes, or removes them if `bytes` is negative. */
  count(bytes: number): void {
    this.#usedBytes += bytes;
  }

  /** Whether a stage that holds `bytes` must not take more. */
  isFull(bytes: number): boolean {
    return bytes >= MAX_STAGE_BYTES || (bytes >= OWN_BYTES && this.#usedBytes >= MAX_SHARED_BYTES);
  }

  /** Bytes that are held now. */
  get usedBytes(): number {
    return this.#usedBytes;
  }
}

/** A receiver of pieces. */
export interface Sink {
  push(piece: Piece): void;
  /** Ends the stream after the pieces that were pushed before. */
  finish(end: End): void;
  /** Whether the sender should wait. */
  readonly full: boolean;
}

/** What the stages of one link share. */
export interface StageDeps {
  clock: Clock;
  /** Returns [0, 1). */
  random: () => number;
  pool: BufferPool;
}

/** A stage's position in its link. */
interface Position {
  /** Returns the next receiver. */
  next(): Sink;
  /** The stage has room again. */
  onRoom(): void;
  /** The stage was removed and is empty now. */
  onIdle(): void;
}

/** Memory that a piece needs besides its bytes. A slicer makes many pieces of one byte. */
const PIECE_OVERHEAD_BYTES = 200;

/** One toxic on one stream of one connection: a queue of pieces, and what the toxic does with the first of them. */
export class Stage implements Sink {
  readonly toxic: Toxic;
  readonly #deps: StageDeps;
  readonly #position: Position;
  /** The toxic affects this connection if this random number is below its toxicity. */
  readonly #draw: number;
  readonly #queue: Piece[] = [];
  #heldBytes = 0;
  #end: End | undefined;
  #fault: Fault;
  #isOver = false;
  #isRemoved = false;
  #isPumping = false;
  #wasFull = false;
  #timer: Timer | undefined;

  constructor(toxic: Toxic, deps: StageDeps, position: Position) {
    this.toxic = toxic;
    this.#deps = deps;
    this.#position = position;
    this.#draw = deps.random();
    this.#fault = this.#newFault();
  }

  get full(): boolean {
    if (this.#isOver || !this.#deps.pool.isFull(this.#heldBytes)) return false;
    this.#wasFull = true;
    return true;
  }

  push(piece: Piece): void {
    if (this.#isOver || this.#end !== undefined || piece.data.length === 0) return;
    this.#queue.push(piece);
    this.#hold(piece.data.length + PIECE_OVERHEAD_BYTES);
    this.pump();
  }

  finish(end: End): void {
    // A source that has ended may still close or reset the connection.
    if (this.#isOver || (this.#end !== undefined && this.#end !== 'end')) return;
    this.#end = end;
    this.pump();
  }

  /** The toxic has other attributes or another toxicity. */
  change(): void {
    const isAffected = this.#draw < this.toxic.toxicity;
    if (isAffected === (this.#fault === noFault) && !this.#isRemoved) this.#fault = this.#newFault();
    else this.#fault.changed?.(this.#deps.clock.monotonicMs());
    this.pump();
  }

  /** The toxic is removed. Waiting pieces go on; after that the stage reports that it is idle. */
  remove(): void {
    const end = this.#fault.removed?.();
    this.#isRemoved = true;
    this.#fault = noFault;
    if (end !== undefined) this.#finish(end);
    this.pump();
  }

  /** Drops the waiting pieces. */
  discard(): void {
    this.#isOver = true;
    this.#timer?.cancel();
    this.#queue.length = 0;
    this.#hold(-this.#heldBytes);
  }

  /** Does everything that can be done now. It is called whenever something may have changed. */
  pump(): void {
    if (this.#isPumping || this.#isOver) return;
    this.#isPumping = true;
    this.#timer?.cancel();
    while (this.#step()) {}
    this.#isPumping = false;
    if (this.#wasFull && !this.full) {
      this.#wasFull = false;
      this.#position.onRoom();
    }
    const isEmpty = this.#queue.length === 0 && (this.#end === undefined || this.#isOver);
    if (this.#isRemoved && isEmpty) this.#position.onIdle();
  }

  /** Handles the first piece or the end. Returns whether there may be more to do. */
  #step(): boolean {
    if (this.#isOver) return false;
    const nowMs = this.#deps.clock.monotonicMs();
    const next = this.#position.next();
    const piece = this.#queue[0];
    const step = this.#fault.next(piece && next.full ? undefined : (piece ?? this.#end), nowMs);
    if (step.do === 'hold') return false;
    if (step.do === 'wait') {
      this.#timer = this.#deps.clock.setTimer(() => this.pump(), step.untilMs - nowMs);
      return false;
    }
    if (step.do === 'finish') {
      this.#finish(step.end);
    } else if (piece) {
      const data = this.#takeFrom(piece, step.do === 'pass' ? step.bytes : piece.data.length);
      if (step.do === 'pass') next.push({ data, atMs: step.atMs });
    }
    return true;
  }

  /** Takes bytes of the first piece out of the queue. */
  #takeFrom(piece: Piece, bytes: number): Buffer {
    if (bytes >= piece.data.length) {
      this.#queue.shift();
      this.#hold(-piece.data.length - PIECE_OVERHEAD_BYTES);
      return piece.data;
    }
    const data = piece.data.subarray(0, bytes);
    piece.data = piece.data.subarray(bytes);
    this.#hold(-bytes);
    return data;
  }

  #finish(end: End): void {
    this.discard();
    this.#position.next().finish(end);
  }

  #hold(bytes: number): void {
    this.#heldBytes += bytes;
    this.#deps.pool.count(bytes);
  }

  #newFault(): Fault {
    if (this.#draw >= this.toxic.toxicity) return noFault;
    return faultOf({ toxic: this.toxic, random: this.#deps.random, nowMs: this.#deps.clock.monotonicMs() });
  }
}
