import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { listObjects } from '../../../../../deploy/local/api/list.ts';
import type { Store } from '../../../../../deploy/local/api/store.ts';
import { addPod, errorCodeOf, newStore, objectRequest, relabel } from '../pod-store.ts';

const list = (store: Store, query = '') =>
  listObjects(store, objectRequest('GET', `/api/v1/namespaces/default/pods?${query}`));

describe('a list', () => {
  it('has pages that together are the list of one version, whatever changes between them', () => {
    const names = fc.uniqueArray(fc.constantFrom(...'abcdefghij'), { minLength: 1 });
    fc.assert(
      fc.property(names, fc.integer({ min: 1, max: 4 }), (all, limit) => {
        const store = newStore();
        for (const name of all) addPod(store, name);
        const whole = list(store).items;
        const seen = [];
        let page = list(store, `limit=${limit}`);
        const { resourceVersion } = page.metadata;
        for (let extra = 0; ; extra++) {
          seen.push(...page.items);
          expect(page.items.length).toBeLessThanOrEqual(limit);
          expect(page.metadata.resourceVersion).toBe(resourceVersion);
          if (page.metadata.continue === undefined) break;
          expect(page.metadata.remainingItemCount).toBe(whole.length - seen.length);
          addPod(store, `a-${extra}`);
          relabel(store, all[0] ?? '', { extra: String(extra) });
          page = list(store, `limit=${limit}&continue=${page.metadata.continue}`);
        }
        expect(seen).toEqual(whole);
      }),
    );
  });

  it('cannot be continued once its version has been compacted away', () => {
    const store = newStore(2);
    addPod(store, 'a');
    addPod(store, 'b');
    const token = list(store, 'limit=1').metadata.continue;
    for (let i = 0; i < 5; i++) relabel(store, 'a', { i: String(i) });
    expect(errorCodeOf(() => list(store, `limit=1&continue=${token}`))).toBe(410);
  });

  it('of a version is exact if that is requested, and never older than requested', () => {
    const store = newStore();
    addPod(store, 'a');
    const version = store.version;
    addPod(store, 'b');
    expect(list(store, `resourceVersion=${version}&resourceVersionMatch=Exact`).items).toHaveLength(1);
    expect(list(store, `resourceVersion=${version}&resourceVersionMatch=NotOlderThan`).items).toHaveLength(2);
    expect(list(store, 'resourceVersion=0').items).toHaveLength(2);
    expect(errorCodeOf(() => list(store, `resourceVersion=${version + 100}`))).toBe(504);
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
