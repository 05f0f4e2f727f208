import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FaultProxy } from '../../deploy/local/toxic/fault-proxy.ts';
import { echo, exchanges, replay, ask as request, startProxy, startUpstream } from '../support/fault-proxy.ts';

let proxy: FaultProxy;
beforeEach(async () => {
  proxy = await startProxy();
});
afterEach(() => proxy.stop());

const ask = (method: string, path: string, body = '', headers: Record<string, string> = {}) =>
  request(proxy.apiUrl + path, method, body, headers);

describe('the API answers', () => {
  // `npm run test:toxiproxy` asks the real ones the same.
  it('as Toxiproxy 2.1.4 and 2.12 did, in every recorded exchange: status, headers and text', async () => {
    expect(exchanges().length).toBeGreaterThan(90);
    for (const exchange of exchanges()) expect(await replay(proxy.apiUrl, exchange)).toEqual(exchange);
  });

  it.each([
    ['/proxies', '', 400, 'bad request body: the body is empty'],
    ['/proxies', '{"name":"x"', 400, expect.stringMatching(/^bad request body: .*JSON/)],
    ['/proxies', '[]', 400, 'bad request body: expected an object, not a list'],
    ['/proxies', '{"name":5}', 400, expect.stringMatching(/^bad request body: name: /)],
    [
      '/proxies/a/toxics',
      '{"type":"latency","attributes":{"jitter":1.5}}',
      400,
      expect.stringContaining('whole number'),
    ],
    ['/proxies', '{"name":"x","listen":"192.0.2.1:1","upstream":"y:1"}', 500, expect.stringContaining('cannot assign')],
  ])('to %s %s with %i and its own words', async (path, body, status, error) => {
    await ask('POST', '/proxies', '{"name":"a","listen":"127.0.0.1:0","upstream":"127.0.0.1:9"}');
    const answer = await ask('POST', path, body, { 'content-type': 'text/plain' });
    expect([answer.status, JSON.parse(answer.text)]).toEqual([status, { error, status }]);
    expect(answer.text.endsWith('\n')).toBe(true);
  });

  it('to an address in use with 500, and goes on', async () => {
    const { port, server } = await startUpstream(echo);
    const answer = await ask('POST', '/proxies', `{"name":"a","listen":"127.0.0.1:${port}","upstream":"127.0.0.1:9"}`);
    expect(JSON.parse(answer.text)).toEqual({
      error: `listen tcp 127.0.0.1:${port}: bind: address already in use`,
      status: 500,
    });
    expect((await ask('GET', '/proxies')).text).toBe('{}');
    server.close();
  });

  it('to browsers with 403, so that no web page can control it', async () => {
    const answer = await ask('POST', '/reset', '', { 'user-agent': 'Mozilla/5.0 (X11)' });
    expect(answer.status).toBe(403);
  });

  it.each([
    ['goldpinger.evil.example', 403],
    ['127.0.0.1.evil.example:8474', 403],
    ['192.0.2.1:8474', 403],
    ['localhost:8474', 204],
    ['127.0.1.4:8474', 204],
    ['[::1]:8474', 204],
  ])('to the host name %s with %i, because it listens on a loopback address', async (host, status) => {
    expect((await ask('POST', '/reset', '', { host })).status).toBe(status);
  });

  it('to any host name if it listens on every address, as in a pod of a real cluster', async () => {
    await proxy.stop();
    proxy = await startProxy('0.0.0.0');
    expect((await ask('POST', '/reset', '', { host: 'goldpinger-chaos.default:8474' })).status).toBe(204);
  });

  it('to bodies above 1 MiB with 413, and to bytes that are not HTTP with 400', async () => {
    expect((await ask('POST', '/proxies', ' '.repeat(1_100_000))).status).toBe(413);
    const socket = connect(Number(new URL(proxy.apiUrl).port), '127.0.0.1');
    socket.write('\x16\x03\x01 no HTTP\r\n\r\n');
    const [answer] = await new Promise<[Buffer]>((resolve) => socket.once('data', (data) => resolve([data])));
    expect(answer.toString()).toContain('400 Bad Request');
    socket.destroy();
    expect((await ask('GET', '/version')).text).toBe('2.1.4');
  });
});
