import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { describe, expect, test, vi } from 'vitest';
import type { Access } from '../../../server/discovery/access.ts';
import { type ListCall, listAll } from '../../../server/discovery/list.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const CALL: ListCall<number> = {
  path: '/api/v1/pods',
  query: { labelSelector: 'a=b' },
  accept: 'application/json',
  pageSize: 2,
  maxItems: 5,
  pageTimeoutMs: 1_000,
  read: Number,
};

type Answer = { status?: number; headers?: Record<string, string>; body: unknown };

/** An API server that answers each page by its `continue` token, and notes the tokens. */
function server(answer: (token: string, asked: number) => Answer) {
  const seen = { asked: [] as string[] };
  const access: Pick<Access, 'open'> = {
    async open(_path, query) {
      const token = query['continue'] ?? '';
      seen.asked.push(token);
      const { status = 200, headers = {}, body } = answer(token, seen.asked.length);
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      return Object.assign(Readable.from([Buffer.from(text)]), { statusCode: status, headers }) as IncomingMessage;
    },
  };
  return { access, seen };
}

const page = (items: unknown[], next = '') => ({
  kind: 'PodList',
  metadata: { resourceVersion: '7', ...(next === '' ? {} : { continue: next }) },
  items,
});

const list = (access: Pick<Access, 'open'>, onRequest = () => {}) =>
  listAll(access, new FakeClock(), { ...CALL, onRequest }, new AbortController().signal);

describe('a list', () => {
  test('has the objects of all its pages', async () => {
    const { access, seen } = server((token) => ({ body: token === '' ? page([1, 2], 'x') : page([3]) }));
    const onRequest = vi.fn();
    expect(await list(access, onRequest)).toEqual({ items: [1, 2, 3], resourceVersion: '7', truncated: false });
    expect(seen).toEqual({ asked: ['', 'x'] });
    expect(onRequest).toHaveBeenCalledTimes(2);
  });

  test('may have null for no items, as Go writes it', async () => {
    const { access } = server(() => ({ body: { ...page([]), items: null } }));
    expect((await list(access)).items).toEqual([]);
  });

  test('leaves out what cannot be read', async () => {
    const { access } = server(() => ({ body: page([1, 'odd', 3]) }));
    const read = (item: unknown) => (typeof item === 'number' ? item : null);
    const listed = await listAll(access, new FakeClock(), { ...CALL, read }, new AbortController().signal);
    expect(listed.items).toEqual([1, 3]);
  });

  test('whose page is too large is asked for in smaller pages', async () => {
    const large = 'x'.repeat(17 * 1024 * 1024);
    const { access, seen } = server((token, asked) => ({
      body: asked === 2 ? page([large]) : page([asked], token ? '' : 'x'),
    }));
    expect((await list(access)).items).toEqual([1, 3]);
    expect(seen.asked).toEqual(['', 'x', 'x']);
  });

  test('is cut off at maxItems', async () => {
    const { access } = server(() => ({ body: page([1, 2], 'more') }));
    expect(await list(access)).toMatchObject({ items: [1, 2, 1, 2, 1], truncated: true });
  });

  test('that never ends is malformed', async () => {
    const { access } = server(() => ({ body: page([], 'more') }));
    await expect(list(access)).rejects.toMatchObject({ fault: 'malformed' });
  });

  test('whose pages have expired is started again, once', async () => {
    const gone = { status: 410, body: { message: 'compacted' } };
    const healing = server((token, asked) =>
      asked === 2 ? gone : { body: token === '' ? page([1], 'x') : page([2]) },
    );
    expect((await list(healing.access)).items).toEqual([1, 2]);
    expect(healing.seen.asked).toEqual(['', 'x', '', 'x']);
    const broken = server((token) => (token === '' ? { body: page([1], 'x') } : gone));
    await expect(list(broken.access)).rejects.toMatchObject({ status: 410, message: 'HTTP 410: compacted' });
    expect(broken.seen).toEqual({ asked: ['', 'x', '', 'x'] });
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
    const { access } = server(() => ({ body }));
    const onRequest = vi.fn();
    await expect(list(access, onRequest)).rejects.toMatchObject({ fault: 'malformed' });
    expect(onRequest).toHaveBeenCalled();
  });

  test('that is refused for now says how long to wait, at most a minute', async () => {
    const busy = (seconds: string) =>
      list(server(() => ({ status: 429, headers: { 'retry-after': seconds }, body: 'busy' })).access);
    await expect(busy('7')).rejects.toMatchObject({ fault: 'server-error', retryAfterMs: 7_000 });
    await expect(busy('99999')).rejects.toMatchObject({ retryAfterMs: 60_000 });
    await expect(busy('-1')).rejects.toMatchObject({ retryAfterMs: 0 });
    await expect(busy('Wed, 21 Oct 2015 07:28:00 GMT')).rejects.toMatchObject({ retryAfterMs: 0 });
  });
});
