import { ascending, line, max, scaleLinear } from 'd3';
import { Jitter } from '../../../server/protocol/link-quality.ts';
import type { RecentSample } from '../../../server/protocol/sample.ts';
import { plural } from '../../../server/runtime/count-text.ts';
import { durationText, latencyText } from '../../../server/runtime/measure-text.ts';
import { clockText } from '../../model/format.ts';
import type { LinkState } from '../../model/links.ts';
import { shownName } from '../../model/names.ts';
import type { SamplesState } from './link-direction.ts';

const WIDTH = 170;
const HEIGHT = 44;

interface SampleChartProps {
  of: SamplesState;
  state: LinkState;
  problemMs: number;
  /** Whether it ends now; otherwise at the viewed time. */
  isNow: boolean;
}

/** Recent samples of a link as a small plot. Failures are vertical lines. */
export function SampleChart({ of, state, problemMs, isNow }: SampleChartProps) {
  const { samples, error } = of;
  if (samples === null || samples.samples.length === 0) {
    return (
      <p className="sample-none">
        {error === '' ? (samples === null ? 'Loading samples' : 'No samples yet') : shownName(error)}
      </p>
    );
  }
  const plot = plotSamples(samples.samples, samples.nowMs, problemMs * 1000, WIDTH, HEIGHT);
  const { count, failed, p50Us, p95Us } = summarise(samples.samples);
  const words = `${plural(count, 'sample')} in ${durationText(samples.nowMs - plot.fromMs)}, ${failed} failed, median ${latencyText(p50Us)}, 95th percentile ${latencyText(p95Us)}`;
  return (
    <figure className="sample-chart">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={words}>
        <rect className="sample-ground" width={WIDTH} height={HEIGHT} />
        <line className="sample-problem" x1="0" x2={WIDTH} y1={plot.problemY} y2={plot.problemY} />
        {plot.failures.map((x, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: two failures may share a place
          <line key={i} className="sample-failure" x1={x} x2={x} y1="2" y2={HEIGHT - 2} />
        ))}
        <path className={`sample-line is-${state}`} d={plot.line} />
        {plot.suspects.map(({ x, y }, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: two samples may share a place
          <line key={i} className="sample-suspect" x1={x} x2={x} y1={y - 3} y2={y + 3} />
        ))}
      </svg>
      <figcaption>
        <span>{clockText(plot.fromMs, samples.nowMs)}</span>
        <span>{isNow ? 'now' : clockText(samples.nowMs)}</span>
      </figcaption>
    </figure>
  );
}

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
  /** The trusted samples, or all if there are no others, and how many of them failed: they give jitter and success rate. */
  counted: number;
  countedFailed: number;
  p50Us: number;
  p95Us: number;
  /** See `Jitter`. */
  jitterUs: number;
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
  const topUs = Math.max(problemUs * 2, (max(samples.filter(isOk), ({ totalUs }) => totalUs) ?? 0) * 1.15);
  const x = scaleLinear([fromMs, fromMs + span], [0, width]).clamp(true);
  const y = scaleLinear([0, topUs], [height - 2, 2]);
  const path = line<RecentSample>(
    ({ atMs }) => x(atMs),
    ({ totalUs }) => y(totalUs),
  )
    .defined(isOk)
    .digits(1);
  return {
    line: path(samples) ?? '',
    failures: samples.filter((sample) => !isOk(sample)).map(({ atMs }) => x(atMs)),
    suspects: samples
      .filter((sample) => isOk(sample) && sample.suspect)
      .map(({ atMs, totalUs }) => ({ x: x(atMs), y: y(totalUs) })),
    problemY: y(problemUs),
    fromMs,
    topUs,
  };
}

function isOk({ outcome }: RecentSample): boolean {
  return outcome === 'ok';
}

/** Counts samples and takes percentiles (nearest rank). */
export function summarise(samples: readonly RecentSample[]): SampleSummary {
  const answered = samples.filter(isOk).map(({ totalUs }) => totalUs);
  answered.sort(ascending);
  const rank = (share: number) => answered[Math.max(0, Math.ceil(share * answered.length) - 1)] ?? -1;
  const trusted = samples.filter(({ suspect }) => !suspect);
  const counted = trusted.length > 0 ? trusted : samples;
  const jitter = new Jitter();
  for (const { connectUs, totalUs } of counted.filter(isOk)) jitter.add(connectUs >= 0, totalUs);
  return {
    count: samples.length,
    failed: samples.length - answered.length,
    counted: counted.length,
    countedFailed: counted.filter((sample) => !isOk(sample)).length,
    p50Us: rank(0.5),
    p95Us: rank(0.95),
    jitterUs: jitter.meanUs,
  };
}
