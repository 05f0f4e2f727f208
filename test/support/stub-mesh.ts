import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { FLAG_NOT_YET, outcomeOf, phaseOf } from '../../server/protocol/links.ts';
import { type Mesh, parseMesh } from '../../server/protocol/mesh.ts';
import { eventually } from './eventually.ts';
import { KubeApi } from './kube-api.ts';
import type { StubPod } from './kube-objects.ts';
import { freePort, type ServerOptions, ServerProcess } from './server-process.ts';

/** A Kubernetes API for tests and the real servers that find each other through it, all on loopback. */
export class StubMesh {
  readonly kube: KubeApi;
  /** Every pod listens on this port, on an address of its own. */
  readonly port: number;
  readonly kubeconfig: string;
  readonly servers: ServerProcess[] = [];
  readonly #dir: string;
  readonly #base: string;
  readonly #cleanups: (() => unknown)[] = [];

  private constructor(kube: KubeApi, port: number, base: string) {
    this.kube = kube;
    this.port = port;
    this.#base = base;
    this.#dir = mkdtempSync(join(tmpdir(), 'goldpinger-mesh-'));
    this.kubeconfig = kube.writeKubeconfig(join(this.#dir, 'kubeconfig'));
  }

  /** Starts a mesh without servers. */
  static async start(): Promise<StubMesh> {
    const kube = await KubeApi.start();
    // Each process of vitest uses its own addresses, so that suites can run side by side.
    const base = `127.${64 + (process.pid % 64)}.${Math.floor(Math.random() * 250)}`;
    return new StubMesh(kube, await freePort('0.0.0.0'), base);
  }

  /** Starts a mesh that stops when the running test has finished. Concurrent tests pass the function of their context. */
  static async forTest(finished: (stop: () => Promise<void>) => void = onTestFinished): Promise<StubMesh> {
    const mesh = await StubMesh.start();
    finished(() => mesh.stop());
    return mesh;
  }

  /** The address of pod number `i` (1..250). */
  host(i: number): string {
    return `${this.#base}.${i}`;
  }

  /** Adds a ready pod `pod-i` at address number `i` to the API; gives its uid. */
  addPod(i: number, more: Partial<StubPod> = {}): string {
    return this.kube.putPod({
      name: `pod-${i}`,
      ip: this.host(i),
      hostIP: `10.0.0.${i}`,
      node: `node-${i}`,
      ready: true,
      createdMs: Date.now() - 60_000,
      readySinceMs: Date.now() - 59_000,
      labels: { app: 'goldpinger' },
      ...more,
    });
  }

  /** Starts the real server as pod number `i`, and waits until it listens. */
  async serve(i: number, env: Record<string, string> = {}, options: ServerOptions = {}): Promise<ServerProcess> {
    const common = {
      PORT: String(this.port),
      POD_NAME: `pod-${i}`,
      POD_IP: this.host(i),
      HOSTNAME: `node-${i}`,
      KUBECONFIG: this.kubeconfig,
      REFRESH_INTERVAL: '0.3',
      SHUTDOWN_GRACE: '0',
    };
    const server = new ServerProcess(this.host(i), { ...common, ...env }, options);
    this.servers.push(server);
    return server.listening();
  }

  /** Calls `cleanup` when the mesh stops. */
  onEnd(cleanup: () => unknown): void {
    this.#cleanups.push(cleanup);
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.kill()));
    for (const cleanup of this.#cleanups) await cleanup();
    await this.kube.close();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

/** The mesh that a server answers with. */
export async function meshOf(server: { url: string }): Promise<Mesh> {
  return parseMesh(await (await fetch(`${server.url}/api/v1/mesh`)).json());
}

/** Waits until a server calls the cluster healthy: every link of the mesh is ok. */
export function untilHealthy(server: ServerProcess): Promise<void> {
  return eventually(async () => expect(await server.health()).toBe(200), 40_000);
}

/**
 * The link between two pods, given by name: its outcome and phase. In place of the outcome: why the report of its source is
 * missing, `none` if it is not probed, or `not-yet`.
 */
export function linkOf({ pods, reports }: Mesh, from: string, to: string): { outcome: string; phase: string | null } {
  const indexOf = (name: string) => pods.findIndex((pod) => pod.name === name);
  const report = reports.find(({ pod }) => pod === indexOf(from));
  const i = report?.links.to.indexOf(indexOf(to)) ?? -1;
  if (report === undefined || i < 0) return { outcome: report?.missing || 'none', phase: null };
  if (((report.links.flags[i] ?? 0) & FLAG_NOT_YET) !== 0) return { outcome: 'not-yet', phase: null };
  return { outcome: outcomeOf(report.links, i), phase: phaseOf(report.links, i) };
}
