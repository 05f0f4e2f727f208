import { type KubeObject, textAt } from './objects.ts';
import { countFrom, type ObjectRequest } from './request.ts';
import { apiVersionOf } from './resources.ts';
import { badRequest } from './status.ts';
import { type Store, sortKey } from './store.ts';

/**
 * Answers a list request with selectors and pages (`limit`, `continue`). A page shows the present objects after the last one
 * of the page before it; a real server shows those of the first page's version. Throws ApiError 400.
 */
export function listObjects(store: Store, request: ObjectRequest) {
  const { resource, namespace, query } = request;
  const filter = filterOf(request);
  const after = Buffer.from(query.get('continue') ?? '', 'base64url').toString();
  const limit = countFrom(query, 'limit') || Number.POSITIVE_INFINITY;
  const rest = store.list(resource, namespace).filter((object) => sortKey(object) > after && filter(object));
  const items = rest.slice(0, limit);
  const last = rest.length > limit ? items.at(-1) : undefined;
  return {
    kind: `${resource.kind}List`,
    apiVersion: apiVersionOf(resource),
    metadata: {
      resourceVersion: String(store.version),
      ...(last && { continue: Buffer.from(sortKey(last)).toString('base64url') }),
    },
    items,
  };
}

/** Whether a request is about an object. */
export type Filter = (object: KubeObject) => boolean;

/** Makes a filter from the selectors and the name of a request. Throws ApiError 400. */
export function filterOf({ query, name }: Pick<ObjectRequest, 'query' | 'name'>): Filter {
  const tests = [
    ...termsOf(query.get('labelSelector')).map(labelTest),
    ...termsOf(query.get('fieldSelector')).map(fieldTest),
  ];
  return (object) => (name === '' || object.metadata.name === name) && tests.every((test) => test(object));
}

/** Longest selector, characters. */
const MAX_LENGTH = 4096;

/** Splits a selector at the commas outside of parentheses. Throws ApiError 400. */
function termsOf(selector: string | null): string[] {
  const text = selector?.trim() ?? '';
  if (text.length > MAX_LENGTH) throw badRequest(`a selector of more than ${MAX_LENGTH} characters`);
  return text === '' ? [] : text.split(/,(?![^(]*\))/).map((term) => term.trim());
}

/** The forms of a term of a label selector: `a` and `!a`; `a=b`, `a==b` and `a!=b`; `a in (b,c)` and `a notin (b,c)`. */
const LABEL_TERMS = [
  /^(?<absent>!?)\s*(?<key>[A-Za-z0-9][\w./-]*)$/,
  /^(?<key>[A-Za-z0-9][\w./-]*)\s*(?<operator>==|=|!=)\s*(?<list>[\w.-]*)$/,
  /^(?<key>[A-Za-z0-9][\w./-]*)\s+(?<operator>in|notin)\s*\(\s*(?<list>[\w.-]+(?:\s*,\s*[\w.-]+)*)\s*\)$/,
];

/** Makes the test of one term. As in Kubernetes, `!=` and `notin` also match objects without the label. Throws ApiError 400. */
function labelTest(term: string): Filter {
  const groups = LABEL_TERMS.map((form) => form.exec(term)?.groups).find((found) => found !== undefined);
  if (!groups) throw badRequest(`unable to parse requirement: '${term.slice(0, 200)}'`);
  const { key = '', absent, operator = '', list = '' } = groups;
  const labelOf = ({ metadata: { labels = {} } }: KubeObject) => (Object.hasOwn(labels, key) ? labels[key] : undefined);
  if (operator === '') return (object) => (labelOf(object) === undefined) === (absent === '!');
  const values: unknown[] = list.split(/\s*,\s*/);
  return (object) => values.includes(labelOf(object)) === ['=', '==', 'in'].includes(operator);
}

/**
 * Makes the test of one term of a field selector: `field=value`, `field==value` or `field!=value`. Any field may be named, and one
 * that is absent equals ''; a real server knows a few of each kind, and refuses others. Throws ApiError 400.
 */
function fieldTest(term: string): Filter {
  const [, field = '', operator, value] = /^([\w.]+)(==|=|!=)(.*)$/.exec(term) ?? [];
  if (value === undefined) throw badRequest(`invalid selector: can't understand '${term.slice(0, 200)}'`);
  return (object) => (textAt(object, field) === value) === (operator !== '!=');
}
