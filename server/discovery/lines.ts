import { StringDecoder } from 'node:string_decoder';

/** Cuts a stream of bytes into lines, holding back at most `maxLength` characters of an unfinished one. */
export class Lines {
  readonly #decoder = new StringDecoder('utf8');
  readonly #maxLength: number;
  #rest: string[] = [];
  #restLength = 0;

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  /** Whether a line has begun that has not ended. */
  get unfinished(): boolean {
    return this.#restLength > 0;
  }

  /** Takes the next bytes and gives the lines they complete, without line ends. Throws a RangeError on a line too long. */
  push(chunk: Buffer): string[] {
    const pieces = this.#decoder.write(chunk).split('\n');
    const last = pieces.pop() ?? '';
    const lines: string[] = [];
    for (const piece of pieces) {
      lines.push(this.#keep(piece).join(''));
      this.#rest = [];
      this.#restLength = 0;
    }
    this.#keep(last);
    return lines;
  }

  // Pieces are joined once, at the end of their line: a line that comes in many small chunks costs its length, once.
  #keep(piece: string): string[] {
    this.#restLength += piece.length;
    if (this.#restLength > this.#maxLength) throw new RangeError(`a line is longer than ${this.#maxLength} characters`);
    if (piece !== '') this.#rest.push(piece);
    return this.#rest;
  }
}
