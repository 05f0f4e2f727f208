import type { IncomingMessage } from 'node:http';
import * as v from '../protocol/validators.ts';
import type { Clock } from '../runtime/clock.ts';
import { withTimeout } from '../runtime/deadline.ts';
import { textOf } from '../runtime/errors.ts';
import type { Access } from './access.ts';
import { ApiError, asApiError, faultOfStatus, validOrMalformed } from './api-error.ts';

/** What to list, and how. */
export interface ListCall<T> {
  path: string;
  query: Record<string, string>;
  accept: string;
  /** Objects per page; the server may send more. Pages of large objects are asked for again with fewer of them. */
  pageSize: number;
  /** Objects beyond this number are left out. */
  maxItems: number;
  /** Timeout of one page, from the request to its last byte. */
  pageTimeoutMs: number;
  /** What is kept of an object; null = it cannot be read and is left out. */
  read(item: unknown): T | null;
  /** Called after each request of a page, whether it succeeded or failed. */
  onRequest?(durationMs: number): void;
}

/** A whole list, as of `resourceVersion`. */
interface Listed<T> {
  items: T[];
  resourceVersion: string;
  /** Whether there were more than `maxItems` objects. */
  truncated: boolean;
}

/** A list that has more pages than this is given up, so that a `continue` that never ends does not hold us. */
const MAX_PAGES = 2000;

/**
 * Lists objects page by page, so that no answer is large, and keeps of each what `call.read` returns. Ends when `stop`
 * aborts. The caller has logged in. Rejects with an `ApiError`.
 */
export async function listAll<T>(
  access: Pick<Access, 'open'>,
  clock: Clock,
  call: ListCall<T>,
  stop: AbortSignal,
): Promise<Listed<T>> {
  let items: T[] = [];
  let token = '';
  let { pageSize } = call;
  let restarted = false;
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    let page: Page;
    try {
      page = await getPage(access, clock, { ...call, pageSize }, token, stop);
    } catch (error) {
      if (error instanceof TooLongError && pageSize > 1) {
        pageSize = Math.ceil(pageSize / 8);
        continue;
      }
      // 410: the version that all pages are of was compacted away while we read them. Start again, once.
      if (token === '' || restarted || asApiError(error).status !== 410) throw error;
      restarted = true;
      token = '';
      items = [];
      continue;
    }
    const { resourceVersion } = page.metadata;
    for (const item of page.items ?? []) {
      if (items.length >= call.maxItems) return { items, resourceVersion, truncated: true };
      const read = call.read(item);
      if (read !== null) items.push(read);
    }
    token = page.metadata.continue;
    if (token === '') return { items, resourceVersion, truncated: false };
  }
  throw new ApiError('malformed', `the list has more than ${MAX_PAGES} pages`);
}

/** The most objects of a page. A server that ignores `limit` may send all at once. */
const MAX_ITEMS = 100_000;

const pageSchema = v.object({
  kind: v.pipe(v.string(), v.endsWith('List')),
  metadata: v.object({ resourceVersion: v.string(), continue: v.nullish(v.string(), '') }),
  // Go writes an empty list that was never allocated as null.
  items: v.nullable(v.boundedList(MAX_ITEMS)),
});

type Page = v.InferOutput<typeof pageSchema>;

/** Gets the page that the `continue` token leads to; '' = the first. */
async function getPage<T>(
  access: Pick<Access, 'open'>,
  clock: Clock,
  call: ListCall<T>,
  token: string,
  stop: AbortSignal,
): Promise<Page> {
  const query: Record<string, string> = { ...call.query, limit: String(call.pageSize) };
  if (token !== '') query['continue'] = token;
  const startMs = clock.monotonicMs();
  try {
    const body = await withTimeout(clock, call.pageTimeoutMs, stop, 'listing', async (signal) => {
      const response = await access.open(call.path, query, call.accept, signal);
      await expectOk(response);
      const json = jsonOf(await readText(response, MAX_BODY_BYTES));
      // The answer of a login page, for example.
      if (json === undefined) throw new ApiError('malformed', notJson(response));
      return json;
    });
    return validOrMalformed(pageSchema, body, 'the answer is not a list');
  } catch (error) {
    throw asApiError(error);
  } finally {
    if (!stop.aborted) call.onRequest?.(clock.monotonicMs() - startMs);
  }
}

/** A page of 50 pods takes about 500 kB. One object takes at most 1.5 MB in etcd, and a few times as much as JSON. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;
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
  const askedMs = Number(headers['retry-after'] ?? 0) * 1000 || 0;
  const retryAfterMs = Math.min(Math.max(askedMs, 0), MAX_RETRY_AFTER_MS);
  throw new ApiError(faultOfStatus(status), text, status, retryAfterMs);
}

/** The message about an answer that should be JSON and is not. */
export function notJson(response: IncomingMessage): string {
  return `the answer is not JSON (content-type ${textOf(response.headers['content-type'] ?? 'none', 80)})`;
}

class TooLongError extends ApiError {}

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

/** Parses JSON; undefined if the text is none. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
