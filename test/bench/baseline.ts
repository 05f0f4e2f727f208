import { once } from 'node:events';
import { connect } from 'node:net';
import { Worker } from 'node:worker_threads';
import { pause } from './calls.ts';
import { quantile } from './figures.ts';
import { type Line, line } from './report.ts';

/** A server that does nothing but answer, in a thread of its own. */
const ANSWERER = `
const { parentPort } = require('node:worker_threads');
const answer = 'HTTP/1.1 200 OK\\r\\nContent-Length: 40\\r\\nConnection: close\\r\\n\\r\\n{"boot_time":"2026-01-01T00:00:00.000Z"}';
const server = require('node:net').createServer((socket) => {
  socket.on('error', () => {});
  socket.on('data', () => socket.end(answer));
});
server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
`;
const REQUEST = 'GET /ping HTTP/1.1\r\nHost: peer\r\nConnection: close\r\n\r\n';
const RATE = 50;

/**
 * What the least that can be called a ping costs on this machine: a fresh connection by `node:net`, nothing measured but
 * its duration, nothing kept. Machines differ by a factor of five in this, so the aims alone say little.
 */
export async function measureBaseline(seconds: number): Promise<Line[]> {
  const worker = new Worker(ANSWERER, { eval: true });
  try {
    const [port] = (await once(worker, 'message')) as [number];
    const tookUs: number[] = [];
    const cpu = process.cpuUsage();
    const idle = performance.now();
    for (let i = 0; i < seconds * RATE; i++) {
      tookUs.push(await exchange(port));
      await pause(Math.max(0, idle + ((i + 1) * 1000) / RATE - performance.now()));
    }
    const { user, system } = process.cpuUsage(cpu);
    return [
      // The answering half is counted too: both run in one process, and cost about the same.
      line(
        'bare exchange, CPU per 1000',
        (user + system) / tookUs.length / 2,
        'ms',
        null,
        `${RATE}/s, what node:net takes`,
      ),
      line('bare exchange p50', quantile(tookUs, 0.5), 'us', null, 'on a fresh connection, there and back'),
    ];
  } finally {
    await worker.terminate();
  }
}

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
