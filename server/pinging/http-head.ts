/** How the end of a body is told, by RFC 9112, section 6.3. */
export type Framing = { by: 'length'; length: number } | { by: 'chunks' } | { by: 'close' };

/** The head of an answer: its status and how long its body is. */
export interface Head {
  status: number;
  framing: Framing;
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/;
const MAX_FIELDS = 100;

/** What every answer begins with; a stream that begins otherwise (SSH, TLS, HTML) can be told from its first bytes. */
export const HEAD_START = 'HTTP/1.';

/**
 * Reads the head of an HTTP/1.0 or 1.1 answer (RFC 9112), given without the empty line that ends it.
 * Strict: what two readers could understand differently (folded lines, bare line feeds, two lengths) is an error.
 * Gives the error in words where it is none.
 */
export function parseHead(head: string): Head | string {
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
