import { expect, it } from 'vitest';
import { serve } from './serve.ts';

it('the client learns little of an internal error, and the log everything', async () => {
  const { url, errors } = await serve({ collector: { collect: () => Promise.reject(new Error('secret detail')) } });
  const answer = await fetch(`${url}/check_all`);
  expect(answer.status).toBe(500);
  expect(await answer.text()).not.toContain('secret');
  expect(errors).toEqual(['a request failed']);
});

it('the connection breaks when an answer fails half way, so that half is not taken for whole', async () => {
  function* check() {
    yield 'x'.repeat(100_000);
    throw new Error('half way');
  }
  const { url } = await serve({ monitor: { check } });
  await expect(fetch(`${url}/check`).then((answer) => answer.text())).rejects.toThrow();
});

it.each([
  ['application/json; charset=utf-8', 200],
  ['application/json;version=1;q=0.5, text/html', 200],
  ['text/html, */*;q=0.1', 200],
  ['application/json;q=0', 406],
  ['application/xml;charset=utf-8', 406],
])('a client that accepts %s gets %i', async (accept, status) => {
  const { url } = await serve();
  for (const path of ['/check', '/check_all', '/cluster_health', '/api/v1/mesh', '/api/v1/row', '/api/v1/events']) {
    expect([path, (await fetch(url + path, { headers: { accept } })).status]).toEqual([path, status]);
  }
});
