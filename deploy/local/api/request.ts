import { findResource, type Resource, SUBRESOURCES, type Verb } from './resources.ts';
import { badRequest, failure, noSuchPath } from './status.ts';

/** A request for objects, as its method and URL say. */
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

/**
 * The path of objects. `/namespaces/x/pods` are pods in namespace x; `/namespaces/x` alone is an object of plural `namespaces`, so
 * something must follow (the lookahead) before x counts as the namespace of others.
 */
const OBJECT_PATH =
  /^\/(?:api|apis\/(?<group>[^/]+))\/(?<version>[^/]+)(?:\/namespaces\/(?<namespace>[^/]+)(?=\/[^/]))?\/(?<plural>[^/]+)(?:\/(?<name>[^/]+))?(?:\/(?<subresource>[^/]+))?\/?$/;

const COLLECTION_VERBS: Record<string, Verb> = { GET: 'list', POST: 'create' };
const OBJECT_VERBS: Record<string, Verb> = { GET: 'get', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };
const SUBRESOURCE_VERBS: Record<string, Verb> = { ...OBJECT_VERBS, POST: 'create' };

/** Reads a request for objects from its method and URL. Throws ApiError 404 or 405, and URIError. */
export function objectRequestOf(method: string, url: string): ObjectRequest {
  // Not by `URL`, which throws at `//` and takes the first part of `//x/api` for a host.
  const [path = '', ...queries] = url.split('?');
  const query = new URLSearchParams(queries.join('?'));
  const { groups } = OBJECT_PATH.exec(path) ?? {};
  const part = (name: string) => decodeURIComponent(groups?.[name] ?? '');
  const [namespace, name, subresource] = [part('namespace'), part('name'), part('subresource')];
  const resource = findResource(part('group'), part('version'), part('plural'));
  if (!resource || (namespace !== '' && !resource.namespaced)) throw noSuchPath();
  if (subresource !== '' && !resource.subresources.includes(subresource)) throw noSuchPath();
  if (resource.namespaced && namespace === '' && (name !== '' || method === 'POST')) throw noSuchPath();
  const { verbs } = SUBRESOURCES[subresource] ?? resource;
  const ofObject = subresource === '' ? OBJECT_VERBS : SUBRESOURCE_VERBS;
  const verb = (name === '' ? COLLECTION_VERBS : ofObject)[method];
  if (verb === undefined || !verbs.includes(verb)) {
    throw failure(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource');
  }
  const isWatch = verb === 'list' && isTrue(query.get('watch'));
  return { verb: isWatch ? 'watch' : verb, resource, namespace, name, subresource, query };
}

/** Reads a whole number >= 0 from a query; undefined if it is missing. Throws ApiError 400 on anything else. */
export function countFrom(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`invalid value for ${name}: ${JSON.stringify(text.slice(0, 50))}`);
  return Number(text);
}

/** Whether a query's value means true, as Go's strconv.ParseBool reads it. */
export function isTrue(text: string | null): boolean {
  return ['true', 'True', 'TRUE', 't', 'T', '1'].includes(text ?? '');
}

/** Whether the request only asks what would happen (`dryRun=All`). */
export function isDryRun({ query }: Pick<ObjectRequest, 'query'>): boolean {
  return query.get('dryRun') === 'All';
}
