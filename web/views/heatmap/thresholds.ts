import type { Thresholds } from '../../../server/protocol/link-state.ts';
import { codeOf } from '../../model/links.ts';
import type { Picture } from '../../model/mesh-view.ts';

/** The name of a threshold. */
export type ThresholdName = keyof Thresholds;

/** Threshold names in ascending order. */
export const THRESHOLD_NAMES: readonly ThresholdName[] = ['goodMs', 'warningMs', 'problemMs'];

/** A logarithmic scale that maps ms to 0..1. */
export interface LogScale {
  leastMs: number;
  mostMs: number;
}

/** Labels of the thresholds. */
export const THRESHOLD_LABELS: Record<ThresholdName, string> = {
  goodMs: 'Good below',
  warningMs: 'Warning from',
  problemMs: 'Problem from',
};

/** Maximum number of links drawn as dots; with more links a histogram is drawn. */
export const MAX_DOTS = 200;

const SUSPECT = codeOf('suspect');
const FAILED = codeOf('failed');

/** A scale from 0.1 ms to 1 s, extended to include the timeout and the thresholds. */
export function scaleFor(timeoutMs: number, { goodMs, problemMs }: Thresholds): LogScale {
  const decade = (ms: number) => 10 ** Math.ceil(Math.log10(ms) - 1e-9);
  const mostMs = Math.min(100_000, Math.max(1000, decade(timeoutMs || 1), decade(problemMs)));
  return { leastMs: goodMs < 0.1 ? 0.01 : 0.1, mostMs };
}

/** The position of `ms` on the scale, clamped to 0..1. */
export function positionOf(scale: LogScale, ms: number): number {
  if (!(ms > scale.leastMs)) return 0;
  return Math.min(1, Math.log(ms / scale.leastMs) / Math.log(scale.mostMs / scale.leastMs));
}

/** The value at `position` (0..1), rounded to two significant digits so that dragging gives round numbers. */
export function msAt(scale: LogScale, position: number): number {
  const within = Math.min(1, Math.max(0, position));
  const ms = scale.leastMs * (scale.mostMs / scale.leastMs) ** within;
  return Number(ms.toPrecision(2));
}

/** The next round value above (`direction` 1) or below (-1) `ms`, for arrow keys: the second significant digit changes by 1. */
export function stepFrom(ms: number, direction: 1 | -1, steps = 1): number {
  let value = ms;
  for (let i = 0; i < steps; i++) {
    const power = 10 ** (Math.floor(Math.log10(value) + (direction < 0 ? -1e-9 : 1e-9)) - 1);
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

/** Powers of ten on the scale, including its ends. */
export function ticksOf({ leastMs, mostMs }: LogScale): number[] {
  const ticks: number[] = [];
  for (let ms = leastMs; ms <= mostMs * 1.001; ms *= 10) ticks.push(Number(ms.toPrecision(3)));
  return ticks;
}

/** A distribution uses at most about this many links, evenly spaced. */
const MAX_BINNED = 40_000;

/**
 * Number of links whose latency is in each of `bins` equal parts of the scale. Failed links are left out, because they
 * have no meaningful latency. Unreliable links are included.
 */
export function binsOf({ n, state, valueUs }: Picture, scale: LogScale, bins: number): Uint32Array {
  const counts = new Uint32Array(bins);
  const perLog = bins / Math.log(scale.mostMs / scale.leastMs);
  let stride = Math.max(1, Math.ceil(state.length / MAX_BINNED));
  // A stride without a common factor with n visits all rows and columns evenly.
  while (n > 0 && commonFactor(stride, n) !== 1) stride++;
  for (let pair = 0; pair < state.length; pair += stride) {
    const code = state[pair] ?? 0;
    const us = valueUs[pair] ?? Number.NaN;
    if ((code >= FAILED && code !== SUSPECT) || !(us >= 0)) continue;
    const bin = us <= scale.leastMs * 1000 ? 0 : Math.floor(Math.log(us / 1000 / scale.leastMs) * perLog);
    const at = Math.min(bins - 1, Math.max(0, bin));
    counts[at] = (counts[at] ?? 0) + 1;
  }
  return counts;
}

function commonFactor(a: number, b: number): number {
  return b === 0 ? a : commonFactor(b, a % b);
}
