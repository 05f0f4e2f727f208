import { comparePings } from './accuracy.ts';
import { pickBlock } from './addresses.ts';
import { type CallResult, call, pause } from './calls.ts';
import { median, quantile } from './figures.ts';
import { startKubeApi } from './kube-api.ts';
import type { LoopReport } from './loop-watch.ts';
import { type Line, line } from './report.ts';
import { podOf, type Scene, type Stage, startScene, startServer } from './scene.ts';

/** A collection younger than this is given to the next asker; wait longer to measure a new one. */
const REUSED_MS = 700;

/** As Prometheus asks: https://prometheus.io/docs/instrumenting/content_negotiation/. */
const AS_PROMETHEUS = {
  headers: {
    Accept: 'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1',
    'Accept-Encoding': 'gzip',
  },
};

/** What is done in one scene, and for how long. */
export interface Plan {
  pods: number;
  intervalS: number;
  /** How long pinging alone is watched. */
  windowS: number;
  repetitions: number;
  /** How much memory may be in use, MiB, and at the worst. */
  rssAimMiB: number;
  peakAimMiB: number;
  /** CPU while pinging, per cent of a core; null = not aimed at. */
  cpuAimPercent: number | null;
  /** `/check_all`, ms; null = not asked for. */
  checkAllAimMs: number | null;
  /** Whether to scrape, and to watch the event loop meanwhile. */
  isScraped: boolean;
}

/** From starting the process to the first answer, over several starts, and the memory of a server without peers. */
export async function measureStart(stage: Stage, repetitions: number): Promise<Line[]> {
  const block = await pickBlock(Math.random);
  const api = await startKubeApi([podOf(0, block)]);
  const start = () => startServer(stage, api, block, {}, false);
  const times: number[] = [];
  try {
    for (let i = 1; i < repetitions; i++) {
      const server = await start();
      times.push(server.startMs);
      await server.stop();
    }
    const server = await start();
    times.push(server.startMs);
    await pause(3000);
    const rssMiB = server.rssMiB();
    await server.stop();
    return [
      line('start to first answer', median(times), 'ms', 250, `median of ${times.length}`),
      line('RSS, no peers', rssMiB, 'MiB', 64),
    ];
  } finally {
    await api.stop();
  }
}

/** Everything that is measured among `plan.pods` pods. */
export async function measureScene(stage: Stage, plan: Plan): Promise<Line[]> {
  const scene = await startScene(stage, plan.pods, plan.intervalS);
  try {
    const lines = await measurePinging(scene, plan);
    if (plan.isScraped) lines.push(...(await measureScrape(scene, plan)));
    if (plan.checkAllAimMs !== null) lines.push(...(await measureCheckAll(scene, plan, plan.checkAllAimMs)));
    return lines;
  } finally {
    await scene.stop();
  }
}

async function measurePinging(scene: Scene, plan: Plan): Promise<Line[]> {
  const at = `N=${plan.pods}`;
  const before = { pings: (await scene.peers.stamps()).pings, cpuMs: scene.server.cpuMs() };
  await pause(plan.windowS * 1000);
  const cpuMs = scene.server.cpuMs() - before.cpuMs;
  const pings = (await scene.peers.stamps()).pings - before.pings;
  const lines = [line(`RSS, ${at}, pinging`, scene.server.rssMiB(), 'MiB', plan.rssAimMiB)];
  if (plan.checkAllAimMs === null) return lines;
  const { errorsUs, suspects } = await comparePings(scene);
  const rate = `${Math.round(pings / plan.windowS)} pings/s`;
  return [
    ...lines,
    line(`CPU, ${at}, pinging`, cpuMs / plan.windowS / 10, '%', plan.cpuAimPercent, `of a core, ${rate}`),
    line(`CPU per 1000 pings, ${at}`, (cpuMs / pings) * 1000, 'ms', plan.cpuAimPercent === null ? 240 : null),
    line(
      `ping error p50, ${at}`,
      quantile(errorsUs, 0.5),
      'us',
      60,
      `${errorsUs.length} pings, ${suspects} suspect ones apart`,
    ),
    line(`ping error p99, ${at}`, quantile(errorsUs, 0.99), 'us', 685),
  ];
}

async function measureScrape(scene: Scene, plan: Plan): Promise<Line[]> {
  const at = `N=${plan.pods}`;
  const { server } = scene;
  const url = `${server.url}/metrics`;
  const idleBlocks = [await server.watchLoop(() => pause(1000))];
  const scrapes = await repeat(plan.repetitions, () => call(url, AS_PROMETHEUS), 200);
  const rssMiB = server.rssMiB();
  const blocks = await repeat(plan.repetitions, () => server.watchLoop(() => call(url, AS_PROMETHEUS)), 200);
  const bytes = sizeOf(scrapes[0]);
  return [
    blockLine(`${at}, pinging`, idleBlocks),
    line(`scrape, ${at}`, median(scrapes.map(({ tookMs }) => tookMs)), 'ms', 95, bytes),
    blockLine(`${at}, scraped`, blocks),
    line(`RSS, ${at}, scraped`, rssMiB, 'MiB', plan.rssAimMiB),
  ];
}

async function measureCheckAll(scene: Scene, plan: Plan, aimMs: number): Promise<Line[]> {
  const at = `N=${plan.pods}`;
  const { server } = scene;
  const url = `${server.url}/check_all`;
  const rssMiB = server.rssMiB();
  const isPeakKnown = server.forgetPeak();
  const answers = await repeat(plan.repetitions, () => call(url), REUSED_MS);
  const peakMiB = isPeakKnown ? server.peakMiB() : Number.NaN;
  const blocks = await repeat(plan.repetitions, () => server.watchLoop(() => call(url)), REUSED_MS);
  const health = await call(`${server.url}/cluster_health`);
  const bytes = sizeOf(answers[0]);
  // A mesh with reports missing is collected faster, so it must not pass for a fast one.
  const warning = health.status === 200 ? '' : `, INCOMPLETE: /cluster_health says ${health.status}`;
  return [
    line(`/check_all, ${at}`, median(answers.map(({ tookMs }) => tookMs)), 'ms', aimMs, bytes + warning),
    blockLine(`${at}, /check_all`, blocks),
    line(
      `peak RSS, ${at}, /check_all`,
      peakMiB,
      'MiB',
      plan.peakAimMiB,
      `${(peakMiB - rssMiB).toFixed(1)} more than before`,
    ),
  ];
}

function blockLine(when: string, reports: readonly LoopReport[]): Line {
  const gcMs = median(reports.map(({ longestGcMs }) => longestGcMs)).toFixed(1);
  const longestMs = median(reports.map((report) => report.longestMs));
  return line(
    `longest block, ${when}`,
    longestMs,
    'ms',
    2,
    `median of ${reports.length}, collecting garbage ${gcMs} ms`,
  );
}

function sizeOf(answer: CallResult | undefined): string {
  return `${((answer?.bytes ?? 0) / 2 ** 20).toFixed(1)} MiB ${answer?.encoding || 'plain'}`;
}

async function repeat<T>(times: number, work: () => Promise<T>, pauseMs: number): Promise<T[]> {
  const results: T[] = [];
  for (let i = 0; i < times; i++) {
    await pause(pauseMs);
    results.push(await work());
  }
  return results;
}
