import type { ServerResponse } from 'node:http';
import { realClock } from '../runtime/clock.ts';
import { TimeSlice } from '../runtime/concurrency.ts';

/**
 * Writes pieces at the pace of the reader, giving the event loop back after each millisecond.
 * Ends quietly when the client has gone. `Timeouts.stalledMs` (server.ts) cuts off a client that stops reading.
 */
export async function sendPieces(res: ServerResponse, pieces: Iterable<string> | AsyncIterable<string>): Promise<void> {
  const writer = new PacedWriter(res);
  const slice = new TimeSlice(realClock);
  for await (const piece of pieces) {
    if (res.destroyed || res.closed) return;
    // As bytes: Node would otherwise walk through a long string once to count them and once to write them.
    await writer.write(Buffer.from(piece));
    // A write that the kernel takes at once drains within the same turn, so waiting for it is no pause.
    if (slice.isOver()) await slice.next();
  }
  res.end();
}

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

/** Joins small pieces to about 16 KiB, so that a mesh of many short reports costs few writes. */
export function* joined(pieces: Iterable<string>): Generator<string> {
  let buffer = '';
  for (const piece of pieces) {
    buffer += piece;
    if (buffer.length >= 16_384) {
      yield buffer;
      buffer = '';
    }
  }
  if (buffer !== '') yield buffer;
}

/** Sends a body with exactly that content type: some tools compare it, and express would name the charset too. */
export function sendExactly(res: ServerResponse, contentType: string, body: string): void {
  const bytes = Buffer.from(body);
  res.setHeader('Content-Type', contentType);
  res.setHeader('Content-Length', bytes.length);
  res.end(bytes);
}
