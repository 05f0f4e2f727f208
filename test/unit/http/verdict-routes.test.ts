import { afterEach, describe, expect, it } from 'vitest';
import { type HttpServer, listen } from '../../../server/http/server.ts';
import type { VerdictQuery } from '../../../server/http/verdict.ts';
import { stubAnswers } from './answers-stub.ts';

const servers: HttpServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close(0))));

/** A server on which each hypothesis holds, and what it is asked. */
async function serve() {
  const asked: VerdictQuery[] = [];
  const { answers } = stubAnswers({
    verdict: async (query) => {
      asked.push(query);
      return {
        ok: true,
        verdict: 'pass',
        reason: '',
        expect: [],
        clauses: [],
        window_s: 30,
        resolution_s: null,
        samples: 1,
        links_checked: 1,
        links_failed: 0,
        p50_ms: 1,
        p95_ms: 1,
        max_ms: 1,
        violations: [],
        missing_reports: [],
        generated_at: '',
        served_by: 'a',
      };
    },
  });
  const server = await listen(answers, '127.0.0.1', 0);
  servers.push(server);
  return { asked, get: (query: string) => fetch(`${server.address}/api/v1/verdict${query}`) };
}

describe('the route of verdicts', () => {
  it('hands on all that it understands', async () => {
    const { asked, get } = await serve();
    const answer = await get('?window=30s&expect=healthy&expect=latency<50ms,to=a&status=always200&format=json');
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/json']);
    await get('?start=1&end=2');
    expect(asked).toEqual([
      { expect: ['healthy', 'latency<50ms,to=a'], window: '30s', start: null, end: null },
      { expect: [], window: null, start: '1', end: '2' },
    ]);
  });

  it.each([
    ['?expct=failed', 'expct'],
    ['?expect=healthy&to=pod:chaos', 'to'],
    ['?expect[]=failed', 'expect[]'],
    ['?Window=1h', 'Window'],
  ])('%s: is never a pass on the rest of a question', async (query, name) => {
    const { asked, get } = await serve();
    const answer = await get(query);
    const message = `${name} in query: no such parameter; there are expect, window, start, end, status, format`;
    expect([answer.status, await answer.json()]).toEqual([400, { code: 400, message }]);
    expect(asked).toEqual([]);
  });
});
