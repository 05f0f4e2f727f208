import {
  type EventKind,
  type EventPod,
  isLinkEvent,
  JOURNAL_FORMAT,
  type Journal,
  type JournalEntry,
  MAX_EVENTS,
} from '../protocol/event.ts';
import type { DiscoveryStatus, Lifecycle, Pod, Target } from '../protocol/pod.ts';
import type { Outcome, ProbeResult, Sample } from '../protocol/sample.ts';
import { type Clock, uniqueId } from '../runtime/clock.ts';
import { LinkSpeeds } from './link-speed.ts';
import type { PodChange } from './pod-lifetimes.ts';

interface JournalSettings {
  /** SLOW_LINK. */
  slowLinkMs: number;
  /** HISTORY_WINDOW: nothing older is entered. */
  historyWindowMs: number;
}

interface JournalDeps {
  clock: Clock;
  /** 0 <= number < 1. */
  random(): number;
  /** Whether this pod's own measurements are unreliable at the moment, and since when, ms since the epoch. */
  starvation(): { unreliable: boolean; sinceMs: number };
}

/** The outcome of a link has changed. */
interface LinkChange {
  target: Target;
  from: Outcome | 'unknown';
  to: Outcome;
  /** The sample that changed it. */
  sample: Sample;
  /** How long the previous outcome lasted. */
  previousForMs: number;
}

/** Entries about links have their own ring: when all links fail at once, they must not push out all other entries. */
const LINK_LIMITS = { entries: 2000, bytes: 512 * 1024 };
const OTHER_LIMITS = { entries: 1000, bytes: 256 * 1024 };
const MAX_DETAIL = 300;

const LIFECYCLE_KINDS: Record<Lifecycle, EventKind | null> = {
  starting: null,
  ready: 'pod-ready',
  'not-ready': 'pod-not-ready',
  terminating: 'pod-terminating',
  gone: 'pod-gone',
};

/** The newest events that this pod has observed, within `LINK_LIMITS` and `OTHER_LIMITS`. In memory: a restart begins a new one. */
export class EventJournal {
  readonly #settings: JournalSettings;
  readonly #clock: Clock;
  readonly #starvation: JournalDeps['starvation'];
  readonly #id: string;
  readonly #startMs: number;
  readonly #links = new EventRing(LINK_LIMITS);
  readonly #others = new EventRing(OTHER_LIMITS);
  readonly #speeds: LinkSpeeds;
  readonly #failingProbes = new Set<string>();
  #isApiLost = false;
  #isStarved = false;
  #seq = 0;

  constructor(settings: JournalSettings, { clock, random, starvation }: JournalDeps) {
    this.#settings = settings;
    this.#clock = clock;
    this.#starvation = starvation;
    this.#id = uniqueId(clock, random);
    this.#startMs = clock.monotonicMs();
    this.#speeds = new LinkSpeeds(settings.slowLinkMs);
  }

  /** Enters changes of pods. */
  onPods(changes: readonly PodChange[]): void {
    for (const change of changes) this.#onPod(change);
  }

  /**
   * Enters one change. For a new pod it also enters `pod-seen` at the time of its creation: so a process that starts later
   * reports the same about the pod as those that saw it start.
   */
  #onPod({ pod, to, isNew, atMs, replacement }: PodChange): void {
    const about = eventPodOf(pod);
    if (to === 'replaced') {
      const detail = replacement?.name ?? '';
      this.#enter('pod-replaced', { pod: about, atMs, apiTimeMs: replacement?.createdMs ?? 0, detail });
      return;
    }
    if (isNew) {
      const createdMs = this.#monotonicMs(pod.createdMs);
      this.#enter('pod-seen', { pod: about, atMs: createdMs, apiTimeMs: pod.createdMs });
    }
    const kind = LIFECYCLE_KINDS[to];
    // The times of the API are whole seconds. A time that is not was taken by our own clock.
    const apiTimeMs = pod.sinceMs % 1000 === 0 ? pod.sinceMs : 0;
    if (kind !== null) this.#enter(kind, { pod: about, atMs, apiTimeMs });
  }

  /** Takes the links that are probed from now on. */
  onTargets(targets: readonly Target[]): void {
    this.#speeds.keepOnly(new Set(targets.map(({ id }) => id)));
  }

  /** Enters that a link has become slow or normal, if this sample makes it so. */
  onSample(target: Target, sample: Sample): void {
    const change = this.#speeds.add(target.id, sample, this.#clock.monotonicMs());
    if (change !== null) {
      const kind = change.to === 'slow' ? 'link-slow' : 'link-normal';
      this.#enter(kind, { pod: eventPodOf(target), atMs: change.sinceMs, totalUs: change.totalUs });
    }
    this.#checkStarvation();
  }

  /** Enters that a link has failed or recovered. A link that goes on failing with another outcome is not entered again. */
  onLinkChange({ target, from, to, sample, previousForMs }: LinkChange): void {
    const pod = eventPodOf(target);
    if (to !== 'ok') {
      if (from !== 'ok' && from !== 'unknown') return;
      this.#enter('link-failed', { pod, outcome: to, phase: sample.phase, detail: sample.detail });
    } else if (from !== 'unknown') {
      const detail = `after ${Math.round(previousForMs / 100) / 10} s`;
      this.#enter('link-recovered', { pod, outcome: from, totalUs: sample.totalUs, detail });
    }
  }

  /** Enters that the Kubernetes API is lost or back. */
  onDiscovery({ phase, lastError }: DiscoveryStatus): void {
    const isLost = phase !== 'synced' && lastError !== null;
    if (isLost === this.#isApiLost || (!isLost && phase !== 'synced')) return;
    this.#isApiLost = isLost;
    this.#enter(isLost ? 'api-lost' : 'api-back', { detail: lastError?.message ?? '' });
  }

  /** Enters that this process is starved of CPU or has recovered. Nothing reports it, so samples and readers check it. */
  #checkStarvation(): void {
    const { unreliable, sinceMs } = this.#starvation();
    if (unreliable === this.#isStarved) return;
    this.#isStarved = unreliable;
    this.#enter(unreliable ? 'cpu-starved' : 'cpu-recovered', { atMs: this.#monotonicMs(sinceMs) });
  }

  /** Enters that an external probe has failed or recovered. */
  onProbe({ target, protocol, error, durationUs }: ProbeResult): void {
    const name = `${protocol} ${target}`.slice(0, MAX_DETAIL);
    const failed = error !== '';
    if (failed === this.#failingProbes.has(name)) return;
    if (failed) this.#failingProbes.add(name);
    else this.#failingProbes.delete(name);
    const kind = failed ? 'probe-failed' : 'probe-recovered';
    this.#enter(kind, { totalUs: failed ? -1 : durationUs, detail: name });
  }

  /**
   * Gives the entries of the last `sinceAgeMs`, oldest first. If there are more than `limit`, it gives the newest, and links
   * leave half of the room to the others.
   */
  read(sinceAgeMs: number, limit = MAX_EVENTS): Journal {
    this.#checkStarvation();
    const nowMs = this.#clock.monotonicMs();
    const fromMs = nowMs - sinceAgeMs;
    const links = this.#links.since(fromMs);
    const others = this.#others.since(fromMs);
    const most = Math.min(limit, MAX_EVENTS);
    const othersCount = Math.min(others.length, Math.max(Math.ceil(most / 2), most - links.length));
    const linksCount = Math.min(links.length, most - othersCount);
    const kept = [...others.slice(others.length - othersCount), ...links.slice(links.length - linksCount)];
    const isCut = kept.length < others.length + links.length;
    return {
      format: JOURNAL_FORMAT,
      id: this.#id,
      knownAgeMs: Math.round(nowMs - this.#startMs),
      truncated: isCut || this.#links.hasDropped(fromMs) || this.#others.hasDropped(fromMs),
      events: kept
        .sort(byTime)
        .map(({ atMs, ...entry }) => ({ ...entry, ageMs: Math.max(0, Math.round(nowMs - atMs)) })),
    };
  }

  #enter(kind: EventKind, facts: Partial<KeptEntry>): void {
    const nowMs = this.#clock.monotonicMs();
    const entry: KeptEntry = {
      seq: this.#seq,
      kind,
      atMs: nowMs,
      apiTimeMs: 0,
      pod: null,
      outcome: null,
      phase: null,
      totalUs: -1,
      ...facts,
      detail: (facts.detail ?? '').slice(0, MAX_DETAIL),
    };
    if (nowMs - entry.atMs > this.#settings.historyWindowMs) return;
    this.#seq += 1;
    (isLinkEvent(kind) ? this.#links : this.#others).add(entry);
  }

  /** A time in ms since the epoch as monotonic time, at most now. */
  #monotonicMs(wallMs: number): number {
    return this.#clock.monotonicMs() - Math.max(0, this.#clock.nowMs() - wallMs);
  }
}

function eventPodOf({ uid, name, namespace, node }: Pick<Pod, keyof EventPod>): EventPod {
  return { uid, name, namespace, node };
}

/** An entry as it is kept: with its monotonic time instead of its age. */
interface KeptEntry extends Omit<JournalEntry, 'ageMs'> {
  atMs: number;
}

/** Approximate memory of one entry besides its text: an object of nine fields. */
const ENTRY_BYTES = 200;

/** Keeps the newest entries within a number and a size; the oldest are dropped. */
class EventRing {
  readonly #limits: { entries: number; bytes: number };
  #entries: KeptEntry[] = [];
  #bytes = 0;
  #droppedToMs = Number.NEGATIVE_INFINITY;

  constructor(limits: { entries: number; bytes: number }) {
    this.#limits = limits;
  }

  add(entry: KeptEntry): void {
    this.#entries.push(entry);
    this.#bytes += bytesOf(entry);
    if (this.#entries.length > this.#limits.entries || this.#bytes > this.#limits.bytes) this.#dropOldest();
  }

  /** All entries since `fromMs`, oldest first. Entries may have been added in another order. */
  since(fromMs: number): KeptEntry[] {
    return this.#entries.filter(({ atMs }) => atMs >= fromMs).sort(byTime);
  }

  /** Whether an entry since `fromMs` has been dropped. */
  hasDropped(fromMs: number): boolean {
    return this.#droppedToMs >= fromMs;
  }

  /** Drops a tenth at once, because moving the remaining entries costs the same for one as for many. */
  #dropOldest(): void {
    const maxEntries = this.#limits.entries * 0.9;
    const maxBytes = this.#limits.bytes * 0.9;
    let count = 0;
    for (const entry of this.#entries) {
      if (this.#entries.length - count <= maxEntries && this.#bytes <= maxBytes) break;
      this.#bytes -= bytesOf(entry);
      this.#droppedToMs = Math.max(this.#droppedToMs, entry.atMs);
      count += 1;
    }
    this.#entries = this.#entries.slice(count);
  }
}

function byTime(a: KeptEntry, b: KeptEntry): number {
  return a.atMs - b.atMs || a.seq - b.seq;
}

function bytesOf({ detail }: KeptEntry): number {
  return ENTRY_BYTES + 2 * detail.length;
}
