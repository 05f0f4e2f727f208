/** How far an answer is: `malformed` says why, `answer` has the status and, for 200 alone, the body. */
export type Progress =
  | { kind: 'more' }
  | { kind: 'answer'; status: number; body: Buffer }
  | { kind: 'malformed'; why: string };

/** The most bytes of a head. */
const MAX_HEAD_BYTES = 16 * 1024;
/** The most 1xx answers before the real one (RFC 9110, section 15.2 sets no bound). */
const MAX_INTERIM = 8;

const MORE: Progress = { kind: 'more' };
const malformed = (why: string): Progress => ({ kind: 'malformed', why });

/**
 * Reads one HTTP/1.0 or 1.1 answer as its bytes come in, strictly and bounded in every direction. An answer other than
 * 200 is complete with its head: its body says nothing that a monitor could use.
 */
export class HttpAnswer {
  readonly #store = new ByteStore();
  readonly #maxBodyBytes: number;
  #head: Head | null = null;
  /** Where the current head, or the body, begins in the store. */
  #from = 0;
  #searched = 0;
  #interim = 0;
  #chunks: Chunks | null = null;

  constructor(maxBodyBytes: number) {
    this.#maxBodyBytes = maxBodyBytes;
  }

  /** Takes the next bytes off the connection (they are copied) and tells how far the answer is. */
  push(bytes: Uint8Array): Progress {
    // Chunks of one byte are six bytes each on the wire; nobody sends those, and twice the body is plenty for the rest.
    if (this.#store.length + bytes.length > (MAX_INTERIM + 1) * MAX_HEAD_BYTES + 2 * this.#maxBodyBytes) {
      return malformed('an answer that is too long');
    }
    this.#store.append(bytes);
    while (this.#head === null) {
      const progress = this.#readHead();
      if (progress !== null) return progress;
    }
    return this.#readBody(this.#head, false);
  }

  /** The peer has closed its side: the answer is complete if its end is told by that, else null. */
  end(): Progress | null {
    if (this.#head?.framing.by !== 'close') return null;
    return this.#readBody(this.#head, true);
  }

  /** One head, interim or final; null if the caller should look again. */
  #readHead(): Progress | null {
    const start = this.#store.latin1(this.#from, this.#from + HEAD_START.length);
    if (!HEAD_START.startsWith(start)) return malformed('not an HTTP/1 answer');
    const end = this.#store.find('\r\n\r\n', Math.max(this.#from, this.#searched - 3));
    this.#searched = this.#store.length;
    const length = (end < 0 ? this.#store.length : end) - this.#from;
    if (length > MAX_HEAD_BYTES) return malformed(`a head of more than ${MAX_HEAD_BYTES} bytes`);
    if (end < 0) return this.#store.find('\n\n', this.#from) < 0 ? MORE : malformed('a head with bare line feeds');
    const head = parseHead(this.#store.latin1(this.#from, end));
    if (typeof head === 'string') return malformed(head);
    this.#from = end + 4;
    this.#searched = this.#from;
    if (head.status >= 200) return this.#accept(head);
    this.#interim += 1;
    if (head.status === 101 || this.#interim > MAX_INTERIM) return malformed(`an unexpected answer ${head.status}`);
    return this.#store.length > this.#from ? null : MORE;
  }

  #accept(head: Head): Progress | null {
    if (head.status !== 200) return { kind: 'answer', status: head.status, body: Buffer.alloc(0) };
    if (head.framing.by === 'length' && head.framing.length > this.#maxBodyBytes) return this.#tooLong();
    this.#head = head;
    if (head.framing.by === 'chunks') this.#chunks = new Chunks(this.#store, this.#from, this.#maxBodyBytes);
    return null;
  }

  #readBody(head: Head, closed: boolean): Progress {
    const have = this.#store.length - this.#from;
    const { framing } = head;
    if (this.#chunks !== null) {
      const body = this.#chunks.next();
      if (body === null) return MORE;
      return typeof body === 'string' ? malformed(body) : { kind: 'answer', status: head.status, body };
    }
    const wanted = framing.by === 'length' ? framing.length : have;
    if (framing.by === 'close' && have > this.#maxBodyBytes) return this.#tooLong();
    if (framing.by === 'close' ? !closed : have < wanted) return MORE;
    return { kind: 'answer', status: head.status, body: this.#store.view(this.#from, this.#from + wanted) };
  }

  #tooLong(): Progress {
    return malformed(`a body of more than ${this.#maxBodyBytes} bytes`);
  }
}

/** How the end of a body is told, by RFC 9112, section 6.3. */
type Framing = { by: 'length'; length: number } | { by: 'chunks' } | { by: 'close' };

/** The head of an answer: its status and how long its body is. */
interface Head {
  status: number;
  framing: Framing;
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/;
const MAX_FIELDS = 100;

/** What every answer begins with; a stream that begins otherwise (SSH, TLS, HTML) can be told from its first bytes. */
const HEAD_START = 'HTTP/1.';

/**
 * Reads the head of an HTTP/1.0 or 1.1 answer (RFC 9112), given without the empty line that ends it.
 * Strict: what two readers could understand differently (folded lines, bare line feeds, two lengths) is an error.
 * Gives the error in words where it is none.
 */
function parseHead(head: string): Head | string {
  const lines = head.split('\r\n');
  const start = STATUS_LINE.exec(lines[0] ?? '');
  if (start === null) return 'no valid status line';
  if (lines.length - 1 > MAX_FIELDS) return `more than ${MAX_FIELDS} header fields`;
  const lengths = new Set<string>();
  const codings: string[] = [];
  for (const line of lines.slice(1)) {
    const field = FIELD.exec(line);
    if (field === null) return 'an invalid header field';
    const name = (field[1] ?? '').toLowerCase();
    if (name === 'content-length') lengths.add(field[2] ?? '');
    if (name === 'transfer-encoding') codings.push((field[2] ?? '').toLowerCase());
  }
  const framing = framingOf([...lengths], codings, start[1] === '0');
  return typeof framing === 'string' ? framing : { status: Number(start[2]), framing };
}

function framingOf(lengths: string[], codings: string[], http10: boolean): Framing | string {
  const [length] = lengths;
  if (codings.length > 0) {
    if (codings.length > 1 || codings[0] !== 'chunked' || http10) return 'an unknown transfer encoding';
    return length === undefined ? { by: 'chunks' } : 'both a length and a transfer encoding';
  }
  if (length === undefined) return { by: 'close' };
  if (lengths.length > 1 || !/^\d{1,15}$/.test(length)) return 'an invalid Content-Length';
  return { by: 'length', length: Number(length) };
}

const SIZE_LINE = /^([0-9a-fA-F]{1,8})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/;
const MAX_LINE = 256;

/**
 * Reads a body in chunks (RFC 9112, section 7.1) out of a store that is still being filled. `next` is called after each
 * growth and carries on where it stopped.
 */
class Chunks {
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

/**
 * Bytes received so far. Grows by doubling, so that a peer that sends one byte at a time costs no more than one that
 * sends all at once.
 */
class ByteStore {
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
