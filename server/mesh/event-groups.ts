import type { EventKind, EventPod, JournalEntry, MeshEvent } from '../contract/event.ts';
import { MAX_EVENT_PODS } from '../contract/event.ts';

/** One entry of one pod's journal, in our time. */
export interface Telling {
  /** The same whoever asks: the journal's own name and number of the entry. */
  id: string;
  atMs: number;
  /** Who tells it; null = we ourselves, while we do not know which pod we are. */
  reporter: EventPod | null;
  entry: JournalEntry;
}

/** How long after the first telling another one is of the same event. */
export interface Spans {
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
export function groupOf({ entry, reporter, id }: Telling): string {
  const { kind, pod, toldMs, detail } = entry;
  if (ONCE.has(kind)) return `${kind}/${pod?.uid ?? ''}`;
  if (kind.startsWith('pod-')) return `${kind}/${pod?.uid ?? ''}${toldMs === 0 ? '' : `/${Math.floor(toldMs / 1000)}`}`;
  if (kind.startsWith('row-')) return `${kind}/${reporter?.uid ?? ''}/${id}`;
  if (kind.startsWith('probe-')) return `${kind}/${detail}`;
  return `${kind}/${pod?.uid ?? ''}`;
}

/**
 * The events of one group: which tellings are of the same. Whatever order they come in, the outcome is the same. One
 * after another, so that there may be a turn of others between: of a pod that flaps a thousand others tell.
 */
export function* eventsOf(group: string, tellings: readonly Telling[], spans: Spans): Generator<MeshEvent, void> {
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
