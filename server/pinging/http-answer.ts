import { ByteStore } from './byte-store.ts';
import { Chunks } from './chunks.ts';
import { HEAD_START, type Head, parseHead } from './http-head.ts';

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
