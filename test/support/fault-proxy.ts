import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { NO_NETWORK } from '../../deploy/local/pod-network.ts';
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
    network: { ...NO_NETWORK, podIP },
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

/** What an API answers to a request, on a connection of its own. */
export function ask(url: string, method: string, body = '', headers: Record<string, string> = {}) {
  return new Promise<{ status: number; type?: string; options?: string; text: string }>((resolve, reject) => {
    const outgoing = request(url, { method, headers, agent: false }, async (response) => {
      const { 'content-type': type, 'x-content-type-options': options } = response.headers;
      const text = Buffer.concat(await response.toArray()).toString();
      resolve({
        status: response.statusCode ?? 0,
        ...(type && { type }),
        ...(options && { options: `${options}` }),
        text,
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** A request to Toxiproxy's API and its answer. Ports that were chosen, and why a body cannot be read, are masked. */
interface Exchange {
  method: string;
  path: string;
  body: string;
  status: number;
  /** Headers: `content-type`, `x-content-type-options`. */
  type?: string;
  options?: string;
  text: string;
  /** The version that answers so; without it all do. */
  only?: string;
}

/** Exchanges with the real Toxiproxy 2.1.4 and 2.12 in their order, each on what those before have left. */
export function exchanges(): Exchange[] {
  return JSON.parse(readFileSync('test/fixtures/toxiproxy/api.recorded.json', 'utf8'));
}

/** Sends the request of an exchange to an API; gives the exchange with its answer. */
export async function replay(apiUrl: string, exchange: Exchange): Promise<Exchange> {
  const { method, path, body, only } = exchange;
  const answer = await ask(apiUrl + path, method, body);
  const text = answer.text
    .trim()
    // A field that 2.12 shows by mistake.
    .replaceAll('"Logger":{},', '')
    .replace(/(127\.0\.0\.1|\[::\]):\d{5}"/g, '$1:PORT"')
    // Toxiproxy shows the message of Go's JSON decoder here. Ours has its own.
    .replace(/"bad request body: (?:[^"\\]|\\.)*"/, '"bad request body"');
  return { method, path, body, ...answer, text, ...(only && { only }) };
}
