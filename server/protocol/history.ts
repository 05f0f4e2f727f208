import { missingPartsSchema } from './event.ts';
import { OUTCOMES } from './sample.ts';
import * as v from './validators.ts';

/** The longest time range that can be requested, and the largest value of HISTORY_WINDOW. */
export const MAX_PAST_MS = 24 * 3_600_000;

/**
 * A past time range on the wire between pods, as ages: `fromAgeMs` > `toAgeMs` >= 0. An age is the time, in ms, between an
 * event and the answer of the asked pod, by its monotonic clock, because clocks of two pods need not agree.
 */
export interface AgeRange {
  fromAgeMs: number;
  toAgeMs: number;
}

/** The past range that a pod report covers. */
export const reportPastSchema = v.object({
  fromAgeMs: v.finiteNumber,
  toAgeMs: v.finiteNumber,
  /** How many ms the buckets have into which older samples were summed up; 0 = all figures are from single samples. */
  resolutionMs: v.finiteNumber,
  /** Age of the oldest results that the pod has: its process started then, or has dropped what is older. */
  knownAgeMs: v.pipe(v.finiteNumber, v.minValue(0)),
  /** Age of the newest results: 0, except of a copy, which ends when its pod ended or was last asked. */
  untilAgeMs: v.exactOptional(v.pipe(v.finiteNumber, v.minValue(0), v.maxValue(MAX_PAST_MS))),
  /** Whether the process stood still (SIGSTOP, a frozen container) at the end of the range, so that it answered nobody. */
  stoodStill: v.exactOptional(v.boolean()),
});
export type ReportPast = v.InferOutput<typeof reportPastSchema>;

/** The most steps that one history has. */
export const MAX_STEPS = 720;

/**
 * Upper bounds (us, inclusive) of the bins in which links are counted by their p50 in a step; one more bin is for the rest. The
 * default thresholds 2, 5 and 100 ms are bounds; the page rounds others to the nearest.
 */
export const LATENCY_BINS_US = [
  500, 1_000, 2_000, 3_000, 5_000, 7_500, 10_000, 15_000, 20_000, 30_000, 50_000, 75_000, 100_000, 150_000, 200_000,
  300_000, 500_000, 1_000_000,
] as const;

const BINS = LATENCY_BINS_US.length + 1;

/** Looks at counts without a schema for each: 7000 of each of 1000 pods would take 3 s, and delay our own pings. */
function areCounts(list: unknown, maxLength: number): list is number[] {
  if (!Array.isArray(list) || list.length > maxLength) return false;
  return list.every((count) => Number.isSafeInteger(count) && count >= 0);
}

const counts = v.custom<number[]>((list) => areCounts(list, MAX_STEPS), `expected at most ${MAX_STEPS} counts`);
/** Counts by step, then by bin of `LATENCY_BINS_US`. */
const binned = v.custom<number[][]>(
  (steps) => Array.isArray(steps) && steps.length <= MAX_STEPS && steps.every((bins) => areCounts(bins, BINS)),
  `expected at most ${BINS} counts in each step`,
);

const countEntries = {
  /** In each step, the links with trusted samples (not suspect), and those of them with a failure. */
  links: counts,
  failed: counts,
  /** The other links. */
  byLatency: v.pipe(
    binned,
    v.check((steps) => steps.every((bins) => bins.length === BINS), `expected ${BINS} bins`),
  ),
  /** Those of them that lost datagrams (`isLossy`), in the same way; [] = none in that step. Absent if there are none at all. */
  lossyByLatency: v.exactOptional(binned),
};

/** One pod's history in steps, oldest first: `/api/v1/pod-history?fromAge&toAge&step` (ms) answers with it. */
const podHistorySchema = v.pipe(
  v.object({
    ...reportPastSchema.entries,
    format: v.literal('goldpinger-ts/pod-history/1'),
    stepMs: v.finiteNumber,
    ...countEntries,
  }),
  v.check(
    ({ links, failed, byLatency, lossyByLatency = links }) =>
      [failed, byLatency, lossyByLatency].every(({ length }) => length === links.length),
    'the lists of a history have different lengths',
  ),
);
export type PodHistory = v.InferOutput<typeof podHistorySchema>;
export const parsePodHistory = (wire: unknown) => v.validate(podHistorySchema, wire);

/** The history of the whole mesh in steps, oldest first: `/api/v1/history?from&to&step`. */
const meshHistorySchema = v.object({
  /** The beginning of the first step and the end of the last, ms since the epoch by the serving pod's clock. */
  fromMs: v.finiteNumber,
  toMs: v.finiteNumber,
  /** As requested, or longer if `MAX_STEPS` or the resolution demand it. */
  stepMs: v.finiteNumber,
  nowMs: v.finiteNumber,
  resolutionMs: v.finiteNumber,
  /** In each step, the pods whose results cover it, and the pods that are known to have run then. */
  reports: counts,
  pods: counts,
  missing: missingPartsSchema,
  ...countEntries,
});
export type MeshHistory = v.InferOutput<typeof meshHistorySchema>;
export const parseMeshHistory = (wire: unknown) => v.validate(meshHistorySchema, wire);

const stepSchema = v.object({
  atMs: v.finiteNumber,
  lengthMs: v.finiteNumber,
  samples: v.wholeNumber,
  /** Failures by outcome, without outcomes that did not occur. */
  failures: v.boundedRecord(v.boundedText(32), v.wholeNumber, OUTCOMES.length),
  minUs: v.finiteNumber,
  p50Us: v.finiteNumber,
  p95Us: v.finiteNumber,
  maxUs: v.finiteNumber,
  connectP50Us: v.finiteNumber,
  firstByteP50Us: v.finiteNumber,
  /** Datagrams of the UDP probe, and those that were lost; absent if there were none. */
  udpSent: v.exactOptional(v.wholeNumber),
  udpLost: v.exactOptional(v.wholeNumber),
});

/** One link's history, oldest first: `/api/v1/link-history?from&to` (uids) asks the probing pod for it. */
const linkHistorySchema = v.object({
  /** The uids of the probing and of the probed pod. */
  from: v.boundedText(128),
  to: v.boundedText(128),
  /** Why there is no history; '' if there is one. */
  error: v.boundedText(400),
  nowMs: v.finiteNumber,
  resolutionMs: v.finiteNumber,
  /** Without the steps that have no sample. Durations are in us, of the ok samples; -1 without any. */
  steps: v.eachOf(stepSchema, MAX_STEPS),
});
export type LinkHistory = v.Parsed<typeof linkHistorySchema>;
export const parseLinkHistorySliced = (wire: unknown, skipped: v.Skipped) =>
  v.parseSliced(linkHistorySchema, wire, skipped);
export const parseLinkHistory = (wire: unknown) => v.parseAtOnce(linkHistorySchema, wire);
