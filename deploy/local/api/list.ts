import type { KubeObject } from './objects.ts';
import { countFrom, type ObjectRequest } from './request.ts';
import { apiVersionOf } from './resources.ts';
import { type Filter, fieldFilter, labelFilter } from './selectors.ts';
import { badRequest, expired, tooLargeVersion } from './status.ts';
import { type Store, sortKey } from './store.ts';

/** A list as it is sent; `metadata` is a meta/v1 ListMeta. */
interface ObjectList {
  kind: string;
  apiVersion: string;
  metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number };
  items: KubeObject[];
}

const TOKEN_TOO_OLD =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.';

/**
 * Answers a list request with selectors, pages (`limit`, `continue`) and versions. All pages of a list show the same
 * version of the store. Throws ApiError 400; 410 if that version has been compacted away; 504 for a future version.
 */
export function listObjects(store: Store, request: ObjectRequest): ObjectList {
  const { resource, namespace, query } = request;
  const page = pageOf(store, query);
  const all = store.listAt(resource, namespace, page.version);
  if (all === null) {
    const listTooOld = `The resourceVersion for the provided list is too old: ${page.version}`;
    throw expired(page.after === '' ? listTooOld : TOKEN_TOO_OLD);
  }
  const filter = filterOf(request);
  const matching = all.filter((object) => sortKey(object) > page.after && filter(object));
  const limit = countFrom(query, 'limit') ?? 0;
  const items = limit > 0 ? matching.slice(0, limit) : matching;
  const metadata: ObjectList['metadata'] = { resourceVersion: String(page.version) };
  const last = items.at(-1);
  const remaining = matching.length - items.length;
  if (remaining > 0 && last) {
    metadata.continue = tokenOf({ version: page.version, after: sortKey(last) });
    // Real servers do not count the remaining items of a list with a selector.
    if (!query.get('labelSelector') && !query.get('fieldSelector')) metadata.remainingItemCount = remaining;
  }
  return { kind: `${resource.kind}List`, apiVersion: apiVersionOf(resource), metadata, items };
}

/** Makes a filter from the selectors and the name of a request. Throws ApiError 400. */
export function filterOf({ query, resource, name }: ObjectRequest): Filter {
  const labels = labelFilter(query.get('labelSelector') ?? '');
  const fields = fieldFilter(query.get('fieldSelector') ?? '', resource);
  return (object) => labels(object) && fields(object) && (name === '' || object.metadata.name === name);
}

interface Page {
  version: number;
  /** The sort key of the last object of the previous page; '' = from the beginning. */
  after: string;
}

function pageOf(store: Store, query: URLSearchParams): Page {
  const token = query.get('continue');
  if (token) return readToken(token, store.version);
  const requested = countFrom(query, 'resourceVersion') ?? 0;
  if (requested > store.version) throw tooLargeVersion(requested, store.version);
  const exact = query.get('resourceVersionMatch') === 'Exact' && requested > 0;
  return { version: exact ? requested : store.version, after: '' };
}

function tokenOf(page: Page): string {
  return Buffer.from(JSON.stringify(page)).toString('base64url');
}

function readToken(token: string, current: number): Page {
  try {
    const page: unknown = JSON.parse(Buffer.from(token.slice(0, 4096), 'base64url').toString());
    const { version, after } = page as Page;
    if (Number.isInteger(version) && version <= current && typeof after === 'string' && after !== '')
      return { version, after };
  } catch {
    // A token that is not JSON is as wrong as one with other contents.
  }
  throw badRequest('continue key is not valid');
}
