import { describe, expect, it } from 'vitest';
import { meshOf, podsOf, snapshotOf } from '../../support/mesh.ts';
import { stubContext } from '../../support/route-context.ts';
import { jsonOf, serve } from './serve.ts';

/** A server whose past only notes what it is asked for. */
async function servePast() {
  const asked: unknown[] = [];
  const note =
    <T>(answer: T) =>
    (...question: unknown[]) => {
      asked.push(question.length === 1 ? question[0] : question);
      return answer;
    };
  const { context } = stubContext();
  const mesh = Promise.resolve(meshOf(podsOf(2)));
  const { url, clock } = await serve({
    pastMeshes: { of: note(mesh), at: note(mesh) },
    histories: { history: note(context.histories.history({ fromMs: 0, toMs: 1, stepMs: 1 })) },
    monitor: { linkHistory: note(context.monitor.linkHistory('b', { fromAgeMs: 1, toAgeMs: 0 }, 1)) },
  });
  return { get: async (path: string) => jsonOf(await fetch(url + path)), asked, nowMs: clock.nowMs() };
}

describe('the routes of the past', () => {
  it('pass on time ranges and moments, in ms since the epoch or RFC 3339; without one it is the present mesh', async () => {
    const { get, asked, nowMs } = await servePast();
    const iso = new Date(nowMs - 60_000).toISOString();
    const questions: [path: string, asked: unknown[]][] = [
      [`mesh?from=${iso}&to=${nowMs - 1_000}`, [{ fromMs: nowMs - 60_000, toMs: nowMs - 1_000 }]],
      [`mesh?at=${nowMs - 5_000}`, [nowMs - 5_000]],
      [`mesh?from=${iso}`, [{ fromMs: nowMs - 60_000, toMs: nowMs }]],
      ['mesh?window=30000', []],
      ['history', [{ fromMs: nowMs - 3_600_000, toMs: nowMs, stepMs: 0 }]],
      [`history?from=${iso}&step=5000`, [{ fromMs: nowMs - 60_000, toMs: nowMs, stepMs: 5_000 }]],
      [
        'pod-history?fromAge=60000&toAge=1000&step=1000&to=uid-b',
        [['uid-b', { fromAgeMs: 60_000, toAgeMs: 1_000 }, 1_000]],
      ],
    ];
    for (const [path, expected] of questions) {
      const { status } = await get(`/api/v1/${path}`);
      expect([path, status, asked.splice(0)]).toEqual([path, 200, expected]);
    }
  });

  it('answer 404 for a link of an unknown pod', async () => {
    const { get } = await servePast();
    // No address that a client names is called.
    for (const from of ['link-history?from=uid-z', 'link?from=10.9.8.7:80'])
      expect((await get(`/api/v1/${from}&to=uid-a`)).status).toBe(404);
  });
});

it.each([
  ['/api/v1/row', '/api/v1/pod-report'],
  ['/api/v1/row-history', '/api/v1/pod-history'],
])('%s is an alias of %s', async (alias, path) => {
  const { url } = await serve();
  for (const query of ['', '?fromAge=60000&step=1000', '?fromAge=x']) {
    const [one, other] = [await fetch(url + alias + query), await fetch(url + path + query)];
    expect([one.status, await one.text()]).toEqual([other.status, await other.text()]);
    expect(one.status).not.toBe(404);
  }
});

describe.each(['link', 'link-history'])('/api/v1/%s', (path) => {
  const bodyOf = async (url: string, from: string, to: string) =>
    (await jsonOf(await fetch(`${url}/api/v1/${path}?from=${from}&to=${to}`))).body;

  it('gives our own link, and asks the pod of any other', async () => {
    const { url } = await serve();
    for (const from of ['uid-0', 'uid-1'])
      expect(await bodyOf(url, from, 'uid-0')).toMatchObject({ from, to: 'uid-0' });
  });

  it('of a pod that has gone comes from our copy, if we keep one', async () => {
    const [departed, ...pods] = podsOf(2);
    const gone = { ...departed!, lifecycle: 'gone' as const };
    const copy = { from: 'uid-0', to: 'uid-1', nowMs: 1, error: 'from a copy' };
    const { url } = await serve({
      monitor: { selfUid: 'uid-1', snapshot: snapshotOf([gone, ...pods]) },
      copies: {
        ...stubContext().context.copies,
        samples: async () => ({ ...copy, samples: [] }),
        linkHistory: async () => ({ ...copy, resolutionMs: 0, steps: [] }),
      },
    });
    expect(await bodyOf(url, 'uid-0', 'uid-1')).toMatchObject(copy);
  });
});

it('/readyz turns 503 at shutdown, while the rest still answers', async () => {
  let isReady = true;
  const { url } = await serve({ isReady: () => isReady });
  const statusOf = async (path: string) => (await fetch(url + path)).status;
  expect(await statusOf('/readyz')).toBe(200);
  isReady = false;
  expect(await Promise.all(['/readyz', '/healthz', '/ping'].map(statusOf))).toEqual([503, 200, 200]);
});
