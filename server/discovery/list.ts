import * as v from '../protocol/validators.ts';
import type { Clock } from '../runtime/clock.ts';
import { withTimeout } from '../runtime/deadline.ts';
import type { ApiClient } from './api-client.ts';
import { ApiError, asApiError, validOrMalformed } from './api-error.ts';
import { expectOk, readJson, TooLongError } from './api-response.ts';

/** What to list, and how. */
export interface ListCall<T> {
  path: string;
  query: Record<string, string>;
  accept: string;
  /** Objects per page; the server may send more. A page that is too long is asked for again with fewer. */
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

/** A list with more pages than this is given up. 20,000 pods in pages of 50 are 400 pages; more if pages are too long. */
const MAX_PAGES = 2000;
/** The objects of a page that was longer than MAX_PAGE_BYTES are divided by this. */
const SMALLER_BY = 8;

/**
 * Lists objects page by page, so that no answer is large, and keeps of each what `call.read` returns. Ends when `stop`
 * aborts. The caller has logged in. Rejects with an `ApiError`.
 */
export async function listAll<T>(
  client: Pick<ApiClient, 'get'>,
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
      page = await getPage(client, clock, { ...call, pageSize }, token, stop);
    } catch (error) {
      if (error instanceof TooLongError && pageSize > 1) {
        pageSize = Math.ceil(pageSize / SMALLER_BY);
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
const MAX_PAGE_ITEMS = 100_000;
/** The most bytes of a page. 50 pods take about 500 kB, one object at most 1.5 MB in etcd and a few times as much as JSON. */
const MAX_PAGE_BYTES = 16 * 1024 * 1024;

const pageSchema = v.object({
  kind: v.pipe(v.string(), v.endsWith('List')),
  metadata: v.object({ resourceVersion: v.string(), continue: v.nullish(v.string(), '') }),
  // Go writes an empty list that was never allocated as null.
  items: v.nullable(v.boundedList(MAX_PAGE_ITEMS)),
});

type Page = v.InferOutput<typeof pageSchema>;

/** Gets the page that the `continue` token leads to; '' = the first. */
async function getPage<T>(
  client: Pick<ApiClient, 'get'>,
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
      const response = await client.get(call.path, query, call.accept, signal);
      await expectOk(response);
      return readJson(response, MAX_PAGE_BYTES);
    });
    return validOrMalformed(pageSchema, body, 'the answer is not a list');
  } catch (error) {
    throw asApiError(error);
  } finally {
    if (!stop.aborted) call.onRequest?.(clock.monotonicMs() - startMs);
  }
}
