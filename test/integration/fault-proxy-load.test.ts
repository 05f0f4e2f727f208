import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { echo, pattern } from '../support/fault-proxy.ts';
import { proxyOfFile } from '../support/proxied.ts';

const CONNECTIONS = 2000;

const { current, post, toxic, drop, proxied, dialled, connections } = proxyOfFile();

/** Sends bytes and gives what comes back and the ms until as much is there. */
async function exchange(socket: Socket, data: Buffer): Promise<{ back: Buffer; ms: number }> {
  const startMs = performance.now();
  const chunks: Buffer[] = [];
  let left = data.length;
  await new Promise<void>((resolve, reject) => {
    const closed = () => reject(new Error('closed'));
    const take = (chunk: Buffer) => {
      chunks.push(chunk);
      left -= chunk.length;
      if (left > 0) return;
      socket.off('data', take).off('close', closed);
      resolve();
    };
    socket.on('data', take).once('close', closed);
    socket.write(data);
  });
  return { back: Buffer.concat(chunks), ms: performance.now() - startMs };
}

describe(`${CONNECTIONS} connections at once`, () => {
  it('keep every byte, follow a toxic that is added, changed and removed, and leave nothing behind', async () => {
    const address = await proxied(echo);
    const sockets: Socket[] = [];
    // In lots, as the backlog of a listening socket is 511.
    for (let i = 0; i < CONNECTIONS; i += 250) {
      sockets.push(...(await Promise.all(Array.from({ length: 250 }, () => dialled(address)))));
    }
    const sent = (i: number) => pattern(500 + (i % 200)).subarray(i % 100);
    const all = async () => {
      const results = await Promise.all(sockets.map((socket, i) => exchange(socket, sent(i))));
      expect(results.filter(({ back }, i) => !back.equals(sent(i)))).toEqual([]);
      return results.map(({ ms }) => ms).sort((a, b) => a - b);
    };
    await all();
    await toxic('latency', { latency: 300 });
    expect((await all())[0]).toBeGreaterThan(299);
    await post('/proxies/p/toxics/latency_downstream', { attributes: { latency: 600_000 } });
    const waiting = all();
    await drop('latency_downstream');
    await waiting; // What was held back is let go everywhere.
    expect(current().bufferedBytes()).toBe(0);
    await post('/proxies/p', { enabled: false });
    await expect.poll(connections, { timeout: 10_000 }).toBe(0);
  });
});

describe('latency', () => {
  it.each([
    [5, 'upstream'],
    [100, 'downstream'],
    [250, 'upstream'],
  ])('of %i ms (%s) is off by less than 2 ms', async (latency, stream) => {
    const socket = await dialled(await proxied(echo));
    const times = async () => {
      const all: number[] = [];
      for (let i = 0; i < 8; i++) all.push((await exchange(socket, Buffer.from('ping'))).ms);
      return all.sort((a, b) => a - b);
    };
    await times(); // Compiled by now.
    const [bare = 0] = await times();
    await toxic('latency', { latency }, { stream });
    // Most of them may be late for what else this machine does, and none early.
    const firsts: number[] = [];
    await eventually(async () => {
      const [first = 0, second = 0] = await times();
      firsts.push(first);
      expect(second - bare).toBeLessThan(latency + 2);
    });
    expect(Math.min(...firsts)).toBeGreaterThanOrEqual(latency);
  });
});

describe('addresses', () => {
  it('can be IPv6', async () => {
    const address = await proxied(echo, { listen: '[::1]:0' });
    expect(address).toMatch(/^\[::1\]:\d+$/);
    expect((await exchange(await dialled(address), Buffer.from('six'))).back.toString()).toBe('six');
  });

  it('for every interface include IPv4 and IPv6', async () => {
    const address = await proxied(echo, { listen: ':0' });
    expect(address).toMatch(/^\[::\]:\d+$/);
    for (const host of ['127.0.0.1', '[::1]']) {
      const socket = await dialled(address.replace('[::]', host));
      expect((await exchange(socket, Buffer.from(host))).back.toString()).toBe(host);
    }
  });
});

describe('connections', () => {
  it('end at the client when the upstream dies', async () => {
    const address = await proxied((client) => client.once('data', () => client.resetAndDestroy()));
    const socket = await dialled(address);
    const closed = new Promise((resolve) => socket.once('end', resolve).once('error', resolve));
    socket.write('x');
    await closed;
    await eventually(async () => {
      expect(await connections()).toBe(0);
      expect(current().bufferedBytes()).toBe(0);
    });
  });
});
