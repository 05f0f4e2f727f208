import * as v from 'valibot';
import { missingPartsSchema } from './event.ts';
import { boundedText, finiteNumber, wholeNumber } from './validators.ts';

/** The most steps that one history has. */
export const MAX_STEPS = 720;

/**
 * Upper bounds (us, inclusive) of the bins in which links are counted by the p50 of a step; one more bin is beyond the
 * last. 2, 5 and 100 ms, the usual thresholds, are bounds; others are put down to the nearest bound.
 */
export const LATENCY_BINS_US = [
  500, 1_000, 2_000, 3_000, 5_000, 7_500, 10_000, 15_000, 20_000, 30_000, 50_000, 75_000, 100_000, 150_000, 200_000,
  300_000, 500_000, 1_000_000,
] as const;

const steps = <const T extends v.GenericSchema>(entry: T) => v.pipe(v.array(entry), v.maxLength(MAX_STEPS));
const BINS = LATENCY_BINS_US.length + 1;
const bins = v.pipe(v.array(wholeNumber), v.length(BINS));

/** One pod's past in steps, oldest first: `/api/v1/pod-history?fromAge&toAge&step` (ms) answers with it. */
export interface PodHistory {
  format: 'goldpinger-ts/pod-history/1';
  fromAgeMs: number;
  toAgeMs: number;
  stepMs: number;
  resolutionMs: number;
  knownAgeMs: number;
  /** As in `MeshHistory`. */
  links: number[];
  failed: number[];
  byLatency: number[][];
}

const podHistoryHead = v.object({
  format: v.literal('goldpinger-ts/pod-history/1'),
  fromAgeMs: finiteNumber,
  toAgeMs: finiteNumber,
  stepMs: finiteNumber,
  resolutionMs: finiteNumber,
  knownAgeMs: finiteNumber,
});

/**
 * Validates a report's history from another process. Throws an Error that says what is wrong. The counts are read by hand:
 * 7000 of them from each of 1000 pods take a schema 3 s, and our own pings wait meanwhile.
 */
export function parsePodHistory(wire: unknown): PodHistory {
  const head = v.parse(podHistoryHead, wire);
  const { links, failed, byLatency } = wire as Record<string, unknown>;
  const length = countsOf(links, MAX_STEPS).length;
  if (countsOf(failed, MAX_STEPS).length !== length || !Array.isArray(byLatency) || byLatency.length !== length) {
    throw new TypeError('a history whose parts are of different lengths');
  }
  for (const ofStep of byLatency) {
    if (countsOf(ofStep, BINS).length !== BINS) throw new TypeError(`a history whose steps have not ${BINS} bins`);
  }
  return { ...head, links: countsOf(links, MAX_STEPS), failed: countsOf(failed, MAX_STEPS), byLatency };
}

/** Gives a list of at most `most` whole numbers from 0 on as such. Throws where it is none. */
function countsOf(list: unknown, most: number): number[] {
  if (!Array.isArray(list) || list.length > most) throw new TypeError('a history without lists of counts');
  for (const count of list) {
    if (!Number.isSafeInteger(count) || count < 0) throw new TypeError('a history with a count that is none');
  }
  return list;
}

const meshHistorySchema = v.object({
  /** The beginning of the first step and the end of the last, ms since the epoch by the serving pod's clock. */
  fromMs: finiteNumber,
  toMs: finiteNumber,
  /** As asked for, or wider: what `MAX_STEPS` and the resolution allow. */
  stepMs: finiteNumber,
  nowMs: finiteNumber,
  resolutionMs: finiteNumber,
  /** Of each step: pods whose report covers it, and pods that ran then as far as anybody knows. */
  reports: steps(wholeNumber),
  pods: steps(wholeNumber),
  missing: missingPartsSchema,
  /** Of each step: links with samples that can be trusted, and those of them with a failure. */
  links: steps(wholeNumber),
  failed: steps(wholeNumber),
  /** The others by latency: by step, then by bin of `LATENCY_BINS_US`. */
  byLatency: steps(bins),
});

/** The past of the whole mesh in steps, oldest first: `/api/v1/history?from&to&step`. */
export type MeshHistory = v.InferOutput<typeof meshHistorySchema>;

/** Validates a mesh's history from a server. Throws an Error that says what is wrong. */
export function parseMeshHistory(wire: unknown): MeshHistory {
  return v.parse(meshHistorySchema, wire);
}

const linkHistorySchema = v.object({
  /** Uids of the probing and the probed pod. */
  from: boundedText(128),
  to: boundedText(128),
  /** Why there is none; '' otherwise. */
  error: boundedText(400),
  nowMs: finiteNumber,
  resolutionMs: finiteNumber,
  /** Steps without a sample are left out. Durations in us, over ok samples, -1 without any. */
  steps: steps(
    v.object({
      atMs: finiteNumber,
      lengthMs: finiteNumber,
      samples: wholeNumber,
      /** Failures by outcome; only those that occurred. */
      failures: v.record(boundedText(32), wholeNumber),
      minUs: finiteNumber,
      p50Us: finiteNumber,
      p95Us: finiteNumber,
      maxUs: finiteNumber,
      connectP50Us: finiteNumber,
      firstByteP50Us: finiteNumber,
    }),
  ),
});

/** One link's past, oldest first: `/api/v1/link-history?from&to` (uids), asked of the pod that probes it. */
export type LinkHistory = v.InferOutput<typeof linkHistorySchema>;

/** Validates a link's history from another process. Throws an Error that says what is wrong. */
export function parseLinkHistory(wire: unknown): LinkHistory {
  return v.parse(linkHistorySchema, wire);
}

/*
 * Between pods, times of the past are ages: ms before the moment at which the asked pod answers, by its own clock that
 * never jumps. So no two clocks need to agree; only the pod that was asked by a user turns ages into times of its own.
 */

/** The longest time range that can be asked for: what HISTORY_WINDOW may be at most. */
export const MAX_PAST_MS = 24 * 3_600_000;

/** A time range of the past as ages: `fromAgeMs` > `toAgeMs` >= 0. */
export interface AgeRange {
  fromAgeMs: number;
  toAgeMs: number;
}

/** What a report of the past covers. */
export interface ReportPast extends AgeRange {
  /** How fine the figures are: samples older than the raw ones are kept in buckets of this many ms; 0 = all raw. */
  resolutionMs: number;
  /** How far back this pod knows anything, as an age: it started then, or has forgotten what is older. */
  knownAgeMs: number;
}

/** What a mesh of the past covers, by the serving pod's clock (ms since the epoch). */
export interface MeshPast {
  fromMs: number;
  toMs: number;
  /** The coarsest `ReportPast.resolutionMs` among its reports. */
  resolutionMs: number;
}

/** `ReportPast` on the wire. */
export const reportPastSchema = v.object({
  fromAgeMs: finiteNumber,
  toAgeMs: finiteNumber,
  resolutionMs: finiteNumber,
  knownAgeMs: finiteNumber,
});

/** `MeshPast` on the wire. */
export const meshPastSchema = v.object({ fromMs: finiteNumber, toMs: finiteNumber, resolutionMs: finiteNumber });
