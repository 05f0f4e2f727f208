import type { IncomingMessage } from 'node:http';
import * as v from 'valibot';
import type { Clock } from '../runtime/clock.ts';
import { textOf } from '../runtime/errors.ts';
import type { Access, Session } from './access.ts';
import { ApiError, asApiError, faultOfStatus } from './status.ts';
import { within } from './timing.ts';

/** What to list. */
export interface ListCall {
  /** E.g. `/api/v1/pods`. */
  path: string;
  query: Record<string, string>;
  /** The `Accept` header. */
  accept: string;
  /** Objects a page; a server may send more. */
  pageSize: number;
  /** Objects beyond it are left out. */
  maxItems: number;
  /** For one page, from the request to its last byte. */
  pageTimeoutMs: number;
}

/** A whole list, as of `resourceVersion`. */
interface Listed<T> {
  items: T[];
  resourceVersion: string;
  /** Whether there was more than `maxItems`. */
  truncated: boolean;
}

/** A server that ignores `limit` or sends short pages still ends; one whose `continue` never ends is cut off. */
const MAX_PAGES = 2000;

const pageSchema = v.object({
  kind: v.pipe(v.string(), v.endsWith('List')),
  metadata: v.object({ resourceVersion: v.string(), continue: v.nullish(v.string(), '') }),
  // Go marshals an empty list that was never allocated as null.
  items: v.nullable(v.array(v.unknown())),
});

/**
 * Lists objects page by page, so that no answer is large, and keeps of each what `read` makes of it.
 * `onRequest` hears of every page with its duration in ms. Rejects with an `ApiError`.
 */
export async function listAll<T>(
  access: Access,
  clock: Clock,
  call: ListCall,
  read: (item: unknown) => T,
  stop: AbortSignal,
  onRequest: (durationMs: number, ok: boolean) => void,
): Promise<Listed<T>> {
  const session = await within(clock, call.pageTimeoutMs, stop, 'preparing credentials', () => access.session());
  try {
    const page = (token: string) => timedPage(session, clock, call, token, stop, onRequest);
    return await collect(page, call.maxItems, read);
  } finally {
    session.close();
  }
}

type Page = v.InferOutput<typeof pageSchema>;

async function collect<T>(
  page: (token: string) => Promise<Page>,
  maxItems: number,
  read: (item: unknown) => T,
): Promise<Listed<T>> {
  let items: T[] = [];
  let token = '';
  let restarted = false;
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    let answer: Page;
    try {
      answer = await page(token);
    } catch (error) {
      // 410: the pages' common version was compacted away while we read. From the start, once.
      if (token === '' || restarted || asApiError(error).status !== 410) throw error;
      restarted = true;
      token = '';
      items = [];
      continue;
    }
    for (const item of answer.items ?? []) {
      if (items.length >= maxItems) return { items, resourceVersion: answer.metadata.resourceVersion, truncated: true };
      items.push(read(item));
    }
    token = answer.metadata.continue;
    if (token === '') return { items, resourceVersion: answer.metadata.resourceVersion, truncated: false };
  }
  throw new ApiError('malformed', `the list does not end within ${MAX_PAGES} pages`);
}

async function timedPage(
  session: Session,
  clock: Clock,
  call: ListCall,
  token: string,
  stop: AbortSignal,
  onRequest: (durationMs: number, ok: boolean) => void,
): Promise<Page> {
  const query = { ...call.query, limit: String(call.pageSize), ...(token === '' ? {} : { continue: token }) };
  const startMs = clock.monotonicMs();
  try {
    const body = await within(clock, call.pageTimeoutMs, stop, 'listing', async (signal) =>
      readJson(await session.open(call.path, query, call.accept, signal)),
    );
    const page = v.safeParse(pageSchema, body);
    if (!page.success) throw new ApiError('malformed', `the answer is no list: ${page.issues[0].message}`);
    onRequest(clock.monotonicMs() - startMs, true);
    return page.output;
  } catch (error) {
    if (!stop.aborted) onRequest(clock.monotonicMs() - startMs, false);
    throw asApiError(error);
  }
}

/** A page of 50 pods takes some 500 KB; a server that sends this much is not answering our question. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;
const MAX_ERROR_BYTES = 64 * 1024;
/** The longest absence that a server may ask for. */
const MAX_RETRY_AFTER_MS = 60_000;

/**
 * Reads a whole answer as JSON. Rejects with an `ApiError`: any status but 200 as its class with the API's own words,
 * anything that is not JSON (a login page) or too long as `malformed`.
 */
async function readJson(response: IncomingMessage): Promise<unknown> {
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
