import type { IncomingMessage } from 'node:http';
import { badRequest, failure } from './status.ts';

/** As much as a real API server takes by default is 3 MiB; nothing that belongs here comes near this. */
const MAX_BODY_BYTES = 1024 * 1024;

/**
 * The body of a request as JSON; undefined if it has none. Throws ApiError 413 if it is too large, 415 for protobuf,
 * 400 if it is not JSON.
 */
export async function jsonBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) {
      throw failure(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${MAX_BODY_BYTES}`);
    }
    chunks.push(chunk);
  }
  if (length === 0) return undefined;
  if (/protobuf|cbor|yaml/.test(request.headers['content-type'] ?? '')) {
    throw failure(
      415,
      'UnsupportedMediaType',
      'the body of the request was in an unknown format: this cluster understands JSON alone (kubectl apply -f sends it)',
    );
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw badRequest('the body is not valid JSON');
  }
}
