import type { TimeRange } from '../runtime/time-range.ts';
import { type LinkColumns, NONE16, phaseOf, unpack16 } from './links.ts';
import type { Target } from './pod.ts';
import type { Starvation } from './pod-report.ts';
import { OUTCOMES, type Outcome, type Sample } from './sample.ts';
import type { Datagrams } from './udp.ts';

/*
 * When a link is failed, slow or unreliable, and which phase of a ping is late. Every part that says one of these words
 * (metrics, events, findings, verdicts, comparison, PNG and page) takes it from here.
 *
 * failed        a sample: its outcome is not `ok`. A link now: the sample that stands for it failed. Over a range: one failed
 * slow          a sample: `ok`, and it took SLOW_LINK or longer. A link now: the sample that stands for it; events and findings
 *               wait for SLOW_RUN samples in a row. Over a range: its p50
 * intermittent  a link now: its last samples fail now and then (INTERMITTENT)
 * lossy         it is ok, not slow and not intermittent, and datagrams were lost (LOSSY)
 * unreliable    a sample: the measuring process was short of CPU (suspect). A link now: its newest sample is suspect, or it timed
 *               out while one of its pods was starved (`isDoubted`, `wasStarvedDuring`). Over a range: all samples are suspect
 *
 * A shortage of CPU only lengthens, so a suspect sample that is ok and fast stands for its link. One that failed or is slow
 * stands for it only as one of SUSPECT_RUN in a row: see `results/judgement.ts`.
 */

/** A link becomes slow, or normal again, after this many samples in a row, without suspect ones that are late. */
export const SLOW_RUN = 3;

/**
 * A link is intermittent if three things are true of its last `samples` believed samples (see `results/judgement.ts`): at least one
 * failed; failed ones and slow ones form at least `runs` runs (`ok, failed, failed, ok, slow` has two); and the last `goodRun`
 * were not all good. After `outageRun` failed ones in a row the link has failed, and is not intermittent: no sample before the end
 * of this outage counts any more.
 *
 * If 3 of 10 pings fail and 2 are late, the rule finds 92 % of such links within 9 pings. A healthy link (one ping in 10,000
 * fails, one in 1000 is late) that is pinged each second is called intermittent once in 89 hours.
 */
export const INTERMITTENT = { samples: 16, runs: 2, outageRun: 4, goodRun: 8 };

/**
 * A link is lossy if of the datagrams of the last `lossWindowMs` (udp.ts) at least this share (0..1) and this number was lost, in
 * at least so many cycles: the datagrams of one cycle leave together, so that a single hiccup loses all of them.
 */
export const LOSSY = { share: 0.02, datagrams: 3, cycles: 2 };

export function isLossy({ sent, lost, lossCycles }: Datagrams): boolean {
  return lost >= LOSSY.datagrams && lost >= sent * LOSSY.share && lossCycles >= LOSSY.cycles;
}

/** A slow link is normal again below this share of SLOW_LINK, and loss is over below this share of `LOSSY.share`. */
const NORMAL_SHARE = 0.8;

/** Whether the loss of a link that was lossy is over. Without datagrams it is not known. */
export function isLossOver({ sent, lost, lossCycles }: Datagrams): boolean {
  return sent > 0 && (lost < sent * LOSSY.share * NORMAL_SHARE || lossCycles < LOSSY.cycles);
}

/** After so many suspect bad samples in a row the newest stands for its link: a lasting shortage of CPU must not hide a dead peer. */
export const SUSPECT_RUN = 3;

/**
 * For this time after its start, ms, every process is busy. Meanwhile a report does not become unreliable, and a suspect sample
 * that is ok and fast does not make its link unreliable.
 */
export const START_GRACE_MS = 15_000;

/**
 * A pod's own measurements are unreliable if of at least `samples` samples more than this share (0..1) is suspect, or if its event
 * loop stays late (`probing/starvation.ts`). On two busy cores every second sample is suspect by a few ms, so the limit is higher.
 */
export const UNRELIABLE = { suspectShare: 0.75, samples: 10 };

/** A pod whose event loop is this late may have caused a timeout itself (PING_TIMEOUT is 300 ms by default), us. */
const STARVED_LOOP_US = 100_000;

/**
 * Whether a pod is starved of CPU now, so that what it or others measure now may be its own delay; null = not known.
 * `starvation.unreliable` is stricter: the shortage has lasted for seconds, and nothing in the report is trusted.
 */
export function isStarved(starvation: Pick<Starvation, 'unreliable' | 'loopDelayP99Us'> | null): boolean {
  return starvation !== null && (starvation.unreliable || starvation.loopDelayP99Us >= STARVED_LOOP_US);
}

/** Whether a pod is starved, or was at some time in its last rounds of pings. */
export function wasStarvedLately(starvation: Starvation | null): boolean {
  return isStarved(starvation) || (starvation?.times ?? []).length > 0;
}

/** Tolerance for the times of two reports, ms: they take different times to reach us, and `Starvation.times` are whole seconds. */
const REPORTS_TOLERANCE_MS = 1000;

/** What of a report says when its pod was starved. `atMs`: when the report came in, ms since the epoch by our clock. */
interface StarvationReport {
  atMs: number;
  starvation: Starvation | null;
}

/**
 * Whether the pod of the report `suspected` (that of the link's source or destination) was starved during the ping that stands for
 * a link of the report `source`. That ping may be a whole round of pings old, and the shortage long over.
 */
export function wasStarvedDuring(
  suspected: StarvationReport,
  source: Pick<StarvationReport, 'atMs'> & { links: LinkColumns },
  link: number,
): boolean {
  const ageMs = unpack16(source.links.ageMs[link] ?? NONE16);
  if (ageMs < 0) return isStarved(suspected.starvation);
  const toMs = source.atMs - ageMs;
  const fromMs = toMs - Math.max(0, unpack16(source.links.totalUs[link] ?? NONE16)) / 1000;
  return wasStarvedWhile(suspected, { fromMs, toMs });
}

/** Whether the pod of a report was starved while something was measured, ms since the epoch by our clock. */
export function wasStarvedWhile({ starvation, atMs }: StarvationReport, measured: TimeRange): boolean {
  if (starvation?.times === undefined || starvation.unreliable) return isStarved(starvation);
  // Asked for each bad link of a mesh: it makes no objects.
  return starvation.times.some((time) => isDuring(time, atMs, measured));
}

/** From and until how long ago, ms. */
type PastTime = readonly [fromAgeMs: number, toAgeMs: number];

/** Those of the times at which a pod was starved (ages at `atMs`) that overlap a measurement. */
export function starvedTimesDuring(times: readonly PastTime[], atMs: number, measured: TimeRange): TimeRange[] {
  return times
    .filter((time) => isDuring(time, atMs, measured))
    .map(([fromAgeMs, toAgeMs]) => ({ fromMs: atMs - fromAgeMs, toMs: atMs - toAgeMs }));
}

function isDuring([fromAgeMs, toAgeMs]: PastTime, atMs: number, { fromMs, toMs }: TimeRange): boolean {
  return atMs - fromAgeMs <= toMs + REPORTS_TOLERANCE_MS && atMs - toAgeMs >= fromMs - REPORTS_TOLERANCE_MS;
}

/** For so many rounds of pings after a shortage of CPU, links that are judged by as many samples are doubted. */
const DOUBTED_ROUNDS = INTERMITTENT.samples;

/** REFRESH_INTERVAL, JITTER_FACTOR and PING_TIMEOUT: how often links are pinged. */
export interface PingSettings {
  refreshIntervalMs: number;
  jitterFactor: number;
  pingTimeoutMs: number;
}

/** How long a round of pings lasts at most, ms: in this time each link gets a new result. */
export function roundMsOf({ refreshIntervalMs, jitterFactor, pingTimeoutMs }: PingSettings): number {
  return refreshIntervalMs * (1 + jitterFactor) + pingTimeoutMs;
}

/** The shortest time range that is sure to have `samples` samples of each link, ms: one more may end after the range. */
export function shortestRangeMs(settings: PingSettings, samples = 1): number {
  return (samples + 1) * roundMsOf(settings);
}

/** Whether a report is reliable now, but was not in the last DOUBTED_ROUNDS rounds, by which lossy and intermittent links are judged. */
export function wasUnreliableLately({ starvation, atMs }: StarvationReport, settings: PingSettings): boolean {
  if (starvation === null || starvation.unreliable || starvation.sinceMs === 0) return false;
  return atMs - starvation.sinceMs < DOUBTED_ROUNDS * roundMsOf(settings);
}

/** Whether an outcome (index in `OUTCOMES`) is doubted if its source was starved: a shortage of CPU refuses and resets nothing. */
export function isDoubted(outcome: number): boolean {
  return OUTCOMES[outcome] === 'ok' || OUTCOMES[outcome] === 'timeout';
}

/** Whether a result is doubted if the destination was starved. Not in the connect phase: the kernel accepts connections. */
export function isDoubtedByDestination(links: LinkColumns, link: number): boolean {
  return isDoubted(links.outcome[link] ?? 0) && phaseOf(links, link) !== 'connect';
}

/** Whether a latency is slow. Exactly the limit is slow. A negative latency (not measured) is not. */
export function isSlow(us: number, slowUs: number): boolean {
  return us >= slowUs;
}

export function isNormalAgain(us: number, slowUs: number): boolean {
  return us < slowUs * NORMAL_SHARE;
}

/** The states of an answer by its latency, fastest first: see `Thresholds`. */
export const LATENCY_STATES = ['good', 'fair', 'warning', 'slow'] as const;

/** Limits of latency, ms, ascending: below `goodMs` good, below `warningMs` fair, below `problemMs` warning, else slow. */
export interface Thresholds {
  goodMs: number;
  warningMs: number;
  problemMs: number;
}

/** The thresholds of the page before anybody moves them: those of the usual Goldpinger runbooks. */
export const DEFAULT_THRESHOLDS: Thresholds = { goodMs: 2, warningMs: 5, problemMs: 100 };

/** The default thresholds, none of them above `slowLinkMs` (SLOW_LINK): from there on links are slow. */
export function thresholdsFor(slowLinkMs: number): Thresholds {
  const { goodMs, warningMs } = DEFAULT_THRESHOLDS;
  return { goodMs: Math.min(goodMs, slowLinkMs), warningMs: Math.min(warningMs, slowLinkMs), problemMs: slowLinkMs };
}

/** Index in `LATENCY_STATES` of an answer that took `us` microseconds. Exactly a limit belongs to the worse state. */
export function latencyCode(us: number, { goodMs, warningMs, problemMs }: Thresholds): number {
  if (us < goodMs * 1000) return 0;
  if (us < warningMs * 1000) return 1;
  return isSlow(us, problemMs * 1000) ? 3 : 2;
}

/** Whether the first of two results of one link (over IPv4 and IPv6) is worse: a failure before any answer, then the slower one. */
export function isWorseResult(failed: boolean, us: number, otherFailed: boolean, otherUs: number): boolean {
  return failed === otherFailed ? us > otherUs : failed;
}

/**
 * Where the time of a late answer went. `both`: connect and first byte, as in a slow network. `response`: first byte and
 * body, as with little bandwidth. `unmeasured`: the phases are not known, as in Goldpinger's `/check`, which has only a total.
 */
export type LatePhase = 'connect' | 'first-byte' | 'both' | 'body' | 'response' | 'unmeasured';

/** A phase is late if it takes at least this share of the total. */
const LATE_SHARE = 0.25;

/** Which phase of an answer is late; durations in microseconds, negative where not measured. */
export function latePhase(connectUs: number, firstByteUs: number, totalUs: number): LatePhase {
  if (connectUs < 0 || firstByteUs < 0 || totalUs <= 0) return 'unmeasured';
  const lateUs = totalUs * LATE_SHARE;
  if (connectUs >= lateUs) return firstByteUs >= lateUs ? 'both' : 'connect';
  if (firstByteUs < lateUs) return 'body';
  return totalUs - connectUs - firstByteUs >= lateUs ? 'response' : 'first-byte';
}

/** Whether a pod should have reported and did not. A passive pod only answers pings: nothing is missing if it has no report. */
export function isReportMissing({ missing }: { missing: string }): boolean {
  return missing !== '' && missing !== 'passive';
}

/** A link went from ok to failed, back, or from one way of failing to another. */
export interface LinkChange {
  target: Target;
  from: Outcome | 'unknown';
  to: Outcome;
  /** The sample that caused the change. */
  sample: Sample;
  /** How long the link had been ok, or had been failing in whatever way; 0 from 'unknown'. */
  previousForMs: number;
}

/** A link has become slow, or normal again. */
export interface SpeedChange {
  target: Target;
  isSlow: boolean;
  /** When the first of the SLOW_RUN samples came in that changed it, monotonic ms. */
  sinceMs: number;
  /** The median latency of these samples. */
  totalUs: number;
}

/** A link has begun to lose datagrams, or has ceased to. */
export interface LossChange {
  target: Target;
  isLossy: boolean;
  /** When the first cycle ended that began the loss, or the first one after the last lost datagram; monotonic ms. */
  sinceMs: number;
  /** The share (0..1) of the datagrams since then that were lost; 0 when the loss is over. */
  share: number;
}
