import { describe, expect, it } from 'vitest';
import { BusyError, ValidationError } from '../../../server/runtime/errors.ts';
import type { TimeRange } from '../../../server/runtime/time-range.ts';
import { meshOf, podsOf } from '../../support/mesh.ts';
import { reportOf } from '../../support/report-scene.ts';
import type { ContextChange } from '../../support/route-context.ts';
import { jsonOf, serve } from './serve.ts';

type Reporter = NonNullable<ContextChange['reporter']>;

/** A server that always has the report of experiment 2. `asked` are the queries of reports and comparisons. */
async function serveReports(change: Partial<Reporter> = {}, env: Record<string, string> = {}) {
  const asked: unknown[] = [];
  const reporter: Reporter = {
    report: async (query) => {
      asked.push(query);
      return reportOf({ query: { pictures: query.pictures } });
    },
    comparison: async (query, send) => {
      asked.push(query);
      await send(['{"format":', '"a comparison"}']);
    },
    ...change,
  };
  const { url, clock } = await serve({ reporter, env });
  const get = (query: string, accept = '*/*', path = 'report') =>
    fetch(`${url}/api/v1/${path}${query}`, { headers: { accept } });
  return { get, asked, nowMs: clock.nowMs() };
}

describe('/api/v1/report', () => {
  it('sends one HTML file with a file name of its own, and a policy, which has FRAME_ANCESTORS', async () => {
    const sources = "'self' https://wiki.example.com";
    const { get, nowMs } = await serveReports({}, { FRAME_ANCESTORS: sources });
    const answer = await get(`?from=${nowMs - 60_000}`);
    const header = (name: string) => answer.headers.get(name);
    expect([answer.status, header('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(header('content-disposition')).toBe('inline; filename="goldpinger-report-20231114T221220Z.html"');
    const policy = header('content-security-policy') ?? '';
    expect(policy).toMatch(/^default-src 'none'; img-src data:; style-src 'sha256-[\w+/=]+'; /);
    expect(policy.endsWith(`; frame-ancestors ${sources}`)).toBe(true);
    expect(policy).not.toContain("'self';");
    expect(await answer.text()).toMatch(/^<!DOCTYPE html>.*data:image\/png;base64,.*<\/html>\n$/s);
  });

  it('sends JSON if that is asked for, by format rather than Accept, and paints no pictures for it', async () => {
    const { get, asked, nowMs } = await serveReports();
    const from = `?from=${nowMs - 60_000}`;
    const answers = [await get(`${from}&format=json`, 'text/html'), await get(from, 'application/json')];
    for (const answer of answers) {
      expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
      expect(await answer.json()).toMatchObject({ format: 'goldpinger-ts/report/1', targets: { names: ['pod-3'] } });
    }
    expect(asked).toMatchObject([{ pictures: false }, { pictures: false }]);
    expect((await get(`${from}&format=html`, 'application/json')).headers.get('content-type')).toContain('text/html');
    expect((await get(from, 'image/png')).status).toBe(406);
  });

  it('passes on ranges in ms or RFC 3339, clauses and the title; it cuts off what lies in the future', async () => {
    const { get, asked, nowMs } = await serveReports();
    const iso = (agoMs: number) => new Date(nowMs - agoMs).toISOString();
    const before = `before=${nowMs - 9_000}-${nowMs - 7_000}&after=${iso(3_000)}/${iso(1_000)}`;
    const query = `?from=${iso(6_000)}&to=${nowMs + 5_000}&${before}&expect=healthy&expect=failed`;
    expect((await get(`${query}&title=A+title`)).status).toBe(200);
    expect((await get(query, '*/*', 'comparison')).status).toBe(200);
    const ranges = {
      during: { fromMs: nowMs - 6_000, toMs: nowMs },
      before: { fromMs: nowMs - 9_000, toMs: nowMs - 7_000 },
      after: { fromMs: nowMs - 3_000, toMs: nowMs - 1_000 },
    };
    const expected = { ranges, expect: ['healthy', 'failed'] };
    expect(asked).toEqual([{ ...expected, title: 'A title', pictures: true }, expected]);
  });
});

it('/api/v1/comparison sends JSON in pieces', async () => {
  const { get, nowMs } = await serveReports();
  const answer = await get(`?from=${nowMs - 6_000}`, '*/*', 'comparison');
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8']);
  expect(await answer.json()).toEqual({ format: 'a comparison' });
  expect((await get(`?from=${nowMs - 6_000}`, 'text/html', 'comparison')).status).toBe(406);
});

it.each(['report', 'comparison'])('/api/v1/%s answers 400 for an invalid clause and 503 for too many', async (path) => {
  for (const error of [new ValidationError('expect 1 in query, character 3: x'), new BusyError('too many at once')]) {
    const { get, nowMs } = await serveReports({ [path]: () => Promise.reject(error) });
    const { status, body } = await jsonOf(await get(`?from=${nowMs - 5_000}`, '*/*', path));
    expect([status, body]).toEqual([error.status, { code: error.status, message: error.message }]);
  }
});

/** A server on which each hypothesis holds. `asked`: the windows and time ranges that meshes are collected of. */
async function serveVerdicts() {
  const asked: unknown[] = [];
  const note = async (over: unknown) => {
    asked.push(over);
    return meshOf(podsOf(2));
  };
  const { url, clock } = await serve({
    collector: { collect: ({ windowMs }) => note(windowMs) },
    pastMeshes: { of: note, at: note },
  });
  return { asked, clock, get: (query: string) => fetch(`${url}/api/v1/verdict${query}`), nowMs: clock.nowMs() };
}

describe('/api/v1/verdict', () => {
  it('is about clauses, and a window in whole seconds or a time range, which ends now at the latest', async () => {
    const { asked, get, nowMs } = await serveVerdicts();
    const answer = await get('?window=29.2s&expect=healthy&expect=latency<50ms,to=pod:a&status=always200&format=json');
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/json']);
    expect(await answer.json()).toMatchObject({ window_s: 30, expect: ['healthy', 'latency<50ms,to=pod:a'] });
    const start = new Date(nowMs - 60_000).toISOString();
    await get(`?start=${start}&end=${nowMs - 30_000}`);
    await get(`?start=${nowMs - 60_000}&end=${nowMs + 5_000}`);
    expect(asked).toEqual([
      30_000,
      { fromMs: nowMs - 60_000, toMs: nowMs - 30_000 },
      { fromMs: nowMs - 60_000, toMs: nowMs },
    ]);
  });

  it('is one word for those who read a body only; whether it is known is in the status', async () => {
    const { get } = await serveVerdicts();
    const answer = await get('?expect=healthy,to=nobody&format=bool');
    const said = [answer.status, answer.headers.get('content-type'), await answer.text()];
    expect(said).toEqual([425, 'text/plain', 'false']);
  });

  it('ends a range without end at the last whole second, so that queries share one collection', async () => {
    const { asked, clock, get, nowMs } = await serveVerdicts();
    await clock.advance(700);
    for (const start of [nowMs - 60_000, nowMs - 400]) await get(`?start=${start}`);
    await get(`?start=${nowMs - 60_000}&end=${nowMs + 600}`);
    expect(asked).toEqual([
      { fromMs: nowMs - 60_000, toMs: nowMs },
      { fromMs: nowMs - 400, toMs: nowMs + 600 },
      { fromMs: nowMs - 60_000, toMs: nowMs + 600 },
    ]);
  });
});

it('/api/v1/rounds takes all events that are kept, whatever the range: a round may have begun before it', async () => {
  const asked: TimeRange[] = [];
  const events = async (range: TimeRange) => {
    asked.push(range);
    return { ...range, nowMs: 0, truncated: false, missing: [], events: [] };
  };
  const { url, clock } = await serve({ events: { events } });
  const rounds = async (query: string) => (await jsonOf(await fetch(`${url}/api/v1/rounds?${query}`))).body;
  const nowMs = clock.nowMs();
  const kept = { fromMs: nowMs - 3_600_000, toMs: nowMs };
  const range = { fromMs: nowMs - 60_000, toMs: nowMs - 30_000 };
  expect(await rounds('')).toMatchObject({ ...kept, rounds: [] });
  expect(await rounds(`from=${range.fromMs}&to=${range.toMs}`)).toMatchObject(range);
  expect(asked).toMatchObject([kept, kept]);
});
