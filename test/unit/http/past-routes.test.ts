import { afterEach, describe, expect, it } from 'vitest';
import type { PastContext } from '../../../server/http/context.ts';
import { type HttpServer, listen } from '../../../server/http/server.ts';
import { meshOf, stubAnswers } from './answers-stub.ts';

const servers: HttpServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close(0))));

/** A server whose past only notes what it is asked for. */
async function serve() {
  const { answers, clock } = stubAnswers();
  const asked: unknown[] = [];
  const note =
    <T>(answer: T) =>
    (...question: unknown[]) => {
      asked.push(question.length === 1 ? question[0] : question);
      return answer;
    };
  const past: PastContext = {
    ...answers.past,
    mesh: note(Promise.resolve(meshOf(['a', 'b']))),
    meshAt: note(Promise.resolve(meshOf(['a', 'b']))),
    history: note(answers.past.history({ fromMs: 0, toMs: 1, stepMs: 1 })),
    ownLinkHistory: note(answers.past.ownLinkHistory('b', { fromAgeMs: 1, toAgeMs: 0 }, 1)),
  };
  const server = await listen({ ...answers, past }, '127.0.0.1', 0);
  servers.push(server);
  const get = async (path: string) => {
    const answer = await fetch(server.address + path);
    return { status: answer.status, body: (await answer.json()) as { message?: string } };
  };
  return { get, asked, nowMs: clock.nowMs() };
}

describe('the routes of the past', () => {
  it('hand on stretches and moments, in ms since the epoch or RFC 3339', async () => {
    const { get, asked, nowMs } = await serve();
    const iso = new Date(nowMs - 60_000).toISOString();
    expect((await get(`/api/v1/mesh?from=${iso}&to=${nowMs - 1_000}`)).status).toBe(200);
    expect((await get(`/api/v1/mesh?at=${nowMs - 5_000}`)).status).toBe(200);
    expect((await get(`/api/v1/mesh?from=${iso}`)).status).toBe(200);
    expect((await get('/api/v1/history')).status).toBe(200);
    expect((await get(`/api/v1/history?from=${iso}&step=5000`)).status).toBe(200);
    expect((await get('/api/v1/pod-history?fromAge=60000&toAge=1000&step=1000&to=uid-b')).status).toBe(200);
    expect(asked).toEqual([
      { fromMs: nowMs - 60_000, toMs: nowMs - 1_000 },
      nowMs - 5_000,
      { fromMs: nowMs - 60_000, toMs: nowMs },
      { fromMs: nowMs - 3_600_000, toMs: nowMs, stepMs: 0 },
      { fromMs: nowMs - 60_000, toMs: nowMs, stepMs: 5_000 },
      ['uid-b', { fromAgeMs: 60_000, toAgeMs: 1_000 }, 1_000],
    ]);
  });

  it('answer with the mesh of now where none of the past is asked for', async () => {
    const { get, asked } = await serve();
    expect((await get('/api/v1/mesh?window=30000')).status).toBe(200);
    expect(asked).toEqual([]);
  });

  it.each([
    ['/api/v1/pod-report?toAge=5', 'fromAge'],
    ['/api/v1/pod-report?fromAge=5&toAge=5', 'fromAge'],
    ['/api/v1/pod-report?fromAge=1.5', 'fromAge'],
    ['/api/v1/pod-report?fromAge=86400001', 'fromAge'],
    ['/api/v1/pod-report?fromAge=-1', 'fromAge'],
    ['/api/v1/pod-report?fromAge=10&toAge=x', 'toAge'],
    ['/api/v1/mesh?to=1700000000000', 'from'],
    ['/api/v1/mesh?from=1700000000000&to=1699999999000', 'from'],
    ['/api/v1/mesh?at=yesterday', 'at'],
    ['/api/v1/mesh?at=1', 'at'],
    ['/api/v1/mesh?at=1700000000000&at=1700000000001', 'at'],
    ['/api/v1/mesh?window=1500', 'window'],
    ['/api/v1/mesh?window=3601000', 'window'],
    ['/api/v1/pod-history?fromAge=60000', 'step'],
    ['/api/v1/pod-history?fromAge=60000&step=0', 'step'],
    ['/api/v1/pod-history?fromAge=60000&step=10', 'step'],
    ['/api/v1/pod-history?fromAge=60000&step=1000&to=a%20b', 'to'],
    ['/api/v1/history?step=1', 'step'],
    ['/api/v1/link-history?from=uid-a', 'to'],
    ['/api/v1/stream?window=30000', 'window'],
  ])('refuse %s and name %s', async (path, name) => {
    const { get, asked } = await serve();
    const { status, body } = await get(path);
    expect([status, body.message?.split(' ')[0]]).toEqual([400, name]);
    expect(asked).toEqual([]);
  });

  it('know no link of a pod that there is not', async () => {
    const { get } = await serve();
    expect((await get('/api/v1/link-history?from=uid-z&to=uid-a')).status).toBe(404);
  });
});
