import type { AgeRange } from '../protocol/history.ts';
import type { MergedReport, Mesh, MeshSettings } from '../protocol/mesh.ts';
import type { DiscoverySnapshot, Pod } from '../protocol/pod.ts';
import type { PodReport } from '../protocol/pod-report.ts';
import type { Clock } from '../runtime/clock.ts';
import type { TimeRange } from '../runtime/time-range.ts';
import { toleranceOf } from './health.ts';
import { type Arrival, mergedReportOf, missingReport, PodIndex } from './mesh.ts';

/** What a collection is of: the mesh as it is now, or as it was. */
export interface CollectView {
  /** The pods and how well they are known, as of the moment that the view is of. */
  snapshot: DiscoverySnapshot;
  index: PodIndex;
  /** Length of the window or the time range that statistics are over, ms; 0 = none. */
  windowMs: number;
  /** The pod to call for the report of `pod`, with the address it has now; or the report that stands for why there is none. */
  callee(pod: Pod, arrival: Arrival): Pod | MergedReport;
  ownReport(): Promise<PodReport>;
  /** The time range to ask a peer for at this moment; null = now. */
  range(): AgeRange | null;
  /** A report in our format as a report of the mesh. */
  place(report: PodReport, arrival: Arrival): MergedReport;
  /** What the mesh says of its time; `atMs` is the moment by which health is judged. */
  head(): { past: Mesh['past']; judgedAtMs: number };
}

/** What a view of now is made of. */
export interface NowDeps {
  clock: Clock;
  snapshot(): DiscoverySnapshot;
  /** Our own report with statistics over `windowMs`; it is never asked for over the network. */
  ownReport(windowMs: number): Promise<PodReport>;
  settings(): MeshSettings;
}

/** The mesh as it is now, with statistics over `windowMs`. */
export function viewOfNow(windowMs: number, deps: NowDeps): CollectView {
  const snapshot = deps.snapshot();
  const toleranceMs = toleranceOf(deps.settings());
  const index = new PodIndex(snapshot.pods, deps.clock.nowMs(), toleranceMs);
  return {
    ...{ snapshot, index, windowMs },
    callee: (pod) => pod,
    ownReport: () => deps.ownReport(windowMs),
    range: () => null,
    place: (report, arrival) => {
      // Of the window nothing is let off: of one of 3 s a second would be a third.
      const windowFromMs = arrival.atMs - windowMs - SLACK_MS;
      const sinceMs = Math.max(windowFromMs, (index.pods[arrival.pod]?.createdMs ?? 0) + START_MS);
      // Both by its own clock: what it has seen is no older than its process.
      const missingDetail = beginsWithin(report.atMs - report.bootTimeMs, arrival.atMs, sinceMs);
      return { ...mergedReportOf(report, arrival, index, toleranceMs), missingDetail };
    },
    head: () => ({ past: null, judgedAtMs: deps.clock.nowMs() }),
  };
}

/** What a view of the past is made of. */
export interface PastDeps {
  clock: Clock;
  snapshot(): DiscoverySnapshot;
  /** The pods as they were at a moment, ms since the epoch. */
  podsAt(atMs: number): Pod[];
  /** A pod that is not among those, as it was last known; null if it never was. */
  podOf(uid: string): Pod | null;
  /** Our own report of a time range. */
  ownReportOf(range: AgeRange): Promise<PodReport>;
  settings(): MeshSettings;
}

/** The most pods that are taken from what peers say alone. */
const MAX_ADOPTED = 1_000;
/** A pod that is so much older than its memory has lost it. */
const START_MS = 30_000;
/** What asking may shift times by. */
const SLACK_MS = 1_000;

/**
 * The mesh as it was at the end of a time range, with statistics over all of it. Pods are asked by ages, so no two clocks
 * need to agree, and ours may be put right meanwhile. A pod that is gone, or whose memory begins later, has no report; what
 * others say of it stays. Pods that only others name (we were not here yet) are added as gone.
 */
export function viewOfPast(span: TimeRange, deps: PastDeps): CollectView {
  const { clock } = deps;
  const startMs = clock.monotonicMs();
  const startWallMs = clock.nowMs();
  const present = new Map(deps.snapshot().pods.map((pod) => [pod.uid, pod]));
  const snapshot = { pods: deps.podsAt(span.toMs), status: statusAt(deps.snapshot(), span.toMs) };
  let adopted = 0;
  const index = new PodIndex(snapshot.pods, span.toMs, 0, ({ uid, name, namespace, podIP }) => {
    if (uid === '' || adopted >= MAX_ADOPTED) return null;
    adopted += 1;
    const known = deps.podOf(uid) ?? present.get(uid) ?? strangerOf(uid, name, namespace, podIP);
    return { ...known, lifecycle: 'gone' };
  });
  let resolutionMs = 0;
  const range = (): AgeRange => {
    const nowMs = startWallMs + clock.monotonicMs() - startMs;
    const toAgeMs = Math.max(0, Math.round(nowMs - span.toMs));
    return { fromAgeMs: Math.max(toAgeMs + 1, Math.round(nowMs - span.fromMs)), toAgeMs };
  };
  return {
    ...{ snapshot, index, windowMs: span.toMs - span.fromMs },
    callee: (pod, arrival) => {
      const now = present.get(pod.uid);
      if (now !== undefined && now.lifecycle !== 'gone') return now;
      return missingReport(arrival, 'no-history', 'it has gone since, and its memory with it');
    },
    ownReport: () => deps.ownReportOf(range()),
    range,
    place: (report, arrival) => {
      const reason = whyNoHistory(report, arrival.atMs);
      if (reason !== '') return missingReport(arrival, 'no-history', reason);
      resolutionMs = Math.max(resolutionMs, report.past?.resolutionMs ?? 0);
      const pod = index.pods[arrival.pod];
      const oldestMs = arrival.atMs - deps.settings().historyWindowMs + SLACK_MS;
      const sinceMs = Math.max(span.fromMs, (pod?.createdMs ?? 0) + START_MS, oldestMs);
      const missingDetail = beginsWithin(report.past?.knownAgeMs ?? 0, arrival.atMs, sinceMs);
      // Lists of then are not compared, and ages of then count from then.
      return { ...mergedReportOf(report, { ...arrival, atMs: span.toMs }, index, 0), samePeers: true, missingDetail };
    },
    head: () => ({ past: { ...span, resolutionMs }, judgedAtMs: span.toMs }),
  };
}

/** Since when a report knows of a time range, in words; '' if that is no later than `sinceMs`, from when on it could know. */
function beginsWithin(knownAgeMs: number, atMs: number, sinceMs: number): string {
  const knownMs = atMs - knownAgeMs;
  return knownAgeMs < 0 || knownMs <= sinceMs + SLACK_MS ? '' : memoryBegins(knownMs);
}

function memoryBegins(knownMs: number): string {
  return `its memory begins at ${new Date(Math.round(knownMs)).toISOString()}`;
}

/** Why a report that came is none of the time range that was asked for; '' if it is. */
function whyNoHistory({ past, links }: PodReport, atMs: number): string {
  if (past === null) return 'it keeps no past: an older version';
  if (links.length > 0 || past.knownAgeMs >= past.fromAgeMs) return '';
  return memoryBegins(atMs - past.knownAgeMs);
}

/** How well the pods were known at a moment: as now, if that has been so since before. */
function statusAt({ status }: DiscoverySnapshot, atMs: number): DiscoverySnapshot['status'] {
  if (status.phase === 'synced' || status.sinceMs <= atMs) return status;
  return { ...status, phase: 'synced', sinceMs: 0, attempts: 0, nextAttemptMs: 0, lastError: null };
}

function strangerOf(uid: string, name: string, namespace: string, podIP: string): Pod {
  return {
    ...{ uid, name, namespace, node: '', zone: '', podIPs: podIP === '' ? [] : [podIP], hostIPs: [] },
    ...{ lifecycle: 'gone', sinceMs: 0, createdMs: 0, owner: '', labels: '', replacedBy: '' },
  };
}
