import { afterEach, describe, expect, it } from 'vitest';
import type { RouteContext } from '../../../server/http/context.ts';
import { type HttpServer, listen } from '../../../server/http/server.ts';
import { BusyError, ValidationError } from '../../../server/runtime/errors.ts';
import { reportOf } from '../../support/report-scene.ts';
import { stubAnswers } from './answers-stub.ts';

const servers: HttpServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close(0))));

/** A server that always has the report of experiment 2. `asked` are the queries of reports and comparisons. */
async function serve(change: Partial<RouteContext> = {}) {
  const asked: unknown[] = [];
  const { answers, clock } = stubAnswers({
    report: async (query) => {
      asked.push(query);
      return reportOf({ query: { pictures: query.pictures } });
    },
    comparison: async (query, send) => {
      asked.push(query);
      await send(['{"format":', '"a comparison"}']);
    },
    ...change,
  });
  const server = await listen(answers, '127.0.0.1', 0);
  servers.push(server);
  const get = (query: string, accept = '*/*', path = 'report') =>
    fetch(`${server.address}/api/v1/${path}${query}`, { headers: { accept } });
  const compare = (query: string, accept?: string) => get(query, accept, 'comparison');
  return { get, compare, asked, nowMs: clock.nowMs() };
}

describe('/api/v1/report', () => {
  it('sends one HTML file with a policy and a file name of its own', async () => {
    const { get, nowMs } = await serve();
    const answer = await get(`?from=${nowMs - 60_000}`);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    const policy = answer.headers.get('content-security-policy');
    expect(policy).toMatch(/^default-src 'none'; img-src data:; style-src 'sha256-[\w+/=]+'; /);
    expect(policy).not.toContain("'self';");
    expect(answer.headers.get('content-disposition')).toBe(
      'inline; filename="goldpinger-report-20231114T221220Z.html"',
    );
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const page = await answer.text();
    expect(page).toMatch(/^<!DOCTYPE html>.*<\/html>\n$/s);
    expect(page).toContain('data:image/png;base64,');
  });

  it('sends JSON if that is asked for, by format rather than Accept, and paints no pictures for it', async () => {
    const { get, asked, nowMs } = await serve();
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
    const { get, asked, nowMs } = await serve();
    const iso = (agoMs: number) => new Date(nowMs - agoMs).toISOString();
    const before = `before=${nowMs - 9_000}-${nowMs - 7_000}&after=${iso(3_000)}/${iso(1_000)}`;
    const query = `?from=${iso(6_000)}&to=${nowMs + 5_000}&${before}&expect=healthy&expect=failed&title=A+title`;
    expect((await get(query)).status).toBe(200);
    expect(asked).toEqual([
      {
        ranges: {
          during: { fromMs: nowMs - 6_000, toMs: nowMs },
          before: { fromMs: nowMs - 9_000, toMs: nowMs - 7_000 },
          after: { fromMs: nowMs - 3_000, toMs: nowMs - 1_000 },
        },
        expect: ['healthy', 'failed'],
        title: 'A title',
        pictures: true,
      },
    ]);
  });

  it.each([
    ['', 'from'],
    ['?from=x', 'from'],
    ['?from=1700000000000', 'from'],
    ['?from=1699999990000&to=1699999990500', 'from'],
    ['?from=1&to=1699000000000', 'to'],
    ['?from=1699999990000&to=x', 'to'],
    ['?from=1699999990000&before=5', 'before'],
    ['?from=1699999990000&before=1699999990000-1699999980000', 'before'],
    ['?from=1699999990000&after=1-2-3', 'after'],
    ['?from=1699999990000&format=pdf', 'format'],
    [`?from=1699999990000&title=${'x'.repeat(201)}`, 'title'],
    ['?from=1699999990000&from=1', 'from'],
  ])('refuses %s and names %s', async (query, name) => {
    const { get, asked } = await serve();
    const answer = await get(query);
    expect([answer.status, ((await answer.json()) as { message: string }).message]).toEqual([
      400,
      expect.stringMatching(new RegExp(`^${name} in query: expected`)),
    ]);
    expect(asked).toEqual([]);
  });

  it('answers 400 for an invalid clause and 503 for too many reports', async () => {
    const message = 'expect 1 in query, character 3: x';
    const invalid = await serve({ report: () => Promise.reject(new ValidationError(message)) });
    const answer = await invalid.get(`?from=${invalid.nowMs - 5_000}&expect=hex`);
    expect([answer.status, await answer.json()]).toEqual([400, { code: 400, message }]);
    const busy = await serve({ report: () => Promise.reject(new BusyError('too many reports at once')) });
    const refused = await busy.get(`?from=${busy.nowMs - 5_000}`);
    expect([refused.status, await refused.json()]).toEqual([503, { code: 503, message: 'too many reports at once' }]);
  });
});

describe('/api/v1/comparison', () => {
  it('sends JSON in pieces, and takes the ranges and clauses of a report', async () => {
    const { compare, asked, nowMs } = await serve();
    const query = `?from=${nowMs - 6_000}&to=${nowMs}&before=${nowMs - 9_000}-${nowMs - 7_000}&expect=healthy`;
    const answer = await compare(query);
    expect([answer.status, answer.headers.get('content-type'), answer.headers.get('cache-control')]).toEqual([
      200,
      'application/json; charset=utf-8',
      'no-store',
    ]);
    expect(await answer.json()).toEqual({ format: 'a comparison' });
    expect(asked).toEqual([
      {
        ranges: {
          during: { fromMs: nowMs - 6_000, toMs: nowMs },
          before: { fromMs: nowMs - 9_000, toMs: nowMs - 7_000 },
          after: null,
        },
        expect: ['healthy'],
      },
    ]);
  });

  it.each([
    ['?from=x', 'from'],
    ['?from=1699999990000&after=1-2-3', 'after'],
    ['?from=1699999990000&title=x', 'title'],
    ['?from=1699999990000&format=html', 'format'],
  ])('refuses %s and names %s', async (query, name) => {
    const { compare, asked } = await serve();
    const answer = await compare(query);
    expect([answer.status, await answer.json()]).toEqual([
      400,
      expect.objectContaining({ message: expect.stringContaining(`${name} in query`) }),
    ]);
    expect(asked).toEqual([]);
  });

  it('answers 400 for an invalid clause, 503 for too many, 406 for anything but JSON', async () => {
    const message = 'expect 1 in query, character 3: x';
    const invalid = await serve({ comparison: () => Promise.reject(new ValidationError(message)) });
    const from = `?from=${invalid.nowMs - 5_000}`;
    const refused = await invalid.compare(from);
    expect([refused.status, await refused.json()]).toEqual([400, { code: 400, message }]);
    const busy = await serve({ comparison: () => Promise.reject(new BusyError('too many reports at once')) });
    expect((await busy.compare(from)).status).toBe(503);
    expect((await invalid.compare(from, 'text/html')).status).toBe(406);
  });
});
