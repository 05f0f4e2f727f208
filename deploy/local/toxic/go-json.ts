/** A body that Go's JSON decoder would refuse; the message is what it would say, which is what clients show. */
export class JsonFault extends Error {}

/** A number with a point or an exponent: Go takes none for a whole one, not even `1e2`. */
export class Fraction {
  readonly value: number;
  /** As it was written. */
  readonly text: string;

  constructor(text: string) {
    this.value = Number(text);
    this.text = text;
  }
}

/** Bodies of Toxiproxy's API nest three deep. */
const MAX_DEPTH = 32;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const SPACE = /[ \t\r\n]*/y;

/**
 * The first JSON value of `text`; what follows it is ignored, as by Go's Decoder. Throws JsonFault with Go's words, e.g.
 * `invalid character 'b' looking for beginning of object key string`, `EOF`, `unexpected EOF`.
 */
export function parseGoJson(text: string): unknown {
  const reader = new Reader(text);
  if (reader.atEnd()) throw new JsonFault('EOF');
  return reader.value(0);
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Skips white space; whether nothing follows. */
  atEnd(): boolean {
    SPACE.lastIndex = this.#at;
    this.#at += SPACE.exec(this.#text)?.[0].length ?? 0;
    return this.#at >= this.#text.length;
  }

  value(depth: number): unknown {
    const char = this.#peek();
    if (depth > MAX_DEPTH) throw new JsonFault('exceeded max depth');
    if (char === '{') return this.#object(depth);
    if (char === '[') return this.#array(depth);
    if (char === '"') return this.#string();
    if (char === 't') return this.#literal('true', true);
    if (char === 'f') return this.#literal('false', false);
    if (char === 'n') return this.#literal('null', null);
    return this.#number();
  }

  #object(depth: number): Map<string, unknown> {
    // Keys are compared without regard to case, and the last one counts, as in Go.
    const fields = new Map<string, unknown>();
    this.#at++;
    if (this.#peek() === '}') {
      this.#at++;
      return fields;
    }
    for (;;) {
      if (this.#peek() !== '"') throw this.#fault('looking for beginning of object key string');
      const key = this.#string();
      if (this.#peek() !== ':') throw this.#fault('after object key');
      this.#at++;
      fields.set(key.toLowerCase(), this.value(depth + 1));
      const after = this.#peek();
      if (after !== ',' && after !== '}') throw this.#fault('after object key:value pair');
      this.#at++;
      if (after === '}') return fields;
    }
  }

  #array(depth: number): unknown[] {
    const items: unknown[] = [];
    this.#at++;
    if (this.#peek() === ']') {
      this.#at++;
      return items;
    }
    for (;;) {
      items.push(this.value(depth + 1));
      const after = this.#peek();
      if (after !== ',' && after !== ']') throw this.#fault('after array element');
      this.#at++;
      if (after === ']') return items;
    }
  }

  #string(): string {
    const start = this.#at;
    for (this.#at++; this.#at < this.#text.length; this.#at++) {
      const char = this.#text.charAt(this.#at);
      if (char < ' ') throw this.#fault('in string literal');
      if (char === '"') {
        this.#at++;
        return JSON.parse(this.#text.slice(start, this.#at)) as string;
      }
      if (char !== '\\') continue;
      this.#at++;
      const code = this.#text.charAt(this.#at);
      if (code === '') break;
      if (!'"\\/bfnrtu'.includes(code)) throw this.#fault('in string escape code');
      if (code === 'u' && !/^[0-9a-fA-F]{4}/.test(this.#text.slice(this.#at + 1, this.#at + 5))) {
        throw this.#fault('in \\u hexadecimal character escape');
      }
    }
    throw new JsonFault('unexpected EOF');
  }

  #literal<T>(word: string, value: T): T {
    for (const expected of word) {
      if (this.#at >= this.#text.length) throw new JsonFault('unexpected EOF');
      if (this.#text.charAt(this.#at) !== expected) {
        throw this.#fault(`in literal ${word} (expecting ${quoted(expected)})`);
      }
      this.#at++;
    }
    return value;
  }

  #number(): number | Fraction {
    NUMBER.lastIndex = this.#at;
    const [digits] = NUMBER.exec(this.#text) ?? [];
    if (digits === undefined) throw this.#fault('looking for beginning of value');
    this.#at += digits.length;
    return /^-?\d+$/.test(digits) ? Number(digits) : new Fraction(digits);
  }

  /** The next character that is no white space. Throws at the end of the text. */
  #peek(): string {
    if (this.atEnd()) throw new JsonFault('unexpected EOF');
    return this.#text.charAt(this.#at);
  }

  #fault(where: string): JsonFault {
    const char = String.fromCodePoint(this.#text.codePointAt(this.#at) ?? 0);
    return new JsonFault(`invalid character ${quoted(char)} ${where}`);
  }
}

function quoted(char: string): string {
  if (char === "'") return `'\\''`;
  return `'${JSON.stringify(char).slice(1, -1).replace('\\"', '"')}'`;
}

/** A value as Go writes it: HTML's own characters escaped. */
export function goJson(value: unknown): string {
  return JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
