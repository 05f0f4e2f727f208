import { afterEach, describe, expect, it } from 'vitest';
import type { RouteContext } from '../../../server/http/context.ts';
import { type HttpServer, listen } from '../../../server/http/server.ts';
import type { AnnotationCopy, AnnotationRequest } from '../../../server/protocol/annotation.ts';
import { ConflictError } from '../../../server/runtime/errors.ts';
import { stubAnswers } from './answers-stub.ts';

const servers: HttpServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close(0)));
});

const TOKEN = 'sixteen-characters';
const bearer = { authorization: `Bearer ${TOKEN}` };
/** What pods show each other: another than the WRITE_TOKEN. */
const podBearer = { authorization: 'Bearer shown-by-other-pods' };
const json = { 'content-type': 'application/json' };

async function serve(overrides: Partial<RouteContext> = {}) {
  const { answers, clock } = stubAnswers(overrides);
  const written: AnnotationRequest[] = [];
  const taken: AnnotationCopy[] = [];
  answers.annotations = {
    ...answers.annotations,
    write: async (wish) => {
      written.push(wish);
      return { annotation: null, nowMs: 1, taken: 3, missing: [] };
    },
    take: (copies) => void taken.push(...copies),
  };
  const server = await listen(answers, '127.0.0.1', 0);
  servers.push(server);
  const url = `${server.address}/api/v1/annotations`;
  const post = (body: unknown, headers: Record<string, string> = { ...bearer, ...json }, to = url) =>
    fetch(to, { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) });
  return { url, post, written, taken, clock };
}

describe('writing an annotation', () => {
  it('takes times in ms and RFC 3339, and says how many pods have it', async () => {
    const { post, written, clock } = await serve();
    const fromMs = clock.nowMs() - 60_000;
    const to = new Date(clock.nowMs()).toISOString();
    const answer = await post({ id: 'run.1', from: fromMs, to, text: ' latency 250 ms ', tags: ['toxiproxy'] });
    expect([answer.status, await answer.json()]).toEqual([201, { annotation: null, nowMs: 1, taken: 3, missing: [] }]);
    await post({ text: 'now' });
    expect(written).toEqual([
      { id: 'run.1', fromMs, toMs: clock.nowMs(), text: 'latency 250 ms', tags: ['toxiproxy'] },
      { id: null, fromMs: null, toMs: null, text: 'now', tags: [] },
    ]);
  });

  it('is off without a token, and says how it is switched on', async () => {
    const { post, written } = await serve({ writeToken: '' });
    const answer = await post({ text: 'x' });
    expect(answer.status).toBe(403);
    expect(((await answer.json()) as { message: string }).message).toMatch(/WRITE_TOKEN/);
    expect(written).toEqual([]);
  });

  it.each([
    ['none', {}, 'Bearer realm="goldpinger-ts"'],
    [
      'a wrong one',
      { authorization: 'Bearer sixteen-character' },
      'Bearer realm="goldpinger-ts", error="invalid_token"',
    ],
    ['a longer one', { authorization: `Bearer ${TOKEN}x` }, 'Bearer realm="goldpinger-ts", error="invalid_token"'],
    ['another scheme', { authorization: `Basic ${TOKEN}` }, 'Bearer realm="goldpinger-ts"'],
    ['a cookie', { cookie: `token=${TOKEN}` }, 'Bearer realm="goldpinger-ts"'],
  ])('is refused with %s as token', async (_, headers, challenge) => {
    const { post, url, written } = await serve();
    for (const to of [url, url.replace('annotations', 'own-annotations')]) {
      const answer = await post({ text: 'x' }, { ...json, ...headers }, to);
      expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, challenge]);
    }
    const deleting = await fetch(`${url}/there`, { method: 'DELETE', headers });
    expect(deleting.status).toBe(401);
    expect(written).toEqual([]);
  });

  it.each([
    ['[]', /^body/],
    ['null', /./],
    ['{', /JSON/],
    ['{}', /^text/],
    ['{"text":""}', /^text/],
    ['{"text":5}', /^text/],
    [JSON.stringify({ text: 'x'.repeat(501) }), /^text/],
    ['{"text":"a\\nb"}', /^text/],
    ['{"text":"a","id":"a b"}', /^id/],
    ['{"text":"a","id":""}', /^id/],
    ['{"text":"a","from":"yesterday"}', /^from/],
    ['{"text":"a","from":-1}', /^from/],
    ['{"text":"a","from":5}', /^from/],
    ['{"text":"a","to":"2026-02-30T00:00:00Z"}', /^to/],
    ['{"text":"a","from":1700000000000,"to":1699999999999}', /^to/],
    ['{"text":"a","tags":"a"}', /^tags/],
    ['{"text":"a","tags":[1]}', /^tags/],
    [JSON.stringify({ text: 'a', tags: Array(11).fill('t') }), /^tags/],
    ['{"text":"a","colour":"red"}', /^colour/],
  ])('refuses %s with 400 and the field', async (body, message) => {
    const { post, written } = await serve();
    const answer = await post(body);
    expect(answer.status).toBe(400);
    expect(((await answer.json()) as { message: string }).message).toMatch(message);
    expect(written).toEqual([]);
  });

  it('takes JSON only, uncompressed and of at most 16 KiB', async () => {
    const { post, written } = await serve();
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      expect([type, (await post('{"text":"x"}', { ...bearer, 'content-type': type })).status]).toEqual([type, 415]);
    }
    expect((await post('{"text":"x"}', { ...bearer, ...json, 'content-encoding': 'gzip' })).status).toBe(415);
    expect((await post(`{"text":"x"}${' '.repeat(16_384)}`)).status).toBe(413);
    expect(written).toEqual([]);
  });

  it('is told with 409 that there is no room for it', async () => {
    const annotations = {
      ...stubAnswers().answers.annotations,
      write: () => Promise.reject(new ConflictError('no room')),
    };
    const { answers } = stubAnswers({ annotations });
    const server = await listen(answers, '127.0.0.1', 0);
    servers.push(server);
    const answer = await fetch(`${server.address}/api/v1/annotations`, {
      ...{ method: 'POST', headers: { ...bearer, ...json }, body: '{"text":"x"}' },
    });
    expect([answer.status, await answer.json()]).toEqual([409, { code: 409, message: 'no room' }]);
  });

  it('is bounded in rate', async () => {
    const { post, clock } = await serve();
    for (let i = 0; i < 20; i++) expect((await post({ text: 'x' })).status).toBe(201);
    const refused = await post({ text: 'x' });
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
    await clock.advance(500);
    expect((await post({ text: 'x' })).status).toBe(201);
  });

  it('takes one back by its id', async () => {
    const { url } = await serve();
    const remove = async (id: string) => (await fetch(`${url}/${id}`, { method: 'DELETE', headers: bearer })).status;
    expect([await remove('there'), await remove('elsewhere'), await remove('%3Cb%3E')]).toEqual([200, 404, 404]);
  });
});

describe("another pod's copies", () => {
  it('are taken, and nonsense is not', async () => {
    const { url, post, taken } = await serve();
    const to = url.replace('annotations', 'own-annotations');
    const copy: AnnotationCopy = {
      ...{ id: 'a', revision: 'r', fromAgeMs: 5, toAgeMs: null, writtenAgeMs: 1, text: 'x', tags: [], deleted: false },
      ...{ generation: 1, wroteMs: 1_000, seal: 's'.repeat(43) },
    };
    const format = 'goldpinger-ts/annotations/2';
    const answer = await post({ format, annotations: [copy] }, { ...podBearer, ...json }, to);
    expect([answer.status, await answer.json()]).toEqual([200, { taken: 1 }]);
    for (const annotations of [
      [{ ...copy, id: '<b>' }],
      [{ ...copy, fromAgeMs: null }],
      [{ ...copy, seal: '' }],
      [{ ...copy, generation: 0 }],
      [{ ...copy, wroteMs: null }],
      'x',
    ]) {
      expect((await post({ format, annotations }, { ...podBearer, ...json }, to)).status).toBe(400);
    }
    expect(taken).toEqual([copy]);
  });

  it('are taken from pods only, who in turn may not write what clients write', async () => {
    const { url, post, taken, written } = await serve();
    const to = url.replace('annotations', 'own-annotations');
    expect((await post({}, { ...bearer, ...json }, to)).status).toBe(401);
    expect((await post({ text: 'x' }, { ...podBearer, ...json })).status).toBe(401);
    expect([taken, written]).toEqual([[], []]);
  });
});
