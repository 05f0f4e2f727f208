import { createServer } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { listen } from '../../../deploy/local/sockets.ts';
import { probeHttp, tcpAddressOf } from '../../../server/probing/external-probes.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { startLoopbackPeer } from '../../support/loopback-peer.ts';

/** Probes a URL within 500 ms. */
const probe = (url: string, clock = new FakeClock()) =>
  probeHttp(url, { clock, timeoutMs: 500, signal: new AbortController().signal });

/** A server with these redirects (path to location). `/ok` has status 200, `/silent` no answer, `/loop` never ends. */
async function serve(redirects: Record<string, string>) {
  const { port, requests } = await startLoopbackPeer(({ url = '' }, response) => {
    const location = redirects[url] ?? (url.startsWith('/loop') ? `/loop${requests.length}` : undefined);
    if (location !== undefined) response.writeHead(302, { location }).end('x'.repeat(100_000));
    else if (url !== '/silent') response.writeHead(url === '/ok' ? 200 : 404).end();
  });
  const base = `http://127.0.0.1:${port}`;
  const clock = new FakeClock();
  return { asked: requests, base, clock, attempt: async (path: string) => (await probe(base + path, clock)).error };
}

/** Answers the first bytes of a connection with these, and then closes it. Probes it over HTTP or HTTPS. */
async function answering(scheme: 'http' | 'https', bytes: string | Buffer) {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(bytes));
  });
  const url = `${scheme}://127.0.0.1:${await listen(server, '127.0.0.1', 0)}/`;
  onTestFinished(() => void server.close());
  return { url, ...(await probe(url)) };
}

it('an HTTPS target that does not speak TLS is told in plain words', async () => {
  const { url, error, outcome } = await answering('https', 'HTTP/1.1 400 Bad Request\r\n\r\n');
  expect(outcome).toBe('malformed');
  expect(error).toBe(`Get "${url}": TLS: the other side does not speak TLS`);
});

it('an HTTPS target may lack secure renegotiation (RFC 5746), as with Goldpinger', async () => {
  // ServerHello of TLS 1.2 with the cipher ECDHE-RSA-AES128-GCM-SHA256, without any extension (RFC 5246, section 7.4.1.3).
  const hello = Buffer.concat([Buffer.from('0303', 'hex'), Buffer.alloc(32, 7), Buffer.from('00c02f00', 'hex')]);
  const { error } = await answering('https', Buffer.concat([Buffer.from('160303002a02000026', 'hex'), hello]));
  expect(error).toMatch(/^Get "[^"]+": /);
  expect(error).not.toContain('renegotiation');
});

it('a TCP target may have the name of a service as its port, as with Goldpinger', () => {
  expect(tcpAddressOf('db.test:ftps')).toEqual({ host: 'db.test', port: 990 });
  expect(tcpAddressOf('[::1]:HTTPS')).toEqual({ host: '::1', port: 443 });
});

it('an HTTP target may end the lines of its head without CR, as with Goldpinger', async () => {
  const answer = await answering('http', 'HTTP/1.0 200 OK\nContent-Type: text/plain\n\nok\n');
  expect(answer).toMatchObject({ outcome: 'ok', error: '' });
});

it.each([
  ['is a success, as with Goldpinger', 200_000, /^$/],
  ['fails beyond 256 KiB, so that many of them fit into memory', 300_000, /HPE_HEADER_OVERFLOW/],
])('an HTTP target with long headers %s', async (_, bytes, error) => {
  const { port } = await startLoopbackPeer((_request, response) => {
    for (let i = 0; i < bytes / 10_000; i++) response.setHeader(`x-${i}`, 'x'.repeat(10_000));
    response.end();
  });
  expect((await probe(`http://127.0.0.1:${port}/`)).error).toMatch(error);
});

describe('an HTTP target that redirects', () => {
  it('has the result of the last redirect, as with Goldpinger', async () => {
    const { asked, attempt, base, clock } = await serve({ '/a': '/b', '/b': 'ok', '/c': 'nowhere' });
    expect(await attempt('/a')).toBe('');
    expect(asked).toEqual(['GET /a', 'GET /b', 'GET /ok']);
    expect(await attempt('/c')).toBe(`${base}/c returned non-200 resp: 404`);
    expect(clock.pending).toBe(0);
  });

  it.each([
    ['in a circle', '/loop', /^Get "[^"]+\/loop": stopped after 10 redirects$/],
    ['to another protocol', '/file', /invalid url scheme: 'file' in address/],
    ['to nowhere', '/nonsense', /Invalid URL/],
    ['to a URL that Node does not accept', '/refused', /^Get "[^"]+\/refused": ./],
  ])('%s fails', async (_how, path, message) => {
    const { attempt, asked, clock } = await serve({
      '/file': 'file:///etc/passwd',
      '/nonsense': 'http://:x',
      '/refused': 'http://%zz@127.0.0.1/',
    });
    expect(await attempt(path)).toMatch(message);
    expect(asked.length).toBeLessThanOrEqual(10);
    expect(clock.pending).toBe(0);
  });

  it('has one timeout for all redirects together', async () => {
    const { attempt, base, clock, asked } = await serve({ '/a': '/silent' });
    const result = attempt('/a');
    await vi.waitFor(() => expect(asked).toContain('GET /silent'), { timeout: 10_000, interval: 5 });
    await clock.advance(500);
    expect(await result).toBe(`Get "${base}/a": timeout after 500 ms`);
  });
});
