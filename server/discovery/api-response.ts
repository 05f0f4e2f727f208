import type { IncomingMessage } from 'node:http';
import { textOf } from '../runtime/errors.ts';
import { ApiError, asApiError, faultOfStatus } from './api-error.ts';

const MAX_ERROR_BYTES = 64 * 1024;
/** We wait no longer than this, whatever `Retry-After` says. */
const MAX_RETRY_AFTER_MS = 60_000;

/**
 * Resolves if the status is 200, and leaves the body unread. Otherwise reads the body and rejects with an `ApiError` that
 * has the fault of the status and the API's own message.
 */
export async function expectOk(response: IncomingMessage): Promise<void> {
  const { statusCode: status = 0, statusMessage = '', headers } = response;
  if (status === 200) return;
  const body = await readText(response, MAX_ERROR_BYTES).catch(() => '');
  // The answer of an API server is a Status object.
  const { message } = Object(jsonOf(body)) as { message?: unknown };
  const redirect = headers.location ? `redirected to ${headers.location}` : statusMessage;
  const text = `HTTP ${status}: ${textOf(typeof message === 'string' && message !== '' ? message : redirect, 250)}`;
  // API servers send seconds. A date (RFC 9110, section 10.2.3) counts as 0.
  const askedMs = Number(headers['retry-after'] ?? 0) * 1000 || 0;
  const retryAfterMs = Math.min(Math.max(askedMs, 0), MAX_RETRY_AFTER_MS);
  throw new ApiError(faultOfStatus(status), text, status, retryAfterMs);
}

/** An answer has more bytes than it may. */
export class TooLongError extends ApiError {}

/** Reads the body as JSON. Rejects with a `TooLongError` beyond `maxBytes`, and with an `ApiError` if it is no JSON. */
export async function readJson(response: IncomingMessage, maxBytes: number): Promise<unknown> {
  const json = jsonOf(await readText(response, maxBytes));
  // The answer of a login page, for example.
  if (json === undefined) throw new ApiError('malformed', notJson(response));
  return json;
}

/** The message about an answer that should be JSON and is not. */
export function notJson(response: IncomingMessage): string {
  return `the answer is not JSON (content-type ${textOf(response.headers['content-type'] ?? 'none', 80)})`;
}

/** Parses JSON; undefined if the text is none. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function readText(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > maxBytes) throw new TooLongError('malformed', `the answer is longer than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw asApiError(error);
  }
  return Buffer.concat(chunks).toString('utf8');
}
