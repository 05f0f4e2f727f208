import type { ServerResponse } from 'node:http';
import { realClock } from '../runtime/clock.ts';
import { TimeSlice } from '../runtime/concurrency.ts';

/** The content type of JSON, without a charset, as Goldpinger has it: some tools compare it. */
export const JSON_TYPE = 'application/json';

/** Short pieces are joined to writes of this size, because each write costs about 20 us, however short it is. */
const CHUNK_BYTES = 64 * 1024;

/**
 * Sends a body in pieces, at the pace of its reader, and ends the response. Other work of the event loop gets its turn after each
 * millisecond. Resolves without an error when the client has gone. `Timeouts.stalledMs` (server.ts) cuts off a client that stops reading.
 */
export async function sendPieces(res: ServerResponse, pieces: Iterable<string> | AsyncIterable<string>): Promise<void> {
  const write = pacedWriter(res);
  const slice = new TimeSlice(realClock);
  const encoder = new TextEncoder();
  let chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  let length = 0;
  for await (const piece of pieces) {
    for (let rest = piece; ; ) {
      if (res.destroyed || res.closed) return;
      const { read, written } = encoder.encodeInto(rest, chunk.subarray(length));
      length += written;
      if (read === rest.length) break;
      rest = rest.slice(read);
      // One chunk is used again and again: a new one for each write would be 190 MB of garbage for the largest answer.
      if (!(await write(chunk.subarray(0, length)))) chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
      length = 0;
    }
    // A write that the kernel takes at once drains within the same turn, so waiting for it is no pause.
    if (slice.isOver()) await slice.next();
  }
  res.end(chunk.subarray(0, length));
}

/** Writes one piece: see `pacedWriter`. */
export type PacedWrite = (piece: string | Uint8Array) => Promise<boolean>;

/**
 * Makes the function that writes one piece after the other to a response, at the pace of its reader. It resolves when there is room
 * for more or nobody reads any more: true if the memory of the piece can be used again, false if the piece may still wait in this
 * process. It never rejects. Make one for each response, before or after its head.
 *
 * It adds its listeners once for the life of the response: a stream waits thousands of times, and `compression`, which takes
 * `on('drain')` over, never takes a listener away again.
 */
export function pacedWriter(res: ServerResponse): PacedWrite {
  let resume = () => {};
  const onRoom = () => resume();
  res.on('drain', onRoom);
  res.on('close', onRoom);
  return async (piece) => {
    // Writing to a response that was ended, as `Streams.stop` ends them, would be an uncaught error.
    if (res.destroyed || res.writableEnded || res.write(piece) || res.destroyed) return false;
    await new Promise<void>((resolve) => {
      resume = resolve;
    });
    return true;
  };
}

/** Sends a body with exactly that content type: some tools compare it, and express would name the charset too. */
export function sendExactly(res: ServerResponse, contentType: string, body: string): void {
  const bytes = Buffer.from(body);
  res.setHeader('Content-Type', contentType);
  res.setHeader('Content-Length', bytes.length);
  res.end(bytes);
}
