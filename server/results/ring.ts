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
  #length: number;
  /** Where the next record is written, and how many there are. */
  #next = 0;
  #count = 0;

  constructor(format: RecordFormat<T>, length: number, droppedUntilMs: number) {
    this.#format = format;
    this.#length = length;
    this.view = new DataView(new ArrayBuffer(length * format.bytes));
    this.droppedUntilMs = droppedUntilMs;
  }

  get bytes(): number {
    return this.view.byteLength;
  }

  /** Adds the newest result. Returns where its bytes after the time begin. */
  add(result: T): number {
    const at = this.#next * this.#format.bytes;
    if (this.#count === this.#length) this.droppedUntilMs = this.view.getFloat64(at, true);
    this.view.setFloat64(at, result.atMs, true);
    this.#format.write(this.view, at + HEAD_BYTES, result);
    this.#next = (this.#next + 1) % this.#length;
    this.#count = Math.min(this.#count + 1, this.#length);
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
    most = this.#length,
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

  /** Keeps `length` records from now on, the newest ones. */
  resize(length: number): void {
    const recordBytes = this.#format.bytes;
    const kept = Math.min(this.#count, length);
    if (kept < this.#count) this.droppedUntilMs = this.view.getFloat64(this.#placeOf(kept), true);
    const bytes = new Uint8Array(length * recordBytes);
    for (let back = 0; back < kept; back++) {
      const from = new Uint8Array(this.view.buffer, this.#placeOf(back), recordBytes);
      bytes.set(from, (kept - 1 - back) * recordBytes);
    }
    this.view = new DataView(bytes.buffer);
    this.#length = length;
    this.#next = kept % length;
    this.#count = kept;
  }

  /** Where a record begins. `back`: how many records are newer; less than `#count`. */
  #placeOf(back: number): number {
    return ((this.#next - 1 - back + this.#length) % this.#length) * this.#format.bytes;
  }
}
