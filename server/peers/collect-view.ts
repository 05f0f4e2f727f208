import type { PodLifetimes } from '../events/pod-lifetimes.ts';
import type { AgeRange } from '../protocol/history.ts';
import { SUSPECT_RUN } from '../protocol/link-state.ts';
import { FLAG_NOT_YET, FLAG_SUSPECT, NONE16, unpack16 } from '../protocol/links.ts';
import type { MergedReport, Mesh, MeshSettings } from '../protocol/mesh.ts';
import { comparePods, type DiscoverySnapshot, listIntervalMs, type Pod } from '../protocol/pod.ts';
import { goneHashOf, lastGoneOf, type PodReport } from '../protocol/pod-report.ts';
import type { Clock } from '../runtime/clock.ts';
import type { TimeRange } from '../runtime/time-range.ts';
import { listToleranceMs } from './cluster-health.ts';
import type { FanOut } from './fan-out.ts';
import { keepersOf, PULL_MS } from './keeper.ts';
import { type Arrival, mergedReportOf, missingReport } from './merged-report.ts';
import { PodIndex } from './pod-index.ts';
import type { ReportQuery, ReportResult } from './report-query.ts';

/** What a collection needs of the other parts. */
export interface CollectDeps {
  clock: Clock;
  fanOut: FanOut;
  /** Whether a pod is on a passive node by our own settings: it is not asked. */
  isPassive(pod: Pod): boolean;
  /** Asks a pod for its report; never rejects. */
  queryReport(pod: Pod, query: ReportQuery): Promise<ReportResult>;
  /** 0 <= number < 1; decides which pod is asked first. */
  random(): number;
  /** Our own pod's uid; '' if unknown. Our own pod is not asked over the network. */
  selfUid(): string;
  snapshot(): DiscoverySnapshot;
  settings(): MeshSettings;
  /** Called after every report query, for the metrics. */
  onPeerCall(pod: Pod, durationUs: number, ok: boolean): void;
  /** The pods as they were, and those that are not among them as they were last known. */
  lifetimes: Pick<PodLifetimes, 'podsAt' | 'lastKnown' | 'remembersSinceMs' | 'gone' | 'learn'>;
}

/** What a collection of the mesh as it is now needs besides. */
export interface NowDeps extends CollectDeps {
  /** Our own report with statistics over `windowMs`; it is not asked for over the network. */
  ownReport(windowMs: number): Promise<PodReport>;
}

/** What a collection of the mesh as it was needs besides. */
export interface PastDeps extends CollectDeps {
  /** Our own report of a time range. */
  ownReportOf(range: AgeRange): Promise<PodReport>;
  /** The report of another pod from the copy that we keep; null if we keep none. */
  copiedReportOf(uid: string, range: AgeRange): Promise<PodReport | null>;
  /** Since when the Kubernetes API had been lost to this pod `ageMs` ago, ms since the epoch; null if it had not. */
  apiLostAt(ageMs: number): number | null;
}

/** What a collection is of: the mesh as it is now, or as it was. */
export interface CollectView {
  /** The pods and the state of discovery, as of the moment that the view is of. */
  snapshot: DiscoverySnapshot;
  index: PodIndex;
  /** Length of the window or the time range that statistics are over, ms; 0 = none. */
  windowMs: number;
  /** The pods that keep a copy of pod `uid`, as the reports merged so far say; the best one first. */
  keepersOf(uid: string): Pod[];
  /** The report of pod `uid` from our own copy of it; null if we keep none. */
  copiedReport(uid: string): Promise<PodReport | null>;
  /** A pod of the view with its present address; null if it has gone since, so that it can't be asked. */
  presentPod(pod: Pod): Pod | null;
  ownReport(): Promise<PodReport>;
  /** The time range of the past to ask a pod for at this moment; null = now. */
  range(): AgeRange | null;
  /** Fingerprint of the departed pods that a pod need not name, because we know them. '' = it need not name any. */
  goneHash(): string;
  /** Turns a pod report into a report of the mesh. */
  merge(report: PodReport, arrival: Arrival): MergedReport;
  /** `Mesh.past`, with what the reports merged so far say. */
  past(): Mesh['past'];
}

/** The mesh as it is now, with statistics over `windowMs`. */
export function viewOfNow(windowMs: number, deps: NowDeps): CollectView {
  const snapshot = withLearned(deps.snapshot(), deps.lifetimes.gone());
  const index = new PodIndex(snapshot.pods, deps.clock.nowMs(), listToleranceMs(deps.settings()));
  let hashed = { podCount: -1, hash: '' };
  return {
    snapshot,
    index,
    windowMs,
    keepersOf: () => [],
    copiedReport: async () => null,
    presentPod: (pod) => pod,
    ownReport: () => deps.ownReport(windowMs),
    range: () => null,
    goneHash: () => {
      // It is needed for each pod that is asked, and changes only when a pod is added.
      if (hashed.podCount !== index.pods.length) {
        const gone = lastGoneOf(index.pods);
        hashed = { podCount: index.pods.length, hash: gone.length === 0 ? '' : goneHashOf(gone) };
      }
      return hashed.hash;
    },
    merge: (report, arrival) => {
      // Departed pods travel with the reports, so that a pod that replaces them shows them too.
      for (const pod of report.gone ?? []) {
        if (index.ofUid(pod.uid) === -1 && deps.lifetimes.learn(pod)) index.add({ ...pod, lifecycle: 'gone' });
      }
      // The whole window must be covered, so this takes back the tolerance of `memoryGap`: 1 s is a third of a 3 s window.
      const windowFromMs = arrival.atMs - windowMs - CALL_MS;
      const sinceMs = Math.max(windowFromMs, remembersSinceMs(index.pods[arrival.pod], deps));
      // Both times are by the pod's own clock. A process remembers nothing from before it started.
      const missingDetail = memoryGap(report.atMs - report.bootTimeMs, arrival.atMs, sinceMs);
      return { ...mergedReportOf(report, arrival, index), missingDetail };
    },
    past: () => null,
  };
}

/** The pods of discovery, and those of `gone` that it does not know, in the usual order. */
function withLearned(snapshot: DiscoverySnapshot, gone: readonly Pod[]): DiscoverySnapshot {
  const known = new Set(snapshot.pods.map(({ uid }) => uid));
  const learned = gone.filter(({ uid }) => !known.has(uid));
  return learned.length === 0 ? snapshot : { ...snapshot, pods: [...snapshot.pods, ...learned].sort(comparePods) };
}

/** The most pods that are added because other pods name them. */
const MAX_ADDED = 1_000;
/**
 * A copy that ends longer before a moment says nothing about it: its keepers asked the pod again, and got no answer, as whoever
 * looked at the mesh then.
 */
const MAX_COPY_LAG_MS = 2 * PULL_MS;
/** Why the report of a past moment is missing if its process stood still. */
const STOOD_STILL = 'its process stood still, and answered no call';
/** The most that the duration of a call shifts times by. */
const CALL_MS = 1_000;

/**
 * The mesh as it was at the end of a time range, with statistics over all of it. Pods are asked by ages, so that no two
 * clocks need to agree, and ours may be corrected meanwhile. A pod that is gone, or whose memory begins later, has no report;
 * what others report about it stays. Pods that only others name (we did not run yet) are added as gone.
 *
 * `freshMs`: null if the whole range is asked for: pods that left in it are listed as gone, and links without a newer sample keep
 * their last state. Else only its end is: of a link that was last seen longer than `freshMs` before, the state is not known.
 */
export function viewOfPast(timeRange: TimeRange, deps: PastDeps, freshMs: number | null): CollectView {
  const { clock } = deps;
  const { fromMs, toMs } = timeRange;
  const clockOffsetMs = clock.nowMs() - clock.monotonicMs();
  const present = new Map(deps.snapshot().pods.map((pod) => [pod.uid, pod]));
  const snapshot = {
    pods: deps.lifetimes.podsAt(toMs, freshMs === null ? fromMs : toMs),
    status: statusAt(deps, toMs),
  };
  let added = 0;
  const index = new PodIndex(snapshot.pods, toMs, 0, ({ uid, name, namespace, podIP }) => {
    if (uid === '' || added >= MAX_ADDED) return null;
    added += 1;
    const known = deps.lifetimes.lastKnown(uid) ?? present.get(uid) ?? unknownPod(uid, name, namespace, podIP);
    return { ...known, lifecycle: 'gone' };
  });
  let resolutionMs = 0;
  /** The present pods that keep a copy, by the uid of the copied pod. */
  const keepers = new Map<string, Pod[]>();
  const range = (): AgeRange => {
    const nowMs = clock.monotonicMs() + clockOffsetMs;
    const toAgeMs = Math.max(0, Math.round(nowMs - toMs));
    return { fromAgeMs: Math.max(toAgeMs + 1, Math.round(nowMs - fromMs)), toAgeMs };
  };
  return {
    snapshot,
    index,
    windowMs: toMs - fromMs,
    keepersOf: (uid) => {
      const known = keepers.get(uid) ?? [];
      return keepersOf(uid, known, known.length);
    },
    copiedReport: (uid) => deps.copiedReportOf(uid, range()),
    presentPod: ({ uid }) => {
      const pod = present.get(uid);
      return pod === undefined || pod.lifecycle === 'gone' ? null : pod;
    },
    ownReport: () => deps.ownReportOf(range()),
    range,
    goneHash: () => '',
    merge: (report, arrival) => {
      const pod = present.get(index.pods[arrival.pod]?.uid ?? '');
      for (const uid of report.past?.copies ?? [])
        if (pod !== undefined) keepers.set(uid, [...(keepers.get(uid) ?? []), pod]);
      const untilAgeMs = report.past?.untilAgeMs ?? 0;
      const reason =
        whyNoHistory(report, arrival.atMs) ||
        (freshMs === null ? '' : endOfCopy(untilAgeMs, arrival.atMs, toMs - MAX_COPY_LAG_MS));
      if (reason !== '') return missingReport(arrival, 'no-history', reason);
      // Live it was missing. Its last samples are older than whatever others saw of it then.
      if (freshMs !== null && report.past?.stoodStill === true) return missingReport(arrival, 'timeout', STOOD_STILL);
      resolutionMs = Math.max(resolutionMs, report.past?.resolutionMs ?? 0);
      const oldestMs = arrival.atMs - deps.settings().historyWindowMs + CALL_MS;
      const sinceMs = Math.max(fromMs, remembersSinceMs(index.pods[arrival.pod], deps), oldestMs);
      const missingDetail =
        memoryGap(report.past?.knownAgeMs ?? 0, arrival.atMs, sinceMs) ||
        endOfCopy(untilAgeMs, arrival.atMs, toMs - listIntervalMs(deps.settings().refreshIntervalMs));
      // Lists of pods of the past are not compared, and ages count from the end of the time range.
      const merged = mergedReportOf(report, { ...arrival, atMs: toMs }, index);
      if (freshMs !== null) forgetOldStates(merged, freshMs);
      return { ...merged, samePeers: true, missingDetail };
    },
    past: () => ({ fromMs, toMs, resolutionMs }),
  };
}

/** Marks the links as not pinged that were last seen more than `freshMs` before; doubted samples count for nothing meanwhile. */
function forgetOldStates({ links }: MergedReport, freshMs: number): void {
  for (let i = 0; i < links.length; i++) {
    const flags = links.flags[i] ?? 0;
    const limitMs = (flags & FLAG_SUSPECT) === 0 ? freshMs : SUSPECT_RUN * freshMs;
    if (unpack16(links.ageMs[i] ?? NONE16) > limitMs) links.flags[i] = flags | FLAG_NOT_YET;
  }
}

function remembersSinceMs(pod: Pod | undefined, { lifetimes }: CollectDeps): number {
  return pod === undefined ? Number.POSITIVE_INFINITY : lifetimes.remembersSinceMs(pod);
}

/** Says when a report's memory begins, if that is later than `sinceMs`, from when on it could remember; else ''. */
function memoryGap(knownAgeMs: number, atMs: number, sinceMs: number): string {
  const knownMs = atMs - knownAgeMs;
  if (knownAgeMs < 0 || knownMs <= sinceMs + CALL_MS) return '';
  return `its memory begins at ${new Date(Math.round(knownMs)).toISOString()}`;
}

/** Says when a copy ends, if that is before `untilMs`; else ''. */
function endOfCopy(untilAgeMs: number, atMs: number, untilMs: number): string {
  const endMs = atMs - untilAgeMs;
  if (untilAgeMs === 0 || endMs >= untilMs - CALL_MS) return '';
  return `its pod is gone, and the copy of its memory ends at ${new Date(Math.round(endMs)).toISOString()}`;
}

/** Why a report says nothing about the time range that was asked for; '' if it does. */
function whyNoHistory({ past, links }: PodReport, atMs: number): string {
  if (past === null) return 'it keeps no history: it runs an older version';
  if (links.length > 0 || past.knownAgeMs >= past.fromAgeMs) return '';
  return memoryGap(past.knownAgeMs, atMs, Number.NEGATIVE_INFINITY);
}

/** The state of discovery at a moment: its present state if that has lasted since before, else what the journal says. */
function statusAt({ snapshot, clock, apiLostAt }: PastDeps, atMs: number): DiscoverySnapshot['status'] {
  const { status } = snapshot();
  if (status.phase !== 'synced' && status.sinceMs <= atMs) return status;
  const lostMs = apiLostAt(Math.max(0, clock.nowMs() - atMs));
  const then = { ...status, attempts: 0, nextAttemptMs: 0, lastError: null };
  if (lostMs !== null) return { ...then, phase: 'stale', sinceMs: lostMs, lastGoodMs: lostMs };
  return { ...then, phase: 'synced', sinceMs: status.phase === 'synced' ? status.sinceMs : 0 };
}

/** A pod of which only its name and address are known. */
function unknownPod(uid: string, name: string, namespace: string, podIP: string): Pod {
  return {
    uid,
    name,
    namespace,
    node: '',
    zone: '',
    cordon: '',
    podIPs: podIP === '' ? [] : [podIP],
    hostIPs: [],
    lifecycle: 'gone',
    sinceMs: 0,
    createdMs: 0,
    owner: '',
    labels: '',
    reason: '',
    goneByMs: 0,
    replacedBy: '',
  };
}
