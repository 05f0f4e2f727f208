import type { Clock, Timer } from '../../../server/runtime/clock.ts';
import { type End, type Fault, faultOf, type Piece, passing } from './faults.ts';
import type { BufferPool } from './link.ts';
import type { Toxic } from './toxic.ts';

/** Where pieces go to. */
export interface Sink {
  push(piece: Piece): void;
  /** The stream is over once what was pushed before has gone on. */
  finish(end: End): void;
  /** Whether nothing should be pushed for now. */
  readonly full: boolean;
}

/** What the stages of one link share. */
export interface StageDeps {
  clock: Clock;
  /** Gives [0, 1). */
  random: () => number;
  pool: BufferPool;
}

/** A stage's place in its link. */
interface Place {
  /** Where the stage hands on to now. */
  next(): Sink;
  /** The stage has room again. */
  onRoom(): void;
  /** The stage has been removed and is empty: it can be taken out. */
  onIdle(): void;
}

/** What holding a piece costs beside its bytes: a slicer makes many of one byte. */
const PIECE_BYTES = 200;
/** Timers of Node end by themselves beyond 24 days. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** One toxic on one stream of one connection: a line of pieces, and what is done with the first of them. */
export class Stage implements Sink {
  readonly toxic: Toxic;
  readonly #deps: StageDeps;
  readonly #place: Place;
  /** Below the toxicity: the toxic works on this connection. */
  readonly #chance: number;
  readonly #queue: Piece[] = [];
  #bytes = 0;
  #end: End | undefined;
  #fault: Fault;
  #over = false;
  #leaving = false;
  #pumping = false;
  #wasFull = false;
  #timer: Timer | undefined;

  constructor(toxic: Toxic, deps: StageDeps, place: Place) {
    this.toxic = toxic;
    this.#deps = deps;
    this.#place = place;
    this.#chance = deps.random();
    this.#fault = this.#chosen();
  }

  get full(): boolean {
    if (this.#over || !this.#deps.pool.isFull(this.#bytes)) return false;
    this.#wasFull = true;
    return true;
  }

  push(piece: Piece): void {
    if (this.#over || this.#end !== undefined || piece.data.length === 0) return;
    this.#queue.push(piece);
    this.#hold(piece.data.length + PIECE_BYTES);
    this.pump();
  }

  finish(end: End): void {
    // One that had sent all may still go away altogether.
    if (this.#over || (this.#end !== undefined && this.#end !== 'end')) return;
    this.#end = end;
    this.pump();
  }

  /** The toxic has other attributes or another toxicity. */
  change(): void {
    const active = this.#chance < this.toxic.toxicity;
    if (active === (this.#fault === passing) && !this.#leaving) this.#fault = this.#chosen();
    else this.#fault.changed?.(this.#deps.clock.monotonicMs());
    this.pump();
  }

  /** The toxic is taken away; what waits goes on, and the stage reports itself idle once it has. */
  remove(): void {
    const end = this.#fault.removed?.();
    this.#leaving = true;
    this.#fault = passing;
    if (end !== undefined) this.#finish(end);
    this.pump();
  }

  /** Throws away what waits. */
  discard(): void {
    this.#over = true;
    this.#timer?.cancel();
    this.#queue.length = 0;
    this.#hold(-this.#bytes);
  }

  /** Does what can be done now; called whenever something may have changed. */
  pump(): void {
    if (this.#pumping || this.#over) return;
    this.#pumping = true;
    this.#timer?.cancel();
    while (this.#step()) {}
    this.#pumping = false;
    if (this.#wasFull && !this.full) {
      this.#wasFull = false;
      this.#place.onRoom();
    }
    if (this.#leaving && this.#queue.length === 0 && (this.#end === undefined || this.#over)) this.#place.onIdle();
  }

  /** Whether there may be more to do. */
  #step(): boolean {
    if (this.#over) return false;
    const nowMs = this.#deps.clock.monotonicMs();
    const next = this.#place.next();
    const piece = this.#queue[0];
    const step = this.#fault.next(piece && next.full ? undefined : (piece ?? this.#end), nowMs);
    if (step.do === 'hold') return false;
    if (step.do === 'wait') {
      const waitMs = Math.min(step.untilMs - nowMs, LONGEST_TIMER_MS);
      this.#timer = this.#deps.clock.setTimer(() => this.pump(), waitMs);
      return false;
    }
    if (step.do === 'finish') this.#finish(step.end);
    else if (piece) this.#take(piece, step.do === 'pass' ? { ...step, next } : undefined);
    return true;
  }

  /** Takes bytes of the first piece out of the line, and hands them on if there is a `pass`. */
  #take(piece: Piece, pass: { bytes: number; atMs: number; next: Sink } | undefined): void {
    const bytes = Math.min(pass?.bytes ?? piece.data.length, piece.data.length);
    const data = piece.data.subarray(0, bytes);
    if (bytes === piece.data.length) {
      this.#queue.shift();
      this.#hold(-bytes - PIECE_BYTES);
    } else {
      piece.data = piece.data.subarray(bytes);
      this.#hold(-bytes);
    }
    if (pass) pass.next.push({ data, atMs: pass.atMs });
  }

  #finish(end: End): void {
    this.discard();
    this.#place.next().finish(end);
  }

  #hold(bytes: number): void {
    this.#bytes += bytes;
    this.#deps.pool.count(bytes);
  }

  #chosen(): Fault {
    if (this.#chance >= this.toxic.toxicity) return passing;
    return faultOf({ toxic: this.toxic, random: this.#deps.random, nowMs: this.#deps.clock.monotonicMs() });
  }
}
