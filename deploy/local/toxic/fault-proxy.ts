import type { AddressInfo } from 'node:net';
import type { Clock } from '../../../server/runtime/clock.ts';
import { createApi } from './api.ts';
import { BufferPool } from './link.ts';
import { Registry } from './registry.ts';
import { type HostPort, type PodNetwork, placedAddress } from './toxic-proxy.ts';

/** How a fault proxy is to run. */
interface FaultProxyOptions {
  /** Where its API listens; in a pod as programs in pods mean it. */
  api: HostPort;
  network: PodNetwork;
  clock: Clock;
  /** Gives [0, 1). */
  random: () => number;
}

/** A running fault proxy. */
export interface FaultProxy {
  /** Where the API really listens, without a slash at the end. */
  apiUrl: string;
  /** Bytes that wait in toxics now. */
  bufferedBytes(): number;
  /** Ends the API and all proxies. */
  stop(): Promise<void>;
}

/** Starts a TCP proxy with Toxiproxy's API. Rejects with the system's error if the API cannot listen. */
export async function startFaultProxy({ api, network, clock, random }: FaultProxyOptions): Promise<FaultProxy> {
  const pool = new BufferPool();
  const registry = new Registry({ clock, random, pool, network });
  const server = createApi(registry);
  const { host, port } = placedAddress(api, network);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, resolve);
  });
  server.on('error', () => {}); // An accept that failed must not end the program.
  const { port: used } = server.address() as AddressInfo;
  return {
    apiUrl: `http://${host.includes(':') ? `[${host}]` : host}:${used}`,
    bufferedBytes: () => pool.usedBytes,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await registry.close();
      await closed;
    },
  };
}
