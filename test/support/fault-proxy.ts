import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { listen } from '../../deploy/local/sockets.ts';
import { type FaultProxy, startFaultProxy } from '../../deploy/local/toxic/fault-proxy.ts';
import { realClock } from '../../server/runtime/clock.ts';
import { hostPort } from '../../server/runtime/host-port.ts';

/**
 * Starts a fault proxy in this process, with its API on a free port of a host. With `podIP` it runs as in that pod. `random`
 * returns [0, 1); it is called for each toxic of each connection.
 */
export function startProxy(host = '127.0.0.1', podIP = '', random = Math.random): Promise<FaultProxy> {
  return startFaultProxy({
    api: { host, port: 0 },
    network: { podIP, innerIP: '', redirected: [] },
    clock: realClock,
    random,
  });
}

/** Starts a server on a free port; `address` is `host:port`. */
export async function startUpstream(onClient: (client: Socket) => void, host = '127.0.0.1') {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    client.on('error', () => {});
    onClient(client);
  });
  const port = await listen(server, host, 0);
  return { server, port, address: hostPort(host, port) };
}

/** Sends all bytes and the end back. */
export const echo = (client: Socket) => void client.pipe(client);

/** Connects to `host:port`. */
export async function dial(address: string): Promise<Socket> {
  const [, host = '', port = ''] = /^\[?(.*?)\]?:(\d+)$/.exec(address) ?? [];
  const socket = connect({
    host: host === '::' ? '127.0.0.1' : host,
    port: Number(port),
    allowHalfOpen: true,
    noDelay: true,
  });
  await once(socket, 'connect');
  return socket;
}

/** Reads all bytes until the end. It does not iterate the socket, because that would end the other direction, too. */
export function received(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  return new Promise((resolve, reject) => {
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.once('end', () => resolve(Buffer.concat(chunks)));
    socket.once('error', reject);
  });
}

/** Makes bytes that depend on their position, so that a wrong, missing or doubled byte is noticed. */
export function pattern(bytes: number): Buffer {
  const data = Buffer.allocUnsafe(bytes);
  for (let i = 0; i < bytes; i++) data[i] = (i * 31 + (i >> 8) * 7) & 0xff;
  return data;
}

/** Sends data and waits for the same number of bytes. Returns them and the duration. Rejects if the connection closes. */
export async function roundTrip(socket: Socket, data: Buffer): Promise<{ back: Buffer; ms: number }> {
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
