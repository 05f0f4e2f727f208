import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { echo, pattern, received, roundTrip } from '../support/fault-proxy.ts';
import { proxyOfFile } from '../support/proxied.ts';
import { CASES, play } from '../support/toxic-cases.ts';

const { current, toxic, drop, proxied, dialled } = proxyOfFile();

// Again if it is late: this machine may be busy.
it.each(CASES)('$name', (one) => eventually(() => play(current().apiUrl, one)));

it('a connection is made at once, whatever its latency', async () => {
  const address = await proxied(echo);
  await toxic('latency', { latency: 60_000 }, { stream: 'upstream' });
  await eventually(async () => {
    const startMs = performance.now();
    await dialled(address);
    expect(performance.now() - startMs).toBeLessThan(40);
  });
});

it('latency delays all bytes in parallel and keeps their order', async () => {
  const address = await proxied((client) => client.end(pattern(1_000_000)));
  await toxic('latency', { latency: 100, jitter: 30 });
  const startMs = performance.now();
  expect((await received(await dialled(address))).equals(pattern(1_000_000))).toBe(true);
  expect(performance.now() - startMs).toBeLessThan(1500);
});

it('several toxics work one after another, and each can be removed alone', async () => {
  const socket = await dialled(await proxied(echo));
  await toxic('latency', { latency: 30 }, { name: 'one' });
  await toxic('slicer', { average_size: 1000, size_variation: 500, delay: 0 }, { name: 'two' });
  await toxic('latency', { latency: 30 }, { name: 'three' });
  const sent = pattern(500_000);
  const exchange = roundTrip(socket, sent);
  for (const name of ['two', 'one', 'three']) expect((await drop(name)).status).toBe(204);
  expect((await exchange).back.equals(sent)).toBe(true);
  await eventually(() => expect(current().bufferedBytes()).toBe(0));
});

it.each([
  [5, 'upstream'],
  [100, 'downstream'],
  [250, 'upstream'],
])('latency of %i ms (%s) is off by less than 2 ms', async (latency, stream) => {
  const socket = await dialled(await proxied(echo));
  const times = async () => {
    const all: number[] = [];
    for (let i = 0; i < 8; i++) all.push((await roundTrip(socket, Buffer.from('ping'))).ms);
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
