import {
  type EventKind,
  type EventPod,
  type Events,
  type Journal,
  type JournalEntry,
  MAX_EVENT_PODS,
  MAX_EVENTS,
  type MeshEvent,
  type MissingPart,
  parsingJournal,
} from '../protocol/event.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import { runSliced, SerialQueue, TimeSlice } from '../runtime/concurrency.ts';
import type { Broadcast, BroadcastResult, PodAnswer } from './broadcast.ts';

/** What events are merged by. */
interface EventsSettings {
  refreshIntervalMs: number;
  jitterFactor: number;
  pingTimeoutMs: number;
  /** The furthest back that can be asked for (HISTORY_WINDOW). */
  historyWindowMs: number;
}

/** What merging needs of the other parts. */
interface EventsDeps {
  clock: Clock;
  askAll: Broadcast;
  /** Our own journal; its `limit` newest entries. */
  ownJournal(sinceAgeMs: number, limit: number): Journal;
  /** A pod as we know it ourselves, so that its name is not others' to tell; null if we do not. */
  podOf(uid: string): EventPod | null;
  /** How many pods are asked. */
  podCount(): number;
}

/** A time range of time, ms since the epoch by our clock, and the most events of it that are wanted. */
interface EventsQuery {
  fromMs: number;
  toMs: number;
  limit: number;
}

/** Merges the journals of all pods. */
export interface EventsReader {
  /** What happened in a time range. Rejects as `AskAll.ask`. */
  events(query: EventsQuery): Promise<Events>;
  /** Lets go of what is kept for those who ask next. */
  stop(): void;
}

/** An answer is kept this long. */
const KEEP_MS = 1000;
const MAX_JOURNAL_BYTES = 1024 * 1024;
/** Entries of all other pods together: sorting more would hold up our own pings. */
const MAX_ENTRIES = 5000;
const MIN_ENTRIES = 10;
/** Journals are asked for 1, 2, 4 ... minutes, so that almost all who ask at once ask the same. */
const SHORTEST_MS = 60_000;
/** A pod whose journal begins this much later than the pod itself has lost what was before. */
const START_MS = 30_000;
/** So much later than about a REFRESH_INTERVAL a ping may end on a busy machine. */
const SLACK_MS = 1000;

/** Makes the one who merges journals. The same journals are merged once for all who ask while they are kept. */
export function createEventsReader(settings: EventsSettings, deps: EventsDeps): EventsReader {
  const { clock } = deps;
  const intervalMs = settings.refreshIntervalMs * (1 + settings.jitterFactor) + settings.pingTimeoutMs;
  const spans: Spans = { eachTurnMs: intervalMs + SLACK_MS, sameTurnMs: settings.refreshIntervalMs / 2 };
  let merged: { parts: BroadcastResult<Journal>; events: Promise<MeshEvent[]>; expiry: Timer } | null = null;
  // Several at once would each have a turn of their own between two of our pings.
  const reading = new SerialQueue();
  let isStopped = false;
  const forget = () => {
    merged?.expiry.cancel();
    merged = null;
  };
  const mergedOf = (parts: BroadcastResult<Journal>): Promise<MeshEvent[]> => {
    if (merged?.parts === parts) return merged.events;
    forget();
    const events = mergeJournals(parts, spans, deps);
    // Thousands of tellings: not to be held until somebody asks again.
    if (!isStopped) merged = { parts, events, expiry: clock.setTimer(forget, KEEP_MS) };
    return events;
  };

  return {
    stop: () => {
      isStopped = true;
      forget();
    },
    events: async ({ fromMs, toMs, limit }) => {
      const sinceAgeMs = stretchOf(clock.nowMs() - fromMs + spans.eachTurnMs, settings.historyWindowMs);
      const each = Math.max(MIN_ENTRIES, Math.floor(MAX_ENTRIES / Math.max(1, deps.podCount())));
      const asked = Math.min(each, MAX_EVENTS);
      const parts = await deps.askAll.ask<Journal>({
        path: `/api/v1/journal?sinceAge=${sinceAgeMs}&limit=${asked}`,
        parse: (wire) => reading.run(() => runSliced(parsingJournal(wire), clock)),
        own: () => deps.ownJournal(sinceAgeMs, MAX_EVENTS),
        keepMs: KEEP_MS,
        maxBytes: MAX_JOURNAL_BYTES,
      });
      const within = (await mergedOf(parts)).filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
      const events = newestOf(within, limit);
      const isCut = parts.parts.some(({ value }) => value.truncated) || events.length < within.length;
      const missing = [...parts.missing, ...shortJournals(parts.parts, fromMs)];
      return { fromMs, toMs, nowMs: clock.nowMs(), truncated: isCut, missing, events };
    },
  };
}

/** The journals of all pods as one, oldest first. In turns: a storm in a large mesh has thousands of entries. */
export async function mergeJournals(
  { parts, atMs: askedMs }: Pick<BroadcastResult<Journal>, 'parts' | 'atMs'>,
  spans: Spans,
  deps: { clock: Clock; podOf(uid: string): EventPod | null },
): Promise<MeshEvent[]> {
  const turns = new TimeSlice(deps.clock);
  const groups = new Map<string, Telling[]>();
  for (const { pod, value, atMs } of parts) {
    const reporter = pod === null ? null : named(pod);
    for (const told of value.events) {
      const id = `${value.id}-${told.seq}`;
      const entry = { ...told, pod: subjectOf(told, reporter, deps) };
      const telling = { id, atMs: Math.min(askedMs, atMs - Math.max(0, told.ageMs)), reporter, entry };
      const group = groupOf(telling);
      const tellings = groups.get(group);
      if (tellings === undefined) groups.set(group, [telling]);
      else tellings.push(telling);
    }
    if (turns.isOver()) await turns.next();
  }
  const events = new Map<string, MeshEvent>();
  for (const [group, tellings] of groups) {
    for (const event of eventsOf(group, tellings, spans)) {
      events.set(event.id, { ...event, atMs: Math.min(event.atMs, Math.round(askedMs)) });
      if (turns.isOver()) await turns.next();
    }
  }
  return [...events.values()].sort((a, b) => a.atMs - b.atMs || (a.id < b.id ? -1 : 1));
}

/** Which pod an entry is about, as we name it ourselves where we know it; a report is its reporter's. */
function subjectOf(
  { kind, pod }: JournalEntry,
  reporter: EventPod | null,
  deps: { podOf(uid: string): EventPod | null },
): EventPod | null {
  if (kind.startsWith('cpu-')) return reporter;
  return pod === null ? null : named(deps.podOf(pod.uid) ?? pod);
}

/** What an event says of a pod, and no more. */
function named({ uid, name, namespace, node }: EventPod): EventPod {
  return { uid, name, namespace, node };
}

/** The newest `limit`; where there are more, events of links leave half of the room to the others. */
function newestOf(events: MeshEvent[], limit: number): MeshEvent[] {
  if (events.length <= limit) return events;
  const isLink = ({ kind }: MeshEvent) => kind.startsWith('link-');
  const others = events.filter((event) => !isLink(event));
  const links = events.length - others.length;
  const keptOthers = Math.min(others.length, Math.max(Math.ceil(limit / 2), limit - links));
  let [dropOthers, dropLinks] = [others.length - keptOthers, links - (limit - keptOthers)];
  return events.filter((event) => (isLink(event) ? dropLinks-- : dropOthers--) <= 0);
}

/** Pods that have started again since `fromMs`: what they saw before is lost. */
function shortJournals(parts: readonly PodAnswer<Journal>[], fromMs: number): MissingPart[] {
  return parts.flatMap(({ pod, value, atMs }) => {
    if (pod === null) return [];
    const beganMs = atMs - value.knownAgeMs;
    if (beganMs - Math.max(fromMs, pod.createdMs) < START_MS) return [];
    const agoS = Math.round(value.knownAgeMs / 1000);
    return [{ name: pod.name, reason: 'no-history', detail: `it knows the last ${agoS} s only: it has started again` }];
  });
}

/** The shortest of the usual time ranges that covers `ageMs`. */
function stretchOf(ageMs: number, longestMs: number): number {
  let stretchMs = SHORTEST_MS;
  while (stretchMs < ageMs && stretchMs < longestMs) stretchMs *= 2;
  return Math.min(stretchMs, longestMs);
}

/** One entry of one pod's journal, in our time. */
interface Telling {
  /** The same whoever asks: the journal's own name and number of the entry. */
  id: string;
  atMs: number;
  /** Who tells it; null = we ourselves, while we do not know which pod we are. */
  reporter: EventPod | null;
  entry: JournalEntry;
}

/** How long after the first telling another one is of the same event. */
interface Spans {
  /** Of links, probes and the API, which each pod notices at its own next turn: about a REFRESH_INTERVAL. */
  eachTurnMs: number;
  /** A second telling by the same pod within this time is of the link's other IP family. */
  sameTurnMs: number;
}

/** What happens to a pod once in its life is one event however many tell it. */
const ONCE: ReadonlySet<EventKind> = new Set(['pod-seen', 'pod-terminating', 'pod-gone', 'pod-replaced']);
/** Pods notice the same change of readiness within this time where the API does not tell its time. */
const READINESS_MS = 5000;

/** What tellings of one event have in common. */
function groupOf({ entry, reporter, id }: Telling): string {
  const { kind, pod, toldMs, detail } = entry;
  if (ONCE.has(kind)) return `${kind}/${pod?.uid ?? ''}`;
  if (kind.startsWith('pod-')) return `${kind}/${pod?.uid ?? ''}${toldMs === 0 ? '' : `/${Math.floor(toldMs / 1000)}`}`;
  if (kind.startsWith('cpu-')) return `${kind}/${reporter?.uid ?? ''}/${id}`;
  if (kind.startsWith('probe-')) return `${kind}/${detail}`;
  return `${kind}/${pod?.uid ?? ''}`;
}

/**
 * The events of one group: which tellings are of the same. Whatever order they come in, the outcome is the same. One
 * after another, so that there may be a turn of others between: of a pod that flaps a thousand others tell.
 */
function* eventsOf(group: string, tellings: readonly Telling[], spans: Spans): Generator<MeshEvent, void> {
  const sorted = [...tellings].sort((a, b) => a.atMs - b.atMs || (a.id < b.id ? -1 : 1));
  const [first] = sorted;
  if (first === undefined) return;
  const { kind, toldMs } = first.entry;
  const isPod = kind.startsWith('pod-');
  if (ONCE.has(kind) || (isPod && toldMs !== 0)) {
    yield oneEvent(first, sorted, group);
    return;
  }
  const spanMs = isPod ? READINESS_MS : spans.eachTurnMs;
  const gatherings: Gathering[] = [];
  // Those before it are over: a pod that flaps for an hour has hundreds, and a thousand pods tell of it.
  let firstOpen = 0;
  for (const telling of sorted) {
    while (gatherings[firstOpen]?.isOverAt(telling.atMs, spanMs) === true) firstOpen += 1;
    let i = firstOpen;
    while (gatherings[i]?.takes(telling, spans.sameTurnMs) === false) i += 1;
    if (i === gatherings.length) gatherings.push(new Gathering(telling));
  }
  for (const { tellings: all } of gatherings)
    yield oneEvent(all[0], all, `${kind}/${all.map(({ id }) => id).sort()[0]}`);
}

/** Tellings of one event, gathered in order of time. */
class Gathering {
  readonly tellings: [Telling, ...Telling[]];
  /** When each pod first told it. */
  readonly #told = new Map<string, number>();

  constructor(first: Telling) {
    this.tellings = [first];
    this.#told.set(uidOf(first), first.atMs);
  }

  /** Whether what is told of `atMs` is no longer of this event. */
  isOverAt(atMs: number, spanMs: number): boolean {
    return atMs - this.tellings[0].atMs > spanMs;
  }

  /** Takes a telling of a time within the span if it is of this event; gives whether it did. */
  takes(telling: Telling, sameTurnMs: number): boolean {
    const toldMs = this.#told.get(uidOf(telling));
    if (toldMs !== undefined && telling.atMs - toldMs > sameTurnMs) return false;
    if (toldMs === undefined) this.#told.set(uidOf(telling), telling.atMs);
    this.tellings.push(telling);
    return true;
  }
}

/** Tellings of one event as one; `first` is the earliest of them. */
function oneEvent(first: Telling, tellings: readonly Telling[], id: string): MeshEvent {
  const byId = [...tellings].sort((a, b) => (a.id < b.id ? -1 : 1));
  const reporters = new Map(byId.map((telling) => [uidOf(telling), telling.reporter]));
  const toldMs = tellings.map(({ entry }) => entry.toldMs).filter((told) => told > 0);
  const { outcome, phase, detail } = mostCommon(first, byId).entry;
  const named = [...reporters.values()].filter((pod) => pod !== null).sort(byName);
  return {
    id: id.slice(0, 200),
    atMs: Math.round(toldMs.length === 0 ? first.atMs : Math.min(...toldMs)),
    kind: first.entry.kind,
    pod: first.entry.pod,
    from: named.slice(0, MAX_EVENT_PODS),
    fromCount: reporters.size,
    outcome,
    phase,
    totalUs: median(tellings.map(({ entry }) => entry.totalUs).filter((totalUs) => totalUs >= 0)),
    detail,
  };
}

/** The first telling with the outcome and phase that most have; of as many, the one that had them first. */
function mostCommon(first: Telling, tellings: readonly Telling[]): Telling {
  const counts = new Map<string, { count: number; telling: Telling }>();
  let most = { count: 0, telling: first };
  for (const telling of tellings) {
    const key = `${telling.entry.outcome} ${telling.entry.phase}`;
    const found = counts.get(key) ?? { count: 0, telling };
    found.count += 1;
    counts.set(key, found);
    if (found.count > most.count) most = { ...found };
  }
  return most.telling;
}

function uidOf({ reporter }: Telling): string {
  return reporter?.uid ?? '';
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[(values.length - 1) >> 1] ?? -1;
}

function byName(a: EventPod, b: EventPod): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : a.uid < b.uid ? -1 : 1;
}
