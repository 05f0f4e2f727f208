import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Finding } from '../../server/protocol/finding.ts';
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

/** Three servers that ping each other and check all paths of a cluster. */
async function cluster(change: Record<string, string> = {}) {
  const [service, ingress, api] = [await Backend.start(), await Backend.start(), await Backend.start()];
  const mesh = await StubMesh.forTest();
  const env = {
    PING_TIMEOUT: '3s',
    HTTP_TARGETS_TIMEOUT: '1500ms',
    DNS_TARGETS_TIMEOUT: '3s',
    PATH_CHECKS: 'service,ingress,dns,apiserver',
    PATH_SERVICE_URL: `http://localhost:${service.port}/ping`,
    PATH_INGRESS_URL: `http://user:pa55word@127.0.0.1:${ingress.port}/ping`,
    PATH_DNS_NAME: 'localhost',
    PATH_APISERVER_URL: `http://127.0.0.1:${api.port}/livez`,
    ...change,
  };
  for (const i of [1, 2, 3]) mesh.addPod(i);
  return { mesh, env, service, ingress, api };
}

const findingsOf = async (server: ServerProcess): Promise<Finding[]> => (await meshOf(server)).findings;

/** Waits until the mesh has these findings and no others: kind, outcome, and how many pods say so. */
const untilFindings = (server: ServerProcess, wanted: [kind: string, outcome: string | null, affected: number][]) =>
  eventually(async () => {
    const findings = await findingsOf(server);
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

describe('the paths of a cluster', { timeout: 180_000 }, () => {
  it('are accused one by one while pods reach each other, and cleared when they work again', async () => {
    const { mesh, env, service, ingress, api } = await cluster();
    const [server] = await Promise.all([1, 2, 3].map((i) => mesh.serve(i, env)));
    if (server === undefined) throw new Error('no server');
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

    ingress.mode = 'hangs';
    const [hanging] = await untilFindings(server, [['path-ingress', 'timeout', 3]]);
    expect(hanging?.title).toContain('timeout: check the ingress controller and its load balancer');
    ingress.mode = 'ok';
    await untilFine(server);

    api.mode = 'fails';
    const [unhealthy] = await untilFindings(server, [['path-apiserver', 'http-status', 3]]);
    expect(unhealthy?.title).toContain('http-status: it says that it is not healthy');
    api.mode = 'ok';
    await untilFine(server);

    const { events } = await server.json<{ events: { kind: string; detail: string }[] }>('/api/v1/events');
    const told = events.filter(({ kind }) => kind === 'probe-failed').map(({ detail }) => detail.split(',')[0]);
    expect(told).toEqual(expect.arrayContaining(['Service by name', 'Service by IP', 'Ingress', 'API server']));
    const metrics = await server.text('/metrics');
    for (const path of ['service', 'service-ip', 'ingress', 'apiserver']) {
      expect(metrics).toMatch(new RegExp(`goldpinger_path_errors_total\\{[^}]*path="${path}"[^}]*\\} [1-9]`));
      expect(metrics).toMatch(new RegExp(`goldpinger_path_duration_seconds_count\\{[^}]*path="${path}"[^}]*\\} [1-9]`));
    }
    for (const path of ['/check', '/check_all', '/api/v1/mesh', '/api/v1/events', '/api/v1/findings', '/metrics']) {
      expect(await server.text(path), path).not.toContain('pa55word');
    }
    expect(JSON.stringify(server.log)).not.toContain('pa55word');
  });

  it('of the DNS: a name that does not exist is one finding; a pod that reaches nobody accuses nothing', async () => {
    const { mesh, env } = await cluster({ PATH_DNS_NAME: 'kubernetes.default.svc.invalid' });
    // Nothing listens where the third pod looks for the others and for the Service.
    const isolated = { CLIENT_PORT_OVERRIDE: '1', PATH_SERVICE_URL: 'http://127.0.0.1:1/ping' };
    const [server] = await Promise.all([1, 2, 3].map((i) => mesh.serve(i, i === 3 ? { ...env, ...isolated } : env)));
    if (server === undefined) throw new Error('no server');
    const third = await eventually(async () => {
      const { reports, pods } = await meshOf(server);
      const report = reports.find(({ pod }) => pods[pod]?.name === 'pod-3');
      expect(report?.probes.find(({ path }) => path === 'service-ip')?.error).toContain('connection refused');
      return report;
    });
    expect(third?.probes.some(({ path }) => path === 'service')).toBe(false);
    // The link is that of the third pod to itself.
    const findings = await eventually(async () => {
      const found = await findingsOf(server);
      expect(found.map(({ kind }) => kind).sort()).toEqual(['link', 'path-dns', 'pod-reaches-nobody']);
      return found;
    }, 40_000);
    const dns = findings.find(({ kind }) => kind === 'path-dns');
    expect(dns).toMatchObject({ affected: 2, of: 2, from: [0, 1] });
    expect(dns?.title).toMatch(
      /^Cluster DNS kubernetes\.default\.svc\.invalid: fails from all 2 pods while they reach each other, /,
    );
  });
});
