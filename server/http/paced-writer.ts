import type { ServerResponse } from 'node:http';

/**
 * Writes to a response at the pace of its reader, one piece after the other. It listens once for the life of the
 * response: a stream waits thousands of times, and `compression`, which takes `on('drain')` over, never takes a listener
 * away again.
 */
export class PacedWriter {
  readonly #res: ServerResponse;
  #resume: () => void = () => {};

  /** Make one for a response, before or after its head. */
  constructor(res: ServerResponse) {
    this.#res = res;
    const resume = () => this.#resume();
    res.on('drain', resume);
    res.on('close', resume);
  }

  /** Resolves when there is room for more, or nobody reads any more. Never rejects. */
  async write(piece: string | Uint8Array): Promise<void> {
    if (this.#res.destroyed || this.#res.write(piece) || this.#res.destroyed) return;
    await new Promise<void>((resolve) => {
      this.#resume = resolve;
    });
  }
}
