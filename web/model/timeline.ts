import { scaleTime, scaleUtc } from 'd3';
import { LATENCY_BINS_US, MAX_PAST_MS, type MeshHistory } from '../../server/protocol/history.ts';
import type { TimeRange } from '../../server/runtime/time-range.ts';
import { SPANS } from './address.ts';
import { timeZone } from './format.ts';
import type { RecentPoint } from './recent-points.ts';

/** A request takes some time to arrive, and the page's time of the server is some seconds old. */
const REQUEST_MARGIN_MS = 60_000;

/** The oldest time that servers still answer for, with some time to ask for it, ms since the epoch. */
export function oldestAskedMs(nowMs: number): number {
  return nowMs - MAX_PAST_MS + REQUEST_MARGIN_MS;
}

/** One step of the timeline, with its numbers of bad links. Times are ms since the epoch by the serving pod's clock. */
export interface TimelineStep {
  fromMs: number;
  toMs: number;
  failed: number;
  slow: number;
  /** Links that lose datagrams while they are neither failed nor slow. */
  lossy: number;
  /** The share of pods that have data for this step, 0 to 1; 0 = no data. */
  known: number;
}

/** The steps of a history. Slow links are ok links of at least `problemMs`, rounded to the bins of the history. */
export function stepsOf(history: MeshHistory, problemMs: number): TimelineStep[] {
  // The first bin whose links are all slower than the threshold; 0 = there is none.
  const slowBin = LATENCY_BINS_US.findIndex((boundUs) => boundUs >= problemMs * 1000) + 1;
  return history.links.map((links, i) => {
    const byLatency = history.byLatency[i] ?? [];
    const lossyByLatency = history.lossyByLatency?.[i] ?? [];
    const notSlow = slowBin === 0 ? byLatency.length : slowBin;
    const [reports = 0, pods = 0] = [history.reports[i], history.pods[i]];
    return {
      fromMs: history.fromMs + i * history.stepMs,
      toMs: Math.min(history.toMs, history.fromMs + (i + 1) * history.stepMs),
      failed: history.failed[i] ?? 0,
      slow: sum(byLatency.slice(notSlow)),
      lossy: sum(lossyByLatency.slice(0, notSlow)),
      known: links > 0 || reports > 0 ? Math.min(1, reports / Math.max(1, pods)) : 0,
    };
  });
}

function sum(counts: readonly number[]): number {
  return counts.reduce((all, count) => all + count, 0);
}

/** The oldest time with data in a history, ms since the epoch; null = no data. */
export function knownFrom({ fromMs, stepMs, reports, links }: MeshHistory): number | null {
  const first = reports.findIndex((count, i) => count > 0 || (links[i] ?? 0) > 0);
  return first < 0 ? null : fromMs + first * stepMs;
}

/** A connected page receives a mesh every few seconds. After this time it was disconnected or asleep, ms. */
const MAX_POINT_MS = 60_000;

/**
 * Appends what the page has received since the last finished step: each point lasts until the next one, the last one until
 * `nowMs`, but none longer than `MAX_POINT_MS`: after that nothing is known. Points replace the unfinished last step, which may
 * not have counted all its links yet.
 */
export function withLive(
  steps: readonly TimelineStep[],
  points: readonly RecentPoint[],
  nowMs: number,
  history: Pick<MeshHistory, 'stepMs' | 'nowMs'> | null,
): TimelineStep[] {
  const { stepMs, nowMs: answeredMs } = history ?? { stepMs: 0, nowMs };
  // A step that has ended since the answer is still half counted. `nowMs` is that of the page, which may be late.
  const countedMs = Math.min(answeredMs, nowMs);
  const finished = steps.filter(({ fromMs, toMs }) => toMs - fromMs >= stepMs * 0.99 && toMs <= countedMs);
  const untilMs = finished.at(-1)?.toMs ?? Number.NEGATIVE_INFINITY;
  const live = points.flatMap((point, i) => {
    const toMs = points[i + 1]?.atMs ?? nowMs;
    const fromMs = Math.max(point.atMs, untilMs);
    const knownMs = Math.max(fromMs, Math.min(toMs, point.atMs + MAX_POINT_MS));
    const { failed, slow, lossy } = point;
    return [
      { fromMs, toMs: knownMs, failed, slow, lossy, known: 1 },
      { fromMs: knownMs, toMs, failed: 0, slow: 0, lossy: 0, known: 0 },
    ].filter((step) => step.toMs > step.fromMs);
  });
  const firstLiveMs = live[0]?.fromMs ?? nowMs;
  // The unfinished step covers the time between the last finished step and the first point.
  const unfinished = steps
    .filter(({ toMs }) => toMs > untilMs)
    .map((step) => ({ ...step, toMs: Math.min(step.toMs, firstLiveMs) }));
  return [...finished, ...unfinished.filter(({ fromMs, toMs }) => toMs > fromMs), ...live];
}

export function merged(steps: readonly TimelineStep[]): TimelineStep[] {
  const all: TimelineStep[] = [];
  for (const step of steps) {
    const last = all.at(-1);
    const isSame =
      last !== undefined &&
      last.toMs === step.fromMs &&
      last.failed === step.failed &&
      last.slow === step.slow &&
      last.lossy === step.lossy &&
      last.known === step.known;
    if (isSame) all[all.length - 1] = { ...last, toMs: step.toMs };
    else all.push(step);
  }
  return all;
}

export function stepAt(steps: readonly TimelineStep[], atMs: number): TimelineStep | null {
  return steps.find(({ fromMs, toMs }) => atMs >= fromMs && atMs < toMs) ?? null;
}

/** The chart of a timeline as SVG path data, px. */
export interface StepPaths {
  failed: string;
  slow: string;
  lossy: string;
  /** Steps without data: the whole height. */
  unknown: string;
  /** Steps with data of some pods: as much of the height as there are pods without data. */
  partly: string;
  /** The most bad links in one step; so many fill the height of the chart. 0 = none. */
  most: number;
}

/** Draws steps into a chart of `height` px: failed, slow above, lossy on top. `x` maps a time to px, clamped by the caller. */
export function stepPaths(steps: readonly TimelineStep[], x: (atMs: number) => number, height: number): StepPaths {
  const most = steps.reduce((max, { failed, slow, lossy }) => Math.max(max, failed + slow + lossy), 0);
  const paths: StepPaths = { failed: '', slow: '', lossy: '', unknown: '', partly: '', most };
  const y = (count: number) => (most === 0 ? height : height * (1 - count / most));
  const box = (left: number, right: number, top: number, bottom: number) =>
    `M${left.toFixed(1)} ${bottom.toFixed(1)}V${top.toFixed(1)}H${right.toFixed(1)}V${bottom.toFixed(1)}Z`;
  for (const { fromMs, toMs, failed, slow, lossy, known } of merged(steps)) {
    const [left, right] = [x(fromMs), x(toMs)];
    if (right <= left) continue;
    if (failed > 0) paths.failed += box(left, right, y(failed), height);
    if (slow > 0) paths.slow += box(left, right, y(failed + slow), y(failed));
    if (lossy > 0) paths.lossy += box(left, right, y(failed + slow + lossy), y(failed + slow));
    if (known === 0) paths.unknown += box(left, right, 0, height);
    else if (known < 1) paths.partly += box(left, right, height * known, height);
  }
  return paths;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** Minimum distance between two times on the axis, px. */
const ROOM = 76;

/** Round times in the page's zone within a range that is `width` px wide, ms since the epoch, and whether they need seconds. */
export function axisTimes({ fromMs, toMs }: TimeRange, width: number): { times: number[]; seconds: boolean } {
  const isUtc = timeZone() === 'utc';
  const scale = (isUtc ? scaleUtc : scaleTime)([fromMs, toMs], [0, width]);
  const most = Math.max(1, Math.floor(width / ROOM));
  // d3 takes the count as a hint and may return more times: ask for fewer until they have room.
  let count = most;
  let times = scale.ticks(count);
  while (times.length > most + 1 && count > 1) times = scale.ticks(--count);
  return { times: times.map(Number), seconds: times.some((time) => time.getSeconds() !== 0) };
}

const KEY_STEPS = [
  ...[5, 10, 15, 30].map((seconds) => seconds * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  HOUR,
];

/** Step of an arrow key on a timeline of `spanMs`, ms. */
export function keyStepMs(spanMs: number): number {
  return KEY_STEPS.find((ms) => spanMs / ms <= 300) ?? HOUR;
}

/** The longest span that the timeline chooses by itself, ms. */
export const MOST_AUTO_MS = HOUR;
const AUTO_SPANS = SPANS.filter((ms) => ms <= MOST_AUTO_MS);

/** The shortest automatic span that includes `knownFromMs`, the oldest time with data; otherwise the longest. */
export function autoSpan(knownFromMs: number, nowMs: number): number {
  return spanFor(AUTO_SPANS, 0, knownFromMs, nowMs);
}

/** The shortest of `spans` that includes `fromMs` and is not below `chosenMs`; otherwise the longest. */
export function spanFor(spans: readonly number[], chosenMs: number, fromMs: number, nowMs: number): number {
  return spans.find((ms) => ms >= chosenMs && ms >= nowMs - fromMs) ?? Math.max(chosenMs, spans.at(-1) ?? 0);
}
