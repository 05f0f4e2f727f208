import type { IncomingMessage } from 'node:http';
import { findResource, type Resource } from './resources.ts';
import { badRequest, failure, methodNotAllowed, noSuchPath } from './status.ts';

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

/** What a client wants to do, in the words of Kubernetes' authorisation. */
type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

/** A request for objects, as its URL and method tell. */
export interface ObjectRequest {
  verb: Verb;
  resource: Resource;
  /** '' for cluster-wide kinds, and for all namespaces. */
  namespace: string;
  /** '' for collections. */
  name: string;
  /** '' = none. */
  subresource: string;
  query: URLSearchParams;
}

const COLLECTION_VERBS: Record<string, Verb> = { GET: 'list', POST: 'create', DELETE: 'deletecollection' };
const OBJECT_VERBS: Record<string, Verb> = { GET: 'get', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };
const SUBRESOURCE_VERBS: Record<string, Record<string, Verb>> = {
  log: { GET: 'get' },
  eviction: { POST: 'create' },
  scale: { GET: 'get', PUT: 'update', PATCH: 'patch' },
};

/**
 * Reads the URL of a request for objects: `/api/v1/...` or `/apis/GROUP/VERSION/...`, then
 * `[namespaces/NS/]RESOURCE[/NAME[/SUBRESOURCE]]`. Throws ApiError 400, 404 or 405.
 */
export function parseObjectRequest(method: string, url: URL): ObjectRequest {
  const [root, ...rest] = segmentsOf(url);
  const [group = '', version = ''] = root === 'api' ? ['', rest[0]] : root === 'apis' ? rest : [];
  const path = rest.slice(root === 'api' ? 1 : 2);
  // `/namespaces/x` is the namespace itself; `/namespaces/x/pods` lies in it.
  const inNamespace = path[0] === 'namespaces' && path.length > 2;
  const namespace = inNamespace ? (path[1] ?? '') : '';
  const [plural = '', name = '', subresource = '', ...tooMuch] = inNamespace ? path.slice(2) : path;
  const resource = findResource(group, version, plural);
  if (!resource || tooMuch.length > 0 || (inNamespace && !resource.namespaced)) throw noSuchPath();
  if (subresource !== '' && !resource.subresources.includes(subresource)) throw noSuchPath();
  if (resource.namespaced && !inNamespace && (name !== '' || method === 'POST')) throw noSuchPath();
  const verbs = name === '' ? COLLECTION_VERBS : subresource === '' ? OBJECT_VERBS : SUBRESOURCE_VERBS[subresource];
  let verb = verbs?.[method];
  if (verb === undefined) throw methodNotAllowed();
  if (verb === 'list' && isTrue(url.searchParams.get('watch'))) verb = 'watch';
  return { verb, resource, namespace, name, subresource, query: url.searchParams };
}

/** A whole number >= 0 from a query; undefined where it is not given. Throws ApiError 400 on anything else. */
export function countFrom(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`invalid value for ${name}: ${JSON.stringify(text.slice(0, 50))}`);
  return Number(text);
}

/** Whether a query's value means true, as Go's strconv.ParseBool has it. */
export function isTrue(text: string | null): boolean {
  return text === 'true' || text === '1' || text === 'True' || text === 'TRUE' || text === 't' || text === 'T';
}

function segmentsOf(url: URL): string[] {
  try {
    return url.pathname.split('/').filter(Boolean).map(decodeURIComponent);
  } catch {
    throw badRequest('the path is not properly encoded');
  }
}
