import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { filterOf, listObjects } from '../../../../../deploy/local/api/list.ts';
import type { KubeObject } from '../../../../../deploy/local/api/objects.ts';
import { objectRequestOf } from '../../../../../deploy/local/api/request.ts';
import type { Store } from '../../../../../deploy/local/api/store.ts';
import { addPod, errorCodeOf, newStore } from '../pod-store.ts';

function pod(labels: Record<string, string>, more: object = {}): KubeObject {
  const metadata = { name: 'a', namespace: 'default', uid: 'u', resourceVersion: '1', creationTimestamp: '', labels };
  return { apiVersion: 'v1', kind: 'Pod', metadata, ...more };
}

const byLabels = (labelSelector: string) => filterOf({ name: '', query: new URLSearchParams({ labelSelector }) });
const byFields = (fieldSelector: string) => filterOf({ name: '', query: new URLSearchParams({ fieldSelector }) });

describe('a list', () => {
  const list = (store: Store, query = '') =>
    listObjects(store, objectRequestOf('GET', `/api/v1/namespaces/default/pods?${query}`));
  const namesOf = ({ items }: ReturnType<typeof list>) => items.map(({ metadata }) => metadata.name);

  it('has pages that together are the list, without what is added to a page that was already read', () => {
    const store = newStore();
    for (const name of 'bcdef') addPod(store, name);
    const seen: string[] = [];
    for (let token: string | undefined = ''; token !== undefined; ) {
      const page = list(store, `limit=2&continue=${token}`);
      seen.push(...namesOf(page));
      addPod(store, `a-${token.toLowerCase()}`);
      token = page.metadata.continue;
    }
    expect(seen).toEqual([...'bcdef']);
  });

  it('has the objects of its namespace that all its selectors match', () => {
    const store = newStore();
    for (const name of ['a', 'b', 'c']) addPod(store, name, { app: name === 'c' ? 'y' : 'x' });
    addPod(store, 'd', { app: 'x' }, 'other');
    expect(namesOf(list(store, 'labelSelector=app%3Dx&fieldSelector=metadata.name!%3Db'))).toEqual(['a']);
    expect(errorCodeOf(() => list(store, 'limit=x'))).toBe(400);
  });
});

describe('a label selector', () => {
  it.each([
    ['app==goldpinger', { app: 'goldpinger' }, true],
    ['app!=goldpinger', {}, true],
    ['app', { app: '' }, true],
    ['app in (a, b)', { app: 'b' }, true],
    ['app notin (a,b)', {}, true],
    ['app=a,zone in (x,y),!gone', { app: 'a', zone: 'y' }, true],
    ['app=a,zone in (x,y),!gone', { app: 'a', zone: 'y', gone: '' }, false],
    ['app.kubernetes.io/name=a', { 'app.kubernetes.io/name': 'a' }, true],
    ['', {}, true],
  ])('%s of %j is %s', (selector, labels, wanted) => {
    expect(byLabels(selector)(pod(labels as Record<string, string>))).toBe(wanted);
  });

  it.each(['a=b=c', 'a in ()', 'in (a)', 'a in b', '=b', 'a,,b', '-a', 'a=(b)', 'a b', 'a'.repeat(5000)])(
    '%s is refused with 400',
    (selector) => {
      expect(errorCodeOf(() => byLabels(selector))).toBe(400);
    },
  );

  it('matches by = and in the labels that have the value, and by != and notin all others', () => {
    const word = fc.constantFrom('a', 'b', 'c');
    fc.assert(
      fc.property(word, word, fc.dictionary(word, word), (key, value, labels) => {
        const holds = (selector: string) => byLabels(selector)(pod(labels));
        return (
          holds(`${key}=${value}`) === (labels[key] === value) &&
          holds(`${key}!=${value}`) !== holds(`${key}=${value}`) &&
          holds(`${key} in (${value})`) === holds(`${key}=${value}`) &&
          holds(`${key} notin (${value})`) !== holds(`${key}=${value}`) &&
          holds(key) === key in labels &&
          holds(`!${key}`) !== holds(key)
        );
      }),
    );
  });

  it('either is read or refused with 400', () => {
    fc.assert(
      fc.property(fc.string(), (selector) => ['no error', 400].includes(errorCodeOf(() => byLabels(selector)))),
    );
  });
});

describe('a field selector', () => {
  const running = pod({}, { spec: { nodeName: 'node-a' }, status: { phase: 'Running' } });

  it.each([
    ['metadata.name=a', true],
    ['metadata.name=b', false],
    ['status.phase!=Running', false],
    ['status.phase=Running,spec.nodeName=node-b', false],
    ['spec.nodeName==node-a,metadata.namespace=default', true],
    ['status.podIP=', true],
    ['', true],
  ])('%s of a running pod "a" on node-a is %s', (selector, wanted) => {
    expect(byFields(selector)(running)).toBe(wanted);
  });

  it('that names no field is refused with 400', () => {
    expect(errorCodeOf(() => byFields('nonsense'))).toBe(400);
  });
});
