import type { Server, Socket } from 'node:net';
import { afterEach, beforeEach, expect } from 'vitest';
import type { FaultProxy } from '../../deploy/local/toxic/fault-proxy.ts';
import { dial, startProxy, startUpstream } from './fault-proxy.ts';

/** Starts a fault proxy for each test of a file, and returns what the tests use. Everything is stopped after each test. */
export function proxyOfFile() {
  let proxy: FaultProxy;
  const servers: Server[] = [];
  const open: Socket[] = [];
  beforeEach(async () => {
    proxy = await startProxy();
  });
  afterEach(async () => {
    for (const socket of open.splice(0)) socket.destroy();
    for (const server of servers.splice(0)) server.close();
    await proxy.stop();
  });

  async function post(path: string, body: object, method = 'POST'): Promise<Record<string, string>> {
    const answer = await fetch(`${proxy.apiUrl}${path}`, { method, body: JSON.stringify(body) });
    expect(answer.ok).toBe(true);
    return (await answer.json()) as Record<string, string>;
  }
  return {
    /** The proxy of the running test. */
    current: () => proxy,
    post,
    toxic: (type: string, attributes: object, more: object = {}) =>
      post('/proxies/p/toxics', { type, attributes, ...more }),
    drop: (name: string) => fetch(`${proxy.apiUrl}/proxies/p/toxics/${name}`, { method: 'DELETE' }),
    /** Creates the proxy `p` in front of a server. Returns the address to connect to. */
    async proxied(onClient: (client: Socket) => void, { host = '127.0.0.1', listen = '127.0.0.1:0' } = {}) {
      const { server, address } = await startUpstream(onClient, host);
      servers.push(server);
      return (await post('/proxies', { name: 'p', listen, upstream: address }))['listen'] ?? '';
    },
    /** Counts the connections of the test's server. */
    connections: () => new Promise<number>((resolve) => servers[0]?.getConnections((_, count) => resolve(count))),
    async dialled(address: string): Promise<Socket> {
      const socket = await dial(address);
      socket.on('error', () => {});
      open.push(socket);
      return socket;
    },
  };
}

/** Resolves with how a connection ends: `end`, or the code of the error. */
export const endOf = (socket: Socket) =>
  new Promise<string>((resolve) => {
    socket.on('data', () => {});
    socket.once('end', () => resolve('end'));
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
  });
