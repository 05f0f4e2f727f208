import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { dial, echo, pattern, roundTrip, startUpstream } from '../support/fault-proxy.ts';
import { endOf, proxyOfFile } from '../support/proxied.ts';

const { current, post, toxic, proxied, dialled } = proxyOfFile();

describe('without toxics', () => {
  it('all bytes pass in both directions', async () => {
    const socket = await dialled(await proxied(echo));
    const back: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => back.push(chunk));
    await roundTrip(socket, pattern(3_000_000));
    expect(Buffer.concat(back).equals(pattern(3_000_000))).toBe(true);
  });

  it('an upstream by IPv6 is reached', async () => {
    const socket = await dialled(await proxied(echo, { host: '::1' }));
    expect(await roundTrip(socket, Buffer.from('six'))).toBeLessThan(1000);
  });

  it('a client is accepted and closed if the upstream does not answer', async () => {
    const { server, address } = await startUpstream(echo);
    await new Promise((resolve) => server.close(resolve));
    const { listen = '' } = await post('/proxies', { name: 'p', listen: '127.0.0.1:0', upstream: address });
    const socket = await dialled(listen);
    expect(['end', 'ECONNRESET']).toContain(await endOf(socket));
  });

  it('a reset by the upstream ends the client, and nothing is left', async () => {
    const address = await proxied((client) => client.once('data', () => client.resetAndDestroy()));
    const socket = await dialled(address);
    const ended = endOf(socket);
    socket.write('x');
    await ended;
  });
});

describe('disabling', () => {
  it('ends open connections and refuses new ones; enabling serves again', async () => {
    const address = await proxied(echo);
    const socket = await dialled(address);
    const ended = endOf(socket);
    expect(await post('/proxies/p', { enabled: false })).toMatchObject({ enabled: false });
    await ended;
    await expect(dial(address)).rejects.toThrow('ECONNREFUSED');
    await post('/proxies/p', { enabled: true });
    expect(await roundTrip(await dialled(address), Buffer.from('again'))).toBeLessThan(1000);
  });
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
  await expect
    .poll(
      () => {
        const held = current().bufferedBytes();
        const still = held === before && held > 0;
        before = held;
        return still;
      },
      { timeout: 10_000, interval: 200 },
    )
    .toBe(true);
  expect(current().bufferedBytes()).toBeLessThan(8 * 5 * 1024 * 1024);
  for (const socket of sockets) socket.destroy();
  await eventually(() => expect(current().bufferedBytes()).toBe(0));
});
