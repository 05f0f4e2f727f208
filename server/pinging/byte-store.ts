/**
 * Bytes received so far. Grows by doubling, so that a peer that sends one byte at a time costs no more than one that
 * sends all at once.
 */
export class ByteStore {
  #bytes = Buffer.allocUnsafe(1024);
  #length = 0;

  /** How many bytes there are. */
  get length(): number {
    return this.#length;
  }

  /** Copies `chunk` to the end; the caller bounds the sum. */
  append(chunk: Uint8Array): void {
    const needed = this.#length + chunk.length;
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    this.#bytes.set(chunk, this.#length);
    this.#length = needed;
  }

  /** Where `text` (ASCII) begins at or after `from`; -1 if it does not occur. */
  find(text: string, from: number): number {
    return this.#bytes.subarray(0, this.#length).indexOf(text, from, 'latin1');
  }

  /** The bytes from `from` up to `to` as text, each byte one character. */
  latin1(from: number, to: number): string {
    return this.#bytes.toString('latin1', from, Math.min(to, this.#length));
  }

  /** A view of the bytes from `from` up to `to`; valid until the next `append`. */
  view(from: number, to: number): Buffer {
    return this.#bytes.subarray(from, Math.min(to, this.#length));
  }
}
