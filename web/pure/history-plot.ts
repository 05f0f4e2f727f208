import type { LinkHistory } from '../../server/protocol/history.ts';

/** A plot of a link's past in a box of `width` x `height` px. */
export interface HistoryPlot {
  /** Path data of the medians, one piece between two gaps. */
  line: string;
  /** Path data of the areas from the least to the 95th percentile, one closed piece between two gaps. */
  band: string;
  /** Steps with failures: where, how wide and how high from the bottom, px. */
  failures: { x: number; width: number; height: number }[];
  /** Height of the problem threshold, px from the top. */
  problemY: number;
  /** What is shown, ms since the epoch by the probing pod's clock. */
  fromMs: number;
  toMs: number;
}

/** What a past came to. */
export interface HistorySummary {
  samples: number;
  failed: number;
  /** The slowest sample, us; -1 without an answered one. */
  maxUs: number;
}

type Step = LinkHistory['steps'][number];
type Point = [x: number, y: number];

/** The least height of a failure, as a share of the plot: one of a hundred samples must be seen. */
const LEAST_SHARE = 0.3;
/** And its least width, px. */
const LEAST_WIDTH = 1.5;

/** Steps (oldest first) that ended by `untilMs` or were under way then. */
export function stepsUntil({ steps }: LinkHistory, untilMs: number): Step[] {
  return steps.filter(({ atMs }) => atMs < untilMs);
}

/**
 * Lays out steps from the first one to `untilMs`, on the scale of the plot of samples: linear from 0, to twice the
 * problem threshold at the least. Where steps are missing the line has a gap.
 */
export function plotHistory(
  steps: readonly Step[],
  untilMs: number,
  problemUs: number,
  width: number,
  height: number,
): HistoryPlot {
  const fromMs = steps[0]?.atMs ?? untilMs;
  const span = Math.max(1, untilMs - fromMs);
  const topUs = steps.reduce((most, { p95Us }) => Math.max(most, p95Us * 1.15), problemUs * 2);
  const x = (atMs: number) => Math.min(width, Math.max(0, ((atMs - fromMs) / span) * width));
  const y = (us: number) => height - 2 - (us / topUs) * (height - 4);
  const plot: HistoryPlot = { line: '', band: '', failures: [], problemY: y(problemUs), fromMs, toMs: untilMs };
  let piece: Piece = { middle: [], low: [], high: [] };
  let endMs = fromMs;
  for (const step of steps) {
    const failed = failedOf(step);
    const [left, right] = [x(step.atMs), x(step.atMs + step.lengthMs)];
    if (failed > 0) {
      const share = Math.max(LEAST_SHARE, failed / Math.max(1, step.samples));
      plot.failures.push({ x: left, width: Math.max(LEAST_WIDTH, right - left), height: share * height });
    }
    if (step.p50Us < 0 || step.atMs - endMs > step.lengthMs) {
      draw(plot, piece);
      piece = { middle: [], low: [], high: [] };
    }
    endMs = step.atMs + step.lengthMs;
    if (step.p50Us < 0) continue;
    const at = (left + right) / 2;
    piece.middle.push([at, y(step.p50Us)]);
    piece.low.push([at, y(step.minUs)]);
    piece.high.push([at, y(step.p95Us)]);
  }
  draw(plot, piece);
  return plot;
}

interface Piece {
  middle: Point[];
  low: Point[];
  high: Point[];
}

function draw(plot: HistoryPlot, { middle, low, high }: Piece): void {
  if (middle.length === 0) return;
  // A step alone between two gaps would be no line: give it the width of its own dot.
  plot.line += `M${text(middle)}h0.01`;
  plot.band += `M${text(high)}L${text(low.reverse())}Z`;
}

function text(points: readonly Point[]): string {
  return points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join('L');
}

function failedOf({ failures }: Step): number {
  return Object.values(failures).reduce((sum, count) => sum + count, 0);
}

/** Adds steps up. */
export function summariseHistory(steps: readonly Step[]): HistorySummary {
  const summary: HistorySummary = { samples: 0, failed: 0, maxUs: -1 };
  for (const step of steps) {
    summary.samples += step.samples;
    summary.failed += failedOf(step);
    summary.maxUs = Math.max(summary.maxUs, step.maxUs);
  }
  return summary;
}
