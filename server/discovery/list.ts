import * as v from 'valibot';
import type { Clock } from '../contract/seams.ts';
import type { Access, Session } from './access.ts';
import { readJson } from './answer.ts';
import { ApiError, asApiError } from './api-error.ts';
import { within } from './deadline.ts';

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
export interface Listed<T> {
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
