import { describe, expect, test, vi } from 'vitest';
import type { ApiClient } from '../../../server/discovery/api-client.ts';
import { type ListCall, listAll } from '../../../server/discovery/list.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { answering } from './discovery-scene.ts';

const CALL: ListCall<number> = {
  path: '/api/v1/pods',
  query: { labelSelector: 'a=b' },
  accept: 'application/json',
  pageSize: 2,
  maxItems: 5,
  pageTimeoutMs: 1_000,
  read: Number,
};

const page = (items: unknown[], next = '') => ({
  body: [{ kind: 'PodList', metadata: { resourceVersion: '7', ...(next === '' ? {} : { continue: next }) }, items }],
});

const list = (client: Pick<ApiClient, 'get'>, change: Partial<ListCall<number>> = {}) =>
  listAll(client, new FakeClock(), { ...CALL, ...change }, new AbortController().signal);

describe('a list', () => {
  test('has the objects of all its pages, without those that cannot be read', async () => {
    const { client, asked } = answering((token) => (token === '' ? page([1, 2], 'x') : page(['odd', 3])));
    const onRequest = vi.fn();
    const read = (item: unknown) => (typeof item === 'number' ? item : null);
    const listed = await list(client, { onRequest, read });
    expect(listed).toEqual({ items: [1, 2, 3], resourceVersion: '7', truncated: false });
    expect(asked).toEqual(['', 'x']);
    expect(onRequest).toHaveBeenCalledTimes(2);
  });

  test('may have null for no items, as Go writes it', async () => {
    const body = [{ kind: 'PodList', metadata: { resourceVersion: '7' }, items: null }];
    expect((await list(answering(() => ({ body })).client)).items).toEqual([]);
  });

  test('whose page is too large is asked for in smaller pages, because 50 large pods are no fault', async () => {
    const large = 'x'.repeat(17 * 1024 * 1024);
    const { client, asked } = answering((token, count) =>
      count === 2 ? page([large]) : page([count], token ? '' : 'x'),
    );
    expect((await list(client)).items).toEqual([1, 3]);
    expect(asked).toEqual(['', 'x', 'x']);
  });

  test('is cut off at maxItems', async () => {
    const { client } = answering(() => page([1, 2], 'more'));
    expect(await list(client)).toMatchObject({ items: [1, 2, 1, 2, 1], truncated: true });
  });

  test('that never ends is malformed', async () => {
    const { client } = answering(() => page([], 'more'));
    await expect(list(client)).rejects.toMatchObject({ fault: 'malformed' });
  });

  test('whose pages have expired is started again, once', async () => {
    const gone = { status: 410, body: [{ message: 'compacted' }] };
    const healing = answering((token, count) => (count === 2 ? gone : token === '' ? page([1], 'x') : page([2])));
    expect((await list(healing.client)).items).toEqual([1, 2]);
    expect(healing.asked).toEqual(['', 'x', '', 'x']);
    const broken = answering((token) => (token === '' ? page([1], 'x') : gone));
    await expect(list(broken.client)).rejects.toMatchObject({ status: 410, message: 'HTTP 410: compacted' });
    expect(broken.asked).toEqual(['', 'x', '', 'x']);
  });

  test.each([
    ['no JSON', '<html>'],
    ['half of its JSON', '{"kind":"PodList","items":['],
    ['no object', '7'],
    ['another object', { kind: 'Pod', metadata: { resourceVersion: '1' }, items: [] }],
    ['no version', { kind: 'PodList', metadata: {}, items: [] }],
    ['no items', { kind: 'PodList', metadata: { resourceVersion: '1' } }],
    ['more than 16 MiB long', `"${'x'.repeat(17 * 1024 * 1024)}"`],
  ])('that is %s is malformed', async (_what, body) => {
    const { client } = answering(() => ({ body: [body] }));
    const onRequest = vi.fn();
    await expect(list(client, { onRequest })).rejects.toMatchObject({ fault: 'malformed' });
    expect(onRequest).toHaveBeenCalled();
  });

  test.each([
    ['7', 7_000],
    ['99999', 60_000],
    ['-1', 0],
    ['Wed, 21 Oct 2015 07:28:00 GMT', 0],
  ])('that is refused for now (Retry-After: %s) says how long to wait: %i ms', async (seconds, retryAfterMs) => {
    const { client } = answering(() => ({ status: 429, headers: { 'retry-after': seconds }, body: ['busy'] }));
    await expect(list(client)).rejects.toMatchObject({ fault: 'server-error', retryAfterMs });
  });
});
