import type { KubeObject } from './objects.ts';
import { countFrom, type ObjectRequest } from './request.ts';
import { apiVersionOf } from './resources.ts';
import { type Filter, fieldFilter, labelFilter } from './selectors.ts';
import { badRequest, expired, tooLargeVersion } from './status.ts';
import { type Store, sortKey } from './store.ts';

/** A list as it is sent; `metadata` is that of a meta/v1 ListMeta. */
export interface ObjectList {
  kind: string;
  apiVersion: string;
  metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number };
  items: KubeObject[];
}

/** The objects that a request's label and field selectors want. Throws ApiError 400. */
export function filterOf(request: ObjectRequest): Filter {
  const labels = labelFilter(request.query.get('labelSelector') ?? '');
  const fields = fieldFilter(request.query.get('fieldSelector') ?? '', request.resource);
  const { name } = request;
  return (object) => labels(object) && fields(object) && (name === '' || object.metadata.name === name);
}

/**
 * Answers a list request: selectors, pages (`limit`, `continue`) and versions. All pages of a list show the same
 * version of the store. Throws ApiError 400, 410 once that version has been compacted away, 504 for a version yet to
 * come.
 */
export function listObjects(store: Store, request: ObjectRequest): ObjectList {
  const { resource, namespace, query } = request;
  const page = pageOf(store, query);
  const all = store.listAt(resource, namespace, page.version);
  if (all === null)
    throw expired(
      page.after === '' ? `The resourceVersion for the provided list is too old: ${page.version}` : TOKEN_TOO_OLD,
    );
  const filter = filterOf(request);
  const wanted = all.filter((object) => sortKey(object) > page.after && filter(object));
  const limit = countFrom(query, 'limit') ?? 0;
  const items = limit > 0 ? wanted.slice(0, limit) : wanted;
  const last = items.at(-1);
  const left = wanted.length - items.length;
  const filtered = Boolean(query.get('labelSelector') || query.get('fieldSelector'));
  return {
    kind: `${resource.kind}List`,
    apiVersion: apiVersionOf(resource),
    metadata: {
      resourceVersion: String(page.version),
      ...(left > 0 && last ? { continue: tokenOf({ version: page.version, after: sortKey(last) }) } : {}),
      // Real servers do not count what is left behind a selector.
      ...(left > 0 && !filtered ? { remainingItemCount: left } : {}),
    },
    items,
  };
}

const TOKEN_TOO_OLD =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.';

interface Page {
  version: number;
  /** The sort key of the last object of the page before; '' = from the beginning. */
  after: string;
}

function pageOf(store: Store, query: URLSearchParams): Page {
  const token = query.get('continue');
  if (token) return readToken(token, store.version);
  const asked = countFrom(query, 'resourceVersion') ?? 0;
  if (asked > store.version) throw tooLargeVersion(asked, store.version);
  const exact = query.get('resourceVersionMatch') === 'Exact' && asked > 0;
  return { version: exact ? asked : store.version, after: '' };
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
    // Told below, with all other nonsense.
  }
  throw badRequest('continue key is not valid');
}
