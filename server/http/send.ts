import type { ServerResponse } from 'node:http';
import { realClock } from '../runtime/clock.ts';
import { TimeSlice } from '../runtime/concurrency.ts';

/** Pieces are put together to so many bytes, because each write costs about 20 us, however short it is. */
const CHUNK_BYTES = 64 * 1024;

/**
 * Writes pieces at the pace of the reader, giving the event loop back after each millisecond. A piece of bytes is copied before the
 * next one is asked for.
 * Ends quietly when the client has gone. `Timeouts.stalledMs` (server.ts) cuts off a client that stops reading.
 */
export async function sendPieces(
  res: ServerResponse,
  pieces: Iterable<string | Uint8Array> | AsyncIterable<string>,
): Promise<void> {
  const writer = new PacedWriter(res);
  const slice = new TimeSlice(realClock);
  const encoder = new TextEncoder();
  let chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  let length = 0;
  for await (const piece of pieces) {
    for (let rest = piece; ; ) {
      if (res.destroyed || res.closed) return;
      const room = chunk.subarray(length);
      const { read, written } = typeof rest === 'string' ? encoder.encodeInto(rest, room) : copyInto(rest, room);
      length += written;
      if (read === rest.length) break;
      rest = typeof rest === 'string' ? rest.slice(read) : rest.subarray(read);
      // One chunk is used again and again: a new one for each write would be 190 MB of garbage for the largest answer.
      if (!(await writer.write(chunk.subarray(0, length)))) chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
      length = 0;
    }
    // A write that the kernel takes at once drains within the same turn, so waiting for it is no pause.
    if (slice.isOver()) await slice.next();
  }
  res.end(chunk.subarray(0, length));
}

/** As `TextEncoder.encodeInto`, for bytes. */
function copyInto(bytes: Uint8Array, room: Uint8Array): { read: number; written: number } {
  const written = Math.min(bytes.length, room.length);
  room.set(bytes.subarray(0, written));
  return { read: written, written };
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

  /**
   * Resolves when there is room for more, or nobody reads any more: to whether `piece` has left this process, so that its
   * memory can be used again. Never rejects.
   */
  async write(piece: string | Uint8Array): Promise<boolean> {
    if (this.#res.destroyed || this.#res.write(piece) || this.#res.destroyed) return false;
    await new Promise<void>((resolve) => {
      this.#resume = resolve;
    });
    return true;
  }
}

/** Sends a body with exactly that content type: some tools compare it, and express would name the charset too. */
export function sendExactly(res: ServerResponse, contentType: string, body: string): void {
  const bytes = Buffer.from(body);
  res.setHeader('Content-Type', contentType);
  res.setHeader('Content-Length', bytes.length);
  res.end(bytes);
}
