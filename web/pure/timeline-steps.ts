import { LATENCY_BINS_US, type MeshHistory } from '../../server/protocol/history.ts';
import type { StripPoint } from './strip.ts';

/** How many links were bad in one step of the timeline. Times are ms since the epoch by the serving pod's clock. */
export interface TimelineStep {
  fromMs: number;
  toMs: number;
  failed: number;
  slow: number;
  /** Share (0..1) of the pods of that time whose own results are known; 0 = nothing is known of it. */
  known: number;
}

/** The steps of a history; slow = answered, from `problemMs` on (as fine as the history's bins are). */
export function stepsOf(history: MeshHistory, problemMs: number): TimelineStep[] {
  const slowBin = LATENCY_BINS_US.findIndex((boundUs) => boundUs >= problemMs * 1000) + 1;
  return history.links.map((links, i) => {
    const bins = slowBin === 0 ? [] : (history.byLatency[i]?.slice(slowBin) ?? []);
    const [rows = 0, pods = 0] = [history.reports[i], history.pods[i]];
    return {
      fromMs: history.fromMs + i * history.stepMs,
      toMs: Math.min(history.toMs, history.fromMs + (i + 1) * history.stepMs),
      failed: history.failed[i] ?? 0,
      slow: bins.reduce((sum, count) => sum + count, 0),
      known: links > 0 || rows > 0 ? Math.min(1, rows / Math.max(1, pods)) : 0,
    };
  });
}

/** When the first thing that a history knows of began, ms since the epoch; null where it knows nothing. */
export function knownFrom({ fromMs, stepMs, reports: rows, links }: MeshHistory): number | null {
  const first = rows.findIndex((count, i) => count > 0 || (links[i] ?? 0) > 0);
  return first < 0 ? null : fromMs + first * stepMs;
}

/**
 * The steps with what the page has seen after them, each picture up to the next and the last up to `nowMs`. A picture
 * is news only beyond the last whole step: the step under way may not have counted all its links yet.
 */
export function withLive(
  steps: readonly TimelineStep[],
  points: readonly StripPoint[],
  nowMs: number,
  stepMs: number,
): TimelineStep[] {
  const whole = steps.filter(({ fromMs, toMs }) => toMs - fromMs >= stepMs * 0.99 && toMs <= nowMs);
  const untilMs = whole.at(-1)?.toMs ?? Number.NEGATIVE_INFINITY;
  const live = points.flatMap((point, i) => {
    const toMs = points[i + 1]?.atMs ?? nowMs;
    const fromMs = Math.max(point.atMs, untilMs);
    return toMs > fromMs ? [{ fromMs, toMs, failed: point.failed, slow: point.slow, known: 1 }] : [];
  });
  const firstMs = live[0]?.fromMs ?? nowMs;
  // What lies between the last whole step and the first picture is known from the step under way.
  const under = steps
    .filter(({ toMs }) => toMs > untilMs)
    .map((step) => ({ ...step, toMs: Math.min(step.toMs, firstMs) }));
  return [...whole, ...under.filter(({ fromMs, toMs }) => toMs > fromMs), ...live];
}

/** The steps with neighbours of the same figures made one. */
export function merged(steps: readonly TimelineStep[]): TimelineStep[] {
  const all: TimelineStep[] = [];
  for (const step of steps) {
    const last = all.at(-1);
    const isSame =
      last !== undefined &&
      last.toMs === step.fromMs &&
      last.failed === step.failed &&
      last.slow === step.slow &&
      last.known === step.known;
    if (isSame) all[all.length - 1] = { ...last, toMs: step.toMs };
    else all.push(step);
  }
  return all;
}

/** The step that `atMs` lies in; null where there is none. */
export function stepAt(steps: readonly TimelineStep[], atMs: number): TimelineStep | null {
  return steps.find(({ fromMs, toMs }) => atMs >= fromMs && atMs < toMs) ?? null;
}

/** Part of a timeline as outlines: SVG path data in px. */
export interface StepPaths {
  failed: string;
  slow: string;
  /** Where nothing, or not everything, is known. */
  unknown: string;
  partly: string;
  /** The most links that are bad at once: the height of the chart; 0 without any. */
  most: number;
}

/** Draws steps into a chart of `height` px; `x` maps a time to px and is bounded by the caller. Slow lies upon failed. */
export function stepPaths(steps: readonly TimelineStep[], x: (atMs: number) => number, height: number): StepPaths {
  const most = steps.reduce((max, { failed, slow }) => Math.max(max, failed + slow), 0);
  const paths: StepPaths = { failed: '', slow: '', unknown: '', partly: '', most };
  const y = (count: number) => (most === 0 ? height : height * (1 - count / most));
  const box = (left: number, right: number, top: number, bottom: number) =>
    `M${left.toFixed(1)} ${bottom.toFixed(1)}V${top.toFixed(1)}H${right.toFixed(1)}V${bottom.toFixed(1)}Z`;
  for (const { fromMs, toMs, failed, slow, known } of merged(steps)) {
    const [left, right] = [x(fromMs), x(toMs)];
    if (right <= left) continue;
    if (failed > 0) paths.failed += box(left, right, y(failed), height);
    if (slow > 0) paths.slow += box(left, right, y(failed + slow), y(failed));
    if (known === 0) paths.unknown += box(left, right, 0, height);
    else if (known < 1) paths.partly += box(left, right, height * known, height);
  }
  return paths;
}
