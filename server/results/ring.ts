import { HEAD_BYTES, type RecordFormat } from '../protocol/stored-results.ts';

/**
 * The newest results of one link, as records in a ring of bytes: a full ring overwrites its oldest record. Times may be of any
 * clock that never goes back. Of overwritten records only the time of the newest one is known: `droppedUntilMs`.
 */
export class RecordRing<T extends { atMs: number }> {
  /** The time of the link's newest record that is no longer kept; -Infinity while there is none. */
  droppedUntilMs: number;
  /** The bytes of all records. `resize` replaces it. */
  protected view: DataView;
  readonly #format: RecordFormat<T>;
  /** How many records there is room for, how many there are, and at which place the next one is written. */
  #capacity: number;
  #count = 0;
  #next = 0;

  constructor(format: RecordFormat<T>, capacity: number, droppedUntilMs: number) {
    this.#format = format;
    this.#capacity = capacity;
    this.view = new DataView(new ArrayBuffer(capacity * format.bytes));
    this.droppedUntilMs = droppedUntilMs;
  }

  get bytes(): number {
    return this.view.byteLength;
  }

  /** Adds the newest result. Returns where its bytes after the time begin. */
  add(result: T): number {
    const at = this.#next * this.#format.bytes;
    if (this.#count === this.#capacity) this.droppedUntilMs = this.view.getFloat64(at, true);
    this.view.setFloat64(at, result.atMs, true);
    this.#format.write(this.view, at + HEAD_BYTES, result);
    this.#next = (this.#next + 1) % this.#capacity;
    this.#count = Math.min(this.#count + 1, this.#capacity);
    return at + HEAD_BYTES;
  }

  /** The newest results from `fromMs` to `toMs` (both included), newest first; no more than `most`. */
  results(fromMs?: number, toMs?: number, most?: number): T[] {
    return this.read(this.#format.read, fromMs, toMs, most);
  }

  /** As `results`: what `read` makes of their bytes, `at` being where those after the time begin; null is left out. */
  protected read<R>(
    read: (view: DataView, at: number, atMs: number) => R | null,
    fromMs = Number.NEGATIVE_INFINITY,
    toMs = Number.POSITIVE_INFINITY,
    most = this.#capacity,
  ): R[] {
    const found: R[] = [];
    for (let back = 0; back < this.#count && found.length < most; back++) {
      const at = this.#placeOf(back);
      const atMs = this.view.getFloat64(at, true);
      if (atMs < fromMs) break;
      const result = atMs > toMs ? null : read(this.view, at + HEAD_BYTES, atMs);
      if (result !== null) found.push(result);
    }
    return found;
  }

  /** Makes room for `capacity` records. If there are more, only the newest ones are kept. */
  resize(capacity: number): void {
    const recordBytes = this.#format.bytes;
    const kept = Math.min(this.#count, capacity);
    if (kept < this.#count) this.droppedUntilMs = this.view.getFloat64(this.#placeOf(kept), true);
    const bytes = new Uint8Array(capacity * recordBytes);
    for (let back = 0; back < kept; back++) {
      const from = new Uint8Array(this.view.buffer, this.#placeOf(back), recordBytes);
      bytes.set(from, (kept - 1 - back) * recordBytes);
    }
    this.view = new DataView(bytes.buffer);
    this.#capacity = capacity;
    this.#next = kept % capacity;
    this.#count = kept;
  }

  /** Where a record begins. `back`: how many records are newer; less than `#count`. */
  #placeOf(back: number): number {
    return ((this.#next - 1 - back + this.#capacity) % this.#capacity) * this.#format.bytes;
  }
}
