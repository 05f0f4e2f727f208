import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createLinkClient } from '../../../server/peers/peer-client.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { podOf } from '../../support/mesh.ts';

/** Waits for a condition, with room for a busy machine. */
const soon = (condition: () => unknown) => vi.waitFor(condition, { timeout: 10_000, interval: 5 });

const stops: (() => unknown)[] = [];
afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
});

async function start(answer: RequestListener) {
  const urls: string[] = [];
  const server = createServer((req, res) => {
    urls.push(req.url ?? '');
    answer(req, res);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const clock = new FakeClock();
  const asker = createLinkClient({ port, families: [4], useHostIP: false, checkTimeoutMs: 1_000 }, clock);
  stops.push(asker.stop, () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return { asker, clock, urls };
}

const from = podOf(0, { podIPs: ['127.0.0.1'] });
const sample = {
  ...{
    atMs: 5,
    outcome: 'timeout',
    phase: 'connect',
    connectUs: -1,
    firstByteUs: -1,
    totalUs: 300_000,
    suspect: false,
  },
};
const told = { from: 'uid-0', to: 'uid/1', nowMs: 9, error: '', samples: [sample] };

describe('asking for the samples of a link', () => {
  it('gives what its probing pod kept', async () => {
    const { asker, urls } = await start((_, res) => res.end(JSON.stringify(told)));
    expect(await asker.fetchLinkSamples(from, 'uid/1')).toEqual(told);
    expect(urls).toEqual(['/api/v1/samples?to=uid%2F1']);
  });

  it('files the answer under the link that was asked for', async () => {
    const { asker } = await start((_, res) => res.end(JSON.stringify({ ...told, from: 'x', to: 'y' })));
    expect(await asker.fetchLinkSamples(from, 'uid/1')).toEqual(told);
  });

  it.each<[string, RequestListener, RegExp]>([
    ['404', (_, res) => res.writeHead(404).end(), /Goldpinger/],
    ['500', (_, res) => res.writeHead(500).end(), /status 500/],
    ['HTML', (_, res) => res.end('<html>'), /JSON/],
    ['another shape', (_, res) => res.end('{"samples":[]}'), /Expected/],
    ['too much', (_, res) => res.end(JSON.stringify({ ...told, more: 'x'.repeat(300_000) })), /longer/],
  ])('says in words why there are none: %s', async (_, answer, words) => {
    const { asker } = await start(answer);
    const samples = await asker.fetchLinkSamples(from, 'uid/1');
    expect(samples).toMatchObject({ from: 'uid-0', to: 'uid/1', samples: [] });
    expect(samples.error).toMatch(words);
  });

  it('gives up at the deadline, without an address at once, and when stopped', async () => {
    const { asker, clock, urls } = await start(() => {});
    const late = asker.fetchLinkSamples(from, 'uid/1');
    await soon(() => expect(urls).toHaveLength(1));
    await clock.advance(1_000);
    expect((await late).error).toMatch(/1000 ms/);
    expect((await asker.fetchLinkSamples(podOf(0, { podIPs: [] }), 'uid/1')).error).toMatch(/no address/);
    const ended = asker.fetchLinkSamples(from, 'uid/1');
    asker.stop();
    expect((await ended).error).not.toBe('');
    expect(clock.pending).toBe(0);
  });

  it('asks at most 16 at once', async () => {
    const { asker, urls } = await start(() => {});
    const all = Array.from({ length: 20 }, () => asker.fetchLinkSamples(from, 'uid/1'));
    await soon(() => expect(urls).toHaveLength(16));
    asker.stop();
    const errors = (await Promise.all(all)).map(({ error }) => error);
    expect(errors.filter((error) => /too many/.test(error))).toHaveLength(4);
  });
});
