import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A pod of the simulated cluster. */
export interface SimulatedPod {
  uid: string;
  name: string;
  node: string;
  podIP: string;
  hostIP: string;
}

/** A running API server. */
export interface KubeApi {
  url: string;
  stop(): Promise<void>;
}

const STARTED = '2026-01-01T00:00:00Z';
/** What a real pod carries besides what we read: specification, volumes, managed fields. */
const BALLAST = { note: 'x'.repeat(4000) };

/** As much of a Kubernetes API as the server asks for: pods in pages, and a watch in which nothing ever happens. */
export async function startKubeApi(pods: readonly SimulatedPod[]): Promise<KubeApi> {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (!url.pathname.endsWith('/pods')) return sendJson(response, 403, statusOf(403, 'forbidden by the bench'));
    if (!url.searchParams.has('watch')) return sendJson(response, 200, page(pods, url.searchParams));
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.flushHeaders();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function page(pods: readonly SimulatedPod[], query: URLSearchParams): object {
  const start = Number(query.get('continue') ?? 0) || 0;
  const end = start + (Number(query.get('limit')) || pods.length);
  const metadata = { resourceVersion: '1000', ...(end < pods.length ? { continue: String(end) } : {}) };
  return { kind: 'PodList', apiVersion: 'v1', metadata, items: pods.slice(start, end).map(podObject) };
}

function podObject(pod: SimulatedPod): object {
  const owner = { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'goldpinger', uid: 'owner', controller: true };
  return {
    metadata: {
      name: pod.name,
      namespace: 'default',
      uid: pod.uid,
      resourceVersion: '999',
      creationTimestamp: STARTED,
      labels: { app: 'goldpinger' },
      annotations: BALLAST,
      ownerReferences: [owner],
    },
    spec: { nodeName: pod.node, containers: [{ name: 'goldpinger', image: 'goldpinger' }] },
    status: {
      phase: 'Running',
      podIP: pod.podIP,
      podIPs: [{ ip: pod.podIP }],
      hostIP: pod.hostIP,
      hostIPs: [{ ip: pod.hostIP }],
      startTime: STARTED,
      conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: STARTED }],
      containerStatuses: [
        { name: 'goldpinger', ready: true, restartCount: 0, state: { running: { startedAt: STARTED } } },
      ],
    },
  };
}

function statusOf(code: number, message: string): object {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, message };
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}
