import { LATENCY_BINS_US, type LinkHistory, type PodHistory } from '../protocol/history.ts';
import { isLossy } from '../protocol/link-state.ts';
import { unpack16 } from '../protocol/links.ts';
import { OUTCOMES } from '../protocol/sample.ts';
import { isOk, isSuspect, type StoredSample } from '../protocol/stored-results.ts';
import { type Datagrams, lossWindowMs } from '../protocol/udp.ts';
import type { TimeSlice } from '../runtime/concurrency.ts';
import type { TimeRange } from '../runtime/time-range.ts';
import { type Bucket, failuresOf, trustedOf } from './buckets.ts';
import type { History, LinkRecord } from './history.ts';
import type { Link } from './links.ts';
import { Statistics } from './statistics.ts';
import { addDatagrams, datagramsOf, noDatagrams } from './udp-ring.ts';

/** A time range of monotonic time, divided into `count` steps of `stepMs` from its beginning on; the last step may be shorter. */
export interface Steps extends TimeRange {
  stepMs: number;
  count: number;
}

const BINS = LATENCY_BINS_US.length + 1;

/**
 * Counts for each step, of the links of this pod that have a trusted sample in it: all (`links`), those with a failure (`failed`), and
 * the others by their median latency (`byLatency`; over buckets the median of their medians, weighted by samples). `lossyByLatency`
 * counts those of the others that were lossy. A bucket counts with all its samples in each step that it covers (`stepsOfPeriod`), so a
 * failure in it is one in all these steps. `nowMs` is taken as the end of a bucket whose period is not over. Works in time slices,
 * because there may be many links.
 */
export async function countBySteps(
  links: readonly Link[],
  steps: Steps,
  nowMs: number,
  history: History,
  timeSlice: TimeSlice,
): Promise<Pick<PodHistory, 'resolutionMs' | 'links' | 'failed' | 'byLatency' | 'lossyByLatency'>> {
  const { count } = steps;
  const counts = {
    links: new Array<number>(count).fill(0),
    failed: new Array<number>(count).fill(0),
    byLatency: Array.from({ length: count }, () => new Array<number>(BINS).fill(0)),
  };
  const lossyByLatency: number[][] = Array.from({ length: count }, () => []);
  const ofLink = new LinkCounts(count);
  let resolutionMs = 0;
  for (const { record } of links) {
    resolutionMs = Math.max(resolutionMs, visitSteps(history, record, steps, nowMs, ofLink));
    const lossy = lossySteps(history, record, steps, nowMs);
    for (let step = 0; step < count; step++) {
      const [failed, ok] = [ofLink.failed[step] ?? 0, ofLink.ok[step] ?? 0];
      if (failed + ok === 0) continue;
      increase(counts.links, step, 1);
      if (failed > 0) {
        increase(counts.failed, step, 1);
        continue;
      }
      const bin = ofLink.medianBin(step);
      increase(counts.byLatency[step] ?? [], bin, 1);
      if (!lossy?.[step]) continue;
      if (lossyByLatency[step]?.length === 0) lossyByLatency[step] = new Array<number>(BINS).fill(0);
      increase(lossyByLatency[step] ?? [], bin, 1);
    }
    ofLink.clear();
    if (timeSlice.isOver()) await timeSlice.next();
  }
  return { resolutionMs, ...counts, ...(lossyByLatency.some((bins) => bins.length > 0) && { lossyByLatency }) };
}

/**
 * The trusted samples of one link, counted by step: those that failed, and those that are ok. It is used again for the next
 * link.
 */
class LinkCounts implements StepVisitor {
  readonly failed: Uint32Array;
  readonly ok: Uint32Array;
  /** The ok samples by latency: `BINS` counters for each step. */
  readonly #okByBin: Uint32Array;

  constructor(steps: number) {
    this.failed = new Uint32Array(steps);
    this.ok = new Uint32Array(steps);
    this.#okByBin = new Uint32Array(steps * BINS);
  }

  clear(): void {
    for (const counts of [this.failed, this.ok, this.#okByBin]) counts.fill(0);
  }

  sample(step: number, { code, total16 }: StoredSample): void {
    if (isSuspect(code)) return;
    if (isOk(code)) this.#addOk(step, 1, binOf(total16));
    else increase(this.failed, step, 1);
  }

  bucket(first: number, last: number, bucket: Bucket): void {
    const trusted = trustedOf(bucket);
    if (trusted === 0) return;
    const failed = failuresOf(bucket);
    const bin = binOf(bucket.median16);
    for (let step = first; step <= last; step++) {
      increase(this.failed, step, failed);
      if (trusted > failed) this.#addOk(step, trusted - failed, bin);
    }
  }

  /** The bin of the lower median of the ok samples of a step, of which there is at least one. */
  medianBin(step: number): number {
    const half = (this.ok[step] ?? 0) / 2;
    let upToBin = 0;
    for (let bin = 0; bin < BINS; bin++) {
      upToBin += this.#okByBin[step * BINS + bin] ?? 0;
      if (upToBin >= half) return bin;
    }
    return BINS - 1;
  }

  #addOk(step: number, samples: number, bin: number): void {
    increase(this.ok, step, samples);
    increase(this.#okByBin, step * BINS + bin, samples);
  }
}

/**
 * Whether a link was lossy (`isLossy`) at the end of each step, by the datagrams of the last `lossWindowMs` before, rounded up
 * to whole steps; null without the probe, or if no datagram was lost.
 */
function lossySteps(history: History, record: LinkRecord, steps: Steps, nowMs: number): boolean[] | null {
  if (!history.hasUdp) return null;
  const { fromMs, stepMs, count } = steps;
  const windowSteps = Math.ceil(lossWindowMs(history.settings.refreshIntervalMs) / stepMs);
  const earlier = { ...steps, fromMs: fromMs - windowSteps * stepMs, count: windowSteps + count };
  const { udp } = record;
  // Most links lose nothing.
  if (udp !== null && udp.lastLossMs < earlier.fromMs) return null;
  const windows = Array.from({ length: earlier.count }, noDatagrams);
  visitUdpSteps(history, record, earlier, nowMs, (first, last, datagrams) => {
    // Datagrams count in the window that ends with their step, and in the next ones in which they still are.
    for (const window of windows.slice(first, last + windowSteps)) addDatagrams(window, datagrams);
  });
  return windows.slice(windowSteps).map(isLossy);
}

function increase(counts: number[] | Uint32Array, i: number, by: number): void {
  counts[i] = (counts[i] ?? 0) + by;
}

/** The bin of `LATENCY_BINS_US` to which a packed duration belongs. */
export function binOf(total16: number): number {
  const us = unpack16(total16);
  let bin = 0;
  while (us > (LATENCY_BINS_US[bin] ?? Number.POSITIVE_INFINITY)) bin += 1;
  return bin;
}

type StepSummary = Omit<LinkHistory['steps'][number], 'atMs' | 'lengthMs'>;

/**
 * Sums up the links to one pod by step: the steps that have samples of pings, oldest first, with their index among `steps`. A bucket counts
 * only in the last step that it covers, so that the counts of all steps add up. `nowMs`: as for `countBySteps`.
 */
export function sumUpBySteps(
  links: readonly Link[],
  steps: Steps,
  nowMs: number,
  history: History,
): { resolutionMs: number; steps: [step: number, summary: StepSummary][] } {
  const byStep = new Map<number, Statistics>();
  const statisticsOf = (step: number) => {
    const statistics = byStep.get(step) ?? new Statistics();
    byStep.set(step, statistics);
    return statistics;
  };
  const visitor: StepVisitor = {
    sample: (step, sample) => statisticsOf(step).addSample(sample),
    bucket: (_first, last, bucket) => statisticsOf(last).addBucket(bucket),
  };
  const resolutions = links.map(({ record }) => visitSteps(history, record, steps, nowMs, visitor));
  const udp = new Map<number, { udpSent: number; udpLost: number }>();
  for (const { record } of links) {
    visitUdpSteps(history, record, steps, nowMs, (_first, step, { sent, lost }) => {
      const { udpSent, udpLost } = udp.get(step) ?? { udpSent: 0, udpLost: 0 };
      udp.set(step, { udpSent: udpSent + sent, udpLost: udpLost + lost });
    });
  }
  const sorted = [...byStep].sort(([a], [b]) => a - b);
  return {
    resolutionMs: Math.max(0, ...resolutions),
    steps: sorted.map(([step, statistics]) => [step, { ...summaryOf(statistics), ...udp.get(step) }]),
  };
}

function summaryOf(statistics: Statistics): StepSummary {
  const { count, suspect: _suspect, failures: _failures, jitterUs: _jitterUs, ...durations } = statistics.summary();
  const failures: Record<string, number> = {};
  for (const [i, outcome] of OUTCOMES.entries()) {
    const failed = statistics.byOutcome[i] ?? 0;
    if (outcome !== 'ok' && failed > 0) failures[outcome] = failed;
  }
  return { samples: count, failures, ...durations };
}

interface StepVisitor {
  sample(step: number, sample: StoredSample): void;
  /** A bucket that covers the steps `first` to `last`. */
  bucket(first: number, last: number, bucket: Bucket): void;
}

/**
 * Visits what is stored of a link in `steps`: no sample twice, as itself and in a bucket. Returns the largest width of the buckets,
 * 0 if there are none.
 */
function visitSteps(history: History, record: LinkRecord, steps: Steps, nowMs: number, visitor: StepVisitor): number {
  const { buckets, results } = history.pings(record, steps);
  let resolutionMs = 0;
  for (const bucket of buckets) {
    const [first, last] = stepsOfPeriod(steps, bucket, nowMs);
    if (first > last) continue;
    resolutionMs = Math.max(resolutionMs, bucket.endMs - bucket.startMs);
    visitor.bucket(first, last, bucket);
  }
  for (const sample of results) visitor.sample(stepOf(steps, sample.atMs), sample);
  return resolutionMs;
}

/** As `visitSteps`, for the datagrams of the UDP probe, which cover the steps `first` to `last`. */
function visitUdpSteps(
  history: History,
  record: LinkRecord,
  steps: Steps,
  nowMs: number,
  visit: (first: number, last: number, datagrams: Datagrams) => void,
): void {
  if (!history.hasUdp) return;
  const { buckets, results } = history.cycles(record, steps);
  for (const bucket of buckets) {
    const [first, last] = stepsOfPeriod(steps, bucket, nowMs);
    if (first <= last) visit(first, last, datagramsOf(bucket));
  }
  for (const cycle of results) visit(stepOf(steps, cycle.atMs), stepOf(steps, cycle.atMs), cycle);
}

function stepOf({ fromMs, stepMs, count }: Steps, atMs: number): number {
  return Math.min(count - 1, Math.floor((atMs - fromMs) / stepMs));
}

/**
 * The steps in which the samples of a bucket count: the step of the middle of its period or, if that is longer than a step, all
 * steps whose middle it covers. `first` is greater than `last` if these are none. `nowMs` ends a period that is not over.
 */
function stepsOfPeriod(
  { fromMs, toMs, stepMs, count }: Steps,
  { startMs, endMs }: Bucket,
  nowMs: number,
): [first: number, last: number] {
  if (startMs >= toMs) return [0, -1];
  const untilMs = Math.min(endMs, Math.max(nowMs, startMs + 1));
  const middle = Math.floor(((startMs + untilMs) / 2 - fromMs) / stepMs);
  if (untilMs - startMs <= stepMs) return [Math.max(0, middle), Math.min(count - 1, middle)];
  /** The first step whose middle is at `atMs` or later. */
  const coveredFrom = (atMs: number) => Math.ceil((atMs - fromMs) / stepMs - 0.5);
  return [Math.max(0, coveredFrom(startMs)), Math.min(count - 1, coveredFrom(untilMs) - 1)];
}
