import type { ByteStore } from './byte-store.ts';

const SIZE_LINE = /^([0-9a-fA-F]{1,8})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/;
const MAX_LINE = 256;

/**
 * Reads a body in chunks (RFC 9112, section 7.1) out of a store that is still being filled. `next` is called after each
 * growth and carries on where it stopped.
 */
export class Chunks {
  readonly #store: ByteStore;
  readonly #maxBytes: number;
  readonly #parts: [from: number, to: number][] = [];
  #position: number;
  #total = 0;
  #inTrailers = false;

  /** `from`: where the body begins in `store`; `maxBytes` bounds the sum of the chunks. */
  constructor(store: ByteStore, from: number, maxBytes: number) {
    this.#store = store;
    this.#position = from;
    this.#maxBytes = maxBytes;
  }

  /** The whole body, null while more bytes are needed, or what is wrong with it in words. */
  next(): Buffer | null | string {
    for (;;) {
      const end = this.#store.find('\r\n', this.#position);
      if (end < 0) return this.#store.length - this.#position > MAX_LINE ? 'a chunk line that does not end' : null;
      if (end - this.#position > MAX_LINE) return 'a chunk line that is too long';
      const line = this.#store.latin1(this.#position, end);
      if (this.#inTrailers) {
        this.#position = end + 2;
        if (line === '') return this.#body();
        continue;
      }
      const size = Number.parseInt(SIZE_LINE.exec(line)?.[1] ?? '', 16);
      if (Number.isNaN(size)) return 'an invalid chunk size';
      if (size === 0) {
        this.#position = end + 2;
        this.#inTrailers = true;
        continue;
      }
      const problem = this.#take(end + 2, size);
      if (problem !== '') return problem === 'more' ? null : problem;
    }
  }

  /** Steps over one chunk's data: '' if it was there, 'more' if it is not yet, else what is wrong. */
  #take(from: number, size: number): string {
    if (this.#total + size > this.#maxBytes) return `a body of more than ${this.#maxBytes} bytes`;
    const to = from + size;
    if (this.#store.length < to + 2) return 'more';
    if (this.#store.latin1(to, to + 2) !== '\r\n') return 'a chunk without its end';
    this.#parts.push([from, to]);
    this.#total += size;
    this.#position = to + 2;
    return '';
  }

  #body(): Buffer {
    return Buffer.concat(this.#parts.map(([from, to]) => this.#store.view(from, to)));
  }
}
