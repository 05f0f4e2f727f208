import { area, line, max, scaleLinear, sum } from 'd3';
import type { LinkHistory } from '../../../server/protocol/history.ts';
import { countText, plural } from '../../../server/runtime/count-text.ts';
import { durationText, latencyText } from '../../../server/runtime/measure-text.ts';
import { clockText } from '../../model/format.ts';
import { shownName } from '../../model/names.ts';
import { lossText } from '../../model/phase-words.ts';
import type { HistoryState } from './link-direction.ts';

const WIDTH = 170;
const HEIGHT = 36;

interface HistoryChartProps {
  of: HistoryState;
  problemMs: number;
  /** The viewed time, ms since the epoch; null = live. */
  momentMs: number | null;
}

/**
 * The history of a link as a small plot: medians, the range around them, bars for failures, and bars from above for lost
 * datagrams.
 */
export function HistoryChart({ of: { history, error }, problemMs, momentMs }: HistoryChartProps) {
  const untilMs = history === null ? 0 : Math.min(history.nowMs, momentMs ?? history.nowMs);
  const steps = history === null ? [] : stepsUntil(history, untilMs);
  const [first] = steps;
  if (first === undefined) {
    const empty = history === null ? 'Loading history' : 'No history yet';
    return <p className="sample-none">{error === '' ? empty : `History not available: ${shownName(error)}`}</p>;
  }
  const plot = plotHistory(steps, untilMs, problemMs * 1000, WIDTH, HEIGHT);
  const { samples, failed, maxUs, sent, lost } = summariseHistory(steps);
  const loss = sent === 0 ? '' : lossText({ sent, lost });
  const span = durationText(untilMs - plot.fromMs);
  const words = `Last ${span} in steps of ${durationText(first.lengthMs)}: ${plural(samples, 'sample')}, ${countText(failed)} failed, slowest ${latencyText(maxUs)}${loss === '' ? '' : `, ${plural(sent, 'datagram')}, ${loss}`}`;
  return (
    <figure className="sample-chart is-past">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={words}>
        <title>{words}</title>
        <rect className="sample-ground" width={WIDTH} height={HEIGHT} />
        <path className="past-band" d={plot.band} />
        <line className="sample-problem" x1="0" x2={WIDTH} y1={plot.problemY} y2={plot.problemY} />
        {plot.failures.map(({ x, width, height }) => (
          <rect key={x} className="past-failure" x={x} y={HEIGHT - height} width={width} height={height} />
        ))}
        {plot.losses.map(({ x, width, height }) => (
          <rect key={x} className="past-loss" x={x} y={0} width={width} height={height} />
        ))}
        <path className="past-line" d={plot.line} />
      </svg>
      <figcaption>
        <span>{clockText(plot.fromMs, untilMs)}</span>
        <span className={failed > 0 ? 'tone-failed' : lost > 0 ? 'tone-warning' : undefined}>
          {failed === 0 && lost > 0 ? loss : failed > 0 ? `${countText(failed)} failed` : 'none failed'}
        </span>
        <span>{momentMs === null && error === '' ? 'now' : clockText(untilMs)}</span>
      </figcaption>
    </figure>
  );
}

/** A plot of a link's history in a box of `width` x `height` px. */
export interface HistoryPlot {
  /** Path data of the medians, interrupted at gaps. */
  line: string;
  /** Path data of the areas from minimum to 95th percentile, interrupted at gaps. */
  band: string;
  /** Bars of steps with failures, px from the bottom. */
  failures: { x: number; width: number; height: number }[];
  /** Bars of steps with lost datagrams, px from the top. */
  losses: { x: number; width: number; height: number }[];
  /** The problem threshold, px from the top. */
  problemY: number;
  /** The time range, ms since the epoch by the source pod's clock. */
  fromMs: number;
  toMs: number;
}

/** Totals of a history. */
export interface HistorySummary {
  samples: number;
  failed: number;
  /** The slowest ok sample, us; -1 = none. */
  maxUs: number;
  /** Datagrams of the UDP probe, and those that were lost. */
  sent: number;
  lost: number;
}

type Step = LinkHistory['steps'][number];

/** Minimum height of a failure bar, as a share of the plot, so that one failure in a hundred samples is visible. */
const MIN_BAR_SHARE = 0.3;
/** Minimum width of a failure bar, px. */
const MIN_BAR_WIDTH = 1.5;

/** The steps (oldest first) that began before `untilMs`. */
export function stepsUntil({ steps }: LinkHistory, untilMs: number): Step[] {
  return steps.filter(({ atMs }) => atMs < untilMs);
}

/**
 * Plots steps from the first one to `untilMs`. The scale is the one of `plotSamples`: linear from 0 to at least twice the
 * problem threshold. Missing steps leave a gap in the line.
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
  const topUs = Math.max(problemUs * 2, (max(steps, ({ p95Us }) => p95Us) ?? 0) * 1.15);
  const x = scaleLinear([fromMs, fromMs + span], [0, width]).clamp(true);
  const y = scaleLinear([0, topUs], [height - 2, 2]);
  const points = withGaps(steps);
  const middle = ({ atMs, lengthMs }: Step) => (x(atMs) + x(atMs + lengthMs)) / 2;
  const isKnown = (point: Step | null) => point !== null;
  const medians = line<Step | null>()
    .defined(isKnown)
    .x((point) => (point === null ? 0 : middle(point)))
    .y((point) => (point === null ? 0 : y(point.p50Us)))
    .digits(1);
  const band = area<Step | null>()
    .defined(isKnown)
    .x((point) => (point === null ? 0 : middle(point)))
    .y0((point) => (point === null ? 0 : y(point.minUs)))
    .y1((point) => (point === null ? 0 : y(point.p95Us)))
    .digits(1);
  const bars = (shareOf: (step: Step) => number) =>
    steps
      .filter((step) => shareOf(step) > 0)
      .map((step) => {
        const left = x(step.atMs);
        const share = Math.max(MIN_BAR_SHARE, shareOf(step));
        return { x: left, width: Math.max(MIN_BAR_WIDTH, x(step.atMs + step.lengthMs) - left), height: share * height };
      });
  return {
    line: medians(points) ?? '',
    band: band(points) ?? '',
    failures: bars((step) => failedOf(step) / Math.max(1, step.samples)),
    losses: bars(({ udpSent = 0, udpLost = 0 }) => Math.min(1, udpLost / Math.max(1, udpSent))),
    problemY: y(problemUs),
    fromMs,
    toMs: untilMs,
  };
}

/** The steps with a null where the line is interrupted: steps are missing, or nothing was answered. */
function withGaps(steps: readonly Step[]): (Step | null)[] {
  let endMs = steps[0]?.atMs ?? 0;
  return steps.flatMap((step) => {
    const isLate = step.atMs - endMs > step.lengthMs;
    endMs = step.atMs + step.lengthMs;
    if (step.p50Us < 0) return [null];
    return isLate ? [null, step] : [step];
  });
}

function failedOf({ failures }: Step): number {
  return sum(Object.values(failures));
}

/** Sums up steps. */
export function summariseHistory(steps: readonly Step[]): HistorySummary {
  return {
    samples: sum(steps, ({ samples }) => samples),
    failed: sum(steps, failedOf),
    maxUs: max(steps, ({ maxUs }) => maxUs) ?? -1,
    sent: sum(steps, ({ udpSent = 0 }) => udpSent),
    lost: sum(steps, ({ udpLost = 0 }) => udpLost),
  };
}
