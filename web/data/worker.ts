import { serverUrl } from './client.ts';
import { browserClock, Connection } from './connection.ts';
import { fetchMesh } from './mesh-client.ts';
import { ConnectionPool, serveTab, type TabPort } from './mesh-worker.ts';
import { openEventStream } from './stream.ts';

// This runs in a worker, because parsing a thousand reports would block drawing. The worker is shared by all tabs of the
// browser where that is possible, because a browser opens at most 6 connections to a server (HTTP/1.1), and a server
// only a few streams for each address.
const pool = new ConnectionPool(
  (base) =>
    new Connection({
      clock: browserClock,
      openStream: (windowMs, onEvent) =>
        openEventStream(serverUrl('api/v1/stream', { window: String(windowMs) }, base), onEvent),
      fetchMesh: (windowMs, signal) => fetchMesh(windowMs, signal, base),
    }),
);

if ('onconnect' in globalThis) {
  addEventListener('connect', (event) => {
    for (const port of (event as MessageEvent).ports) {
      serveTab(port, pool, browserClock);
      port.start();
    }
  });
} else serveTab(globalThis as unknown as TabPort, pool, browserClock);
