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

/** The events of one group: which tellings are of the same. Whatever order they come in, the outcome is the same. */
export function eventsOf(group: string, tellings: readonly Telling[], spans: Spans): MeshEvent[] {
  const sorted = [...tellings].sort((a, b) => a.atMs - b.atMs || (a.id < b.id ? -1 : 1));
  const [first] = sorted;
  if (first === undefined) return [];
  const { kind, toldMs } = first.entry;
  const isPod = kind.startsWith('pod-');
  if (ONCE.has(kind) || (isPod && toldMs !== 0)) return [oneEvent(first, sorted, group)];
  const spanMs = isPod ? READINESS_MS : spans.eachTurnMs;
  const gatherings: Gathering[] = [];
  for (const telling of sorted) {
    const open = gatherings.find((gathering) => gathering.takes(telling, spanMs, spans.sameTurnMs));
    if (open === undefined) gatherings.push(new Gathering(telling));
  }
  return gatherings.map(({ tellings: all }) => oneEvent(all[0], all, `${kind}/${all.map(({ id }) => id).sort()[0]}`));
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

  /** Takes a telling if it is of this event; gives whether it did. */
  takes(telling: Telling, spanMs: number, sameTurnMs: number): boolean {
    if (telling.atMs - this.tellings[0].atMs > spanMs) return false;
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
