import { createServer, type RequestListener } from 'node:http';
import { onTestFinished, vi } from 'vitest';
import { close, listen } from '../../deploy/local/sockets.ts';
import { type OnSkipped, PeerClient, type PeerClientSettings } from '../../server/peers/peer-client.ts';
import type { Clock } from '../../server/runtime/clock.ts';

/** Starts a pod on `host` that answers with `answer`, until the test ends. `requests`: method and URL of each so far. */
export async function startLoopbackPeer(answer: RequestListener, { host = '127.0.0.1', port = 0 } = {}) {
  const requests: string[] = [];
  const server = createServer((req, res) => {
    requests.push(`${req.method} ${req.url}`);
    answer(req, res);
  });
  const boundPort = await listen(server, host, port);
  onTestFinished(() => {
    server.closeAllConnections();
    return close(server);
  });
  return { host, port: boundPort, requests };
}

/** A client of the pods on `port` with CHECK_TIMEOUT = 1 s; it is stopped when the test ends. */
export function peerClientOn(
  port: number,
  clock: Clock,
  change: Partial<PeerClientSettings> = {},
  onSkipped?: OnSkipped,
): PeerClient {
  const settings = {
    port,
    families: [4, 6] as const,
    useHostIP: false,
    allowLoopback: true,
    checkTimeoutMs: 1_000,
    ...change,
  };
  const client = new PeerClient(settings, clock, onSkipped);
  onTestFinished(() => client.stop());
  return client;
}

/** Waits for a condition, with room for a busy machine; gives what it returns then. */
export const soon = <T>(condition: () => T | Promise<T>) => vi.waitFor(condition, { timeout: 10_000, interval: 5 });
