import { setTimeout as pause } from 'node:timers/promises';
import { parseLinkSamples } from '../../server/protocol/sample.ts';
import { type Figure, figure, median, quantile } from './figures.ts';
import { type CallResult, call } from './http-call.ts';
import type { LoopReport, MeasuredServer } from './measured-server.ts';
import type { SimulatedCluster } from './simulated-cluster.ts';

/** A collection younger than this is given to the next client as well; wait longer to measure a new one. */
const REUSED_MS = 700;

/** As Prometheus asks: https://prometheus.io/docs/instrumenting/content_negotiation/. */
const AS_PROMETHEUS = {
  headers: {
    Accept: 'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1',
    'Accept-Encoding': 'gzip',
  },
};

/** The accuracy of the links to this many peers is measured. */
const COMPARED_PEERS = 200;
/** A peer's stamp and the server's sample that are further apart than this are not of the same ping. */
const SAME_PING_MS = 50;

/** How a cluster of one size is measured, and the aims. */
export interface Plan {
  pods: number;
  intervalS: number;
  /** How long pinging alone is measured. */
  windowS: number;
  repetitions: number;
  /** Resident memory and its peak. */
  rssAimMiB: number;
  peakAimMiB: number;
  /** CPU while pinging, per cent of a core; null = no aim. */
  cpuAimPercent: number | null;
  /** `/check_all`, ms; null = not measured, nor is the accuracy of pings. */
  checkAllAimMs: number | null;
  /** Whether `/metrics` and the event loop meanwhile are measured. */
  isScraped: boolean;
}

/** Measures the start of the server without peers `repetitions` times, and its memory. */
export async function measureStart(cluster: SimulatedCluster, repetitions: number): Promise<Figure[]> {
  const times: number[] = [];
  let rssMiB = Number.NaN;
  for (let i = 1; i <= repetitions; i++) {
    const server = await cluster.startServer(30, false);
    times.push(server.startMs);
    if (i === repetitions) {
      // By then the memory of the start has been given back.
      await pause(3000);
      rssMiB = server.figures().rssMiB;
    }
    await server.stop();
  }
  return [
    figure('start to the first /healthz', median(times), 'ms', 150, `median of ${times.length}`),
    figure('RSS, no peers', rssMiB, 'MiB', 64),
  ];
}

/** Measures the server among the peers of `cluster`. */
export async function measureCluster(cluster: SimulatedCluster, plan: Plan): Promise<Figure[]> {
  const server = await cluster.startServer(plan.intervalS, true);
  try {
    await cluster.allPinged(server, plan.intervalS);
    const figures = await measurePinging(cluster, server, plan);
    if (plan.isScraped) figures.push(...(await measureScrape(server, plan)));
    if (plan.checkAllAimMs !== null) figures.push(...(await measureCheckAll(server, plan, plan.checkAllAimMs)));
    return figures;
  } finally {
    await server.stop();
  }
}

async function measurePinging(cluster: SimulatedCluster, server: MeasuredServer, plan: Plan): Promise<Figure[]> {
  const at = `N=${plan.pods}`;
  const before = { pings: (await cluster.peers.stamps()).pings, cpuMs: server.figures().cpuMs };
  await pause(plan.windowS * 1000);
  const cpuMs = server.figures().cpuMs - before.cpuMs;
  const pings = (await cluster.peers.stamps()).pings - before.pings;
  const rss = figure(`RSS, ${at}, pinging`, server.figures().rssMiB, 'MiB', plan.rssAimMiB);
  if (plan.checkAllAimMs === null) return [rss];
  const { errorsUs, suspects } = await comparePings(cluster, server);
  const rate = `of a core, ${Math.round(pings / plan.windowS)} pings/s`;
  const compared = `${errorsUs.length} pings, ${suspects} suspect ones apart`;
  return [
    rss,
    figure(`CPU, ${at}, pinging`, cpuMs / plan.windowS / 10, '%', plan.cpuAimPercent, rate),
    figure(`CPU per 1000 pings, ${at}`, (cpuMs / pings) * 1000, 'ms', plan.cpuAimPercent === null ? 240 : null),
    figure(`ping error p50, ${at}`, quantile(errorsUs, 0.5), 'us', 60, compared),
    figure(`ping error p99, ${at}`, quantile(errorsUs, 0.99), 'us', 685),
  ];
}

/**
 * The differences between the server's samples and the peers' stamps, of pings that the server does not suspect; and the
 * number of those that it does. A stamp goes from the accepted connection until the kernel has the answer. The error thus
 * includes the waking up of both processes, which is more than the server's own share.
 */
async function comparePings(
  cluster: SimulatedCluster,
  server: MeasuredServer,
): Promise<{ errorsUs: number[]; suspects: number }> {
  const { stamps } = await cluster.peers.stamps();
  const errorsUs: number[] = [];
  let suspects = 0;
  for (const pod of cluster.pods.slice(1, 1 + COMPARED_PEERS)) {
    const { text } = await call(`${server.url}/api/v1/samples?to=${pod.uid}`, { keep: true });
    for (const sample of parseLinkSamples(JSON.parse(text)).samples) {
      if (sample.suspect) suspects++;
      if (sample.suspect || sample.outcome !== 'ok') continue;
      const distance = ([atMs]: [number, number]) => Math.abs(atMs - sample.atMs);
      const nearest = (stamps[pod.ip] ?? []).toSorted((a, b) => distance(a) - distance(b))[0];
      if (nearest === undefined || distance(nearest) >= SAME_PING_MS) continue;
      errorsUs.push(Math.abs(sample.totalUs - nearest[1]));
    }
  }
  return { errorsUs, suspects };
}

async function measureScrape(server: MeasuredServer, plan: Plan): Promise<Figure[]> {
  const at = `N=${plan.pods}`;
  const scrape = () => call(`${server.url}/metrics`, AS_PROMETHEUS);
  const idleLoop = await server.watchLoop(() => pause(1000));
  const scrapes = await repeat(plan.repetitions, scrape, 200);
  const rssMiB = server.figures().rssMiB;
  const loops = await repeat(plan.repetitions, () => server.watchLoop(scrape), 200);
  return [
    blockFigure(`${at}, pinging`, [idleLoop]),
    figure(`scrape, ${at}`, median(scrapes.map(({ tookMs }) => tookMs)), 'ms', 95, sizeOf(scrapes[0])),
    blockFigure(`${at}, scraped`, loops),
    figure(`RSS, ${at}, scraped`, rssMiB, 'MiB', plan.rssAimMiB),
  ];
}

async function measureCheckAll(server: MeasuredServer, plan: Plan, aimMs: number): Promise<Figure[]> {
  const at = `N=${plan.pods}`;
  const checkAll = () => call(`${server.url}/check_all`);
  const rssMiB = server.figures().rssMiB;
  const isPeakKnown = server.resetPeak();
  const answers = await repeat(plan.repetitions, checkAll, REUSED_MS);
  const peakMiB = isPeakKnown ? server.figures().peakRssMiB : Number.NaN;
  const loops = await repeat(plan.repetitions, () => server.watchLoop(checkAll), REUSED_MS);
  const health = await call(`${server.url}/cluster_health`, { keep: true });
  // A mesh with missing reports is collected faster, so the figure says so.
  const missing = health.text.split('did not report').length - 1;
  const warning = missing === 0 ? '' : `, INCOMPLETE: ${missing} pods did not report`;
  const tookMs = median(answers.map((answer) => answer.tookMs));
  const growth = `${(peakMiB - rssMiB).toFixed(1)} more than before`;
  return [
    figure(`/check_all, ${at}`, tookMs, 'ms', aimMs, sizeOf(answers[0]) + warning),
    blockFigure(`${at}, /check_all`, loops),
    figure(`peak RSS, ${at}, /check_all`, peakMiB, 'MiB', plan.peakAimMiB, growth),
  ];
}

function blockFigure(when: string, reports: readonly LoopReport[]): Figure {
  const gcMs = median(reports.map(({ longestGcMs }) => longestGcMs)).toFixed(1);
  const longestMs = median(reports.map((report) => report.longestMs));
  const note = `median of ${reports.length}, collecting garbage ${gcMs} ms`;
  return figure(`longest block, ${when}`, longestMs, 'ms', 2, note);
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
