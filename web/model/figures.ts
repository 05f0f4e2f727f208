import { countedSamples, failedShare, MIN_CHANGE_US } from '../../server/protocol/link-quality.ts';
import { isLossy, latencyCode, type Thresholds } from '../../server/protocol/link-state.ts';
import { unpack16 } from '../../server/protocol/links.ts';
import type { MergedReport } from '../../server/protocol/mesh.ts';
import { lostOf, recentOf, sentOf } from '../../server/protocol/udp.ts';
import { latencyText } from '../../server/runtime/measure-text.ts';
import { shareText, timesText } from './format.ts';

/**
 * What the heatmap shows instead of latencies: the share of pings that failed, the jitter, the share of datagrams that were
 * lost, and the latency compared with what is usual for the link.
 */
export const FIGURES = ['failed', 'jitter', 'loss', 'usual'] as const;

/** One of `FIGURES`. Values are shares (0..1), us for `jitter`, and the ratio to the usual latency for `usual`. */
export type Figure = (typeof FIGURES)[number];

/**
 * The window of each figure, ms. The first two need some samples, and a new slowness should be seen soon. Loss is judged over a
 * time of its own (`lossWindowMs`) and needs no window.
 */
export const FIGURE_WINDOWS_MS: Record<Figure, number> = { failed: 300_000, jitter: 300_000, loss: 0, usual: 60_000 };

/** From these values on a link is fair, warning and high. A loss that is not lossy (see `LOSSY`) is fair, whatever its share. */
export const FIGURE_LIMITS = {
  failed: [Number.MIN_VALUE, 0.01, 0.1],
  loss: [Number.MIN_VALUE, 0.02, 0.1],
  usual: [1.5, 2, 3],
} as const;

export function isFigure(value: string): value is Figure {
  return (FIGURES as readonly string[]).includes(value);
}

/** The value of a figure for link `i` of a report; -1 if it is not known. */
export function figureOf(figure: Figure, { stats, udp }: MergedReport, i: number): number {
  if (figure === 'loss') {
    const sent = udp === null ? 0 : sentOf(udp, i);
    return udp === null || sent === 0 ? -1 : lostOf(udp, i) / sent;
  }
  if (stats === null) return -1;
  if (figure === 'failed') return failedShare(countedSamples(stats, i), stats.failures[i] ?? 0);
  if (figure === 'jitter') return unpack16(stats.jitterUs[i] ?? 0);
  return timesUsual(unpack16(stats.p50Us[i] ?? 0), unpack16(stats.usualUs[i] ?? 0));
}

/** How many times the usual latency a latency is; -1 if one of them is not known. */
export function timesUsual(us: number, usualUs: number): number {
  return us < 0 || usualUs <= 0 ? -1 : us / usualUs;
}

/** Index in `LATENCY_STATES` of a known value of a figure for link `i` of a report. */
export function figureCode(
  figure: Figure,
  value: number,
  { stats, udp }: MergedReport,
  i: number,
  thresholds: Thresholds,
): number {
  if (figure === 'jitter') return latencyCode(value, thresholds);
  const code = codeBy(FIGURE_LIMITS[figure], value);
  if (figure === 'loss') return udp === null || isLossy(recentOf(udp, i)) ? code : Math.min(code, 1);
  if (figure === 'failed' || stats === null) return code;
  const isLarger = unpack16(stats.p50Us[i] ?? 0) - unpack16(stats.usualUs[i] ?? 0) >= MIN_CHANGE_US;
  return isLarger ? code : 0;
}

function codeBy(limits: readonly number[], value: number): number {
  let code = 0;
  while (value >= (limits[code] ?? Number.POSITIVE_INFINITY)) code += 1;
  return code;
}

/** A value that the heatmap shows, with its unit: "12 %", "0.8 ms", "1.8 ×". `figure`: null = a latency. "–" for none. */
export function valueText(figure: Figure | null, value: number): string {
  if (!(value >= 0)) return '–';
  if (figure === null || figure === 'jitter') return latencyText(value);
  return figure === 'usual' ? timesText(value) : shareText(value);
}

export const FIGURE_NOUNS: Record<Figure, string> = {
  failed: 'of pings failed',
  jitter: 'jitter',
  loss: 'of datagrams lost',
  usual: 'the usual latency',
};
