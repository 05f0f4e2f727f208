/**
 * A whole response. The body is read only if the status says that it is of use. `staysOpen`: whether the connection can be used
 * for another request (RFC 9112, section 9.3), and nothing has come after the response.
 */
export interface Response {
  status: number;
  body: Buffer;
  staysOpen: boolean;
}

/** How far the parser is. `reason` completes "malformed answer: ". */
export type Progress =
  | { kind: 'incomplete' }
  | ({ kind: 'complete' } & Response)
  | { kind: 'malformed'; reason: string }
  /** The peer closed the connection before the end of the response. */
  | { kind: 'cut-short' };

/** As Node's own parser. */
const MAX_HEAD_BYTES = 16 * 1024;
/** The most 1xx responses before the real one (RFC 9110, section 15.2, sets no limit). */
const MAX_INTERIM = 8;
/**
 * The most chunks of a body: this many, and one more for each so many bytes. A chunk costs more memory and time than its bytes: a
 * million of one byte took 150 MiB. We send 64 KiB in a chunk, Go's server 2 KiB.
 */
const MAX_CHUNKS = 100;
const BYTES_PER_CHUNK = 256;
/** The most characters in the size line of a chunk, or in a line of trailers. */
const MAX_LINE = 256;

/** Every response begins with this. A stream of another protocol (SSH, TLS) is recognized by its first bytes. */
const HEAD_START = 'HTTP/1.';

/**
 * Parses one HTTP/1.0 or 1.1 response while its bytes arrive. It is strict, and every size is bounded. A response whose status
 * `wantsBody` refuses is complete after its head, because no one uses its body.
 */
export class HttpResponseParser {
  /** The bytes so far: the beginning of `#memory`. */
  #bytes = Buffer.alloc(0);
  #memory = this.#bytes;
  readonly #maxBodyBytes: number;
  readonly #wantsBody: (status: number) => boolean;
  /** Each call of its `next` reads on, until it needs more bytes than there are. */
  readonly #reading = this.#readResponse();
  /** Where in `#bytes` the part begins that is read next: a head, the body, or the line of a chunk. */
  #position = 0;
  #isClosed = false;

  constructor(maxBodyBytes: number, wantsBody: (status: number) => boolean = (status) => status === 200) {
    this.#maxBodyBytes = maxBodyBytes;
    this.#wantsBody = wantsBody;
  }

  /** Takes the next bytes of the response. */
  push(bytes: Uint8Array): Progress {
    // A chunk of one byte takes six bytes on the wire, but no peer sends those: twice the body has room for chunks.
    if (this.#bytes.length + bytes.length > (MAX_INTERIM + 1) * MAX_HEAD_BYTES + 2 * this.#maxBodyBytes) {
      return { kind: 'malformed', reason: 'an answer that is too long' };
    }
    const length = this.#bytes.length + bytes.length;
    if (length > this.#memory.length) {
      // Twice the size: in however many pieces an answer comes, each byte is copied about twice.
      const larger = Buffer.allocUnsafe(Math.max(length, 2 * this.#memory.length));
      larger.set(this.#bytes);
      this.#memory = larger;
    }
    this.#memory.set(bytes, this.#bytes.length);
    this.#bytes = this.#memory.subarray(0, length);
    return this.#next() ?? { kind: 'incomplete' };
  }

  /** Takes note that the peer has closed the connection. Call it only while the response is incomplete. */
  end(): Progress {
    this.#isClosed = true;
    return this.#next() ?? { kind: 'cut-short' };
  }

  #next(): Progress | null {
    try {
      const step = this.#reading.next();
      return step.done === true ? { kind: 'complete', ...step.value } : null;
    } catch (error) {
      if (error instanceof MalformedError) return { kind: 'malformed', reason: error.message };
      throw error;
    }
  }

  *#readResponse(): Generator<void, Response> {
    for (let interim = 0; ; interim++) {
      const { status, framing, closes } = parseHead(yield* this.#readHead());
      if (status >= 200 && status !== 204 && this.#wantsBody(status)) {
        const body = yield* this.#readBody(framing);
        const staysOpen = !closes && framing.endsBy !== 'close' && this.#position === this.#bytes.length;
        return { status, body, staysOpen };
      }
      if (status >= 200) return { status, body: Buffer.alloc(0), staysOpen: false };
      if (status === 101 || interim === MAX_INTERIM) throw new MalformedError(`an unexpected answer ${status}`);
    }
  }

  *#readHead(): Generator<void, string> {
    const from = this.#position;
    return yield* this.#readTo('\r\n\r\n', MAX_HEAD_BYTES, `a head of more than ${MAX_HEAD_BYTES} bytes`, (unseen) => {
      checkHeadStart(this.#bytes.toString('latin1', from, from + HEAD_START.length));
      if (this.#bytes.indexOf('\n\n', Math.max(from, unseen - 1)) >= 0)
        throw new MalformedError('a head with bare line feeds');
    });
  }

  /**
   * Reads the text up to `end`, at most `maxBytes`, and skips `end`. While `end` has not come, `check` looks at what there is;
   * it has not seen the bytes from `unseen` on.
   */
  *#readTo(end: string, maxBytes: number, tooLong: string, check = (_unseen: number) => {}): Generator<void, string> {
    const from = this.#position;
    for (let searched = from; ; yield) {
      const to = this.#bytes.indexOf(end, Math.max(from, searched - end.length + 1));
      const unseen = searched;
      searched = this.#bytes.length;
      if ((to < 0 ? searched : to) - from > maxBytes) throw new MalformedError(tooLong);
      if (to >= 0) {
        this.#position = to + end.length;
        return this.#bytes.toString('latin1', from, to);
      }
      check(unseen);
    }
  }

  *#readBody(framing: Framing): Generator<void, Buffer> {
    if (framing.endsBy === 'chunks') return yield* this.#readChunks();
    for (;;) {
      const received = this.#bytes.length - this.#position;
      const length = framing.endsBy === 'length' ? framing.length : received;
      this.#checkBodyLength(length);
      const isComplete = framing.endsBy === 'length' ? received >= length : this.#isClosed;
      if (isComplete) {
        const from = this.#position;
        this.#position += length;
        return this.#bytes.subarray(from, this.#position);
      }
      yield;
    }
  }

  /** Reads a body in chunks, and the trailers after it (RFC 9112, section 7.1). */
  *#readChunks(): Generator<void, Buffer> {
    const chunks: { from: number; to: number }[] = [];
    let length = 0;
    for (;;) {
      const line = yield* this.#readLine();
      const size = Number.parseInt(CHUNK_SIZE_LINE.exec(line)?.[1] ?? '', 16);
      if (Number.isNaN(size)) throw new MalformedError('an invalid chunk size');
      if (size === 0) break;
      length += size;
      this.#checkBodyLength(length);
      const from = this.#position;
      const to = from + size;
      while (this.#bytes.length < to + 2) yield;
      if (this.#bytes.toString('latin1', to, to + 2) !== '\r\n') throw new MalformedError('a chunk without its end');
      chunks.push({ from, to });
      if (chunks.length > MAX_CHUNKS + length / BYTES_PER_CHUNK) throw new MalformedError('too many small chunks');
      this.#position = to + 2;
    }
    for (let trailers = 0; (yield* this.#readLine()) !== ''; trailers++) {
      if (trailers >= MAX_FIELDS) throw new MalformedError(`more than ${MAX_FIELDS} trailers`);
    }
    return Buffer.concat(chunks.map(({ from, to }) => this.#bytes.subarray(from, to)));
  }

  /** Reads the size line of a chunk, or a line of trailers. */
  #readLine(): Generator<void, string> {
    return this.#readTo('\r\n', MAX_LINE, 'a chunk line that is too long');
  }

  #checkBodyLength(length: number): void {
    if (length > this.#maxBodyBytes) throw new MalformedError(`a body of more than ${this.#maxBodyBytes} bytes`);
  }
}

/** What is wrong with a response. The message completes "malformed answer: ". */
class MalformedError extends Error {
  override readonly name = 'MalformedError';
}

/** How the end of a body is recognized. */
type Framing = { endsBy: 'length'; length: number } | { endsBy: 'chunks' } | { endsBy: 'close' };

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/;
const CHUNK_SIZE_LINE = /^([0-9a-fA-F]{1,8})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/;
/** The most header fields of a response. */
const MAX_FIELDS = 100;

/**
 * Parses the head of a response (RFC 9112), given without the empty line at its end. Whatever two parsers could
 * understand differently (folded lines, bare line feeds, two lengths) is malformed. Throws a `MalformedError`.
 */
function parseHead(head: string): { status: number; framing: Framing; closes: boolean } {
  checkHeadStart(head.slice(0, HEAD_START.length));
  const [statusLine = '', ...fieldLines] = head.split('\r\n');
  const start = STATUS_LINE.exec(statusLine);
  if (start === null) throw new MalformedError('no valid status line');
  if (fieldLines.length > MAX_FIELDS) throw new MalformedError(`more than ${MAX_FIELDS} header fields`);
  const lengths = new Set<string>();
  const codings: string[] = [];
  const isHttp10 = start[1] === '0';
  let closes = isHttp10;
  for (const line of fieldLines) {
    const [, name = '', value = ''] = FIELD.exec(line) ?? [];
    if (name === '') throw new MalformedError('an invalid header field');
    const lowerName = name.toLowerCase();
    if (lowerName === 'content-length') lengths.add(value);
    if (lowerName === 'transfer-encoding') codings.push(value.toLowerCase());
    if (lowerName === 'connection' && /\bclose\b/i.test(value)) closes = true;
  }
  return { status: Number(start[2]), framing: framingOf([...lengths], codings, isHttp10), closes };
}

function checkHeadStart(start: string): void {
  if (!HEAD_START.startsWith(start)) throw new MalformedError('not an HTTP/1 answer');
}

/** How the body ends, by all Content-Length and Transfer-Encoding fields (RFC 9112, section 6.3). Throws a `MalformedError`. */
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
