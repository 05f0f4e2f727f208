import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { listObjects } from '../../../../deploy/local/api/object-api.ts';
import { parseObjectRequest } from '../../../../deploy/local/api/request.ts';
import { ApiError } from '../../../../deploy/local/api/status.ts';
import type { Store } from '../../../../deploy/local/api/store.ts';
import { addPod, newStore, relabel } from './kube.ts';

const request = (method: string, path: string) => parseObjectRequest(method, new URL(path, 'https://127.0.0.1'));
const list = (store: Store, query = '') =>
  listObjects(store, request('GET', `/api/v1/namespaces/default/pods?${query}`));

function codeOf(act: () => unknown): number | string {
  try {
    act();
  } catch (error) {
    return error instanceof ApiError ? error.status.code : String(error);
  }
  return 'no error';
}

describe('a request for objects', () => {
  it.each([
    ['GET', '/api/v1/pods', 'list', '', '', ''],
    ['GET', '/api/v1/pods?watch=1', 'watch', '', '', ''],
    ['GET', '/api/v1/namespaces/default/pods?watch=false', 'list', 'default', '', ''],
    ['POST', '/api/v1/namespaces/default/pods', 'create', 'default', '', ''],
    ['DELETE', '/api/v1/namespaces/default/pods', 'deletecollection', 'default', '', ''],
    ['GET', '/api/v1/namespaces/default/pods/a', 'get', 'default', 'a', ''],
    ['PUT', '/api/v1/namespaces/default/pods/a/', 'update', 'default', 'a', ''],
    ['PATCH', '/api/v1/namespaces/default/pods/a', 'patch', 'default', 'a', ''],
    ['GET', '/api/v1/namespaces/default/pods/a/log', 'get', 'default', 'a', 'log'],
    ['PUT', '/apis/apps/v1/namespaces/x/deployments/d/scale', 'update', 'x', 'd', 'scale'],
    ['GET', '/api/v1/namespaces/default', 'get', '', 'default', ''],
    ['GET', '/api/v1/nodes/node-a', 'get', '', 'node-a', ''],
    ['GET', '/api/v1/namespaces/a%2Fb/pods', 'list', 'a/b', '', ''],
  ])('%s %s is %s in "%s" of "%s" %s', (method, path, verb, namespace, name, subresource) => {
    expect(request(method, path)).toMatchObject({ verb, namespace, name, subresource });
  });

  it.each([
    ['GET', '/api/v1/widgets', 404],
    ['GET', '/api/v2/pods', 404],
    ['GET', '/apis/apps/v1/pods', 404],
    ['GET', '/', 404],
    ['GET', '/api/v1/namespaces/default/nodes', 404],
    ['GET', '/api/v1/pods/a', 404],
    ['GET', '/api/v1/namespaces/default/pods/a/exec', 404],
    ['GET', '/api/v1/namespaces/default/pods/a/log/b', 404],
    ['POST', '/api/v1/namespaces/default/pods/a', 405],
    ['PUT', '/api/v1/namespaces/default/pods', 405],
    ['DELETE', '/api/v1/namespaces/default/pods/a/log', 405],
    ['BREW', '/api/v1/pods', 405],
    ['GET', '/api/v1/%E0%A4%A', 400],
  ])('%s %s is refused with %i', (method, path, code) => {
    expect(codeOf(() => request(method, path))).toBe(code);
  });
});

describe('a list', () => {
  it('in pages is the list, of one version, whatever happens between the pages', () => {
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
    expect(codeOf(() => list(store, `limit=1&continue=${token}`))).toBe(410);
  });

  it('of a version is exact where that is asked for, and never older than asked', () => {
    const store = newStore();
    addPod(store, 'a');
    const version = store.version;
    addPod(store, 'b');
    expect(list(store, `resourceVersion=${version}&resourceVersionMatch=Exact`).items).toHaveLength(1);
    expect(list(store, `resourceVersion=${version}&resourceVersionMatch=NotOlderThan`).items).toHaveLength(2);
    expect(list(store, 'resourceVersion=0').items).toHaveLength(2);
    expect(codeOf(() => list(store, `resourceVersion=${version + 100}`))).toBe(504);
  });

  it.each([
    'limit=x',
    'limit=-1',
    'continue=nonsense',
    'resourceVersion=abc',
    'labelSelector=a%20b',
    'fieldSelector=x%3D1',
  ])('with %s is refused with 400', (query) => {
    expect(codeOf(() => list(newStore(), query))).toBe(400);
  });

  it('does not count what is left behind a selector', () => {
    const store = newStore();
    for (const name of ['a', 'b', 'c']) addPod(store, name, { app: 'x' });
    const { items, metadata } = list(store, 'limit=1&labelSelector=app%3Dx');
    expect(items).toHaveLength(1);
    expect(metadata.continue).toBeDefined();
    expect(metadata.remainingItemCount).toBeUndefined();
  });
});
