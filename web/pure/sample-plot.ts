import type { RecentSample } from '../../server/protocol/sample.ts';

/** A plot of recent samples in a box of `width` x `height` px. */
export interface SamplePlot {
  /** Path data of the latencies, interrupted at failures. */
  line: string;
  /** x of failed samples, px. */
  failures: number[];
  /** Places of suspect samples, px. */
  suspects: { x: number; y: number }[];
  /** The problem threshold, px from the top. */
  problemY: number;
  /** Time at the left edge, ms since the epoch by the source pod's clock. */
  fromMs: number;
  /** Latency at the top edge, us. */
  topUs: number;
}

/** Totals of samples. Percentiles are over ok samples; -1 = none. */
export interface SampleSummary {
  count: number;
  failed: number;
  p50Us: number;
  p95Us: number;
}

/**
 * Plots samples (oldest first) from the first one to `nowMs`. The scale is linear from 0 to at least twice the problem
 * threshold, so that a healthy link is flat at the bottom and a slow one is above the threshold line.
 */
export function plotSamples(
  samples: readonly RecentSample[],
  nowMs: number,
  problemUs: number,
  width: number,
  height: number,
): SamplePlot {
  const fromMs = samples[0]?.atMs ?? nowMs;
  const span = Math.max(1, nowMs - fromMs);
  let topUs = problemUs * 2;
  for (const { outcome, totalUs } of samples) if (outcome === 'ok') topUs = Math.max(topUs, totalUs * 1.15);
  const x = (atMs: number) => Math.min(width, Math.max(0, ((atMs - fromMs) / span) * width));
  const y = (us: number) => height - 2 - (us / topUs) * (height - 4);
  const plot: SamplePlot = { line: '', failures: [], suspects: [], problemY: y(problemUs), fromMs, topUs };
  let joined = false;
  for (const sample of samples) {
    const px = x(sample.atMs);
    if (sample.outcome !== 'ok') {
      plot.failures.push(px);
      joined = false;
      continue;
    }
    const py = y(sample.totalUs);
    plot.line += `${joined ? 'L' : 'M'}${px.toFixed(1)} ${py.toFixed(1)}`;
    // A single sample between two failures needs a minimal length to be drawn as a dot.
    if (!joined) plot.line += 'h0.01';
    if (sample.suspect) plot.suspects.push({ x: px, y: py });
    joined = true;
  }
  return plot;
}

/** Counts samples and takes percentiles (nearest rank). */
export function summarise(samples: readonly RecentSample[]): SampleSummary {
  const answered = samples.filter(({ outcome }) => outcome === 'ok').map(({ totalUs }) => totalUs);
  answered.sort((a, b) => a - b);
  const rank = (share: number) => answered[Math.max(0, Math.ceil(share * answered.length) - 1)] ?? -1;
  return { count: samples.length, failed: samples.length - answered.length, p50Us: rank(0.5), p95Us: rank(0.95) };
}
