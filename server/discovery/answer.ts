import type { IncomingMessage } from 'node:http';
import { textOf } from '../contract/errors.ts';
import { ApiError, asApiError, faultOfStatus } from './api-error.ts';

/** A page of 50 pods takes some 500 KB; a server that sends this much is not answering our question. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;
const MAX_ERROR_BYTES = 64 * 1024;
/** The longest absence that a server may ask for. */
const MAX_RETRY_AFTER_MS = 60_000;

/**
 * Reads a whole answer as JSON. Rejects with an `ApiError`: any status but 200 as its class with the API's own words,
 * anything that is not JSON (a login page) or too long as `malformed`.
 */
export async function readJson(response: IncomingMessage): Promise<unknown> {
  await expectOk(response);
  const body = await readText(response, MAX_BODY_BYTES);
  try {
    return JSON.parse(body);
  } catch {
    throw new ApiError('malformed', notJson(response));
  }
}

/** Lets an answer of status 200 pass unread; otherwise reads it and rejects with what the API says is wrong. */
export async function expectOk(response: IncomingMessage): Promise<void> {
  const status = response.statusCode ?? 0;
  if (status === 200) return;
  const body = await readText(response, MAX_ERROR_BYTES).catch(() => '');
  const location = response.headers.location;
  const words = statusMessage(body) ?? (location ? `redirected to ${location}` : (response.statusMessage ?? ''));
  const retryAfterMs = Math.min(
    Math.max(Number(response.headers['retry-after'] ?? 0) * 1000 || 0, 0),
    MAX_RETRY_AFTER_MS,
  );
  throw new ApiError(faultOfStatus(status), `HTTP ${status}: ${textOf(words, 250)}`, status, retryAfterMs);
}

/** What to say of an answer that should have been JSON. */
export function notJson(response: IncomingMessage): string {
  return `the answer is not JSON (content-type ${textOf(response.headers['content-type'] ?? 'none', 80)})`;
}

async function readText(response: IncomingMessage, limit: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > limit) throw new ApiError('malformed', `the answer is longer than ${limit} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw asApiError(error);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** `message` of a Kubernetes Status object. */
function statusMessage(body: string): string | null {
  try {
    const message = (JSON.parse(body) as { message?: unknown } | null)?.message;
    return typeof message === 'string' && message !== '' ? message : null;
  } catch {
    return null;
  }
}
