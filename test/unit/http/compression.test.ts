import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ContextChange } from '../../support/route-context.ts';
import { serve } from './serve.ts';

/** The answer to a GET from `localAddress`, as it came: `fetch` would decompress it. Its body is not read. */
async function getAs(encoding: string, url: string, localAddress = '127.0.0.1'): Promise<IncomingMessage> {
  const { hostname, port, pathname: path } = new URL(url);
  const headers = { 'accept-encoding': encoding };
  return new Promise((resolve) => {
    const request = get({ hostname, port, path, headers, agent: false, localAddress }, resolve);
    onTestFinished(() => void request.destroy());
  });
}

/** Serves a page with these files in `assets/`. */
async function servePage(assets: Record<string, string | Buffer>, change: ContextChange = {}): Promise<string> {
  const pageDir = mkdtempSync(join(tmpdir(), 'goldpinger-page-'));
  onTestFinished(() => rmSync(pageDir, { recursive: true }));
  mkdirSync(join(pageDir, 'assets'));
  for (const [name, content] of Object.entries(assets)) writeFileSync(join(pageDir, 'assets', name), content);
  return (await serve({ ...change, pageDir })).url;
}

describe('a file of the page', () => {
  it('is sent as the build has compressed it, as the client accepts it', async () => {
    const url = await servePage({
      'ready.js': 'plain',
      'ready.js.br': brotliCompressSync('by Brotli'),
      'ready.js.gz': gzipSync('by gzip'),
    });
    const ask = async (encoding: string) => {
      const answer = await fetch(`${url}/assets/ready.js`, { headers: { 'accept-encoding': encoding } });
      return [answer.headers.get('content-type')?.split(';')[0], answer.headers.get('vary'), await answer.text()];
    };
    expect(await ask('gzip, br')).toEqual(['text/javascript', 'Accept-Encoding', 'by Brotli']);
    expect((await ask('br;q=0, gzip'))[2]).toBe('by gzip');
    expect((await ask('identity'))[2]).toBe('plain');
  });

  it.each([
    ['POST', {}, 404],
    ['GET', { range: 'bytes=999-' }, 416],
    ['GET', { 'if-match': '"other"' }, 412],
  ])(
    'that is not sent (%s, %j): the error is not compressed, and names what was asked for',
    async (method, more, status) => {
      const url = await servePage({ 'ready.js': 'plain', 'ready.js.br': brotliCompressSync('by Brotli') });
      const headers = { 'accept-encoding': 'br', ...more };
      const answer = await fetch(`${url}/assets/ready.js`, { method, headers });
      expect([answer.status, answer.headers.get('content-encoding')]).toEqual([status, null]);
      const { code, message } = JSON.parse(await answer.text());
      expect([code, message]).toEqual([status, expect.not.stringContaining('.br')]);
    },
  );
});

describe('an answer', () => {
  it('is sent as it is when many others are being compressed, not when many are sent that are not', async () => {
    // Compressed, it is still too long for the buffers of a connection that nobody reads.
    const piece = randomBytes(100_000).toString('base64');
    const check = () => new Array(300).fill(piece);
    const ready = { 'ready.js': 'plain', 'ready.js.br': Buffer.alloc(20_000_000) };
    const url = await servePage(ready, { monitor: { check } });
    let client = 1;
    /** The encodings of `count` answers that the clients do not read to the end. */
    const encodingsOf = async (count: number, path: string, accepted: string) => {
      const encodings: (string | undefined)[] = [];
      while (encodings.length < count) {
        client += 1;
        const { headers } = await getAs(accepted, `${url}${path}`, `127.0.0.${client}`);
        encodings.push(headers['content-encoding']);
      }
      return encodings;
    };
    expect(await encodingsOf(4, '/check', 'identity')).toEqual(new Array(4).fill(undefined));
    expect(await encodingsOf(2, '/assets/ready.js', 'br')).toEqual(new Array(2).fill('br'));
    expect(await encodingsOf(10, '/check', 'gzip')).toEqual([...new Array(8).fill('gzip'), undefined, undefined]);
  });

  it('that is a stream is sent as it is: a compressor would hold its events back', async () => {
    const { url } = await serve();
    expect((await getAs('gzip', `${url}/api/v1/stream`)).headers['content-encoding']).toBeUndefined();
  });
});
