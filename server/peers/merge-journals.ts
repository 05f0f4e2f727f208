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
import { comparePods } from '../protocol/pod.ts';
import type { BroadcastResult } from './broadcast.ts';

/** Observations within this time of the first one are of the same event, ms: see `windowsOf` in mesh-events.ts. */
export interface MergeWindows {
  linkMs: number;
  probeMs: number;
  apiMs: number;
  /**
   * A second observation of a link by the same pod within this time is about the other IP family, which is pinged at its own
   * time of the round. One link cannot fail, recover and fail again in less than two intervals.
   */
  sameLinkMs: number;
}

/** Pods notice a change of readiness within this time of each other, if the API does not say when it was. */
const READINESS_MS = 5000;
/**
 * The event `cpu-starved` comes up to this long after the starvation has begun: a pod looks once a second, and waits for five bad
 * seconds (UNRELIABLE_ABOVE in probing/starvation.ts).
 */
const STARVED_LATE_MS = 6_000;
/** The most earlier timeouts and losses of links into a pod that are remembered, in case it turns out that it was starved. */
const MAX_RECENT = 20;

/**
 * Events that a pod has once in its lifetime: however many pods observe them, and whenever, they are one event. A pod whose label is
 * removed twice leaves twice, and only the first time is an event. Each return is an event of its own, `pod-ready`.
 */
const ONCE_PER_POD: ReadonlySet<EventKind> = new Set(['pod-seen', 'pod-terminating', 'pod-gone', 'pod-replaced']);

/** An entry of one pod's journal, in our time. */
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
 * 1. Entries (observations) of one kind about one pod or target form a group: `groupOf`.
 * 2. Observations of a group at about the same time become one event: `eventsOf`.
 * 3. Timeouts into pods that were starved of CPU are marked: `starvedFaults`.
 * The result does not depend on the order of the journals, nor on which pod merges them. Yields after each journal and each event,
 * because a large mesh has thousands of entries when many links fail at once.
 */
export function* mergeJournals(
  { parts, atMs: askedMs }: Pick<BroadcastResult<Journal>, 'parts' | 'atMs'>,
  windows: MergeWindows,
  lifetimes: Pick<PodLifetimes, 'lastKnown'>,
): Generator<void, MeshEvent[]> {
  const groups = new Map<string, Observation[]>();
  for (const { pod, value, atMs } of parts) {
    const reporter = pod === null ? null : eventPodOf(pod);
    for (const journalEntry of value.events) {
      const entry = { ...journalEntry, pod: subjectOf(journalEntry, reporter, lifetimes) };
      const noticedMs = Math.min(askedMs, atMs - Math.max(0, entry.ageMs));
      const observation = {
        id: `${value.id}-${entry.seq}`,
        atMs: noticedMs,
        uid: reporter?.uid ?? '',
        reporter,
        entry,
      };
      const key = groupOf(observation);
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [observation]);
      else group.push(observation);
    }
    yield;
  }
  const events = new Map<string, MeshEvent>();
  for (const [group, observations] of groups) {
    for (const event of eventsOf(group, observations, windows)) {
      events.set(event.id, { ...event, atMs: Math.min(event.atMs, Math.round(askedMs)) });
      yield;
    }
  }
  const sorted = [...events.values()].sort((a, b) => a.atMs - b.atMs || compareCauses(a, b));
  const explained = starvedFaults(sorted);
  yield;
  return sorted.map((event) => (explained.has(event.id) ? { ...event, starved: true } : event));
}

/**
 * The ids of events: timeouts into pods that were starved, and losses of datagrams on links into them, so that events and
 * findings blame the same. As in findings, a timeout in connect has another cause: see `isDoubtedByDestination`. `events`:
 * oldest first.
 */
function starvedFaults(events: readonly MeshEvent[]): Set<string> {
  const explained = new Set<string>();
  const starved = new Set<string>();
  const recent = new Map<string, MeshEvent[]>();
  for (const event of events) {
    const { id, atMs, kind, outcome, phase, pod } = event;
    const uid = pod?.uid ?? '';
    if (kind === 'cpu-recovered') starved.delete(uid);
    else if (kind === 'cpu-starved') {
      starved.add(uid);
      for (const before of recent.get(uid) ?? []) if (atMs - before.atMs <= STARVED_LATE_MS) explained.add(before.id);
      recent.delete(uid);
    } else if (kind === 'link-lossy' || (kind === 'link-failed' && outcome === 'timeout' && phase !== 'connect')) {
      if (starved.has(uid)) explained.add(id);
      else recent.set(uid, [...(recent.get(uid) ?? []).slice(1 - MAX_RECENT), event]);
    }
  }
  return explained;
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
  const { kind, pod, apiTimeMs, detail } = entry;
  // Each entry is a group of its own.
  if (kind.startsWith('cpu-')) return `${kind}/${uid}/${id}`;
  if (kind.startsWith('probe-')) return `${kind}/${detail}`;
  const subject = `${kind}/${pod?.uid ?? ''}`;
  // Dated by the API, so that all pods agree on the second.
  const isDated = kind.startsWith('pod-') && !ONCE_PER_POD.has(kind) && apiTimeMs !== 0;
  return isDated ? `${subject}/${Math.floor(apiTimeMs / 1000)}` : subject;
}

/** The events of one group. A generator, because a pod that flaps has hundreds of events, each with a thousand reporters. */
function* eventsOf(
  group: string,
  observations: readonly Observation[],
  windows: MergeWindows,
): Generator<MeshEvent, void> {
  const sorted = [...observations].sort((a, b) => a.atMs - b.atMs || (a.id < b.id ? -1 : 1));
  const [first] = sorted;
  if (first === undefined) return;
  const { kind, apiTimeMs } = first.entry;
  const isPod = kind.startsWith('pod-');
  if (ONCE_PER_POD.has(kind) || (isPod && apiTimeMs !== 0)) {
    yield eventOf(first, sorted, group);
    return;
  }
  // A pod sees an event once, or once per IP family.
  const sameMs = kind.startsWith('link-') ? windows.sameLinkMs : 0;
  const windowMs = isPod ? READINESS_MS : windowOf(kind, windows);
  const events: ObservedEvent[] = [];
  let open: ObservedEvent[] = [];
  for (const observation of sorted) {
    const { atMs, uid } = observation;
    // No later observation can be of an event this old. Without this line a pod that flaps would cost quadratic time.
    open = open.filter(({ observations: [earliest] }) => atMs - earliest.atMs <= windowMs);
    let event = open.find(({ firstMs }) => atMs - (firstMs.get(uid) ?? atMs) <= sameMs);
    if (event === undefined) {
      event = { observations: [observation], firstMs: new Map() };
      events.push(event);
      open.push(event);
    } else {
      event.observations.push(observation);
    }
    if (!event.firstMs.has(uid)) event.firstMs.set(uid, atMs);
  }
  for (const { observations: all } of events) {
    yield eventOf(all[0], all, `${kind}/${all.map(({ id }) => id).sort()[0]}`);
  }
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

/** The first observation with the most frequent outcome and phase; of several, that which reached the count first. */
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

/** The median; -1 without any value. */
function median(values: number[]): number {
  return values.sort((a, b) => a - b)[(values.length - 1) >> 1] ?? -1;
}
