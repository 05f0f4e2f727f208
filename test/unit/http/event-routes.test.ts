import { describe, expect, it } from 'vitest';
import type { AnnotationCopy, AnnotationRequest } from '../../../server/protocol/annotation.ts';
import { ConflictError } from '../../../server/runtime/errors.ts';
import { copiesOf, copyOf } from '../../support/peer-answers.ts';
import { type ContextChange, stubContext } from '../../support/route-context.ts';
import { jsonOf, serve } from './serve.ts';

const TOKEN = 'sixteen-characters';
const bearer = { authorization: `Bearer ${TOKEN}` };
const json = { 'content-type': 'application/json' };

async function start(change: ContextChange = {}) {
  const written: AnnotationRequest[] = [];
  const merged: AnnotationCopy[] = [];
  const { context } = stubContext();
  const write = async (request: AnnotationRequest) => {
    written.push(request);
    return { annotation: null, nowMs: 1, taken: 3, missing: [] };
  };
  const { url: origin, clock } = await serve({
    annotations: { ...context.annotations, write },
    ownAnnotations: { ...context.ownAnnotations, merge: (copies) => void merged.push(...copies) },
    ...change,
  });
  const url = `${origin}/api/v1/annotations`;
  const ownUrl = `${origin}/api/v1/own-annotations`;
  const post = (body: unknown, headers: Record<string, string> = { ...bearer, ...json }, to = url) =>
    fetch(to, { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) });
  const postOwn = (body: unknown, headers?: Record<string, string>) => post(body, headers, ownUrl);
  return { url, ownUrl, post, postOwn, written, merged, clock };
}

describe('writing an annotation', () => {
  it('accepts times in ms and RFC 3339, and says how many pods have it', async () => {
    const { post, written, clock } = await start();
    const fromMs = clock.nowMs() - 60_000;
    const to = new Date(clock.nowMs()).toISOString();
    const answer = await post({ id: 'run.1', from: fromMs, to, text: ' latency 250 ms ', tags: ['toxiproxy'] });
    expect([answer.status, await answer.json()]).toEqual([201, { annotation: null, nowMs: 1, taken: 3, missing: [] }]);
    await post({ text: 'now' });
    await post({ text: 'nulls are unset', id: null, from: null, to: null, tags: null });
    expect(written).toEqual([
      { id: 'run.1', fromMs, toMs: clock.nowMs(), text: 'latency 250 ms', tags: ['toxiproxy'] },
      { id: null, fromMs: null, toMs: null, text: 'now', tags: [] },
      { id: null, fromMs: null, toMs: null, text: 'nulls are unset', tags: [] },
    ]);
  });

  it('is off without a token, and the message says how to switch it on', async () => {
    const { url, post, postOwn, written, merged } = await start({ env: { WRITE_TOKEN: '' } });
    const { status, body } = await jsonOf(await post({ text: 'x' }));
    expect([status, body.message]).toEqual([403, expect.stringContaining('WRITE_TOKEN')]);
    expect((await postOwn(copiesOf(copyOf('a', 'r')))).status).toBe(403);
    expect((await fetch(`${url}/there`, { method: 'DELETE', headers: bearer })).status).toBe(403);
    expect([written, merged]).toEqual([[], []]);
  });

  const invalid = 'Bearer realm="goldpinger-ts", error="invalid_token"';
  it.each([
    ['none', {}, 'Bearer realm="goldpinger-ts"'],
    ['a wrong one', { authorization: 'Bearer sixteen-character' }, invalid],
    ['a longer one', { authorization: `Bearer ${TOKEN}x` }, invalid],
    ['another scheme', { authorization: `Basic ${TOKEN}` }, 'Bearer realm="goldpinger-ts"'],
    ['a cookie', { cookie: `token=${TOKEN}` }, 'Bearer realm="goldpinger-ts"'],
  ])('is refused with this token: %s', async (_, headers, challenge) => {
    const { post, url, ownUrl, written } = await start();
    for (const to of [url, ownUrl]) {
      const answer = await post({ text: 'x' }, { ...json, ...headers }, to);
      expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, challenge]);
    }
    expect((await fetch(`${url}/there`, { method: 'DELETE', headers })).status).toBe(401);
    expect(written).toEqual([]);
  });

  it.each<[field: string, ...bodies: string[]]>([
    ['body', '[]'],
    ['.*JSON', '{', 'null'],
    ['text', '{}', '{"text":""}', '{"text":5}', '{"text":"a\\nb"}', JSON.stringify({ text: 'x'.repeat(501) })],
    ['id', '{"text":"a","id":"a b"}', '{"text":"a","id":""}'],
    ['from', '{"text":"a","from":"yesterday"}', '{"text":"a","from":-1}', '{"text":"a","from":5}'],
    ['to', '{"text":"a","to":"2026-02-30T00:00:00Z"}', '{"text":"a","from":1700000000000,"to":1699999999999}'],
    [
      'tags',
      '{"text":"a","tags":"a"}',
      '{"text":"a","tags":[1]}',
      JSON.stringify({ text: 'a', tags: Array(11).fill('t') }),
    ],
    ['colour', '{"text":"a","colour":"red"}'],
  ])('with a wrong %s is refused with 400, and the message names it', async (field, ...bodies) => {
    const { post, written } = await start();
    for (const sent of bodies) {
      const { status, body } = await jsonOf(await post(sent));
      expect([sent, status, body.message]).toEqual([sent, 400, expect.stringMatching(`^${field}`)]);
    }
    expect(written).toEqual([]);
  });

  it('accepts only JSON, uncompressed and of at most 16 KiB', async () => {
    const { post, written } = await start();
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      expect([type, (await post('{"text":"x"}', { ...bearer, 'content-type': type })).status]).toEqual([type, 415]);
    }
    expect((await post('{"text":"x"}', { ...bearer, ...json, 'content-encoding': 'gzip' })).status).toBe(415);
    expect((await post(`{"text":"x"}${' '.repeat(16_384)}`)).status).toBe(413);
    expect(written).toEqual([]);
  });

  it('is refused with 409 if there is no room for it', async () => {
    const { annotations } = stubContext().context;
    const write = () => Promise.reject(new ConflictError('no room'));
    const { post } = await start({ annotations: { ...annotations, write } });
    const { status, body } = await jsonOf(await post({ text: 'x' }));
    expect([status, body]).toEqual([409, { code: 409, message: 'no room' }]);
  });

  it('can be deleted by its id', async () => {
    const { url } = await start();
    const remove = async (id: string) => (await fetch(`${url}/${id}`, { method: 'DELETE', headers: bearer })).status;
    expect([await remove('there'), await remove('elsewhere'), await remove('%3Cb%3E')]).toEqual([200, 404, 404]);
  });
});

describe("another pod's copies", () => {
  it('are merged if they are valid, and refused with 400 if they are not', async () => {
    const { postOwn, merged } = await start();
    const copy = copyOf('a', 'r');
    const { status, body } = await jsonOf(await postOwn(copiesOf(copy)));
    expect([status, body]).toEqual([200, { taken: 1 }]);
    for (const change of [{ id: '<b>' }, { fromAgeMs: null }, { version: 0 }, { revision: '' }, { deleted: 'no' }]) {
      expect((await postOwn({ ...copiesOf(), annotations: [{ ...copy, ...change }] })).status).toBe(400);
    }
    expect((await postOwn({ ...copiesOf(), annotations: 'x' })).status).toBe(400);
    expect(merged).toEqual([copy]);
  });
});

it.each([
  ['clients', 'annotations', { text: 'x' }, 20, 500],
  ['other pods', 'own-annotations', copiesOf(), 200, 50],
])('writes of %s to %s are bounded in rate', async (_, path, body, burst, intervalMs) => {
  const { url, post, clock } = await start();
  const write = () => post(body, undefined, url.replace('annotations', path));
  const first = await Promise.all(Array.from({ length: burst }, write));
  expect(first.filter(({ ok }) => !ok)).toEqual([]);
  const refused = await write();
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
  await clock.advance(intervalMs);
  expect((await write()).ok).toBe(true);
});
