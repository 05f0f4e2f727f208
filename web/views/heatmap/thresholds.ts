import { type ScaleLogarithmic, scaleLog } from 'd3';
import type { Thresholds } from '../../../server/protocol/link-state.ts';
import { codeOf } from '../../model/links.ts';
import type { Picture } from '../../model/mesh-view.ts';

export type ThresholdName = keyof Thresholds;

export const THRESHOLD_NAMES: readonly ThresholdName[] = ['goodMs', 'warningMs', 'problemMs'];

/** A logarithmic scale that maps ms to 0..1. Values outside its domain are clamped. */
export type LatencyScale = ScaleLogarithmic<number, number>;

export const THRESHOLD_LABELS: Record<ThresholdName, string> = {
  goodMs: 'Good below',
  warningMs: 'Warning from',
  problemMs: 'Problem from',
};

/** Maximum number of links drawn as dots; with more links a histogram is drawn. */
export const MAX_DOTS = 200;

const FAILED = codeOf('failed');

/** A scale from 0.1 ms to 1 s, extended to whole powers of ten that include the timeout and the thresholds. */
export function scaleFor(timeoutMs: number, { goodMs, problemMs }: Thresholds): LatencyScale {
  const leastMs = goodMs < 0.1 ? 0.01 : 0.1;
  const mostMs = Math.min(100_000, Math.max(1000, timeoutMs, problemMs));
  return scaleLog([leastMs, mostMs], [0, 1]).nice().clamp(true);
}

/** The value at `position` (0..1), rounded to two significant digits so that dragging gives round numbers. */
export function msAt(scale: LatencyScale, position: number): number {
  return Number(scale.invert(position).toPrecision(2));
}

/** Powers of ten on the scale, including its ends. */
export function ticksOf(scale: LatencyScale): number[] {
  const [leastMs = 1, mostMs = 1] = scale.domain();
  return scale.ticks(Math.round(Math.log10(mostMs / leastMs)));
}

/** The round value so many `steps` above or (if negative) below `ms`, for keys: each changes the second significant digit by 1. */
export function stepFrom(ms: number, steps: number): number {
  let value = ms;
  const direction = Math.sign(steps);
  for (let left = Math.abs(steps); left > 0; left--) {
    const power = 10 ** (Math.floor(Math.log10(value) + direction * 1e-9) - 1);
    value = Number((Math.round(value / power + direction) * power).toPrecision(2));
  }
  return Math.max(0.01, value);
}

/** Sets one threshold, and moves others along so that all stay in order. */
export function withThreshold(thresholds: Thresholds, name: ThresholdName, ms: number): Thresholds {
  const moved = THRESHOLD_NAMES.indexOf(name);
  const result = { ...thresholds, [name]: ms };
  THRESHOLD_NAMES.forEach((other, i) => {
    if (i < moved) result[other] = Math.min(result[other], ms);
    if (i > moved) result[other] = Math.max(result[other], ms);
  });
  return result;
}

/** A distribution uses at most about this many links, evenly spaced. */
const MAX_BINNED = 40_000;

/** Counts the links whose latency is in each of `bins` equal parts of the scale. Failed links have no meaningful latency. */
export function binsOf({ n, state, valueUs }: Picture, scale: LatencyScale, bins: number): number[] {
  const [leastMs = 0, mostMs = 0] = scale.domain();
  let stride = Math.max(1, Math.ceil(state.length / MAX_BINNED));
  // A stride without a common factor with n visits all rows and columns evenly.
  while (n > 0 && commonFactor(stride, n) !== 1) stride++;
  const counts = new Array<number>(bins).fill(0);
  // Not by d3's `bin`, which takes five times as long.
  const perBin = Math.log(mostMs / leastMs) / bins;
  for (let pair = 0; pair < state.length; pair += stride) {
    const us = valueUs[pair] ?? Number.NaN;
    if ((state[pair] ?? 0) >= FAILED || !(us >= 0)) continue;
    const at = Math.max(0, Math.min(bins - 1, Math.floor(Math.log(us / 1000 / leastMs) / perBin)));
    counts[at] = (counts[at] ?? 0) + 1;
  }
  return counts;
}

function commonFactor(a: number, b: number): number {
  return b === 0 ? a : commonFactor(b, a % b);
}
