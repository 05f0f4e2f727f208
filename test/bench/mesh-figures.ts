import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { KubeApi } from '../support/kube-api.ts';
import { BARE_NODE_SCRIPT } from './bare-node.ts';
import type { Comparison } from './comparison.ts';
import { type Contender, ContenderProcess, type Programs } from './contenders.ts';
import { median, quantile } from './figures.ts';
import { call } from './http-call.ts';
import { meanPingMs, type PingTotals, pingTotals, seesAllHealthy } from './mesh-answers.ts';
import { figuresOfProcess } from './process-figures.ts';
import { freeBlock, podOf, type SimulatedPod } from './simulated-cluster.ts';

/** How a mesh of real processes is measured. */
export interface MeshPlan {
  pods: number;
  /** How long the mesh pings before it is measured, from the time on at which all is healthy. */
  settleS: number;
  /** How long pinging alone is measured. */
  windowS: number;
  /** Requests for each of the three endpoints. */
  requests: number;
}

const ENDPOINTS = ['/check_all', '/cluster_health', '/heatmap.png'] as const;
/** A mesh that is not healthy by then is measured as it is, and its time is not known. */
const HEALTHY_DEADLINE_MS = 20_000;
/** The work of a start ends with a collection of garbage, which V8 makes about 8 s after it. */
const SETTLE_MS = 12_000;
/** The bare program has no endpoints but those that the bench needs. */
const isBare = (contender: Contender) => contender === 'bareKept' || contender === 'bareFresh';

/**
 * What is measured in a mesh, in the order of the table. The aims are ratios to Goldpinger, which sends no datagrams: with
 * `isUdp` there are none.
 */
function measuresOf(pods: number, isUdp: boolean): Omit<Comparison, 'values'>[] {
  const at = `N=${pods}, 1 s${udpText(isUdp)}`;
  const hasAims = pods === 30 && !isUdp;
  const measure = (name: string, unit: Comparison['unit'], aims: Comparison['aims'] = {}, note = '') => {
    return { measure: `${name}, ${at}`, unit, aims: hasAims ? aims : {}, note };
  };
  return [
    measure('CPU of a process, share of a core', '%', { ours: 0.6, oursFresh: 1.3 }),
    measure('memory of a process (RSS)', 'MiB', { ours: 1.3, oursFresh: 1.3 }),
    measure('the same, after the requests below', 'MiB', { ours: 1.3, oursFresh: 1.3 }),
    measure('mean ping', 'ms', { ours: 1, oursFresh: 1 }, 'of the ping histogram'),
    measure('time to all healthy', 's', {}, 'from the start of the first process, all at once'),
    ...ENDPOINTS.flatMap((path) => [
      measure(`${path} p50`, 'ms'),
      measure(`${path} p95`, 'ms', { ours: 0.7, oursFresh: 0.7 }),
    ]),
  ];
}

/** What the name of a measure says of datagrams. */
function udpText(isUdp: boolean): string {
  return isUdp ? ', ours with UDP' : '';
}

/** Measures a mesh of each contender, one after the other. */
export async function measureMesh(
  plan: MeshPlan,
  contenders: readonly Contender[],
  programs: Omit<Programs, 'bareNode'>,
): Promise<Comparison[]> {
  const comparisons: Comparison[] = measuresOf(plan.pods, programs.isUdp).map((one) => ({ ...one, values: {} }));
  for (const contender of contenders) {
    // What is started first would also pay for reading the programs from disk.
    await inMesh(1, contender, programs, (mesh) => mesh.firstAnswerMs('/ping'));
    enter(comparisons, contender, await inMesh(plan.pods, contender, programs, (mesh) => figuresOfMesh(mesh, plan)));
  }
  return comparisons;
}

/** Measures one process of each contender that has no peers and is asked nothing. */
export async function measureRest(
  windowS: number,
  starts: number,
  contenders: readonly Contender[],
  programs: Omit<Programs, 'bareNode'>,
): Promise<Comparison[]> {
  const measure = (name: string, unit: Comparison['unit'], note: string): Comparison => {
    return { measure: name + udpText(programs.isUdp), unit, values: {}, aims: {}, note };
  };
  const comparisons = [
    measure('start to the first ping answered', 'ms', `median of ${starts}`),
    measure('start to the first /healthz', 'ms', 'the same starts'),
    measure('CPU at rest, share of a core', '%', 'one pod, interval 30 s'),
    measure('wake-ups at rest', '/s', 'of all threads'),
    measure('memory at rest (RSS)', 'MiB', ''),
  ];
  for (const contender of contenders) {
    const startsMs: number[][] = [];
    for (let i = 0; i < starts; i++) {
      const start = async (mesh: RealMesh) => [await mesh.firstAnswerMs('/ping'), await mesh.firstAnswerMs('/healthz')];
      startsMs.push(await inMesh(1, contender, programs, start, 30));
    }
    const atStart = [0, 1].map((i) => median(startsMs.map((one) => one[i] ?? Number.NaN)));
    const atRest = await inMesh(1, contender, programs, (mesh) => figuresAtRest(mesh, windowS), 30);
    enter(comparisons, contender, [...atStart, ...atRest]);
  }
  return comparisons;
}

/** Enters the figures of one contender, which may be fewer than the comparisons. */
function enter(comparisons: readonly Comparison[], contender: Contender, figures: readonly number[]): void {
  for (const [i, figure] of figures.entries()) Object.assign(comparisons[i]?.values ?? {}, { [contender]: figure });
}

async function figuresAtRest(mesh: RealMesh, windowS: number): Promise<number[]> {
  await mesh.firstAnswerMs('/healthz');
  await pause(SETTLE_MS);
  const used = await mesh.usedIn(windowS);
  return [used.cpuPercent, used.wakeUpsPerS, mesh.rssMiB()];
}

/** The figures of `measuresOf`, in the same order. The bare program has none for the endpoints. */
async function figuresOfMesh(mesh: RealMesh, plan: MeshPlan): Promise<number[]> {
  const healthyS = await mesh.allHealthyS();
  await pause(plan.settleS * 1000);
  const before = await mesh.pings();
  const used = await mesh.usedIn(plan.windowS);
  const meanMs = meanPingMs(before, await mesh.pings());
  const rssMiB = mesh.rssMiB();
  const latenciesMs: number[] = [];
  for (const path of isBare(mesh.contender) ? [] : ENDPOINTS) {
    const tookMs = await mesh.ask(path, plan.requests);
    latenciesMs.push(quantile(tookMs, 0.5), quantile(tookMs, 0.95));
  }
  return [used.cpuPercent, rssMiB, mesh.rssMiB(), meanMs, healthyS, ...latenciesMs];
}

/** Starts a mesh of `pods` processes, does `work` with it, and ends it. */
async function inMesh<T>(
  pods: number,
  contender: Contender,
  programs: Omit<Programs, 'bareNode'>,
  work: (mesh: RealMesh) => Promise<T>,
  intervalS = 1,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'goldpinger-bench-'));
  const bareNode = join(folder, 'bare-node.cjs');
  writeFileSync(bareNode, BARE_NODE_SCRIPT);
  const kube = await KubeApi.start();
  try {
    const { addressOf, port } = await freeBlock();
    const all = Array.from({ length: pods }, (_, n) => podOf(n, addressOf(n)));
    for (const pod of all) kube.putPod({ ...pod, ownerKind: 'DaemonSet', ready: true });
    const kubeconfig = kube.writeKubeconfig(join(folder, 'kubeconfig.json'));
    const mesh = new RealMesh(contender, all, { port, kubeconfig, intervalS }, { ...programs, bareNode });
    try {
      return await work(mesh);
    } finally {
      await mesh.stop();
    }
  } finally {
    await kube.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A mesh of real processes of one contender, all started at once. However the bench ends, they end with it. */
class RealMesh {
  readonly contender: Contender;
  readonly #processes: ContenderProcess[];
  readonly #startMs = performance.now();
  readonly #endAll = () => void this.stop();

  constructor(
    contender: Contender,
    pods: readonly SimulatedPod[],
    common: { port: number; kubeconfig: string; intervalS: number },
    programs: Programs,
  ) {
    this.contender = contender;
    process.once('exit', this.#endAll);
    this.#processes = pods.map(({ ip, name, node }) => {
      const peers = pods.map((pod) => pod.ip).filter((other) => other !== ip);
      return new ContenderProcess(contender, { ...common, host: ip, podName: name, node, peers }, programs);
    });
  }

  /** From the start until the first process answers on this path, ms. */
  async firstAnswerMs(path: string): Promise<number> {
    const [first] = this.#processes;
    while (first !== undefined && performance.now() - this.#startMs < HEALTHY_DEADLINE_MS && !first.hasEnded) {
      const answer = await call(first.url + path).catch(() => null);
      if (answer !== null) return performance.now() - this.#startMs;
      await pause(2);
    }
    return Number.NaN;
  }

  /** From the start until `/check` of every process says that all pings work, s; NaN if that takes too long. */
  async allHealthyS(): Promise<number> {
    let left = [...this.#processes];
    while (performance.now() - this.#startMs < HEALTHY_DEADLINE_MS) {
      const ill: ContenderProcess[] = [];
      for (const one of left) {
        if (one.hasEnded) throw new Error(`a process of ${this.contender} has ended by itself`);
        const answer = await call(`${one.url}/check`, { keep: true }).catch(() => null);
        if (answer === null || !seesAllHealthy(answer.text, this.#processes.length - 1)) ill.push(one);
      }
      if (ill.length === 0) return (performance.now() - this.#startMs) / 1000;
      left = ill;
      await pause(30);
    }
    return Number.NaN;
  }

  /** What a process uses on average while nobody asks anything: share of a core in per cent, wake-ups a second. */
  async usedIn(seconds: number): Promise<{ cpuPercent: number; wakeUpsPerS: number }> {
    const read = () => this.#processes.map(({ pid }) => figuresOfProcess(pid));
    const [before, startMs] = [read(), performance.now()];
    await pause(seconds * 1000);
    const [after, tookMs] = [read(), performance.now() - startMs];
    const growth = (part: 'cpuMs' | 'wakeUps') =>
      mean(after.map((figures, i) => figures[part] - (before[i]?.[part] ?? Number.NaN)));
    return { cpuPercent: (growth('cpuMs') / tookMs) * 100, wakeUpsPerS: (growth('wakeUps') / tookMs) * 1000 };
  }

  /** Resident memory of a process now, on average. */
  rssMiB(): number {
    return mean(this.#processes.map(({ pid }) => figuresOfProcess(pid).rssMiB));
  }

  /** The pings of each process so far. */
  async pings(): Promise<PingTotals[]> {
    const totals: PingTotals[] = [];
    for (const { url } of this.#processes) {
      totals.push(pingTotals((await call(`${url}/metrics`, { keep: true })).text));
    }
    return totals;
  }

  /** Asks one process after the other, and each later than an answer may be used again. Returns durations, ms. */
  async ask(path: string, requests: number): Promise<number[]> {
    const tookMs: number[] = [];
    for (let i = 0; i < requests; i++) {
      const asked = this.#processes[i % this.#processes.length];
      if (asked !== undefined) tookMs.push((await call(asked.url + path)).tookMs);
      await pause(50);
    }
    return tookMs;
  }

  async stop(): Promise<void> {
    process.removeListener('exit', this.#endAll);
    await Promise.all(this.#processes.map((one) => one.stop()));
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
