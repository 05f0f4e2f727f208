import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { serve } from './serve.ts';

/** The answer to a GET from `localAddress`, as it came: `fetch` would decompress it. Its body is not read. */
async function getGzip(url: string, localAddress = '127.0.0.1'): Promise<IncomingMessage> {
  const { hostname, port, pathname: path } = new URL(url);
  const headers = { 'accept-encoding': 'gzip' };
  return new Promise((resolve) => {
    const request = get({ hostname, port, path, headers, agent: false, localAddress }, resolve);
    onTestFinished(() => void request.destroy());
  });
}

/** Serves a page with these files in `assets/`. */
async function servePage(assets: Record<string, string | Buffer>): Promise<string> {
  const pageDir = mkdtempSync(join(tmpdir(), 'goldpinger-page-'));
  onTestFinished(() => rmSync(pageDir, { recursive: true }));
  mkdirSync(join(pageDir, 'assets'));
  for (const [name, content] of Object.entries(assets)) writeFileSync(join(pageDir, 'assets', name), content);
  return (await serve({ pageDir })).url;
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
});

describe('an answer', () => {
  it('is sent as it is when many others are being compressed', async () => {
    const check = () => ({
      *[Symbol.iterator]() {
        for (let i = 0; i < 300; i++) yield 'x'.repeat(100_000);
      },
    });
    const { url } = await serve({ monitor: { check } });
    const encodings: (string | undefined)[] = [];
    for (let i = 0; i < 10; i++) {
      const { headers } = await getGzip(`${url}/check`, `127.0.0.${2 + i}`);
      encodings.push(headers['content-encoding']);
    }
    expect(encodings).toEqual([...new Array(8).fill('gzip'), undefined, undefined]);
  });
});
