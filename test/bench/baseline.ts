import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { type Figure, figure, quantile } from './figures.ts';

/** A server that only answers, in a thread of its own. */
const ANSWERER = `
const { parentPort } = require('node:worker_threads');
const answer = 'HTTP/1.1 200 OK\\r\\nContent-Length: 40\\r\\nConnection: close\\r\\n\\r\\n{"boot_time":"2026-01-01T00:00:00.000Z"}';
const server = require('node:net').createServer((socket) => {
  socket.on('error', () => {});
  socket.on('data', () => socket.end(answer));
});
server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
`;
const REQUEST = 'GET /ping HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n';
const EXCHANGES_PER_S = 50;

/**
 * Measures the cheapest possible ping on this machine: a fresh connection of `node:net`, of which only the duration is
 * measured. Machines differ in this by a factor of five, so the other figures mean little without it.
 */
export async function measureBaseline(seconds: number): Promise<Figure[]> {
  const worker = new Worker(ANSWERER, { eval: true });
  try {
    const [port] = (await once(worker, 'message')) as [number];
    const tookUs: number[] = [];
    const cpu = process.cpuUsage();
    const startMs = performance.now();
    for (let i = 0; i < seconds * EXCHANGES_PER_S; i++) {
      tookUs.push(await exchange(port));
      await pause(Math.max(0, startMs + ((i + 1) * 1000) / EXCHANGES_PER_S - performance.now()));
    }
    const { user, system } = process.cpuUsage(cpu);
    // Half of the CPU time is the answering thread's, which is in the same process and costs about the same.
    const cpuMs = (user + system) / tookUs.length / 2;
    const rate = `${EXCHANGES_PER_S}/s, what node:net takes`;
    return [
      figure('bare exchange, CPU per 1000', cpuMs, 'ms', null, rate),
      figure('bare exchange p50', quantile(tookUs, 0.5), 'us', null, 'on a fresh connection, there and back'),
    ];
  } finally {
    await worker.terminate();
  }
}

/** Makes one exchange; gives its duration, us. */
function exchange(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    let startMs = performance.now();
    socket.on('connectionAttempt', () => {
      startMs = performance.now();
    });
    socket.on('connect', () => socket.write(REQUEST));
    socket.on('data', () => undefined);
    socket.on('error', reject);
    socket.on('close', () => resolve((performance.now() - startMs) * 1000));
  });
}
