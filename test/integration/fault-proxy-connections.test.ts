import type { Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runToxiproxyCli } from '../../deploy/local/client/toxiproxy-cli.ts';
import { eventually } from '../support/eventually.ts';
import { dial, echo, pattern, roundTrip, startProxy, startUpstream } from '../support/fault-proxy.ts';
import { endOf, proxyOfFile } from '../support/proxied.ts';

const { current, post, toxic, drop, proxied, dialled, connections } = proxyOfFile();

describe('without toxics', () => {
  it.each([
    ['an upstream by IPv6', { host: '::1' }, /^127\.0\.0\.1:\d+$/, ['127.0.0.1']],
    ['a proxy that listens on IPv6', { listen: '[::1]:0' }, /^\[::1\]:\d+$/, ['[::1]']],
    ['a proxy that listens on every interface', { listen: ':0' }, /^\[::\]:\d+$/, ['127.0.0.1', '[::1]']],
  ])('%s is reached', async (_, addresses, shown, hosts) => {
    const address = await proxied(echo, addresses);
    expect(address).toMatch(shown);
    for (const host of hosts) {
      const socket = await dialled(`${host}:${address.split(':').at(-1)}`);
      expect((await roundTrip(socket, Buffer.from(host))).back.toString()).toBe(host);
    }
  });

  it('a client is accepted and closed if the upstream does not answer', async () => {
    const { server, address } = await startUpstream(echo);
    await new Promise((resolve) => server.close(resolve));
    const { listen = '' } = await post('/proxies', { name: 'p', listen: '127.0.0.1:0', upstream: address });
    expect(['end', 'ECONNRESET']).toContain(await endOf(await dialled(listen)));
  });

  it('a reset by the upstream ends the client, and nothing is left', async () => {
    const socket = await dialled(await proxied((client) => client.once('data', () => client.resetAndDestroy())));
    const ended = endOf(socket);
    socket.write('x');
    await ended;
    await eventually(async () => expect([await connections(), current().bufferedBytes()]).toEqual([0, 0]));
  });
});

it('disabling ends open connections and refuses new ones; enabling serves again', async () => {
  const address = await proxied(echo);
  const ended = endOf(await dialled(address));
  expect(await post('/proxies/p', { enabled: false })).toMatchObject({ enabled: false });
  await ended;
  await expect(dial(address)).rejects.toThrow('ECONNREFUSED');
  await post('/proxies/p', { enabled: true });
  expect((await roundTrip(await dialled(address), Buffer.from('again'))).back.toString()).toBe('again');
});

// In the pod of docs/experiments.md: `create chaos -l 0.0.0.0:8080 -u localhost:8080`, where 9090 was meant.
it.each([
  ['', '0.0.0.0', 'localhost'],
  ['127.0.0.1', '0.0.0.0', 'localhost'],
])('a proxy to itself closes what comes, and makes no connection of it: pod %j, %s to %s', async (podIP, host, to) => {
  let made = 0;
  const proxy = await startProxy('127.0.0.1', podIP, () => {
    made += 1;
    return 0;
  });
  onTestFinished(() => proxy.stop());
  const cli = (line: string) => runToxiproxyCli(line.split(' '), proxy.apiUrl);
  await cli(`create p -l ${host}:0 -u localhost:1`);
  await cli('toxic add -t noop -u p');
  const port = (await cli('list')).split('\t')[1]?.split(':').at(-1);
  const body = JSON.stringify({ upstream: `${to}:${port}`, listen: `${host}:${port}` });
  await fetch(`${proxy.apiUrl}/proxies/p`, { method: 'POST', body });
  expect(['end', 'ECONNRESET']).toContain(await endOf(await dial(`127.0.0.1:${port}`)));
  expect(made).toBe(0);
});

it('a stalled receiver stops its sender, so that memory stays limited', async () => {
  const address = await proxied((client) => {
    const flood = Buffer.alloc(65_536);
    const more = () => {
      while (client.writable && client.write(flood)) {}
    };
    client.on('drain', more);
    more();
  });
  await toxic('latency', { latency: 1 });
  const sockets = await Promise.all(Array.from({ length: 8 }, () => dialled(address)));
  for (const socket of sockets) socket.pause();
  let before = -1;
  // Until nothing moves any more: every buffer on the way is full.
  const isStill = () => {
    const held = current().bufferedBytes();
    const still = held === before && held > 0;
    before = held;
    return still;
  };
  await expect.poll(isStill, { timeout: 10_000, interval: 200 }).toBe(true);
  expect(current().bufferedBytes()).toBeLessThan(8 * 5 * 1024 * 1024);
  for (const socket of sockets) socket.destroy();
  await eventually(() => expect(current().bufferedBytes()).toBe(0));
});

it('2000 connections at once keep every byte, follow a toxic that is added, changed and removed, and leave nothing behind', async () => {
  const address = await proxied(echo);
  const sockets: Socket[] = [];
  // In lots, as the backlog of a listening socket is 511.
  for (let i = 0; i < 2000; i += 250) {
    sockets.push(...(await Promise.all(Array.from({ length: 250 }, () => dialled(address)))));
  }
  const sent = (i: number) => pattern(500 + (i % 200)).subarray(i % 100);
  const all = async () => {
    const results = await Promise.all(sockets.map((socket, i) => roundTrip(socket, sent(i))));
    expect(results.filter(({ back }, i) => !back.equals(sent(i)))).toEqual([]);
    return Math.min(...results.map(({ ms }) => ms));
  };
  await all();
  await toxic('latency', { latency: 300 });
  expect(await all()).toBeGreaterThan(299);
  await post('/proxies/p/toxics/latency_downstream', { attributes: { latency: 600_000 } });
  const waiting = all();
  await drop('latency_downstream');
  await waiting; // What was held back is let go everywhere.
  expect(current().bufferedBytes()).toBe(0);
  await post('/proxies/p', { enabled: false });
  await expect.poll(connections, { timeout: 10_000 }).toBe(0);
});
