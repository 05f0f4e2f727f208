import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { checkAddress } from '../../deploy/local/addresses.ts';
import { emptyLinks, FLAG_NOT_YET, FLAG_RECOVERED, FLAG_SLOW, FLAG_SUSPECT } from '../../server/protocol/links.ts';
import type { PodReport } from '../../server/protocol/pod-report.ts';
import { hash32 } from '../../server/runtime/hash.ts';
import { parsePodReport } from '../support/generator.ts';
import { KubeApi } from '../support/kube-api.ts';
import { setLink } from '../support/mesh.ts';
import { call } from './http-call.ts';
import { LOOP_WATCH_SCRIPT, MeasuredServer } from './measured-server.ts';
import { Peers } from './peers.ts';

/** A pod of the simulated cluster. */
export interface SimulatedPod {
  uid: string;
  name: string;
  node: string;
  ip: string;
  hostIP: string;
}

/** So many different reports the peers have; each has the report of its number modulo this. */
const REPORTS = 20;
/** The share of links that have failed, and of those that are slow, that have recovered, and that have a suspect sample. */
const SHARE = 0.002;
const CREATED_MS = Date.UTC(2026, 0, 1);
/** As large as what a real pod carries besides what we read: specification, volumes, managed fields. */
const BALLAST = { note: 'x'.repeat(4000) };

/** A Kubernetes API with pods on loopback addresses. The first pod is the server, the others are simulated peers. */
export class SimulatedCluster {
  readonly pods: SimulatedPod[];
  readonly peers: Peers;
  readonly #kube: KubeApi;
  readonly #port: number;
  readonly #folder = mkdtempSync(join(tmpdir(), 'goldpinger-bench-'));

  private constructor(kube: KubeApi, pods: SimulatedPod[], peers: Peers, port: number) {
    this.#kube = kube;
    this.pods = pods;
    this.peers = peers;
    this.#port = port;
  }

  /** Starts a cluster of `count` pods. `program` is the built bench, which also plays the peers. */
  static async start(program: string, count: number): Promise<SimulatedCluster> {
    const { addressOf, port } = await freeBlock();
    const pods = Array.from({ length: count }, (_, n) => podOf(n, addressOf(n)));
    const peerAddresses = pods.slice(1).map(({ ip }) => ip);
    const peers = await Peers.start(program, peerAddresses, port);
    const kube = await KubeApi.start();
    for (const pod of pods) {
      kube.putPod({ ...pod, ownerKind: 'DaemonSet', ready: true, createdMs: CREATED_MS, annotations: BALLAST });
    }
    return new SimulatedCluster(kube, pods, peers, port);
  }

  /** Starts the server as the first pod. With `isWatched`, its event loop can be watched. */
  startServer(intervalS: number, isWatched: boolean): Promise<MeasuredServer> {
    const { ip = '', name = '', node = '' } = this.pods[0] ?? {};
    const loopWatchPath = join(this.#folder, 'loop-watch.cjs');
    writeFileSync(loopWatchPath, LOOP_WATCH_SCRIPT);
    const env = {
      PORT: String(this.#port),
      POD_IP: ip,
      POD_NAME: name,
      HOSTNAME: node,
      NAMESPACE: 'default',
      KUBECONFIG: this.#kube.writeKubeconfig(join(this.#folder, 'kubeconfig.json')),
      REFRESH_INTERVAL: String(intervalS),
      SHUTDOWN_GRACE: '0s',
    };
    return MeasuredServer.start(ip, env, isWatched ? loopWatchPath : null);
  }

  /** Waits until `server` has pinged every pod. Lets the peers answer with a report as soon as it knows them all. */
  async allPinged(server: MeasuredServer, intervalS: number): Promise<void> {
    const count = this.pods.length;
    const deadlineMs = performance.now() + 10_000 + intervalS * 1500;
    let isServed = false;
    for (;;) {
      const report = parsePodReport(JSON.parse((await call(`${server.url}/api/v1/pod-report`, { keep: true })).text));
      const knowsAll = report.peers?.length === count;
      if (knowsAll && !isServed) {
        await this.peers.serve(Array.from({ length: REPORTS }, (_, n) => peerReportOf(report, n)));
        isServed = true;
      }
      const hasPingedAll =
        report.links.length >= count - 1 && report.links.flags.every((flag) => (flag & FLAG_NOT_YET) === 0);
      if (knowsAll && hasPingedAll) return;
      if (performance.now() > deadlineMs) throw new Error(`the server did not reach its ${count} peers`);
      // Asking costs the server CPU time, so it is not asked as often as possible.
      await pause(250);
    }
  }

  /** Ends the peers and the API. */
  async stop(): Promise<void> {
    await this.peers.stop();
    await this.#kube.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The n-th pod of a cluster. */
export function podOf(n: number, ip: string): SimulatedPod {
  const id = String(n).padStart(5, '0');
  return {
    uid: `00000000-0000-4000-8000-0000000${id}`,
    name: `goldpinger-${id}`,
    node: `node-${id}`,
    ip,
    hostIP: `10.0.${n >> 8}.${n & 255}`,
  };
}

/**
 * The n-th report of peers, which knows the same pods as the server. Its links differ as those of real pods: a column in which
 * all values are the same travels as one number instead of 2 kB of base64, so a report of equal links would be 1 kB instead of
 * 16 kB, and collecting the mesh would be cheaper than it is. Now and then a link has failed, was slow, or has recovered.
 */
function peerReportOf(report: PodReport, n: number): PodReport {
  const count = report.peers?.length ?? 0;
  const links = emptyLinks(count);
  const details: PodReport['details'] = [];
  for (let to = 0; to < count; to++) {
    // The same numbers in each run, 0 <= x < 1.
    const [a, b, kind] = ['a', 'b', 'kind'].map((of) => hash32(`${of} ${n} ${to}`) / 2 ** 32) as [
      number,
      number,
      number,
    ];
    const connectUs = 50 + 100 * a;
    const firstByteUs = 120 + 300 * b;
    const ok = {
      to,
      connectUs,
      firstByteUs,
      totalUs: connectUs + firstByteUs + 20,
      ageMs: 2000 * a,
      sinceMs: 60_000 * b,
    };
    if (kind < SHARE) {
      setLink(links, to, {
        ...ok,
        outcome: 'timeout',
        phase: 'connect',
        connectUs: -1,
        firstByteUs: -1,
        totalUs: 300_000,
      });
      details.push([to, 'no answer to SYN within 300 ms']);
    } else {
      const flag = [FLAG_SLOW, FLAG_RECOVERED, FLAG_SUSPECT][Math.floor(kind / SHARE) - 1];
      setLink(links, to, { ...ok, flags: flag ?? 0 });
    }
  }
  return { ...report, gonePeers: [], links, details, stats: null, windowMs: 0, probes: [] };
}

/**
 * Picks a block of loopback addresses, and a port that is free on the first one. Rejects where the machine has no
 * 127.0.0.0/8 (macOS has only 127.0.0.1).
 */
export async function freeBlock(): Promise<{ addressOf: (n: number) => string; port: number }> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const second = 100 + Math.floor(Math.random() * 100);
    // Below the ports that the system hands out to outgoing connections.
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const addressOf = (n: number) => `127.${second}.${1 + Math.floor(n / 250)}.${1 + (n % 250)}`;
    const error = await checkAddress(addressOf(0), port);
    if (error === '') return { addressOf, port };
    if (error === 'EADDRNOTAVAIL') throw new Error('this machine has no loopback addresses beyond 127.0.0.1');
  }
  throw new Error('found no free port on loopback');
}
