import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { echo, pattern, received, roundTrip } from '../support/fault-proxy.ts';
import { endOf, proxyOfFile, soonWithin } from '../support/proxied.ts';

const { current, post, toxic, drop, proxied, dialled } = proxyOfFile();

describe('latency', () => {
  it('delays each exchange and not the connect, with a precision of 2 ms at idle', async () => {
    const address = await proxied(echo);
    await toxic('latency', { latency: 50 }, { stream: 'upstream' });
    const socket = await eventually(async () => {
      const startMs = performance.now();
      const dialling = await dialled(address);
      expect(performance.now() - startMs).toBeLessThan(40);
      return dialling;
    });
    const all: number[] = [];
    await eventually(async () => {
      const times: number[] = [];
      for (let i = 0; i < 9; i++) times.push(await roundTrip(socket, Buffer.from('ping')));
      all.push(...times);
      expect(times.sort((a, b) => a - b)[4]).toBeLessThan(53);
    });
    expect(Math.min(...all)).toBeGreaterThanOrEqual(49.5);
  });

  it('delays all bytes in parallel and keeps their order', async () => {
    const address = await proxied(echo);
    await toxic('latency', { latency: 100, jitter: 30 });
    const socket = await dialled(address);
    const sent = pattern(1_000_000);
    const startMs = performance.now();
    socket.end(sent);
    expect((await received(socket)).equals(sent)).toBe(true);
    expect(performance.now() - startMs).toBeLessThan(1500);
  });

  it('of a live connection follows changes, and ends with its toxic', async () => {
    const socket = await dialled(await proxied(echo));
    await soonWithin(40, socket, 'a');
    await toxic('latency', { latency: 80 });
    expect(await roundTrip(socket, Buffer.from('b'))).toBeGreaterThan(79);
    await post('/proxies/p/toxics/latency_downstream', { attributes: { latency: 40 } });
    expect(await soonWithin(79, socket, 'c')).toBeGreaterThan(39);
    const waiting = roundTrip(socket, Buffer.from('d'));
    await post('/proxies/p/toxics/latency_downstream', { attributes: { latency: 60_000 } });
    await drop('latency_downstream');
    await waiting; // What was held is let go, in order.
    await soonWithin(40, socket, 'e');
  });

  it('with toxicity 0 affects no connection', async () => {
    const address = await proxied(echo);
    await toxic('latency', { latency: 5000 }, { toxicity: 0 });
    expect(await roundTrip(await dialled(address), Buffer.from('x'))).toBeLessThan(1000);
  });
});

it('bandwidth passes that many KB/s', async () => {
  const address = await proxied(echo);
  await toxic('bandwidth', { rate: 500 });
  const all: number[] = [];
  await eventually(async () => {
    all.push(await roundTrip(await dialled(address), pattern(150_000)));
    expect(all.at(-1)).toBeLessThan(600);
  });
  expect(Math.min(...all)).toBeGreaterThan(280);
});

it('slow_close delays only the end', async () => {
  const address = await proxied((client) => client.end('done'));
  await toxic('slow_close', { delay: 150 });
  const endsMs: number[] = [];
  await eventually(async () => {
    const startMs = performance.now();
    const socket = await dialled(address);
    await once(socket, 'data');
    const dataMs = performance.now() - startMs;
    await endOf(socket);
    endsMs.push(performance.now() - startMs);
    expect(dataMs).toBeLessThan(120);
  });
  expect(Math.min(...endsMs)).toBeGreaterThan(149);
});

describe('timeout', () => {
  it('drops everything and closes after its time', async () => {
    const address = await proxied(echo);
    await toxic('timeout', { timeout: 100 });
    const socket = await dialled(address);
    const startMs = performance.now();
    let bytes = 0;
    socket.on('data', (chunk) => {
      bytes += chunk.length;
    });
    socket.write('lost');
    await endOf(socket);
    expect(bytes).toBe(0);
    expect(performance.now() - startMs).toBeGreaterThan(90);
  });

  it('of 0 never closes; its removal closes the connection, because bytes are missing', async () => {
    let answered = () => {};
    const isAnswered = new Promise<void>((resolve) => {
      answered = resolve;
    });
    const address = await proxied((client) => client.once('data', (bytes) => client.write(bytes, () => answered())));
    await toxic('timeout', { timeout: 0 });
    const socket = await dialled(address);
    let bytes = 0;
    socket.on('data', (chunk) => {
      bytes += chunk.length;
    });
    const ended = endOf(socket);
    socket.write('lost');
    await Promise.race([isAnswered, ended]);
    // By the time the API has answered, a toxic that closes at once would have.
    await fetch(`${current().apiUrl}/proxies/p`);
    expect(socket.closed).toBe(false);
    await drop('timeout_downstream');
    await ended;
    expect(bytes).toBe(0);
  });
});

it('reset_peer ends both sides by RST after the first byte', async () => {
  const atUpstream: Promise<string>[] = [];
  const address = await proxied((client) => atUpstream.push(endOf(client)));
  await toxic('reset_peer', { timeout: 30 }, { stream: 'upstream' });
  const socket = await dialled(address);
  const ended = endOf(socket);
  socket.write('x');
  expect(await ended).toBe('ECONNRESET');
  expect(await atUpstream[0]).toBe('ECONNRESET');
});

it('slicer cuts into pieces of that size without losing a byte', async () => {
  const sizes: number[] = [];
  const whole: Buffer[] = [];
  const address = await proxied((client) => {
    client.on('data', (data) => {
      sizes.push(data.length);
      whole.push(data);
    });
    client.on('end', () => client.end());
  });
  await toxic('slicer', { average_size: 100, size_variation: 20, delay: 2000 }, { stream: 'upstream' });
  const socket = await dialled(address);
  const sent = pattern(2000);
  socket.end(sent);
  await endOf(socket);
  expect(Buffer.concat(whole).equals(sent)).toBe(true);
  expect(sizes.length).toBeGreaterThan(10);
});

it('limit_data closes after that many bytes', async () => {
  const address = await proxied(echo);
  await toxic('limit_data', { bytes: 1000 });
  const socket = await dialled(address);
  const sent = pattern(5000);
  socket.write(sent);
  const got = await received(socket);
  expect(got.equals(sent.subarray(0, 1000))).toBe(true);
});

it('several toxics work one after another, and each can be removed alone', async () => {
  const socket = await dialled(await proxied(echo));
  await toxic('latency', { latency: 30 }, { name: 'one' });
  await toxic('slicer', { average_size: 1000, size_variation: 500, delay: 0 }, { name: 'two' });
  await toxic('latency', { latency: 30 }, { name: 'three' });
  const sent = pattern(500_000);
  const back: Buffer[] = [];
  const all = new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      back.push(chunk);
      if (back.reduce((sum, one) => sum + one.length, 0) >= sent.length) resolve();
    });
  });
  socket.write(sent);
  for (const name of ['two', 'one', 'three']) expect((await drop(name)).status).toBe(204);
  await all;
  expect(Buffer.concat(back).equals(sent)).toBe(true);
  await eventually(() => expect(current().bufferedBytes()).toBe(0));
});
