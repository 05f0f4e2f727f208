import type { PodLifetimes } from '../events/pod-lifetimes.ts';
import {
  compareCauses,
  type EventKind,
  type EventPod,
  eventPodOf,
  type Journal,
  type JournalEntry,
  MAX_EVENT_PODS,
  type MeshEvent,
} from '../protocol/event.ts';
import { starvedTimesDuring } from '../protocol/link-state.ts';
import { comparePods } from '../protocol/pod.ts';
import type { BroadcastResult, PodAnswer } from './broadcast.ts';

/** Observations within this time of the first one are of the same event, ms: see `windowsOf` in mesh-events.ts. */
export interface MergeWindows {
  linkMs: number;
  probeMs: number;
  apiMs: number;
  /** PING_TIMEOUT: a ping that timed out began this long before the timeout was observed. */
  pingTimeoutMs: number;
  /**
   * A second observation of a link by the same pod within this time is about the other IP family, which is pinged at its own
   * time of the round. One link cannot fail, recover and fail again in less than two REFRESH_INTERVALs.
   */
  sameLinkMs: number;
}

/** Pods notice a change of readiness within this time of each other, if the API does not say when it was. */
const READINESS_MS = 5000;
/** Events that a pod has once in its lifetime: however many pods observe them, and whenever, they are one event. */
const ONCE_PER_POD: ReadonlySet<EventKind> = new Set(['pod-seen', 'pod-terminating', 'pod-gone', 'pod-replaced']);

interface Observation {
  /** The same on every pod: the id of the journal and the number of the entry. */
  id: string;
  /** When the reporter noticed it, ms since the epoch by our clock. */
  atMs: number;
  /** The pod that observed it, and its uid. null and '' = ourselves, while we do not know which pod we are. */
  reporter: EventPod | null;
  uid: string;
  entry: JournalEntry;
}

/**
 * Merges the journals of all pods into events, oldest first, in three steps:
 * 1. Entries (observations) of one kind about one pod or target form a group: `groupOf`, `joinDatedGroups`.
 * 2. Observations of a group at about the same time become one event: `eventsOf`.
 * 3. Timeouts and losses that a shortage of CPU explains are marked: `explanationOf`.
 * The result does not depend on the order of the journals, nor on which pod merges them. Yields after each journal and each event,
 * and after each observation that may join another group.
 */
export function* mergeJournals(
  { parts, atMs: askedMs }: Pick<BroadcastResult<Journal>, 'parts' | 'atMs'>,
  windows: MergeWindows,
  lifetimes: Pick<PodLifetimes, 'lastKnown'>,
): Generator<void, MeshEvent[]> {
  const groups = new Map<string, Observation[]>();
  const known: Known = { windows, askedMs, journals: new Map(), recoveriesMs: new Map() };
  for (const part of parts) {
    const { pod, value, atMs } = part;
    const reporter = pod === null ? null : eventPodOf(pod);
    const uid = reporter?.uid ?? '';
    addTo(known.journals, uid, part);
    for (const journalEntry of value.events) {
      const entry = { ...journalEntry, pod: subjectOf(journalEntry, reporter, lifetimes) };
      const noticedMs = Math.min(askedMs, atMs - Math.max(0, entry.ageMs));
      const observation = { id: `${value.id}-${entry.seq}`, atMs: noticedMs, uid, reporter, entry };
      if (entry.kind.endsWith('-recovered')) addTo(known.recoveriesMs, faultOf(observation), noticedMs);
      addTo(groups, groupOf(observation), observation);
    }
    yield;
  }
  yield* joinDatedGroups(groups);
  // By id: a hostile journal may give two entries one number, and pages need ids that differ.
  const events = new Map<string, MeshEvent>();
  for (const [group, observations] of groups) {
    for (const event of eventsOf(group, observations, known)) {
      events.set(event.id, { ...event, atMs: Math.min(event.atMs, Math.round(askedMs)) });
      yield;
    }
  }
  return [...events.values()].sort((a, b) => a.atMs - b.atMs || compareCauses(a, b));
}

function addTo<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

/** What explains observations of bad links. */
interface Known {
  windows: MergeWindows;
  askedMs: number;
  /** By uid of the pod: the journals of its processes, which say when they were starved. */
  journals: Map<string, PodAnswer<Journal>[]>;
  /** By reporter and link or target (`faultOf`): when it recovered, ms since the epoch, in no order. */
  recoveriesMs: Map<string, number[]>;
}

/**
 * Which pod was starved in each of the observations of one event, so that it explains the timeout or the loss, by the rule for
 * links (protocol/link-state.ts); null if one of them is not explained.
 */
function explanationOf(observations: readonly Observation[], known: Known): MeshEvent['starved'] | null {
  const starved = observations.map((observation) => starvedIn(observation, known));
  if (starved.includes(null)) return null;
  return starved.includes('destination') ? 'destination' : 'source';
}

function starvedIn(observation: Observation, known: Known): NonNullable<MeshEvent['starved']> | null {
  const { windows, askedMs, journals, recoveriesMs } = known;
  const { uid, atMs, entry } = observation;
  const { kind, outcome, phase, pod } = entry;
  const isLossy = kind === 'link-lossy';
  const isTimeout = outcome === 'timeout' && (kind === 'link-failed' || kind === 'probe-failed');
  if (!isLossy && !isTimeout) return null;
  const measured = { fromMs: atMs - (isTimeout ? windows.pingTimeoutMs : 0), toMs: atMs };
  // A failure ends at most one round after the shortage that caused it, so an earlier end of a shortage does not explain it. Loss has
  // no such limit: it is judged over many rounds.
  const recoveries = recoveriesMs.get(faultOf(observation)) ?? [];
  const failureEndMs = Math.min(askedMs, ...recoveries.filter((recoveredMs) => recoveredMs >= atMs));
  const earliestEndMs = isLossy ? 0 : failureEndMs - windowOf(kind, windows);
  const timesOf = (suspected: string, what: 'starved' | 'stoodStill') =>
    (journals.get(suspected) ?? []).flatMap((journal) =>
      starvedTimesDuring(journal.value[what] ?? [], journal.atMs, measured),
    );
  const explains = (suspected: string) => timesOf(suspected, 'starved').some(({ toMs }) => toMs >= earliestEndMs);
  // A probe leads to no pod. A timeout in connect is not by the shortage of the destination: see `isDoubtedByDestination`. A pod that
  // stood still did not report either: nobody knew that it was starved, and it did fail.
  const mayBeDestination = pod !== null && phase !== 'connect' && timesOf(pod.uid, 'stoodStill').length === 0;
  if (mayBeDestination && explains(pod.uid)) return 'destination';
  return explains(uid) ? 'source' : null;
}

/** What an observation is about, and who reports it: the same for a failure and for its recovery. `detail` of a probe is its target. */
function faultOf({ uid, entry: { kind, pod, detail } }: Observation): string {
  return kind.startsWith('probe-') ? `probe ${uid} ${detail}` : `${kind.split('-')[0]} ${uid} ${pod?.uid}`;
}

/** The pod that an entry is about, by the name that we know; of starvation that is the reporter. */
function subjectOf(
  { kind, pod }: JournalEntry,
  reporter: EventPod | null,
  lifetimes: Pick<PodLifetimes, 'lastKnown'>,
): EventPod | null {
  if (kind.startsWith('cpu-')) return reporter;
  return pod === null ? null : eventPodOf(lifetimes.lastKnown(pod.uid) ?? pod);
}

/** The key of the group of an observation. Observations of different groups are never of the same event. */
function groupOf({ entry, uid, id }: Observation): string {
  const { kind, apiTimeMs, detail } = entry;
  // Each entry is a group of its own.
  if (kind.startsWith('cpu-')) return `${kind}/${uid}/${id}`;
  if (kind.startsWith('probe-')) return `${kind}/${detail}`;
  const subject = subjectKeyOf(entry);
  return isDatable(kind) && apiTimeMs !== 0 ? `${subject}/${secondOf(entry)}` : subject;
}

/** The second of the API's time: all pods agree on it. */
function secondOf({ apiTimeMs }: JournalEntry): number {
  return Math.floor(apiTimeMs / 1000);
}

function subjectKeyOf({ kind, pod }: JournalEntry): string {
  return `${kind}/${pod?.uid ?? ''}`;
}

/** Whether an event of this kind has one group for each time of the API, because a pod may have several such events. */
function isDatable(kind: EventKind): boolean {
  return kind.startsWith('pod-') && !ONCE_PER_POD.has(kind);
}

/** The observations of a change of readiness that the API dated. */
interface DatedGroup {
  second: number;
  /** When they were noticed: the median. */
  atMs: number;
  uids: Set<string>;
  observations: Observation[];
}

/**
 * Moves observations of a change of readiness that have no time of the API to the group of the same change that has one: the nearest
 * one, if it is within READINESS_MS and does not have their reporter yet. A pod whose clock is behind takes no time of the API that
 * lies in its future.
 */
function* joinDatedGroups(groups: Map<string, Observation[]>): Generator<void, void> {
  const datedOf = new Map<string, DatedGroup[]>();
  for (const observations of groups.values()) {
    const [{ entry }] = observations as [Observation];
    if (!isDatable(entry.kind) || entry.apiTimeMs === 0) continue;
    const atMs = median(observations.map((observation) => observation.atMs));
    const uids = new Set(observations.map(({ uid }) => uid));
    addTo(datedOf, subjectKeyOf(entry), { atMs, second: secondOf(entry), uids, observations });
    yield;
  }
  for (const [subject, dated] of datedOf) {
    // Of two that are as near the first is taken.
    dated.sort((a, b) => a.atMs - b.atMs || a.second - b.second);
    const left: Observation[] = [];
    for (const observation of (groups.get(subject) ?? []).sort(byTime)) {
      const distanceMs = ({ atMs }: DatedGroup) => Math.abs(atMs - observation.atMs);
      const nearest = dated.reduce((a, b) => (distanceMs(b) < distanceMs(a) ? b : a));
      if (distanceMs(nearest) > READINESS_MS || nearest.uids.has(observation.uid)) left.push(observation);
      else {
        nearest.observations.push(observation);
        nearest.uids.add(observation.uid);
      }
      yield;
    }
    groups.set(subject, left);
  }
}

/** Compares observations by time. The result does not depend on the order of the journals. */
function byTime(a: Observation, b: Observation): number {
  return a.atMs - b.atMs || (a.id < b.id ? -1 : 1);
}

function windowOf(kind: EventKind, { linkMs, probeMs, apiMs }: MergeWindows): number {
  if (kind.startsWith('api-')) return apiMs;
  return kind.startsWith('probe-') ? probeMs : linkMs;
}

/** Observations of one event, in order of time, and when each reporter first observed it, by uid. */
interface ObservedEvent {
  observations: [Observation, ...Observation[]];
  firstMs: Map<string, number>;
}

/** The events of one group. A generator, because a pod that flaps has hundreds of events, each with a thousand reporters. */
function* eventsOf(group: string, observations: readonly Observation[], known: Known): Generator<MeshEvent, void> {
  const { windows } = known;
  const sorted = [...observations].sort(byTime);
  const [first] = sorted;
  if (first === undefined) return;
  const { kind } = first.entry;
  const isPod = kind.startsWith('pod-');
  const isDated = sorted.some(({ entry }) => entry.apiTimeMs !== 0);
  if (ONCE_PER_POD.has(kind) || (isPod && isDated)) {
    yield eventOf(first, sorted, group);
    return;
  }
  // A pod notices an event once; a fault of a link once per IP family, within this time.
  const sameMs = kind.startsWith('link-') ? windows.sameLinkMs : 0;
  const windowMs = isPod ? READINESS_MS : windowOf(kind, windows);
  const events: ObservedEvent[] = [];
  let open: ObservedEvent[] = [];
  for (const observation of sorted) {
    const { atMs, uid } = observation;
    // No later observation can be of an event this old. Without this line a pod that flaps would cost quadratic time.
    open = open.filter(({ observations: [earliest] }) => atMs - earliest.atMs <= windowMs);
    const event = open.find(({ firstMs }) => atMs - (firstMs.get(uid) ?? atMs) <= sameMs);
    if (event === undefined) {
      const begun: ObservedEvent = { observations: [observation], firstMs: new Map([[uid, atMs]]) };
      events.push(begun);
      open.push(begun);
      continue;
    }
    event.observations.push(observation);
    if (!event.firstMs.has(uid)) event.firstMs.set(uid, atMs);
  }
  for (const { observations: all } of events) {
    const starved = explanationOf(all, known);
    yield { ...eventOf(all[0], all, `${kind}/${all.map(({ id }) => id).sort()[0]}`), ...(starved && { starved }) };
  }
}

/** All observations of one event as that event; `first` is the earliest of them. */
function eventOf(first: Observation, observations: readonly Observation[], id: string): MeshEvent {
  const byId = [...observations].sort((a, b) => (a.id < b.id ? -1 : 1));
  const reporters = new Map(byId.map(({ uid, reporter }) => [uid, reporter]));
  const apiTimesMs = new Map<string, number>();
  for (const { uid, entry } of observations) {
    const { apiTimeMs } = entry;
    if (apiTimeMs > 0) apiTimesMs.set(uid, Math.min(apiTimeMs, apiTimesMs.get(uid) ?? apiTimeMs));
  }
  const { outcome, phase, detail } = mostCommon(first, byId).entry;
  // The earliest time that the API gave; of three or more the second, so that no reporter alone sets the time for all.
  const atMs = [...apiTimesMs.values()].sort((a, b) => a - b)[apiTimesMs.size >= 3 ? 1 : 0] ?? first.atMs;
  const known = [...reporters.values()].filter((pod) => pod !== null).sort(comparePods);
  return {
    id: id.slice(0, 200),
    atMs: Math.round(atMs),
    kind: first.entry.kind,
    pod: first.entry.pod,
    from: known.slice(0, MAX_EVENT_PODS),
    fromCount: reporters.size,
    outcome,
    phase,
    totalUs: median(observations.map(({ entry }) => entry.totalUs).filter((totalUs) => totalUs >= 0)),
    detail,
  };
}

/** The first observation with the most frequent outcome and phase; if several are as frequent, with the one that got so frequent first. */
function mostCommon(first: Observation, observations: readonly Observation[]): Observation {
  const counts = new Map<string, { count: number; observation: Observation }>();
  let most = { count: 0, observation: first };
  for (const observation of observations) {
    const key = `${observation.entry.outcome} ${observation.entry.phase}`;
    const found = counts.get(key) ?? { count: 0, observation };
    found.count += 1;
    counts.set(key, found);
    if (found.count > most.count) most = { ...found };
  }
  return most.observation;
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[(values.length - 1) >> 1] ?? -1;
}
