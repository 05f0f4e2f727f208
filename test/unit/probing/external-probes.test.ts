import { describe, expect, it, vi } from 'vitest';
import { probeHttp } from '../../../server/probing/external-probes.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { startLoopbackPeer } from '../../support/loopback-peer.ts';

/** A server with these redirects (path to location). `/ok` has status 200, `/silent` no answer, `/loop` never ends. */
async function serve(redirects: Record<string, string>) {
  const { port, requests } = await startLoopbackPeer(({ url = '' }, response) => {
    const location = redirects[url] ?? (url.startsWith('/loop') ? `/loop${requests.length}` : undefined);
    if (location !== undefined) response.writeHead(302, { location }).end('x'.repeat(100_000));
    else if (url !== '/silent') response.writeHead(url === '/ok' ? 200 : 404).end();
  });
  const base = `http://127.0.0.1:${port}`;
  const clock = new FakeClock();
  const limits = { clock, timeoutMs: 500, signal: new AbortController().signal };
  return { asked: requests, base, clock, attempt: (path: string) => probeHttp(base + path, limits) };
}

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
