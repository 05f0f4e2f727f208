/** How far the parser has come. `status` and `body` are the response's; the body is read only with status 200. */
export type Progress =
  | { kind: 'incomplete' }
  | { kind: 'complete'; status: number; body: Buffer }
  | { kind: 'malformed'; reason: string }
  /** The peer closed the connection before the end of the response. */
  | { kind: 'cut-short' };

const MAX_HEAD_BYTES = 16 * 1024;
/** The most 1xx responses before the real one (RFC 9110, section 15.2, sets no limit). */
const MAX_INTERIM = 8;
/** The most characters in the size line of a chunk, or in a line of trailers. */
const MAX_LINE = 256;

/** Every response begins with this. A stream of another protocol (SSH, TLS) is recognized by its first bytes. */
const HEAD_START = 'HTTP/1.';

/**
 * Parses one HTTP/1.0 or 1.1 response while its bytes arrive. It is strict, and every size is bounded. A response with a
 * status other than 200 is complete after its head, because no one uses its body.
 */
export class HttpResponseParser {
  readonly #bytes = new ByteStore();
  readonly #maxBodyBytes: number;
  /** Where in `#bytes` the part begins that is read next: a head, the body, or the line of a chunk. */
  #position = 0;
  /** How far `#bytes` has been searched for the end of a head. */
  #searched = 0;
  #interim = 0;
  /** How the body of the response ends; null while its head has not come. */
  #framing: Framing | null = null;
  readonly #chunks: { from: number; to: number }[] = [];
  #chunkBytes = 0;
  #isInTrailers = false;

  constructor(maxBodyBytes: number) {
    this.#maxBodyBytes = maxBodyBytes;
  }

  /** Takes the next bytes of the connection and copies them. */
  push(bytes: Uint8Array): Progress {
    try {
      return this.#read(bytes);
    } catch (error) {
      if (error instanceof MalformedError) return { kind: 'malformed', reason: error.message };
      throw error;
    }
  }

  /** Takes note that the peer has closed the connection. Call it only while the response is incomplete. */
  end(): Progress {
    if (this.#framing?.endsBy !== 'close') return { kind: 'cut-short' };
    return { kind: 'complete', status: 200, body: this.#bytes.view(this.#position, this.#bytes.length) };
  }

  #read(bytes: Uint8Array): Progress {
    // A chunk of one byte takes six bytes on the wire, but no peer sends those: twice the body has room for chunks.
    if (this.#bytes.length + bytes.length > (MAX_INTERIM + 1) * MAX_HEAD_BYTES + 2 * this.#maxBodyBytes) {
      throw new MalformedError('an answer that is too long');
    }
    this.#bytes.append(bytes);
    while (this.#framing === null) {
      const text = this.#readHead();
      if (text === null) return { kind: 'incomplete' };
      const head = parseHead(text);
      if (head.status === 200) {
        this.#framing = head.framing;
      } else if (head.status >= 200) {
        return { kind: 'complete', status: head.status, body: Buffer.alloc(0) };
      } else {
        this.#interim += 1;
        if (head.status === 101 || this.#interim > MAX_INTERIM) {
          throw new MalformedError(`an unexpected answer ${head.status}`);
        }
      }
    }
    const body = this.#readBody(this.#framing);
    return body === null ? { kind: 'incomplete' } : { kind: 'complete', status: 200, body };
  }

  /** Reads one head, without the empty line at its end; null if it has not come yet. */
  #readHead(): string | null {
    const from = this.#position;
    if (!HEAD_START.startsWith(this.#bytes.latin1(from, from + HEAD_START.length))) {
      throw new MalformedError('not an HTTP/1 answer');
    }
    const end = this.#bytes.find('\r\n\r\n', Math.max(from, this.#searched - 3));
    this.#searched = this.#bytes.length;
    const length = (end < 0 ? this.#bytes.length : end) - from;
    if (length > MAX_HEAD_BYTES) throw new MalformedError(`a head of more than ${MAX_HEAD_BYTES} bytes`);
    if (end < 0) {
      if (this.#bytes.find('\n\n', from) >= 0) throw new MalformedError('a head with bare line feeds');
      return null;
    }
    this.#position = end + 4;
    this.#searched = this.#position;
    return this.#bytes.latin1(from, end);
  }

  /** Reads the body; null if it has not come to its end. */
  #readBody(framing: Framing): Buffer | null {
    if (framing.endsBy === 'chunks') return this.#readChunks();
    const received = this.#bytes.length - this.#position;
    const length = framing.endsBy === 'length' ? framing.length : received;
    this.#checkBodyLength(length);
    if (framing.endsBy === 'close' || received < length) return null;
    return this.#bytes.view(this.#position, this.#position + length);
  }

  /** Reads a body in chunks (RFC 9112, section 7.1); null if its last chunk or its trailers have not come. */
  #readChunks(): Buffer | null {
    for (;;) {
      const lineEnd = this.#bytes.find('\r\n', this.#position);
      const lineLength = (lineEnd < 0 ? this.#bytes.length : lineEnd) - this.#position;
      if (lineLength > MAX_LINE) throw new MalformedError('a chunk line that is too long');
      if (lineEnd < 0) return null;
      const line = this.#bytes.latin1(this.#position, lineEnd);
      if (this.#isInTrailers) {
        this.#position = lineEnd + 2;
        if (line === '') return Buffer.concat(this.#chunks.map(({ from, to }) => this.#bytes.view(from, to)));
        continue;
      }
      const size = Number.parseInt(CHUNK_SIZE_LINE.exec(line)?.[1] ?? '', 16);
      if (Number.isNaN(size)) throw new MalformedError('an invalid chunk size');
      if (size === 0) {
        this.#position = lineEnd + 2;
        this.#isInTrailers = true;
        continue;
      }
      this.#checkBodyLength(this.#chunkBytes + size);
      const from = lineEnd + 2;
      const to = from + size;
      if (this.#bytes.length < to + 2) return null;
      if (this.#bytes.latin1(to, to + 2) !== '\r\n') throw new MalformedError('a chunk without its end');
      this.#chunks.push({ from, to });
      this.#chunkBytes += size;
      this.#position = to + 2;
    }
  }

  #checkBodyLength(length: number): void {
    if (length > this.#maxBodyBytes) throw new MalformedError(`a body of more than ${this.#maxBodyBytes} bytes`);
  }
}

/** What is wrong with a response. The message completes "malformed answer: ". */
class MalformedError extends Error {
  override readonly name = 'MalformedError';
}

/** How the end of a body is recognized (RFC 9112, section 6.3). */
type Framing = { endsBy: 'length'; length: number } | { endsBy: 'chunks' } | { endsBy: 'close' };

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/;
const CHUNK_SIZE_LINE = /^([0-9a-fA-F]{1,8})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/;
const MAX_FIELDS = 100;

/**
 * Parses the head of a response (RFC 9112), given without the empty line at its end. Whatever two parsers could
 * understand differently (folded lines, bare line feeds, two lengths) is malformed. Throws a `MalformedError`.
 */
function parseHead(head: string): { status: number; framing: Framing } {
  const [statusLine = '', ...fieldLines] = head.split('\r\n');
  const start = STATUS_LINE.exec(statusLine);
  if (start === null) throw new MalformedError('no valid status line');
  if (fieldLines.length > MAX_FIELDS) throw new MalformedError(`more than ${MAX_FIELDS} header fields`);
  const lengths = new Set<string>();
  const codings: string[] = [];
  for (const line of fieldLines) {
    const [, name = '', value = ''] = FIELD.exec(line) ?? [];
    if (name === '') throw new MalformedError('an invalid header field');
    if (name.toLowerCase() === 'content-length') lengths.add(value);
    if (name.toLowerCase() === 'transfer-encoding') codings.push(value.toLowerCase());
  }
  return { status: Number(start[2]), framing: framingOf([...lengths], codings, start[1] === '0') };
}

function framingOf(lengths: string[], codings: string[], isHttp10: boolean): Framing {
  const [length] = lengths;
  if (codings.length > 0) {
    if (codings.length > 1 || codings[0] !== 'chunked' || isHttp10) {
      throw new MalformedError('an unknown transfer encoding');
    }
    if (length !== undefined) throw new MalformedError('both a length and a transfer encoding');
    return { endsBy: 'chunks' };
  }
  if (length === undefined) return { endsBy: 'close' };
  if (lengths.length > 1 || !/^\d{1,15}$/.test(length)) throw new MalformedError('an invalid Content-Length');
  return { endsBy: 'length', length: Number(length) };
}

/**
 * The bytes received so far. It grows by doubling, so that a peer that sends single bytes costs no more than one that
 * sends all at once.
 */
class ByteStore {
  #buffer = Buffer.allocUnsafe(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Copies `bytes` to the end. The caller limits the length. */
  append(bytes: Uint8Array): void {
    const needed = this.#length + bytes.length;
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    this.#buffer.set(bytes, this.#length);
    this.#length = needed;
  }

  /** The position of `text` (ASCII) at or after `from`; -1 if it does not occur. */
  find(text: string, from: number): number {
    return this.#buffer.subarray(0, this.#length).indexOf(text, from, 'latin1');
  }

  /** The bytes from `from` up to `to` as a text with one character for each byte. */
  latin1(from: number, to: number): string {
    return this.#buffer.toString('latin1', from, Math.min(to, this.#length));
  }

  /** The bytes from `from` up to `to`, without copying them. */
  view(from: number, to: number): Buffer {
    return this.#buffer.subarray(from, Math.min(to, this.#length));
  }
}
