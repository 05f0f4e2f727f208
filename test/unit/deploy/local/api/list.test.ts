import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fieldFilter, labelFilter, listObjects } from '../../../../../deploy/local/api/list.ts';
import type { KubeObject } from '../../../../../deploy/local/api/objects.ts';
import { objectRequestOf } from '../../../../../deploy/local/api/request.ts';
import { EVENTS, NODES, PODS } from '../../../../../deploy/local/api/resources.ts';
import type { Store } from '../../../../../deploy/local/api/store.ts';
import { addPod, errorCodeOf, newStore } from '../pod-store.ts';

const list = (store: Store, query = '') =>
  listObjects(store, objectRequestOf('GET', `/api/v1/namespaces/default/pods?${query}`));

describe('a list', () => {
  it('has pages that together are the list, without what is added to a page that was already read', () => {
    const store = newStore();
    for (const name of 'bcdef') addPod(store, name);
    const seen = [];
    let page = list(store, 'limit=2');
    for (let extra = 0; ; extra++) {
      seen.push(...page.items.map(({ metadata }) => metadata.name));
      if (page.metadata.continue === undefined) break;
      expect(page.metadata.remainingItemCount).toBe(5 - seen.length);
      addPod(store, `a-${extra}`);
      page = list(store, `limit=2&continue=${page.metadata.continue}`);
    }
    expect(seen).toEqual([...'bcdef']);
  });

  it('of a version that is still to come is refused with 504', () => {
    const store = newStore();
    addPod(store, 'a');
    expect(list(store, 'resourceVersion=0').items).toHaveLength(1);
    expect(errorCodeOf(() => list(store, `resourceVersion=${store.version + 100}`))).toBe(504);
  });

  it.each([
    'limit=x',
    'limit=-1',
    'continue=nonsense',
    'resourceVersion=abc',
    'labelSelector=a%20b',
    'fieldSelector=x%3D1',
  ])('with %s is refused with 400', (query) => {
    expect(errorCodeOf(() => list(newStore(), query))).toBe(400);
  });

  it('does not count the remaining items if it has a selector', () => {
    const store = newStore();
    for (const name of ['a', 'b', 'c']) addPod(store, name, { app: 'x' });
    const { items, metadata } = list(store, 'limit=1&labelSelector=app%3Dx');
    expect(items).toHaveLength(1);
    expect(metadata.continue).toBeDefined();
    expect(metadata.remainingItemCount).toBeUndefined();
  });
});

function pod(labels: Record<string, string>, more: object = {}): KubeObject {
  const metadata = { name: 'a', namespace: 'default', uid: 'u', resourceVersion: '1', creationTimestamp: '', labels };
  return { apiVersion: 'v1', kind: 'Pod', metadata, ...more };
}

describe('a label selector', () => {
  it.each([
    ['app=goldpinger', { app: 'goldpinger' }, true],
    ['app==goldpinger', { app: 'goldpinger' }, true],
    ['app=goldpinger', { app: 'other' }, false],
    ['app=goldpinger', {}, false],
    ['app!=goldpinger', { app: 'other' }, true],
    ['app!=goldpinger', {}, true],
    ['app', { app: '' }, true],
    ['app', {}, false],
    ['!app', {}, true],
    ['!app', { app: 'x' }, false],
    ['app in (a, b)', { app: 'b' }, true],
    ['app in (a,b)', {}, false],
    ['app notin (a,b)', { app: 'c' }, true],
    ['app notin (a,b)', {}, true],
    ['app notin (a,b)', { app: 'a' }, false],
    ['app=a,zone in (x,y),!gone', { app: 'a', zone: 'y' }, true],
    ['app=a,zone in (x,y),!gone', { app: 'a', zone: 'y', gone: '' }, false],
    ['app.kubernetes.io/name=a', { 'app.kubernetes.io/name': 'a' }, true],
    ['', {}, true],
  ])('%s of %j is %s', (selector, labels, wanted) => {
    expect(labelFilter(selector)(pod(labels as Record<string, string>))).toBe(wanted);
  });

  it.each(['a=b=c', 'a in ()', 'a notin ( )', 'in (a)', 'a in b', '=b', 'a,,b', '-a', 'a=(b)', 'a b'])(
    '%s is refused with 400',
    (selector) => {
      expect(errorCodeOf(() => labelFilter(selector))).toBe(400);
    },
  );

  it('matches exactly one of = and !=, and of in and notin, for any labels', () => {
    const word = fc.constantFrom('a', 'b', 'c');
    fc.assert(
      fc.property(word, word, fc.dictionary(word, word), (key, value, labels) => {
        const holds = (selector: string) => labelFilter(selector)(pod(labels));
        return (
          holds(`${key}=${value}`) !== holds(`${key}!=${value}`) &&
          holds(`${key} in (${value})`) === holds(`${key}=${value}`) &&
          holds(`${key} notin (${value})`) !== holds(`${key}=${value}`) &&
          holds(key) !== holds(`!${key}`)
        );
      }),
    );
  });

  it('either parses a text or rejects it with 400', () => {
    fc.assert(
      fc.property(fc.string(), (selector) =>
        ['no error', 400].includes(errorCodeOf(() => labelFilter(selector)) as string),
      ),
    );
    expect(errorCodeOf(() => labelFilter('a'.repeat(5000)))).toBe(400);
  });
});

describe('a field selector', () => {
  const running = pod({}, { spec: { nodeName: 'node-a' }, status: { phase: 'Running' } });

  it.each([
    ['metadata.name=a', true],
    ['metadata.name=b', false],
    ['status.phase=Running', true],
    ['status.phase!=Running', false],
    ['status.phase=Running,spec.nodeName=node-b', false],
    ['spec.nodeName==node-a,metadata.namespace=default', true],
    ['status.podIP=', true],
    ['', true],
  ])('%s of a running pod "a" on node-a is %s', (selector, wanted) => {
    expect(fieldFilter(selector, PODS)(running)).toBe(wanted);
  });

  it('`source` of an event is its component, or else its reporting component', () => {
    const isOf = (event: object) => fieldFilter('source=kubelet', EVENTS)(pod({}, event));
    expect(isOf({ source: { component: 'kubelet' } })).toBe(true);
    expect(isOf({ source: { component: '' }, reportingComponent: 'kubelet' })).toBe(true);
    expect(isOf({ reportingComponent: 'kubelet' })).toBe(true);
    expect(isOf({ source: { component: 'other' }, reportingComponent: 'kubelet' })).toBe(false);
  });

  it('is refused with 400 for a field that the kind does not support', () => {
    expect(errorCodeOf(() => fieldFilter('spec.image=x', PODS))).toBe(400);
    expect(errorCodeOf(() => fieldFilter('status.phase=Running', NODES))).toBe(400);
    expect(errorCodeOf(() => fieldFilter('nonsense', PODS))).toBe(400);
  });
});
