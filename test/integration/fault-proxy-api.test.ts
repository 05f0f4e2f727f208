import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { type ICreateToxicBody, type Latency, Toxiproxy } from 'toxiproxy-node-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FaultProxy } from '../../deploy/local/toxic/fault-proxy.ts';
import { echo, startProxy, startUpstream } from '../support/fault-proxy.ts';

let proxy: FaultProxy;
beforeEach(async () => {
  proxy = await startProxy();
});
afterEach(() => proxy.stop());

/** Sends a request as a CLI does; gives status, headers and text. */
function ask(method: string, path: string, body = '', headers: Record<string, string> = {}) {
  return new Promise<{ status: number; headers: Record<string, unknown>; text: string }>((resolve, reject) => {
    const outgoing = request(new URL(path, proxy.apiUrl), { method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

interface Recorded {
  method: string;
  path: string;
  body: string;
  status: number;
  type: string | undefined;
  nosniff: boolean;
  text: string;
}

/** The exchanges with a real Toxiproxy 2.1.4, in their order. */
function recorded(): Recorded[] {
  const session = readFileSync('test/fixtures/toxiproxy/api-2.1.4.http', 'utf8').replace(/\r/g, '');
  return session
    .split(/^== /m)
    .slice(1)
    .map((exchange) => {
      const [first = '', answer = ''] = [
        exchange.slice(0, exchange.indexOf('\n')),
        exchange.slice(exchange.indexOf('\n') + 1),
      ];
      const [, method = '', path = '', body = ''] = /^(\S+) (\S+) ?(.*)$/.exec(first) ?? [];
      const [head = '', ...rest] = answer.split('\n\n');
      return {
        method,
        path,
        body,
        status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]),
        type: /^Content-Type: (.*)$/m.exec(head)?.[1],
        nosniff: head.includes('nosniff'),
        text: rest.join('\n\n').trim(),
      };
    });
}

describe('the API answers as Toxiproxy 2.1.4 did', () => {
  it('in every recorded exchange: status, type and text', async () => {
    const exchanges = recorded();
    expect(exchanges.length).toBeGreaterThanOrEqual(13);
    for (const { method, path, body, status, type, nosniff, text } of exchanges) {
      // The recorded addresses are those of another machine's loopback, the port is any free one.
      const answer = await ask(method, path, body);
      // Toxiproxy shows the message of Go's JSON decoder after "bad request body". Ours has its own.
      const shown = (raw: string) =>
        raw
          .trim()
          .replace(/127\.0\.1\.9:\d+/, 'LISTEN')
          .replace(/(bad request body): .*?(?=","status")/, '$1');
      expect([path, answer.status, shown(answer.text)]).toEqual([path, status, shown(text)]);
      expect(answer.headers['content-type']).toBe(type);
      expect(answer.headers['x-content-type-options']).toBe(nosniff ? 'nosniff' : undefined);
    }
  });

  it('to the requests of command line tools: null toxics, empty names, any content type', async () => {
    const created = await ask(
      'POST',
      '/proxies',
      '{"name":"chaos","listen":"127.0.0.1:0","upstream":"127.0.0.1:9","enabled":true,"toxics":null}',
      { 'content-type': 'text/plain', 'user-agent': 'Go-http-client/1.1' },
    );
    expect(created.status).toBe(201);
    const added = await ask(
      'POST',
      '/proxies/chaos/toxics',
      '{"attributes":{"latency":250},"name":"","type":"latency","stream":"upstream","toxicity":1}',
    );
    expect(JSON.parse(added.text)).toEqual({
      attributes: { latency: 250, jitter: 0 },
      name: 'latency_upstream',
      type: 'latency',
      stream: 'upstream',
      toxicity: 1,
    });
    const changed = await ask('PATCH', '/proxies/chaos/toxics/latency_upstream', '{"attributes":{"jitter":5}}');
    expect(JSON.parse(changed.text)).toMatchObject({ attributes: { latency: 250, jitter: 5 } });
    const disabled = await ask('PATCH', '/proxies/chaos', '{"enabled":false}');
    expect(JSON.parse(disabled.text)).toMatchObject({ name: 'chaos', enabled: false });
    expect((await ask('DELETE', '/proxies/chaos/toxics/latency_upstream')).status).toBe(204);
    expect((await ask('DELETE', '/proxies/chaos')).status).toBe(204);
    expect((await ask('GET', '/proxies')).text).toBe('{}');
  });

  it.each([
    ['POST', '/proxies', '', 400, 'bad request body: the body is empty'],
    ['POST', '/proxies', '{"name":"x"', 400, expect.stringMatching(/^bad request body: .*JSON/)],
    ['POST', '/proxies', '[]', 400, 'bad request body: expected an object, not a list'],
    ['POST', '/proxies', '{"name":5}', 400, expect.stringMatching(/^bad request body: name: /)],
    [
      'POST',
      '/proxies/a/toxics',
      '{"type":"latency","attributes":{"jitter":1.5}}',
      400,
      'bad request body: attributes.jitter must be a whole number',
    ],
    ['POST', '/proxies', '{"name":"x"}', 400, 'missing required field: upstream'],
    [
      'POST',
      '/proxies',
      '{"name":"x","listen":"x","upstream":"y:1"}',
      500,
      'listen tcp: address x: missing port in address',
    ],
    [
      'POST',
      '/proxies',
      '{"name":"x","listen":"192.0.2.1:1","upstream":"y:1"}',
      500,
      'listen tcp 192.0.2.1:1: bind: cannot assign requested address',
    ],
    ['GET', '/proxies/a/toxics/none', '', 404, 'toxic not found'],
    ['DELETE', '/proxies/a/toxics/none', '', 404, 'toxic not found'],
    [
      'POST',
      '/proxies/a/toxics',
      '{"type":"latency","stream":"sideways"}',
      400,
      'stream was invalid, can be either upstream or downstream',
    ],
    ['POST', '/proxies/none', '{}', 404, 'proxy not found'],
    ['POST', '/proxies/none/toxics', '{}', 404, 'proxy not found'],
    ['DELETE', '/proxies/none', '', 404, 'proxy not found'],
  ])('%s %s %s', async (method, path, body, status, error) => {
    await ask('POST', '/proxies', '{"name":"a","listen":"127.0.0.1:0","upstream":"127.0.0.1:9"}');
    const answer = await ask(method, path, body);
    expect(JSON.parse(answer.text)).toEqual({ error, status });
    expect(answer.text.endsWith('\n')).toBe(true);
    expect(answer.status).toBe(status);
  });

  it('to a list with an incomplete proxy: as JSON, and with none made', async () => {
    const answer = await ask('POST', '/populate', '[{"name":"x"}]');
    expect(JSON.parse(answer.text)).toEqual({
      error: 'missing required field: upstream at proxy 1',
      status: 400,
      proxies: null,
    });
    expect([answer.status, answer.headers['content-type']]).toEqual([400, 'application/json']);
    expect((await ask('GET', '/proxies')).text).toBe('{}');
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

describe('toxiproxy-node-client', () => {
  it('makes, changes, populates, resets and removes proxies and toxics', async () => {
    const client = new Toxiproxy(proxy.apiUrl);
    expect(await client.getVersion()).toBe('2.1.4');
    const one = await client.createProxy({ name: 'one', listen: 'localhost:0', upstream: 'localhost:9' });
    expect(one.listen).toMatch(/^127\.0\.0\.1:\d+$/);
    const toxic = await one.addToxic<Latency>({
      type: 'latency',
      attributes: { latency: 100, jitter: 1 },
    } as ICreateToxicBody<Latency>);
    expect(toxic.toJson()).toMatchObject({ name: 'latency_downstream', stream: 'downstream', toxicity: 1 });
    expect((await one.getToxic('latency_downstream')).toJson()).toMatchObject({
      attributes: { latency: 100, jitter: 1 },
    });
    await expect(one.getToxic('other')).rejects.toThrow();
    const off = await one.update({ enabled: false, listen: one.listen, upstream: one.upstream });
    expect(off.enabled).toBe(false);
    const all = await client.populate([
      { name: 'one', listen: one.listen, upstream: one.upstream },
      { name: 'two', listen: '127.0.0.1:0', upstream: 'localhost:8' },
    ] as never);
    expect(Object.keys(all)).toEqual(['one', 'two']);
    await client.reset();
    const after = await client.getAll();
    expect(Object.values(after).map(({ name, enabled }) => [name, enabled])).toEqual([
      ['one', true],
      ['two', true],
    ]);
    await expect((await client.get('one')).getToxic('latency_downstream')).rejects.toThrow('404');
    await (await client.get('two')).remove();
    expect(Object.keys(await client.getAll())).toEqual(['one']);
  });
});
