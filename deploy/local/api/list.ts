import { type KubeObject, textAt } from './objects.ts';
import { countFrom, type ObjectRequest } from './request.ts';
import { apiVersionOf, EVENTS, NODES, PODS, type Resource } from './resources.ts';
import { badRequest, tooLargeVersion } from './status.ts';
import { type Store, sortKey } from './store.ts';

/** A list as it is sent; `metadata` is a meta/v1 ListMeta. */
interface ObjectList {
  kind: string;
  apiVersion: string;
  metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number };
  items: KubeObject[];
}

/**
 * Answers a list request with selectors and pages (`limit`, `continue`). A page shows the present objects after the last one
 * of the page before it; a real server shows those of the first page's version. Throws ApiError 400, and 504 for a version
 * that the store has not reached.
 */
export function listObjects(store: Store, request: ObjectRequest): ObjectList {
  const { resource, namespace, query } = request;
  const requested = countFrom(query, 'resourceVersion') ?? 0;
  if (requested > store.version) throw tooLargeVersion(requested, store.version);
  const after = readToken(query.get('continue') ?? '');
  const filter = filterOf(request);
  const matching = store.list(resource, namespace).filter((object) => sortKey(object) > after && filter(object));
  const limit = countFrom(query, 'limit') ?? 0;
  const items = limit > 0 ? matching.slice(0, limit) : matching;
  const metadata: ObjectList['metadata'] = { resourceVersion: String(store.version) };
  const last = items.at(-1);
  const remaining = matching.length - items.length;
  if (remaining > 0 && last) {
    metadata.continue = Buffer.from(sortKey(last)).toString('base64url');
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

/** Reads a token of `continue`: the sort key of the last object of the previous page; '' = from the beginning. */
function readToken(token: string): string {
  const key = Buffer.from(token.slice(0, MAX_LENGTH), 'base64url').toString();
  // A sort key has a NUL between namespace and name.
  if (token !== '' && !key.includes('\u0000')) throw badRequest('continue key is not valid');
  return key;
}

/** Whether a request is about an object. */
export type Filter = (object: KubeObject) => boolean;

/** Longest selector or token, characters. */
const MAX_LENGTH = 4096;
const KEY = /^([a-z0-9A-Z.-]+\/)?[a-zA-Z0-9]([-a-zA-Z0-9_.]*[a-zA-Z0-9])?$/;
const VALUE = /^([a-zA-Z0-9]([-a-zA-Z0-9_.]*[a-zA-Z0-9])?)?$/;

/**
 * Makes a filter from a label selector: `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a`, `!a`. Terms are joined
 * by commas, and all must hold. As in Kubernetes, `!=` and `notin` also match objects without the label. Throws ApiError
 * 400.
 */
export function labelFilter(selector: string): Filter {
  const tests = split(selector).map(labelTest);
  return (object) => tests.every((test) => test(object.metadata.labels ?? {}));
}

/** The fields that a field selector may name, by resource, besides `metadata.name` and `metadata.namespace`. */
const FIELDS = new Map<Resource, readonly string[]>([
  [PODS, ['spec.nodeName', 'spec.restartPolicy', 'spec.serviceAccountName', 'status.phase', 'status.podIP']],
  [NODES, ['spec.unschedulable']],
  [
    EVENTS,
    [
      'involvedObject.kind',
      'involvedObject.name',
      'involvedObject.namespace',
      'involvedObject.uid',
      'involvedObject.apiVersion',
      'involvedObject.resourceVersion',
      'involvedObject.fieldPath',
      'reason',
      'type',
      'source',
      'reportingComponent',
    ],
  ],
]);

/** Makes a filter from a field selector: `field=value` or `field!=value`, joined by commas. Throws ApiError 400. */
export function fieldFilter(selector: string, resource: Resource): Filter {
  const known = ['metadata.name', 'metadata.namespace', ...(FIELDS.get(resource) ?? [])];
  const tests = fieldTerms(selector).map(({ field, isEqual, value }) => {
    if (!known.includes(field)) throw badRequest(`field label not supported: ${field.slice(0, 100)}`);
    return (object: KubeObject) => (fieldOf(object, field) === value) === isEqual;
  });
  return (object) => tests.every((test) => test(object));
}

/** The name that a field selector demands (`metadata.name=NAME`); '' = none. Throws ApiError 400. */
export function demandedName(selector: string): string {
  return fieldTerms(selector).find(({ field, isEqual }) => field === 'metadata.name' && isEqual)?.value ?? '';
}

/** The terms of a field selector. Throws ApiError 400. */
function fieldTerms(selector: string): { field: string; isEqual: boolean; value: string }[] {
  return split(selector).map((term) => {
    const parts = /^([^=!]+)(==|=|!=)(.*)$/.exec(term);
    if (!parts)
      throw badRequest(`invalid selector: '${selector.slice(0, 200)}'; can't understand '${term.slice(0, 100)}'`);
    const [, field = '', operator, value = ''] = parts;
    return { field, isEqual: operator !== '!=', value };
  });
}

/** The value of a field as field selectors see it; '' = the object has none. */
function fieldOf(object: KubeObject, field: string): string {
  // k8s.io/kubernetes/pkg/registry/core/event, ToSelectableFields.
  if (field === 'source') return textAt(object, 'source.component') || textAt(object, 'reportingComponent');
  // A node without this field can be scheduled.
  return textAt(object, field) || (field === 'spec.unschedulable' ? 'false' : '');
}

/** Makes the test of one term of a label selector. Throws ApiError 400. */
function labelTest(term: string): (labels: Record<string, string>) => boolean {
  // First `key in (..)`, then `key=value`; else the key alone.
  const [, key = '', operator = '', list = ''] =
    /^(\S+)\s+(in|notin)\s*\((.*)\)$/.exec(term) ?? /^([^=!\s]+)\s*(==|=|!=)\s*(\S*)$/.exec(term) ?? [];
  if (operator !== '') {
    if (operator.endsWith('in') && list.trim() === '') {
      throw badRequest(`for 'in', 'notin' operators, values set can't be empty`);
    }
    const values = list.split(',').map((value) => check(value.trim(), VALUE, term));
    const name = check(key, KEY, term);
    const isPositive = operator !== 'notin' && operator !== '!=';
    // No label can have this value.
    return (labels) => values.includes(labels[name] ?? '\u0000') === isPositive;
  }
  const absent = term.startsWith('!');
  const name = check(term.slice(absent ? 1 : 0).trim(), KEY, term);
  return (labels) => Object.hasOwn(labels, name) !== absent;
}

/** Returns `text` if it matches; else throws ApiError 400 about the term of the selector. */
function check(text: string, pattern: RegExp, term: string): string {
  if (!pattern.test(text)) throw badRequest(`unable to parse requirement: '${term.slice(0, 200)}'`);
  return text;
}

/** Splits a selector at the commas outside of parentheses. */
function split(selector: string): string[] {
  if (selector.length > MAX_LENGTH) throw badRequest(`a selector of more than ${MAX_LENGTH} characters`);
  if (selector.trim() === '') return [];
  const terms: string[] = [''];
  let depth = 0;
  for (const char of selector) {
    if (char === '(') depth += 1;
    if (char === ')') depth -= 1;
    if (char === ',' && depth === 0) terms.push('');
    else terms[terms.length - 1] += char;
  }
  return terms.map((term) => term.trim());
}
