import {
  type EventKind,
  type EventPod,
  JOURNAL_FORMAT,
  type Journal,
  type JournalEntry,
  MAX_EVENTS,
} from '../protocol/event.ts';
import type { DiscoveryStatus, Target } from '../protocol/pod.ts';
import type { Outcome, Phase, ProbeResult, Sample } from '../protocol/sample.ts';
import type { Clock } from '../runtime/clock.ts';
import { LinkSpeeds } from './link-speed.ts';
import { entriesOf, eventPodOf, type PodChange } from './pod-lifetimes.ts';

/** What a journal goes by. */
interface JournalSettings {
  /** From this latency on a link is slow (SLOW_LINK). */
  slowLinkMs: number;
  /** Nothing older than this is entered (HISTORY_WINDOW). */
  historyWindowMs: number;
}

/** What a journal is handed; `random` gives 0 <= x < 1. */
interface JournalDeps {
  clock: Clock;
  random: () => number;
}

/** A change of a link's judged outcome, as the journal needs it. */
interface LinkTurn {
  target: Target;
  from: Outcome | 'unknown';
  to: Outcome;
  sample: Sample;
  previousForMs: number;
}

interface Facts {
  kind: EventKind;
  pod?: EventPod | null;
  atMs?: number;
  toldMs?: number;
  outcome?: Outcome | null;
  phase?: Phase | null;
  totalUs?: number;
  detail?: string;
}

/** Entries about links have a ring of their own: when all links fail at once, they must not push out all else. */
const LINK_LIMITS = { entries: 2000, bytes: 512 * 1024 };
const OTHER_LIMITS = { entries: 1000, bytes: 256 * 1024 };

/** What this pod has seen happen, newest `LINK_LIMITS` + `OTHER_LIMITS`. In memory; another one after a restart. */
export class EventJournal {
  readonly #settings: JournalSettings;
  readonly #clock: Clock;
  readonly #id: string;
  readonly #startMs: number;
  readonly #links = new EventRing(LINK_LIMITS.entries, LINK_LIMITS.bytes);
  readonly #others = new EventRing(OTHER_LIMITS.entries, OTHER_LIMITS.bytes);
  readonly #speeds: LinkSpeeds;
  readonly #failingProbes = new Set<string>();
  #isApiLost = false;
  #isStarved = false;
  #seq = 0;

  constructor(settings: JournalSettings, { clock, random }: JournalDeps) {
    this.#settings = settings;
    this.#clock = clock;
    this.#id = `${clock.nowMs().toString(36)}-${Math.floor(random() * 2 ** 40).toString(36)}`.replace(/[^\w-]/g, '');
    this.#startMs = clock.monotonicMs();
    this.#speeds = new LinkSpeeds(settings.slowLinkMs);
  }

  /** Changes of pods. */
  onPods(changes: readonly PodChange[]): void {
    const nowMs = this.#clock.monotonicMs();
    for (const change of changes) {
      const bornMs = nowMs - Math.max(0, this.#clock.nowMs() - change.pod.createdMs);
      for (const entry of entriesOf(change, bornMs)) this.#enter(entry);
    }
  }

  /** Which links are probed from now on. */
  onTargets(targets: readonly Target[]): void {
    this.#speeds.keepOnly(new Set(targets.map(({ id }) => id)));
  }

  /** A sample of a link. */
  onSample(target: Target, sample: Sample): void {
    const change = this.#speeds.take(target.id, sample, this.#clock.monotonicMs());
    if (change === null) return;
    const kind = change.to === 'slow' ? 'link-slow' : 'link-normal';
    this.#enter({ kind, pod: eventPodOf(target), atMs: change.sinceMs, totalUs: change.totalUs });
  }

  /** A link's outcome has changed. One that goes on failing in another way has not begun to fail again. */
  onLinkChange({ target, from, to, sample, previousForMs }: LinkTurn): void {
    const pod = eventPodOf(target);
    if (to !== 'ok') {
      if (from !== 'ok' && from !== 'unknown') return;
      const { phase, detail } = sample;
      this.#enter({ kind: 'link-failed', pod, outcome: to, phase, detail });
    } else if (from !== 'unknown') {
      const detail = `after ${Math.round(previousForMs / 100) / 10} s`;
      this.#enter({ kind: 'link-recovered', pod, outcome: from, totalUs: sample.totalUs, detail });
    }
  }

  /** How well the pods are known. */
  onDiscovery({ phase, lastError }: DiscoveryStatus): void {
    const isLost = phase !== 'synced' && lastError !== null;
    if (isLost === this.#isApiLost || (!isLost && phase !== 'synced')) return;
    this.#isApiLost = isLost;
    this.#enter({ kind: isLost ? 'api-lost' : 'api-back', detail: lastError?.message.slice(0, 300) ?? '' });
  }

  /** Whether our own measurements are to be trusted, and since when. */
  onStarvation({ unreliable, sinceMs }: { unreliable: boolean; sinceMs: number }): void {
    if (unreliable === this.#isStarved) return;
    this.#isStarved = unreliable;
    const atMs = this.#clock.monotonicMs() - Math.max(0, this.#clock.nowMs() - sinceMs);
    this.#enter({ kind: unreliable ? 'cpu-starved' : 'cpu-recovered', atMs });
  }

  /** A result of an external probe. */
  onProbe({ target, protocol, error, durationUs }: ProbeResult): void {
    const name = `${protocol} ${target}`.slice(0, 300);
    const failed = error !== '';
    if (failed === this.#failingProbes.has(name)) return;
    if (failed) this.#failingProbes.add(name);
    else this.#failingProbes.delete(name);
    this.#enter({
      kind: failed ? 'probe-failed' : 'probe-recovered',
      totalUs: failed ? -1 : durationUs,
      detail: name,
    });
  }

  /** What happened in the last `sinceAgeMs`, at most `limit` entries, the newest ones; links leave half to the others. */
  read(sinceAgeMs: number, limit = MAX_EVENTS): Journal {
    const nowMs = this.#clock.monotonicMs();
    const fromMs = nowMs - sinceAgeMs;
    const links = this.#links.since(fromMs);
    const others = this.#others.since(fromMs);
    const most = Math.min(limit, MAX_EVENTS);
    const othersKept = Math.min(others.length, Math.max(Math.ceil(most / 2), most - links.length));
    const kept = [...newest(others, othersKept), ...newest(links, most - othersKept)];
    const isCut = kept.length < others.length + links.length;
    return {
      format: JOURNAL_FORMAT,
      id: this.#id,
      knownAgeMs: Math.round(nowMs - this.#startMs),
      truncated: isCut || this.#links.hasLost(fromMs) || this.#others.hasLost(fromMs),
      events: kept
        .sort((a, b) => a.atMs - b.atMs || a.seq - b.seq)
        .map(({ atMs, ...entry }) => ({ ...entry, ageMs: Math.max(0, Math.round(nowMs - atMs)) })),
    };
  }

  #enter({ kind, atMs = this.#clock.monotonicMs(), ...facts }: Facts): void {
    if (this.#clock.monotonicMs() - atMs > this.#settings.historyWindowMs) return;
    const nothing = { toldMs: 0, pod: null, outcome: null, phase: null, totalUs: -1, detail: '' };
    const entry: KeptEntry = { seq: this.#seq++, kind, atMs, ...nothing, ...facts };
    (kind.startsWith('link-') ? this.#links : this.#others).add(entry);
  }
}

function newest(entries: readonly KeptEntry[], count: number): KeptEntry[] {
  return count === 0 ? [] : entries.slice(-count);
}

/** An entry as it is kept: by monotonic time instead of its age. */
interface KeptEntry extends Omit<JournalEntry, 'ageMs'> {
  atMs: number;
}

/** What one entry takes besides its words, about: an object of nine fields, its pod's is shared. */
const ENTRY_BYTES = 200;

/** Keeps the newest entries, bounded by number and bytes; the oldest makes room. */
class EventRing {
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  #entries: KeptEntry[] = [];
  #bytes = 0;
  #lostToMs = Number.NEGATIVE_INFINITY;

  constructor(maxEntries: number, maxBytes: number) {
    this.#maxEntries = maxEntries;
    this.#maxBytes = maxBytes;
  }

  /** Takes one more. */
  add(entry: KeptEntry): void {
    this.#entries.push(entry);
    this.#bytes += bytesOf(entry);
    if (this.#entries.length > this.#maxEntries || this.#bytes > this.#maxBytes) this.#makeRoom();
  }

  /** All that is kept since `fromMs`, oldest first: it may have been entered in another order. */
  since(fromMs: number): KeptEntry[] {
    return this.#entries.filter(({ atMs }) => atMs >= fromMs).sort((a, b) => a.atMs - b.atMs || a.seq - b.seq);
  }

  /** Whether anything since `fromMs` has had to make room. */
  hasLost(fromMs: number): boolean {
    return this.#lostToMs >= fromMs;
  }

  /** A tenth at once: moving the rest up costs as much for one as for many. */
  #makeRoom(): void {
    let count = 0;
    const [entries, bytes] = [this.#maxEntries * 0.9, this.#maxBytes * 0.9];
    while (count < this.#entries.length && (this.#entries.length - count > entries || this.#bytes > bytes)) {
      const entry = this.#entries[count++];
      if (entry === undefined) break;
      this.#bytes -= bytesOf(entry);
      this.#lostToMs = Math.max(this.#lostToMs, entry.atMs);
    }
    this.#entries = this.#entries.slice(count);
  }
}

function bytesOf({ detail }: KeptEntry): number {
  return ENTRY_BYTES + 2 * detail.length;
}
