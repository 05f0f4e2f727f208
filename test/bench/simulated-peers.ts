import { createServer, type Socket } from 'node:net';
import type { FromPeers, ToPeers } from './peer-messages.ts';

/** How many stamps of one peer are kept. */
const KEPT = 64;
const PING = answer(JSON.stringify({ boot_time: new Date().toISOString() }));
const NOT_FOUND = 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';

/**
 * The body of the process that plays all peers: it listens on every address it is told, answers with texts made
 * beforehand, and stamps each ping by its own clock from the accepted connection to the answer handed to the kernel.
 * Ends when its parent does.
 */
export function playPeers(): void {
  const stamps = new Map<string, [atMs: number, tookUs: number][]>();
  let pings = 0;
  let reports = { hash: '', full: NOT_FOUND, known: NOT_FOUND };

  const respond = (socket: Socket, address: string, acceptedMs: number, head: string) => {
    if (head.startsWith('GET /ping')) {
      socket.end(PING);
      const tookUs = (performance.now() - acceptedMs) * 1000;
      pings++;
      const kept = stamps.get(address) ?? [];
      kept.push([Date.now(), tookUs]);
      if (kept.length > KEPT) kept.shift();
      stamps.set(address, kept);
    } else if (head.startsWith('GET /api/v1/pod-report')) {
      socket.end(reports.hash !== '' && head.includes(`peers=${reports.hash}`) ? reports.known : reports.full);
    } else {
      socket.end(NOT_FOUND);
    }
  };

  const listen = (address: string, port: number) =>
    new Promise<void>((resolve, reject) => {
      const server = createServer({ noDelay: true }, (socket) => {
        const acceptedMs = performance.now();
        socket.on('error', () => socket.destroy());
        socket.once('data', (data) => respond(socket, address, acceptedMs, data.toString('latin1', 0, 400)));
      });
      server.once('error', reject);
      server.listen(port, address, resolve);
    });

  const send = (message: FromPeers) => process.send?.(message);
  process.on('disconnect', () => process.exit(0));
  process.on('message', async (message: ToPeers) => {
    if (message.ask === 'listen') {
      try {
        await Promise.all(message.addresses.map((address) => listen(address, message.port)));
        send({ told: 'listening', fault: '' });
      } catch (error) {
        send({ told: 'listening', fault: String(error) });
      }
    } else if (message.ask === 'serve') {
      reports = { hash: message.hash, full: answer(message.full), known: answer(message.known) };
      send({ told: 'serving' });
    } else {
      send({ told: 'stamps', pings, stamps: Object.fromEntries(stamps) });
    }
  });
}

function answer(body: string): string {
  const length = Buffer.byteLength(body);
  return `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n${body}`;
}
