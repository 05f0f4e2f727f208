import type { EventJournal } from '../events/journal.ts';
import type { PodLifetimes } from '../events/pod-lifetimes.ts';
import type { AgeRange } from '../protocol/history.ts';
import { SUSPECT_RUN } from '../protocol/link-state.ts';
import { FLAG_NOT_YET, FLAG_SUSPECT, NONE16, unpack16 } from '../protocol/links.ts';
import type { MergedReport, Mesh, MeshSettings } from '../protocol/mesh.ts';
import {
  comparePods,
  type DiscoverySnapshot,
  intervalWithoutPingsMs,
  MAX_LIST_AGE_MS,
  type Pod,
} from '../protocol/pod.ts';
import type { PodReport } from '../protocol/pod-report.ts';
import { type Clock, wallOffsetMs } from '../runtime/clock.ts';
import type { TimeRange } from '../runtime/time-range.ts';
import { type Copies, PULL_MS } from './copies.ts';
import type { FanOut } from './fan-out.ts';
import { type Arrival, mergedReportOf, missingReport } from './merged-report.ts';
import { listToleranceMs, PodIndex } from './pod-index.ts';
import type { ReportQuery, ReportResult } from './report-query.ts';

export interface CollectDeps {
  clock: Clock;
  fanOut: FanOut;
  /** Whether a pod is on a passive node by our own settings: it is not asked. */
  isPassive(pod: Pod): boolean;
  /** Never rejects. */
  queryReport(pod: Pod, query: ReportQuery): Promise<ReportResult>;
  /** 0 <= number < 1; decides which pod is asked first. */
  random(): number;
  /** Our own pod's uid; '' if unknown. */
  selfUid(): string;
  snapshot(): DiscoverySnapshot;
  settings(): MeshSettings;
  /** Called after every report query, for the metrics. */
  onPeerCall(pod: Pod, durationUs: number, ok: boolean): void;
  lifetimes: Pick<PodLifetimes, 'podsAt' | 'remembersSinceMs' | 'gone'>;
  /** Our own report, with statistics over `windowMs`, or of a time range of the past. */
  ownReport(windowMs: number): Promise<PodReport>;
  ownReportOf(range: AgeRange): Promise<PodReport>;
  /** The other pods that may have a copy of a pod, in the order in which to ask them. */
  otherKeepers(uid: string): Pod[];
  copies: Pick<Copies, 'reportOf'>;
  journal: Pick<EventJournal, 'apiLostAt'>;
  /** The resolution of our own results from `ageMs` ago, in ms: see `Results.resolutionMs`. */
  resolutionMs(ageMs: number): number;
}

/** What differs between collecting the mesh as it is now (`viewOfNow`) and as it was (`viewOfPast`). */
export interface CollectView {
  /** The pods and the state of discovery: now, or at the end of the time range of the past. */
  snapshot: DiscoverySnapshot;
  index: PodIndex;
  /** Length of the window or the time range that statistics are over, ms; 0 = none. */
  windowMs: number;
  ownReport(): Promise<PodReport>;
  merge(report: PodReport, arrival: Arrival): MergedReport;
  /** null in the view of now. */
  past: PastView | null;
}

/** What only the view of the past has. */
export interface PastView {
  /** The time range to ask a pod for, as ages at this moment. */
  range(): AgeRange;
  /** A pod of the view with its present address; null if it is gone by now, so that it can't be asked. */
  presentPod(pod: Pod): Pod | null;
  /** `Mesh.past`, with the coarsest resolution of the reports merged so far. */
  ofMesh(): NonNullable<Mesh['past']>;
}

/** Tolerance of times computed from ages: they count back from when a report was written, we count from its arrival a little later. */
const AGE_TOLERANCE_MS = 1_000;

/** The mesh as it is now, with statistics over `windowMs`. */
export function viewOfNow(windowMs: number, deps: CollectDeps): CollectView {
  const snapshot = withGone(deps.snapshot(), deps.lifetimes.gone());
  const index = new PodIndex(snapshot.pods, deps.clock.nowMs(), listToleranceMs(deps.settings()));
  return {
    snapshot,
    index,
    windowMs,
    past: null,
    ownReport: () => deps.ownReport(windowMs),
    merge: (report, arrival) => {
      // `memoryGap` allows AGE_TOLERANCE_MS, a third of a window of 3 s. A window must be covered in full, so it gets no tolerance.
      const windowFromMs = arrival.atMs - windowMs - AGE_TOLERANCE_MS;
      const sinceMs = Math.max(windowFromMs, remembersSinceMs(index.pods[arrival.pod], deps));
      // A process remembers what it measured since it started. `atMs` and `bootTimeMs` of a report are by one clock: its pod's.
      const missingDetail = memoryGap(report.atMs - report.bootTimeMs, arrival.atMs, sinceMs);
      return { ...mergedReportOf(report, arrival, index), missingDetail };
    },
  };
}

/** Adds the pods of `gone` that discovery does not know, as those that left before we started. Sorted as discovery sorts pods. */
function withGone(snapshot: DiscoverySnapshot, gone: readonly Pod[]): DiscoverySnapshot {
  const known = new Set(snapshot.pods.map(({ uid }) => uid));
  const missing = gone.filter(({ uid }) => !known.has(uid));
  return missing.length === 0 ? snapshot : { ...snapshot, pods: [...snapshot.pods, ...missing].sort(comparePods) };
}

/**
 * The report of a moment is taken from a copy only if the copy ends at most this long before the moment. Keepers ask a pod every
 * PULL_MS. If they got nothing for twice as long, the pod did not answer them, and it would not have answered a collection either.
 */
const MAX_COPY_LAG_MS = 2 * PULL_MS;

/**
 * The mesh as it was at the end of a time range, with statistics over all of it. Pods are asked by ages, so that no two
 * clocks need to agree, and ours may be corrected meanwhile. The report of a pod that is gone by now, or whose memory begins after the
 * range, is taken from a copy: see docs/past.md.
 *
 * `freshMs` null: the whole range is wanted. Pods that left in it are listed as gone, and each link has the last state that it
 * had in the range. `freshMs` a duration: only the moment at its end is wanted, and the range before is for statistics. Then a
 * link whose state no ping has shown for longer than `freshMs` has no state (see `forgetOldStates`), and a pod that could not
 * answer at the moment has no report.
 */
export function viewOfPast(timeRange: TimeRange, deps: CollectDeps, freshMs: number | null): CollectView {
  const { clock } = deps;
  const { fromMs, toMs } = timeRange;
  const clockOffsetMs = wallOffsetMs(clock);
  const present = new Map(deps.snapshot().pods.map((pod) => [pod.uid, pod.lifecycle === 'gone' ? null : pod]));
  const snapshot = {
    pods: deps.lifetimes.podsAt(toMs, freshMs === null ? fromMs : toMs),
    status: statusAt(deps, toMs),
  };
  // No tolerance: lists of the past are not compared.
  const index = new PodIndex(snapshot.pods, toMs, 0);
  let resolutionMs = 0;
  const range = (): AgeRange => {
    const nowMs = clock.monotonicMs() + clockOffsetMs;
    const toAgeMs = Math.max(0, Math.round(nowMs - toMs));
    return { fromAgeMs: Math.max(toAgeMs + 1, Math.round(nowMs - fromMs)), toAgeMs };
  };
  return {
    snapshot,
    index,
    windowMs: toMs - fromMs,
    past: {
      range,
      presentPod: ({ uid }) => present.get(uid) ?? null,
      ofMesh: () => ({ fromMs, toMs, resolutionMs }),
    },
    ownReport: () => deps.ownReportOf(range()),
    merge: (report, arrival) => {
      const missing = missingInPast(report, arrival, freshMs === null ? null : toMs);
      if (missing !== null) return missing;
      resolutionMs = Math.max(resolutionMs, report.past?.resolutionMs ?? 0);
      // Nothing older than HISTORY_WINDOW is kept.
      const keptSinceMs = arrival.atMs - deps.settings().historyWindowMs;
      const sinceMs = Math.max(fromMs, remembersSinceMs(index.pods[arrival.pod], deps), keptSinceMs);
      // A pod may stay listed for one list interval after its process has ended, so its copy may end that much before the range does.
      const copyUntilMs = toMs - intervalWithoutPingsMs(deps.settings().refreshIntervalMs);
      const missingDetail =
        memoryGap(report.past?.knownAgeMs ?? 0, arrival.atMs, sinceMs) ||
        endOfCopy(report.past?.untilAgeMs ?? 0, arrival.atMs, copyUntilMs);
      // Ages of a past report count back from the end of the range. Lists of the past are not compared.
      const merged = mergedReportOf(report, arrival, index);
      if (freshMs !== null) forgetOldStates(merged, freshMs);
      return { ...merged, atMs: toMs, samePeers: true, missingDetail };
    },
  };
}

/**
 * The missing report in place of one that says nothing about the past that was asked for; null if it says something. `momentMs`: the
 * moment that is wanted (ms since the epoch), at which the pod must have been able to answer; null = a range is wanted.
 */
function missingInPast(report: PodReport, arrival: Arrival, momentMs: number | null): MergedReport | null {
  const { past } = report;
  const copyEnd = momentMs === null ? '' : endOfCopy(past?.untilAgeMs ?? 0, arrival.atMs, momentMs - MAX_COPY_LAG_MS);
  const reason = whyNoHistory(report, arrival.atMs) || copyEnd;
  if (reason !== '') return missingReport(arrival, 'no-history', reason);
  // A process that stands still does not answer, so at the moment itself this report was missing.
  if (momentMs === null || past?.stoodStill !== true) return null;
  return missingReport(arrival, 'timeout', 'its process stood still, and answered no call');
}

/**
 * Marks the links as not pinged whose state no ping has shown for longer than `freshMs`; for SUSPECT_RUN times as long if the
 * newest sample is suspect, because it takes that many suspect samples in a row to replace a state.
 */
function forgetOldStates({ links }: MergedReport, freshMs: number): void {
  for (let i = 0; i < links.length; i++) {
    const flags = links.flags[i] ?? 0;
    const limitMs = (flags & FLAG_SUSPECT) === 0 ? freshMs : SUSPECT_RUN * freshMs;
    if (unpack16(links.ageMs[i] ?? NONE16) > limitMs) links.flags[i] = flags | FLAG_NOT_YET;
  }
}

/** As `PodLifetimes.remembersSinceMs`; Infinity for a pod that is not in the mesh. */
function remembersSinceMs(pod: Pod | undefined, { lifetimes }: CollectDeps): number {
  return pod === undefined ? Number.POSITIVE_INFINITY : lifetimes.remembersSinceMs(pod);
}

/**
 * Says when the memory of a report begins, if that is later than `sinceMs`; else ''. `knownAgeMs`: age of its oldest results at
 * `atMs`; negative = not known, because the clock of its pod was set back after the start.
 */
function memoryGap(knownAgeMs: number, atMs: number, sinceMs: number): string {
  const knownMs = atMs - knownAgeMs;
  if (knownAgeMs < 0 || knownMs <= sinceMs + AGE_TOLERANCE_MS) return '';
  return `its memory begins at ${new Date(Math.round(knownMs)).toISOString()}`;
}

/**
 * Says when a copy ends, if that is before `untilMs`; else ''. `untilAgeMs`: age of its newest results at `atMs`; 0 = the report
 * is not from a copy.
 */
function endOfCopy(untilAgeMs: number, atMs: number, untilMs: number): string {
  const endMs = atMs - untilAgeMs;
  if (untilAgeMs === 0 || endMs >= untilMs - AGE_TOLERANCE_MS) return '';
  return `the copy of its memory ends at ${new Date(Math.round(endMs)).toISOString()}`;
}

/** Why a report says nothing about the time range that was asked for; '' if it says something. */
function whyNoHistory({ past, links }: PodReport, atMs: number): string {
  if (past === null) return 'it keeps no history: it runs an older version';
  if (links.length > 0 || past.knownAgeMs >= past.fromAgeMs) return '';
  // Its memory begins after the range, and it has no link. -Infinity: the text says in any case when its memory begins.
  return memoryGap(past.knownAgeMs, atMs, Number.NEGATIVE_INFINITY);
}

/**
 * The state of discovery at a moment. If the API server is away and was already away then: the present state. Else as the journal
 * says: `stale` while it was away, `synced` otherwise. `sinceMs` 0: it is not known since when it had been synced.
 */
function statusAt({ snapshot, clock, journal }: CollectDeps, atMs: number): DiscoverySnapshot['status'] {
  const { status } = snapshot();
  if (status.phase !== 'synced' && status.sinceMs <= atMs) return status;
  const lostMs = journal.apiLostAt(Math.max(0, clock.nowMs() - atMs));
  const then = { ...status, attempts: 0, nextAttemptMs: 0, lastError: null };
  if (lostMs !== null) return { ...then, phase: 'stale', sinceMs: lostMs, lastGoodMs: lostMs - MAX_LIST_AGE_MS };
  const isSameSync = status.phase === 'synced' && status.sinceMs <= atMs;
  const lastGoodMs = Math.min(status.lastGoodMs, atMs);
  return { ...then, phase: 'synced', sinceMs: isSameSync ? status.sinceMs : 0, lastGoodMs };
}
