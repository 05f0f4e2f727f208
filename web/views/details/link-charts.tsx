import { area, ascending, line, max, scaleLinear, sum } from 'd3';
import type { ReactNode } from 'react';
import type { LinkHistory } from '../../../server/protocol/history.ts';
import { Jitter } from '../../../server/protocol/link-quality.ts';
import type { LinkSamples, RecentSample } from '../../../server/protocol/sample.ts';
import { countText, plural } from '../../../server/runtime/count-text.ts';
import { durationText, latencyText } from '../../../server/runtime/measure-text.ts';
import { clockText } from '../../model/format.ts';
import type { LinkState } from '../../model/links.ts';
import { shownName } from '../../model/names.ts';
import { lossText } from '../../model/phase-words.ts';
import type { Answer } from './link-direction.ts';

/** The width of both plots, and the height of each, px. */
const WIDTH = 170;
const [SAMPLES_HEIGHT, PAST_HEIGHT] = [44, 36];

interface PlotProps {
  /** What it says, in one sentence. */
  words: string;
  height: number;
  /** The place of the problem threshold. */
  problemY: number;
  /** What stands below it, from left to right. */
  notes: ReactNode;
  children: ReactNode;
}

function Plot({ words, height, problemY, notes, children }: PlotProps) {
  return (
    <figure className={height === PAST_HEIGHT ? 'sample-chart is-past' : 'sample-chart'}>
      <svg viewBox={`0 0 ${WIDTH} ${height}`} preserveAspectRatio="none" role="img" aria-label={words}>
        <title>{words}</title>
        <rect fill="var(--sunken)" width={WIDTH} height={height} />
        {children}
        <path stroke="var(--slow-link)" strokeDasharray="3 3" d={`M0 ${problemY}H${WIDTH}`} />
      </svg>
      <figcaption className="small spread">{notes}</figcaption>
    </figure>
  );
}

/** Time, and latencies (us) from 0 to at least twice the problem threshold, so that a healthy link is flat at the bottom; px. */
function scalesOf(
  { fromMs, toMs, mostUs = 0 }: { fromMs: number; toMs: number; mostUs: number | undefined },
  problemUs: number,
  height: number,
) {
  const topUs = Math.max(problemUs * 2, mostUs * 1.15);
  return {
    x: scaleLinear([fromMs, Math.max(fromMs + 1, toMs)], [0, WIDTH]).clamp(true),
    y: scaleLinear([0, topUs], [height - 2, 2]),
  };
}

interface SampleChartProps {
  of: Answer<LinkSamples>;
  state: LinkState;
  problemMs: number;
  /** Whether it ends now, unless newer samples could not be fetched; otherwise at the viewed time. */
  isNow: boolean;
}

/** Recent samples of a link as a small plot. Failures are vertical lines. */
export function SampleChart({ of: { value, error }, state, problemMs, isNow }: SampleChartProps) {
  if (value === null || value.samples.length === 0) {
    const empty = value === null ? 'Loading samples' : 'No samples yet';
    return <p className="sample-none small">{error === '' ? empty : shownName(error)}</p>;
  }
  const { samples, nowMs } = value;
  const isLate = state === 'warning' || state === 'slow';
  const plot = plotSamples(samples, nowMs, problemMs * 1000);
  const { failed, p50Us, p95Us } = summarise(samples);
  const words = `${plural(samples.length, 'sample')} in ${durationText(nowMs - plot.fromMs)}, ${failed} failed, median ${latencyText(p50Us)}, 95th percentile ${latencyText(p95Us)}`;
  const notes = (
    <>
      <span>{clockText(plot.fromMs, nowMs)}</span>
      <span>{isNow && error === '' ? 'now' : clockText(nowMs)}</span>
    </>
  );
  const failures = plot.failures.map((x) => `M${x} 2V${SAMPLES_HEIGHT - 2}`).join('');
  const suspects = plot.suspects.map(({ x, y }) => `M${x} ${y - 3}v6`).join('');
  return (
    <Plot words={words} height={SAMPLES_HEIGHT} problemY={plot.problemY} notes={notes}>
      <path stroke="var(--failed-link)" strokeWidth="1.5" d={failures} />
      <path fill="none" stroke={`var(--${isLate ? state : 'good'}-link)`} strokeWidth="1.75" d={plot.line} />
      <path stroke="var(--suspect)" strokeWidth="2" d={suspects} />
    </Plot>
  );
}

const isOk = ({ outcome }: RecentSample) => outcome === 'ok';

/** Plots samples (oldest first): the latencies, interrupted at failures; x of failed samples; places of suspect ones; px. */
export function plotSamples(samples: readonly RecentSample[], nowMs: number, problemUs: number) {
  const fromMs = samples[0]?.atMs ?? nowMs;
  const mostUs = max(samples.filter(isOk), ({ totalUs }) => totalUs);
  const { x, y } = scalesOf({ fromMs, toMs: nowMs, mostUs }, problemUs, SAMPLES_HEIGHT);
  const placeOf = ({ atMs, totalUs }: RecentSample) => ({ x: x(atMs), y: y(totalUs) });
  const latencies = line<RecentSample>(
    ({ atMs }) => x(atMs),
    ({ totalUs }) => y(totalUs),
  );
  return {
    line: latencies.defined(isOk).digits(1)(samples) ?? '',
    failures: samples.filter((sample) => !isOk(sample)).map(({ atMs }) => x(atMs)),
    suspects: samples.filter((sample) => isOk(sample) && sample.suspect).map(placeOf),
    problemY: y(problemUs),
    fromMs,
  };
}

/**
 * Counts samples and takes percentiles (nearest rank) of the ok ones, us; -1 = none. `counted`: the trusted samples, or all if
 * there are no others; `failures`: how many of them failed. They give jitter (see `Jitter`) and success rate.
 */
export function summarise(samples: readonly RecentSample[]) {
  const answered = samples.filter(isOk).map(({ totalUs }) => totalUs);
  answered.sort(ascending);
  const rank = (share: number) => answered[Math.max(0, Math.ceil(share * answered.length) - 1)] ?? -1;
  const trusted = samples.filter(({ suspect }) => !suspect);
  const counted = trusted.length > 0 ? trusted : samples;
  const jitter = new Jitter();
  for (const { connectUs, totalUs } of counted.filter(isOk)) jitter.add(connectUs >= 0, totalUs);
  return {
    samples: samples.length,
    failed: samples.length - answered.length,
    counted: counted.length,
    failures: counted.filter((sample) => !isOk(sample)).length,
    p50Us: rank(0.5),
    p95Us: rank(0.95),
    jitterUs: jitter.meanUs,
  };
}

interface HistoryChartProps {
  of: Answer<LinkHistory>;
  problemMs: number;
  /** The viewed time, ms since the epoch; null = live. */
  momentMs: number | null;
}

/** The history of a link: medians, the range around them, bars for failures, and bars from above for lost datagrams. */
export function HistoryChart({ of: { value, error }, problemMs, momentMs }: HistoryChartProps) {
  const untilMs = value === null ? 0 : Math.min(value.nowMs, momentMs ?? value.nowMs);
  const steps = value === null ? [] : stepsUntil(value, untilMs);
  const [first] = steps;
  if (first === undefined) {
    const empty = value === null ? 'Loading history' : 'No history yet';
    return <p className="sample-none small">{error === '' ? empty : `History not available: ${shownName(error)}`}</p>;
  }
  const plot = plotHistory(steps, untilMs, problemMs * 1000);
  const { samples, failed, maxUs, sent, lost } = summariseHistory(steps);
  const loss = sent === 0 ? '' : lossText({ sent, lost });
  const span = durationText(untilMs - plot.fromMs);
  const words = `Last ${span} in steps of ${durationText(first.lengthMs)}: ${plural(samples, 'sample')}, ${countText(failed)} failed, slowest ${latencyText(maxUs)}${loss === '' ? '' : `, ${plural(sent, 'datagram')}, ${loss}`}`;
  const trouble = failed > 0 ? `${countText(failed)} failed` : lost > 0 ? loss : 'none failed';
  const notes = (
    <>
      <span>{clockText(plot.fromMs, untilMs)}</span>
      <span className={failed > 0 ? 'tone-failed' : lost > 0 ? 'tone-warning' : undefined}>{trouble}</span>
      <span>{momentMs === null && error === '' ? 'now' : clockText(untilMs)}</span>
    </>
  );
  return (
    <Plot words={words} height={PAST_HEIGHT} problemY={plot.problemY} notes={notes}>
      <path fill="var(--hairline)" d={plot.band} />
      {plot.failures.map((bar) => (
        <rect key={bar.x} fill="var(--failed-link)" {...bar} y={PAST_HEIGHT - bar.height} />
      ))}
      {plot.losses.map((bar) => (
        <rect key={bar.x} className="past-loss" fill="var(--warning-link)" {...bar} y={0} />
      ))}
      <path fill="none" stroke="var(--text-second)" strokeWidth="1.25" d={plot.line} />
    </Plot>
  );
}

type Step = LinkHistory['steps'][number];

/** The least height of a bar, as a share of the plot, so that one failure in a hundred samples is visible; the least width, px. */
const [MIN_BAR_SHARE, MIN_BAR_WIDTH] = [0.3, 1.5];

export function stepsUntil({ steps }: LinkHistory, untilMs: number): Step[] {
  return steps.filter(({ atMs }) => atMs < untilMs);
}

/** Plots steps (oldest first): medians, minimum to 95th percentile, with gaps; bars of failures and of lost datagrams; px. */
export function plotHistory(steps: readonly Step[], untilMs: number, problemUs: number) {
  const fromMs = steps[0]?.atMs ?? untilMs;
  const mostUs = max(steps, ({ p95Us }) => p95Us);
  const { x, y } = scalesOf({ fromMs, toMs: untilMs, mostUs }, problemUs, PAST_HEIGHT);
  const points = steps.flatMap((step, i) => {
    const { atMs, lengthMs } = steps[i - 1] ?? step;
    const isLate = step.atMs - atMs - lengthMs > step.lengthMs;
    return isLate ? [{ ...step, p50Us: -1 }, step] : [step];
  });
  const isAnswered = ({ p50Us }: Step) => p50Us >= 0;
  const middle = ({ atMs, lengthMs }: Step) => (x(atMs) + x(atMs + lengthMs)) / 2;
  const medians = line<Step>(middle, ({ p50Us }) => y(p50Us));
  const band = area<Step>(
    middle,
    ({ minUs }) => y(minUs),
    ({ p95Us }) => y(p95Us),
  );
  const bars = (shareOf: (step: Step) => number) =>
    steps
      .filter((step) => shareOf(step) > 0)
      .map((step) => ({
        x: x(step.atMs),
        width: Math.max(MIN_BAR_WIDTH, x(step.atMs + step.lengthMs) - x(step.atMs)),
        height: Math.max(MIN_BAR_SHARE, shareOf(step)) * PAST_HEIGHT,
      }));
  return {
    line: medians.defined(isAnswered).digits(1)(points) ?? '',
    band: band.defined(isAnswered).digits(1)(points) ?? '',
    failures: bars((step) => failedOf(step) / Math.max(1, step.samples)),
    losses: bars(({ udpSent = 0, udpLost = 0 }) => Math.min(1, udpLost / Math.max(1, udpSent))),
    problemY: y(problemUs),
    fromMs,
  };
}

function failedOf({ failures }: Step): number {
  return sum(Object.values(failures));
}

/** Sums up steps. `maxUs`: the slowest ok sample; -1 = none. `sent`, `lost`: datagrams of the UDP probe. */
export function summariseHistory(steps: readonly Step[]) {
  return {
    samples: sum(steps, ({ samples }) => samples),
    failed: sum(steps, failedOf),
    maxUs: max(steps, ({ maxUs }) => maxUs) ?? -1,
    sent: sum(steps, ({ udpSent = 0 }) => udpSent),
    lost: sum(steps, ({ udpLost = 0 }) => udpLost),
  };
}
