import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A pod on loopback that a test answers for. */
export interface LoopbackPeer {
  host: string;
  port: number;
  /** Method and URL of each request so far. */
  requests: string[];
  stop(): Promise<void>;
}

/** Starts a pod on `host` that answers with `answer`. `port` 0 = any free one. */
export async function startLoopbackPeer(
  answer: RequestListener,
  { host = '127.0.0.1', port = 0 } = {},
): Promise<LoopbackPeer> {
  const requests: string[] = [];
  const server = createServer((req, res) => {
    requests.push(`${req.method} ${req.url}`);
    answer(req, res);
  });
  server.listen(port, host);
  await once(server, 'listening');
  const stop = () => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => void server.close(() => resolve()));
  };
  return { host, port: (server.address() as AddressInfo).port, requests, stop };
}
