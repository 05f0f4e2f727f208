import type { Server, Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { dial, echo, pattern, startProxy, startUpstream } from '../support/fault-proxy.ts';

/*
 * `npm run soak:proxy`: connections come and go through the fault proxy while its faults change every second. It fails if
 * a byte is wrong or out of place, and if connections or memory are left behind. It measures over real time, so it waits.
 */
const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, connections: { type: 'string', default: '100' } },
});
const seconds = Number(values.seconds);
const connections = Number(values.connections);

/** The faults, one after the other. None of them may change a byte that comes through. */
const FAULTS = [
  { type: 'latency', attributes: { latency: 20, jitter: 10 } },
  { type: 'slicer', attributes: { average_size: 500, size_variation: 400, delay: 50 } },
  { type: 'bandwidth', attributes: { rate: 2000 } },
  { type: 'timeout', attributes: { timeout: 200 } },
  { type: 'reset_peer', attributes: { timeout: 50 } },
  { type: 'limit_data', attributes: { bytes: 100_000 } },
  { type: 'slow_close', attributes: { delay: 100 } },
];
const SENT = pattern(200_000);
/** A connection without data is closed after this time. */
const GIVE_UP_MS = 5000;

const tally = { whole: 0, cut: 0, wrong: 0, bytes: 0 };

/** Sends the pattern and compares it with the bytes that come back before the connection ends. */
async function exchange(address: string): Promise<void> {
  let socket: Socket;
  try {
    socket = await dial(address);
  } catch {
    return; // The proxy is disabled at this moment.
  }
  socket.setTimeout(GIVE_UP_MS, () => socket.destroy());
  let at = 0;
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    if (!chunk.equals(SENT.subarray(at, at + chunk.length))) tally.wrong += 1;
    at += chunk.length;
    tally.bytes += chunk.length;
    if (at >= SENT.length) socket.end();
  });
  // Not its end: as with Toxiproxy, that would close both directions.
  socket.write(SENT);
  socket.once('end', () => socket.destroy());
  await new Promise((resolve) => socket.once('close', resolve));
  if (at === SENT.length) tally.whole += 1;
  else tally.cut += 1;
}

/** Waits up to 10 s until a server has no connections; gives the number that is left. */
async function connectionsLeft(server: Server): Promise<number> {
  const endMs = performance.now() + 10_000;
  for (;;) {
    const count = await new Promise<number>((resolve) => server.getConnections((_, found) => resolve(found)));
    if (count === 0 || performance.now() > endMs) return count;
    await pause(20);
  }
}

async function main(): Promise<number> {
  const proxy = await startProxy();
  const upstream = await startUpstream(echo);
  const call = (method: string, path: string, body?: object) =>
    fetch(`${proxy.apiUrl}${path}`, body === undefined ? { method } : { method, body: JSON.stringify(body) });
  const made = await call('POST', '/proxies', { name: 'p', listen: '127.0.0.1:0', upstream: upstream.address });
  const { listen } = (await made.json()) as { listen: string };
  const endMs = performance.now() + seconds * 1000;
  const load = Array.from({ length: connections }, async () => {
    while (performance.now() < endMs) {
      await exchange(listen);
      await pause(20);
    }
  });
  const rss: number[] = [];
  for (let round = 0; performance.now() < endMs; round++) {
    const fault = {
      ...FAULTS[round % FAULTS.length],
      stream: round % 2 === 0 ? 'upstream' : 'downstream',
      name: 'now',
    };
    await call('POST', '/proxies/p/toxics', fault);
    await pause(1000);
    await call('DELETE', '/proxies/p/toxics/now');
    if (round % FAULTS.length === FAULTS.length - 1) {
      await call('POST', '/proxies/p', { enabled: false });
      await call('POST', '/proxies/p', { enabled: true });
      rss.push(Math.round(process.memoryUsage().rss / 2 ** 20));
    }
  }
  await Promise.all(load);
  const left = await connectionsLeft(upstream.server);
  const held = proxy.bufferedBytes();
  await proxy.stop();
  upstream.server.close();
  const grown = (rss.at(-1) ?? 0) - (rss[Math.floor(rss.length / 2)] ?? 0);
  console.log(`${tally.whole} exchanges whole, ${tally.cut} cut off by faults, ${tally.wrong} wrong chunks`);
  console.log(`${(tally.bytes / 1e6).toFixed(0)} MB; RSS ${rss.join(' ')} MiB, ${grown} in the second half`);
  console.log(`left behind: ${left} connections, ${held} bytes in toxics`);
  return tally.wrong === 0 && tally.whole > 0 && left === 0 && held === 0 && grown < 50 ? 0 : 1;
}

main().then((code) => process.exit(code));
