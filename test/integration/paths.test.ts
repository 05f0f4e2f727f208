import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { eventually } from '../support/eventually.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { meshOf, StubMesh } from '../support/stub-mesh.ts';

/** Something that answers on a port of loopback, until a test lets it hang, answer with 500, or refuse. */
class Backend {
  mode: 'ok' | 'hangs' | 'fails' = 'ok';
  port = 0;
  #server: Server | null = null;

  static async start(): Promise<Backend> {
    const backend = new Backend();
    await backend.open();
    onTestFinished(() => backend.refuse());
    return backend;
  }

  /** Listens on the port that it had before. */
  async open(): Promise<void> {
    this.#server = createServer((_, response) => {
      if (this.mode !== 'hangs') response.writeHead(this.mode === 'ok' ? 200 : 500).end();
    }).listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.port = (this.#server.address() as AddressInfo).port;
  }

  async refuse(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise<void>((resolve) => void (this.#server?.close(() => resolve()) ?? resolve()));
    this.#server = null;
  }
}

/** Waits until the mesh has these findings and no others: kind, outcome, and how many pods say so. */
const untilFindings = (server: ServerProcess, wanted: [kind: string, outcome: string | null, affected: number][]) =>
  eventually(async () => {
    const { findings } = await meshOf(server);
    expect(findings.map(({ kind, outcome, affected }) => [kind, outcome, affected])).toEqual(wanted);
    return findings;
  }, 40_000);

/** Waits until each of the three pods has had a result of every path, all of them fine. */
const untilFine = (server: ServerProcess) =>
  eventually(async () => {
    const { reports, findings } = await meshOf(server);
    for (const { probes } of reports) {
      expect(probes.map(({ path, error, atMs }) => [path, error, atMs > 0])).toEqual(
        ['service', 'service-ip', 'ingress', 'dns', 'apiserver'].map((path) => [path, '', true]),
      );
    }
    expect([reports.length, findings]).toEqual([3, []]);
  }, 40_000);

// The DNS is that of the machine, so it cannot fail here.
it('the paths of a cluster are accused while pods reach each other, and cleared when they work again', async () => {
  const [service, ingress, api] = [await Backend.start(), await Backend.start(), await Backend.start()];
  const mesh = await StubMesh.forTest();
  const env = {
    PING_TIMEOUT: '3s',
    HTTP_TARGETS_TIMEOUT: '1500ms',
    DNS_TARGETS_TIMEOUT: '3s',
    PATH_CHECKS: 'service,ingress,dns,apiserver',
    PATH_SERVICE_URL: `http://localhost:${service.port}/ping`,
    PATH_INGRESS_URL: `http://127.0.0.1:${ingress.port}/ping`,
    PATH_DNS_NAME: 'localhost',
    PATH_APISERVER_URL: `http://127.0.0.1:${api.port}/livez`,
  };
  for (const i of [1, 2, 3]) mesh.addPod(i);
  const [server] = (await Promise.all([1, 2, 3].map((i) => mesh.serve(i, env)))) as [ServerProcess];
  await untilFine(server);

  await service.refuse();
  const [refused] = await untilFindings(server, [['path-service', 'refused', 3]]);
  expect(refused?.title).toBe(
    `Service localhost:${service.port}: fails from all 3 pods while they reach each other, refused: check kube-proxy and the endpoints of the Service`,
  );
  expect(refused?.detail).toContain('Cluster DNS, API server, Ingress work.');
  expect(Date.now() - (refused?.sinceMs ?? 0)).toBeLessThan(60_000);
  expect(await server.health()).toBe(200);
  await service.open();
  await untilFine(server);

  [ingress.mode, api.mode] = ['hangs', 'fails'];
  await untilFindings(server, [
    ['path-apiserver', 'http-status', 3],
    ['path-ingress', 'timeout', 3],
  ]);
  [ingress.mode, api.mode] = ['ok', 'ok'];
  await untilFine(server);

  const { events } = await server.json<{ events: { kind: string; detail: string }[] }>('/api/v1/events');
  const told = events.filter(({ kind }) => kind === 'probe-failed').map(({ detail }) => detail.split(',')[0]);
  expect(told).toEqual(expect.arrayContaining(['Service by name', 'Service by IP', 'Ingress', 'API server']));
  for (const path of ['service', 'service-ip', 'ingress', 'apiserver']) {
    const label = `path="${path}"`;
    expect([path, await server.metric('goldpinger_path_errors_total', label)]).not.toEqual([path, 0]);
    expect([path, await server.metric('goldpinger_path_duration_seconds_count', label)]).not.toEqual([path, 0]);
  }
}, 180_000);
