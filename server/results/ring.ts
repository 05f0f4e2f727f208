import { HEAD_BYTES, type RecordFormat } from '../protocol/stored-results.ts';

/** Receives a record: where in `RecordRing.view` its bytes after the time begin, and its time. Return false to see no more. */
type RecordVisitor = (at: number, atMs: number) => boolean | undefined;

/**
 * The newest records of one link, in a ring of bytes: a full ring overwrites its oldest record. Each record begins with its time.
 * Times may be of any clock that never goes back. Of overwritten records only the time of the newest one is known:
 * `droppedUntilMs`.
 */
export class RecordRing {
  /** The bytes of all records. `resize` replaces it. */
  view: DataView;
  /** The time of the link's newest record that is no longer kept; -Infinity while there is none. */
  droppedUntilMs: number;
  readonly #recordBytes: number;
  #length: number;
  /** Where the next record is written, and how many there are. */
  #next = 0;
  #count = 0;

  /** `length`: how many records are kept. */
  constructor({ bytes }: Pick<RecordFormat<never>, 'bytes'>, length: number, droppedUntilMs: number) {
    this.#recordBytes = bytes;
    this.#length = length;
    this.view = new DataView(new ArrayBuffer(length * bytes));
    this.droppedUntilMs = droppedUntilMs;
  }

  /** Makes room for the newest record, which is of `atMs`. Returns where its bytes after the time begin. */
  add(atMs: number): number {
    const at = this.#next * this.#recordBytes;
    if (this.#count === this.#length) this.droppedUntilMs = this.view.getFloat64(at, true);
    this.view.setFloat64(at, atMs, true);
    this.#next = (this.#next + 1) % this.#length;
    this.#count = Math.min(this.#count + 1, this.#length);
    return at + HEAD_BYTES;
  }

  /** Calls `visitor` for each record from `fromMs` to `toMs` (both included), newest first. */
  visit(fromMs: number, toMs: number, visitor: RecordVisitor): void {
    for (let back = 0; back < this.#count; back++) {
      const at = this.#placeOf(back);
      const atMs = this.view.getFloat64(at, true);
      if (atMs < fromMs) return;
      if (atMs <= toMs && visitor(at + HEAD_BYTES, atMs) === false) return;
    }
  }

  /** Keeps `length` records from now on, the newest ones. */
  resize(length: number): void {
    const kept = Math.min(this.#count, length);
    if (kept < this.#count) this.droppedUntilMs = this.view.getFloat64(this.#placeOf(kept), true);
    const bytes = new Uint8Array(length * this.#recordBytes);
    for (let back = 0; back < kept; back++) {
      const from = new Uint8Array(this.view.buffer, this.#placeOf(back), this.#recordBytes);
      bytes.set(from, (kept - 1 - back) * this.#recordBytes);
    }
    this.view = new DataView(bytes.buffer);
    this.#length = length;
    this.#next = kept % length;
    this.#count = kept;
  }

  /** Where a record begins. `back`: how many records are newer; less than `#count`. */
  #placeOf(back: number): number {
    return ((this.#next - 1 - back + this.#length) % this.#length) * this.#recordBytes;
  }
}
