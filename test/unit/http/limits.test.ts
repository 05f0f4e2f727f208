import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePing } from '../../../server/http/ping.ts';
import { soon } from '../../support/loopback-peer.ts';
import { meshOf, podOf, podsOf, snapshotOf } from '../../support/mesh.ts';
import { dial, serve } from './serve.ts';

const get = (path: string, fields = '') => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${fields}\r\n`;
/** A ping after which the connection ends. */
const LAST_PING = get('/ping', 'Connection: close\r\n');
const countOf = (text: string, part: string) => text.split(part).length - 1;

/** A mesh in which one pod, and no node, has a loopback address. */
const POD_IP = '127.0.0.50';
const MESH = snapshotOf([podOf(0, { podIPs: [POD_IP], hostIPs: [] }), podOf(1, { podIPs: [], hostIPs: [] })]);

/** Serves a pod whose `/check_all` never ends. `asked()`: how many of them are in work. */
async function serveHeld(env: Record<string, string> = {}) {
  let asked = 0;
  const collect = () => {
    asked += 1;
    return new Promise<never>(() => {});
  };
  const served = await serve({ env, collector: { collect }, monitor: { snapshot: MESH } });
  return { ...served, asked: () => asked };
}

/** The whole answer to a client that sends one request from this address. */
async function answerTo(url: string, path: string, address: string) {
  const { received, ended } = await dial(url, get(path, 'Connection: close\r\n'), address);
  await ended();
  return received();
}

/** Sends `count` requests that never end, each on its own connection. */
const hold = (url: string, count: number, address = '127.0.0.1') =>
  Promise.all(Array.from({ length: count }, () => dial(url, get('/check_all'), address)));

describe('the first bytes of a connection', () => {
  it('are a ping if they are one whole GET /ping without a body', () => {
    const isPing = (text: string) => parsePing(Buffer.from(text));
    expect(isPing(get('/ping'))).toEqual({ host: 'localhost', keepAlive: true });
    expect(isPing(get('/ping?x=1', 'Connection: close\r\n'))).toEqual({ host: 'localhost', keepAlive: false });
    for (const other of [
      get('/pings'),
      get('/ping').repeat(2),
      get('/ping').slice(0, -2),
      get('/ping', 'Content-Length: 3\r\n'),
      get('/ping', 'transfer-encoding: chunked\r\n'),
      get('/ping').replace('GET', 'POST'),
      get('/ping').replace('1.1', '1.0'),
      get('/ping').replace('Host: localhost', 'Host: '),
    ])
      expect([other, isPing(other)]).toEqual([other, null]);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => parsePing(Buffer.from(bytes)) === null));
  });

  it.each([
    ['whole', [LAST_PING]],
    ['in parts', [LAST_PING.slice(0, 9), LAST_PING.slice(9)]],
    ['after another ping', [get('/ping'), LAST_PING]],
    ['behind another in one packet', [get('/ping') + LAST_PING]],
    ['after another request', [get('/healthz'), LAST_PING]],
    ['once shutdown has begun: that ends the connection in order', [get('/ping')], false],
    ['after another request, once shutdown has begun', [get('/healthz'), get('/ping')], false],
  ] as [string, string[], boolean?][])('a ping is answered when it comes %s', async (_, parts, isReady = true) => {
    const { url } = await serve({ isReady: () => isReady });
    const { socket, received, ended } = await dial(url, parts[0] ?? '');
    if (parts.length > 1) {
      if (parts[0]?.endsWith('\r\n\r\n')) await soon(() => expect(received()).toMatch(/\}$/));
      socket.write(parts[1] ?? '');
    }
    await ended();
    expect(received()).toMatch(/Connection: close\r\n[\s\S]*\r\n\{"boot_time":"2026-11-22T14:39:48.013Z"\}$/);
    expect(countOf(received(), '200 OK')).toBe(countOf(parts.join(''), 'GET'));
  });

  it('must come in time, but may come again later: after a ping the connection stays open for longer than its first request may take', async () => {
    const { url } = await serve({}, { requestMs: 400, checkMs: 10, stalledMs: 30_000 });
    const kept = await dial(url, get('/ping'));
    await soon(() => expect(kept.received()).toMatch(/\}$/));
    await (await dial(url, '')).ended();
    expect(kept.socket.readyState).toBe('open');
    kept.socket.write(LAST_PING);
    await kept.ended();
    expect(countOf(kept.received(), '200 OK')).toBe(2);
  });
});

describe('connections', () => {
  it.each([
    ['that send nothing', ''],
    ['with unfinished headers', 'GET /check HTTP/1.1\r\nX: y'],
    ['that are kept', get('/healthz')],
  ])('%s give way to new ones, so that pings and requests are answered', async (_, text) => {
    const { url } = await serve({ monitor: { snapshot: MESH } });
    const all = await Promise.all(Array.from({ length: 300 }, (__, i) => dial(url, text, `127.0.0.${2 + (i % 5)}`)));
    for (let i = 0; i < 5; i++) {
      expect((await fetch(`${url}/ping`)).status).toBe(200);
      expect((await fetch(`${url}/check`)).status).toBe(200);
    }
    const open = () => all.filter(({ socket }) => !socket.closed && socket.readyState === 'open').length;
    if (text !== '') await soon(() => expect(open()).toBeLessThanOrEqual(64));
  });

  it('with requests in work keep their places: more of one address wait, large ones get 503, and a ping is answered', async () => {
    const { url, asked, clock } = await serveHeld();
    const held = await hold(url, 32);
    // 8 requests are in work, the others wait for their turn.
    await soon(() => expect([asked(), clock.pending]).toEqual([8, 24]));
    const next = fetch(`${url}/healthz`);
    await soon(() => expect(clock.pending).toBe(25));
    expect((await fetch(`${url}/ping`)).status).toBe(200);
    const { status, headers } = await fetch(`${url}/healthz?${'x'.repeat(5_000)}`);
    expect([status, headers.get('retry-after')]).toEqual([503, '1']);
    // 503 would mean that the hypothesis does not hold.
    const verdict = await fetch(`${url}/api/v1/verdict?expect=healthy&${'x'.repeat(5_000)}`);
    expect([verdict.status, await verdict.json()]).toMatchObject([425, { code: 425 }]);
    held[0]?.socket.destroy();
    expect((await next).status).toBe(200);
    expect(await answerTo(url, '/healthz', '127.0.0.9')).toContain('200 OK');
  });

  it('that wait for a place are closed too when the server ends', async () => {
    const { url, server, clock } = await serveHeld();
    await hold(url, 32);
    await soon(() => expect(clock.pending).toBe(24));
    // Half a request: it would wait for the rest of it.
    const waiting = await dial(url, get('/healthz').slice(0, -2));
    await soon(() => expect(clock.pending).toBe(25));
    const closed = server.close(1_000);
    clock.advance(1_000);
    await Promise.all([closed, waiting.ended()]);
    expect(waiting.received()).toBe('');
  });

  it('are closed beyond 400 a second of one address, or 800 of all that are no pods; pods have a number of their own', async () => {
    const { url, clock } = await serve({ monitor: { snapshot: MESH } });
    const refused = async (count: number, address: string) => {
      let refusedCount = 0;
      for (let i = 0; i < count; i++) {
        const answer = await answerTo(url, '/ping', address).catch((error) =>
          error.code === 'ECONNRESET' ? '' : 'no',
        );
        if (answer === '') refusedCount += 1;
      }
      return refusedCount;
    };
    expect(await refused(403, '127.0.0.2')).toBe(3);
    expect(await refused(400, '127.0.0.3')).toBe(0);
    expect(await refused(1, '127.0.0.4')).toBe(1);
    expect(await refused(401, POD_IP)).toBe(1);
    await clock.advance(1_000);
    expect(await refused(2, '127.0.0.2')).toBe(0);
  });

  it('of pods have places that no other address can take', async () => {
    const { url } = await serveHeld();
    for (const address of ['127.0.0.2', '127.0.0.3', '127.0.0.4']) await hold(url, 32, address);
    expect(await answerTo(url, '/check', POD_IP)).toContain('200 OK');
  });
});

describe('requests', () => {
  it('of one connection are worked on one after the other, in their order', async () => {
    let inWork = 0;
    let most = 0;
    const ends: (() => void)[] = [];
    const collect = async () => {
      most = Math.max(most, ++inWork);
      await new Promise<void>((resolve) => ends.push(resolve));
      inWork -= 1;
      return meshOf(podsOf(2));
    };
    const { url } = await serve({ collector: { collect } });
    const { received } = await dial(url, get('/check_all') + get('/cluster_health') + get('/check_all'));
    for (let i = 0; i < 3; i++) {
      await soon(() => expect(ends).toHaveLength(i + 1));
      ends[i]?.();
    }
    await soon(() => expect(countOf(received(), '200 OK')).toBe(3));
    expect(most).toBe(1);
    expect(received().indexOf('duration-ns')).toBeGreaterThan(received().indexOf('hosts'));
  });

  it('that wait are dropped when their connection closes', async () => {
    const { url, asked } = await serveHeld();
    const { socket } = await dial(url, get('/check_all') + get('/check_all'));
    await soon(() => expect(asked()).toBe(1));
    socket.destroy();
    await fetch(`${url}/ping`);
    await fetch(`${url}/healthz`);
    expect(asked()).toBe(1);
  });

  const ask = get('/check_all');
  it.each([
    ['in one packet', [ask.repeat(900)], 0],
    ['in one packet, as HTTP/2.0', [ask.replace('/1.1', '/2.0').repeat(900)], 0],
    ['in one packet, without a version', [ask.replace(' HTTP/1.1', '').repeat(900)], 0],
    ['in a later packet', [ask, ask.repeat(900)], 1],
    ['in several packets', [ask, ask.repeat(10), ask.repeat(10)], 1],
  ])('sent far ahead of the answers end the connection: %s', async (_, packets, begun) => {
    const { url, asked } = await serveHeld();
    const { socket, ended } = await dial(url, packets[0] ?? '');
    await soon(() => expect(asked()).toBe(begun));
    for (const packet of packets.slice(1)) socket.write(packet);
    await ended();
    expect(asked()).toBe(begun);
  });

  it('are bounded for each address: the next waits for a place, then gets 503 with Retry-After', async () => {
    const { url, asked, clock } = await serveHeld();
    await hold(url, 8);
    await soon(() => expect(asked()).toBe(8));
    const next = fetch(`${url}/check`);
    const verdict = fetch(`${url}/api/v1/verdict`);
    expect(await answerTo(url, '/check', '127.0.0.2')).toContain('200 OK');
    await soon(() => expect(clock.pending).toBeGreaterThan(1));
    for (const path of ['/ping', '/healthz', '/readyz']) expect((await fetch(url + path)).status).toBe(200);
    await clock.advance(5_000);
    const { status, headers } = await next;
    expect([status, headers.get('retry-after')]).toEqual([503, '1']);
    expect((await verdict).status).toBe(425);
  });

  it('are bounded in all, apart for pods', async () => {
    const { url, asked } = await serveHeld();
    for (const address of ['127.0.0.2', '127.0.0.3', '127.0.0.4']) await hold(url, 8, address);
    await soon(() => expect(asked()).toBe(16));
    await hold(url, 8, POD_IP);
    await soon(() => expect(asked()).toBe(16 + 8));
  });

  it.each([
    ['5s', 10_000],
    ['30s', 35_000],
  ])(
    'with CHECK_ALL_TIMEOUT=%s that have been in work for %i ms give way to one that waits',
    async (timeout, longMs) => {
      const { url, asked, clock } = await serveHeld({ CHECK_ALL_TIMEOUT: timeout });
      const held = await hold(url, 8);
      await soon(() => expect(asked()).toBe(8));
      await clock.advance(longMs - 4_000);
      const before = clock.pending;
      const next = fetch(`${url}/check`);
      await soon(() => expect(clock.pending).toBe(before + 1));
      await clock.advance(3_000);
      expect(held.every(({ socket }) => socket.readyState === 'open')).toBe(true);
      await clock.advance(1_000);
      await soon(() => expect(held.filter(({ socket }) => socket.closed)).toHaveLength(1));
      expect((await next).status).toBe(200);
    },
  );
});
