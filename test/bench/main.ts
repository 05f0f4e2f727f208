import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import PROCESS from '../../deploy/process.json';
import { findGoldpinger } from '../support/find-goldpinger.ts';
import { SERVER_PROGRAM } from '../support/server-process.ts';
import { analyse, measureAnalysis } from './analysis-figures.ts';
import { measureBaseline } from './baseline.ts';
import { CONTENDERS } from './contenders.ts';
import type { Figure } from './figures.ts';
import { measureMesh, measureRest } from './mesh-figures.ts';
import { playPeers } from './peers.ts';
import { type BenchFlags, runBench, type Step } from './program.ts';
import { measureCluster, measureStart, type Plan } from './server-figures.ts';
import { SimulatedCluster } from './simulated-cluster.ts';

const HELP = `npm run bench -- [--quick] [--json] [--pods=N,...] [--mesh=N,...] [--udp]

Starts the built server among simulated peers on loopback; prints its cost and its accuracy. Then starts meshes of real
processes: ours, the real Goldpinger, and a bare Node program that only pings. It prints what they cost, side by side.
Goldpinger is the program in GOLDPINGER_BIN, or Go builds it once. Without it the bench says so.
  --quick  shorter windows, fewer repetitions
  --json   the same figures as JSON
  --pods   only these parts: 0 (start), 50, 100, 1000 (with verdicts and findings)
  --mesh   only these meshes of real processes: 1 (at rest), 10, 30
  --udp    our processes in these meshes send datagrams too (UDP_ENABLED=true); the others don't, so there are no aims
`;

/** This program. It starts itself with an argument to play the peers and to measure the analysis. */
const PROGRAM = resolve(process.argv[1] ?? '');

function stepsOf({ isQuick, pods, mesh }: BenchFlags): Step[] {
  if (pods.length === 0 && mesh.length > 0) return [];
  const isWanted = (count: number) => pods.length === 0 || pods.includes(count);
  const inCluster = async (count: number, work: (cluster: SimulatedCluster) => Promise<Figure[]>) => {
    const cluster = await SimulatedCluster.start(PROGRAM, count);
    try {
      return await work(cluster);
    } finally {
      await cluster.stop();
    }
  };
  const steps: Step[] = [{ name: 'a bare exchange', run: () => measureBaseline(isQuick ? 2 : 6) }];
  if (isWanted(0)) {
    steps.push({ name: 'start', run: () => inCluster(1, (cluster) => measureStart(cluster, isQuick ? 3 : 5)) });
  }
  for (const plan of plansOf(isQuick)) {
    if (!isWanted(plan.pods)) continue;
    const run = () => inCluster(plan.pods, (cluster) => measureCluster(cluster, plan));
    steps.push({ name: `N=${plan.pods}`, run });
  }
  if (isWanted(1000)) {
    steps.push({ name: 'verdicts', run: () => measureAnalysis(PROGRAM) });
  }
  return steps;
}

/** The meshes of real processes. Everything is measured in one run: only the ratios mean something on a busy machine. */
async function meshStepsOf({ isQuick, pods, mesh, isUdp }: BenchFlags, remark: (text: string) => void) {
  if (mesh.length === 0 && pods.length > 0) return [];
  const goldpinger = await findGoldpinger(process.env['GOLDPINGER_BIN'] ?? '').catch((error: Error) => {
    remark(`Goldpinger is not measured: ${error.message}`);
    return '';
  });
  if (goldpinger !== '') remark(`Goldpinger: ${goldpinger}`);
  const contenders = CONTENDERS.filter((contender) => contender !== 'goldpinger' || goldpinger !== '');
  const programs = { goldpinger, server: PROCESS, isUdp };
  const isWanted = (count: number) => mesh.length === 0 || mesh.includes(count);
  const steps: Step[] = [];
  if (isWanted(1)) {
    const kinds = contenders.filter((contender) => contender !== 'oursFresh' && contender !== 'bareFresh');
    const run = () => measureRest(isQuick ? 5 : 20, isQuick ? 3 : 7, kinds, programs);
    steps.push({ name: 'one pod at rest', run });
  }
  for (const count of [10, 30].filter(isWanted)) {
    // V8 compiles what runs often, which takes two minutes at 30 pings a second. Until then a process takes twice as much CPU.
    const plan = { pods: count, settleS: isQuick ? 12 : 150, windowS: isQuick ? 6 : 30, requests: isQuick ? 10 : 40 };
    steps.push({ name: `a mesh of ${count} processes`, run: () => measureMesh(plan, contenders, programs) });
  }
  return steps;
}

/**
 * The clusters to measure, the smallest first. Aims without a round figure are the figures of Goldpinger 3.10.2 or of our
 * prototypes on this kind of machine: at N=50 and an interval of 1 s Goldpinger needs 3.46 % of a core; at 2 s its
 * `/check_all` takes 108 ms.
 */
function plansOf(isQuick: boolean): Plan[] {
  const small = {
    intervalS: 1,
    windowS: isQuick ? 4 : 10,
    repetitions: isQuick ? 2 : 5,
    rssAimMiB: 64,
    peakAimMiB: 80,
    isScraped: false,
  };
  return [
    { ...small, pods: 50, cpuAimPercent: 3.46, checkAllAimMs: 108 },
    { ...small, pods: 100, cpuAimPercent: null, checkAllAimMs: null },
    {
      pods: 1000,
      intervalS: 2,
      windowS: isQuick ? 6 : 20,
      repetitions: isQuick ? 1 : 3,
      rssAimMiB: 80,
      peakAimMiB: 80,
      cpuAimPercent: null,
      checkAllAimMs: 1500,
      isScraped: true,
    },
  ];
}

if (process.argv[2] === 'peers') {
  playPeers();
} else if (process.argv[2] === 'analyse') {
  analyse();
} else {
  void runBench({
    help: HELP,
    deadlineMs: 3_600_000,
    async measure(flags, run, remark) {
      if (!existsSync(SERVER_PROGRAM)) throw new Error(`${SERVER_PROGRAM} does not exist: npm run build makes it`);
      await run([...stepsOf(flags), ...(await meshStepsOf(flags, remark))]);
    },
  });
}
