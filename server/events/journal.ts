import {
  type EventKind,
  eventPodOf,
  isLinkEvent,
  JOURNAL_FORMAT,
  type Journal,
  type JournalEntry,
  MAX_EVENTS,
  newestEvents,
} from '../protocol/event.ts';
import type { LinkChange, LossChange, SpeedChange } from '../protocol/link-state.ts';
import type { DiscoveryStatus, Lifecycle, Target } from '../protocol/pod.ts';
import type { Starvation } from '../protocol/pod-report.ts';
import { type ProbeResult, probeDetail } from '../protocol/sample.ts';
import { type Clock, toMonotonicMs, wallOffsetMs } from '../runtime/clock.ts';
import type { TimeRange } from '../runtime/time-range.ts';
import { uniqueId } from '../runtime/unique-id.ts';
import type { PodChange } from './pod-lifetimes.ts';

interface JournalDeps {
  /** HISTORY_WINDOW: nothing older is entered. */
  historyWindowMs: number;
  clock: Clock;
  /** 0 <= number < 1. */
  random(): number;
  /** Whether this pod's own measurements are unreliable at the moment, and since when. */
  starvation(): Pick<Starvation, 'unreliable' | 'sinceMs'>;
  /** When this process was starved, and when it stood still, monotonic ms, oldest first. */
  starvedTimes(): readonly TimeRange[];
  standstills(): readonly TimeRange[];
}

/** Entries about links and others are limited apart: when all links fail at once, they must not push out the others. */
const MAX_LINK_BYTES = 512 * 1024;
const MAX_OTHER_BYTES = 256 * 1024;
/** Approximate memory of one entry besides its text: an object of nine fields. */
const ENTRY_BYTES = 200;
/** Approximate memory of a time at which the process was starved, or stood still. */
const TIME_BYTES = 60;
const MAX_DETAIL = 300;

/** The event of a pod that has entered a stage of its life; null = none. */
const LIFECYCLE_KINDS: Record<Lifecycle, EventKind | null> = {
  starting: null,
  ready: 'pod-ready',
  'not-ready': 'pod-not-ready',
  terminating: 'pod-terminating',
  gone: 'pod-gone',
};

/** Decides which changes are events, and enters them in the journal of this process. A restart begins a new one. */
export class EventJournal {
  readonly #deps: JournalDeps;
  readonly #kept: KeptJournal;
  /** The uids of pods that terminate: a link into one of them that fails is its departure. */
  readonly #terminating = new Set<string>();
  /** The faults that have been entered and are not over, by uid of the destination: `failed ID` or `lossy ID` (of the target). */
  readonly #faults = new Map<string, Set<string>>();
  /** The external probes that fail now, by `probeDetail`. */
  readonly #failingProbes = new Set<string>();
  #isApiLost = false;
  #isStarved = false;

  constructor(deps: JournalDeps) {
    this.#deps = deps;
    this.#kept = new KeptJournal(uniqueId(deps.clock, deps.random), deps.clock.monotonicMs());
  }

  /** Enters changes of pods. A new pod is `pod-seen` at its creation: so a process that starts later reports the same. */
  onPods(changes: readonly PodChange[]): void {
    for (const { pod: changed, to, isNew, atMs, replacement } of changes) {
      const pod = eventPodOf(changed);
      if (to === 'terminating') this.#terminating.add(pod.uid);
      else if (to === 'gone') {
        this.#terminating.delete(pod.uid);
        this.#faults.delete(pod.uid);
      }
      if (to === 'replaced') {
        const detail = replacement?.name ?? '';
        this.#enter('pod-replaced', { pod, atMs, apiTimeMs: replacement?.createdMs ?? 0, detail });
        continue;
      }
      const { createdMs, sinceMs } = changed;
      if (isNew) {
        this.#enter('pod-seen', { pod, atMs: toMonotonicMs(createdMs, this.#deps.clock), apiTimeMs: createdMs });
      }
      const kind = LIFECYCLE_KINDS[to];
      // The times of the API are whole seconds. A time that is not was taken by our own clock.
      const apiTimeMs = sinceMs % 1000 === 0 ? sinceMs : 0;
      if (kind !== null) this.#enter(kind, { pod, atMs, apiTimeMs, detail: to === 'gone' ? changed.reason : '' });
    }
  }

  onSpeedChange({ target, isSlow, sinceMs, totalUs }: SpeedChange): void {
    this.#enter(isSlow ? 'link-slow' : 'link-normal', { pod: eventPodOf(target), atMs: sinceMs, totalUs });
  }

  onLossChange({ target, isLossy, sinceMs, share }: LossChange): void {
    const pod = eventPodOf(target);
    if (!isLossy) {
      if (this.#endsFault('lossy', target)) this.#enter('link-loss-over', { pod, atMs: sinceMs });
    } else if (this.#beginsFault('lossy', target)) {
      this.#enter('link-lossy', { pod, atMs: sinceMs, detail: `${Math.round(100 * share)} %` });
    }
  }

  /**
   * Enters that a link has failed or recovered: a failure once, however long it lasts; a recovery only after an entered failure.
   */
  onLinkChange({ target, from, to, sample, previousForMs }: LinkChange): void {
    const pod = eventPodOf(target);
    if (to !== 'ok') {
      if ((from !== 'ok' && from !== 'unknown') || !this.#beginsFault('failed', target)) return;
      this.#enter('link-failed', { pod, outcome: to, phase: sample.phase, detail: sample.detail });
    } else if (this.#endsFault('failed', target) && from !== 'unknown') {
      const detail = `after ${Math.round(previousForMs / 100) / 10} s`;
      this.#enter('link-recovered', { pod, outcome: from, totalUs: sample.totalUs, detail });
    }
  }

  /** Whether the beginning of a fault is to be entered: not of a link into a pod that terminates. */
  #beginsFault(fault: 'failed' | 'lossy', { id, uid }: Target): boolean {
    if (this.#terminating.has(uid)) return false;
    const faults = this.#faults.get(uid) ?? new Set();
    this.#faults.set(uid, faults.add(`${fault} ${id}`));
    return true;
  }

  /** Whether the end of a fault is to be entered: its beginning was. */
  #endsFault(fault: 'failed' | 'lossy', { id, uid }: Target): boolean {
    return this.#faults.get(uid)?.delete(`${fault} ${id}`) ?? false;
  }

  /** Enters that the Kubernetes API is lost or back. */
  onDiscovery({ phase, lastError }: DiscoveryStatus): void {
    const isLost = phase !== 'synced' && lastError !== null;
    if (isLost === this.#isApiLost || (!isLost && phase !== 'synced')) return;
    this.#isApiLost = isLost;
    this.#enter(isLost ? 'api-lost' : 'api-back', { detail: lastError?.message ?? '' });
  }

  /** Enters that this process is starved of CPU or has recovered. Called after each sample, and before each read. */
  checkStarvation(): void {
    const { unreliable, sinceMs } = this.#deps.starvation();
    if (unreliable === this.#isStarved) return;
    this.#isStarved = unreliable;
    this.#enter(unreliable ? 'cpu-starved' : 'cpu-recovered', { atMs: toMonotonicMs(sinceMs, this.#deps.clock) });
  }

  onProbe(probe: ProbeResult): void {
    const { error, durationUs, outcome = null } = probe;
    const detail = probeDetail(probe).slice(0, MAX_DETAIL);
    const failed = error !== '';
    if (failed === this.#failingProbes.has(detail)) return;
    if (failed) this.#failingProbes.add(detail);
    else this.#failingProbes.delete(detail);
    this.#enter(failed ? 'probe-failed' : 'probe-recovered', {
      totalUs: failed ? -1 : durationUs,
      outcome: failed ? outcome : null,
      detail,
    });
  }

  /** Identifies this journal, and with it this process. */
  get id(): string {
    return this.#kept.id;
  }

  /** The newest entries of the last `sinceAgeMs`, at most `limit`, with a number above `seq`: see `KeptJournal.read`. */
  read(sinceAgeMs: number, limit = MAX_EVENTS, seq = -1): Journal {
    this.checkStarvation();
    this.#kept.starvedTimes = this.#deps.starvedTimes();
    this.#kept.standstills = this.#deps.standstills();
    return this.#kept.read(this.#deps.clock.monotonicMs(), sinceAgeMs, limit, seq);
  }

  /** Whether this process was starved `ageMs` ago, and since when; null if that is not known any more. */
  starvedAt(ageMs: number): PastStarvation | null {
    this.checkStarvation();
    const { clock } = this.#deps;
    return this.#kept.starvedAt(clock.monotonicMs() - ageMs, wallOffsetMs(clock));
  }

  /** Since when the Kubernetes API had been lost `ageMs` ago, ms since the epoch; null if it had not. */
  apiLostAt(ageMs: number): number | null {
    const { clock } = this.#deps;
    const last = this.#kept.last(['api-lost', 'api-back'], clock.monotonicMs() - ageMs);
    return last?.kind === 'api-lost' ? last.atMs + wallOffsetMs(clock) : null;
  }

  #enter(kind: EventKind, facts: Partial<KeptEntry>): void {
    const nowMs = this.#deps.clock.monotonicMs();
    const entry: KeptEntry = {
      seq: this.#kept.lastSeq + 1,
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
    if (nowMs - entry.atMs <= this.#deps.historyWindowMs) this.#kept.add(entry);
  }
}

/** Whether a process was starved at a past moment, and since when, ms since the epoch. */
type PastStarvation = Pick<Starvation, 'unreliable' | 'sinceMs'>;

/** An entry as it is kept: with its monotonic time instead of its age. */
interface KeptEntry extends Omit<JournalEntry, 'ageMs'> {
  atMs: number;
}

/**
 * A journal as it is kept: the newest entries of one process, ours or another one's (a copy). Times are of the monotonic clock of
 * that process.
 */
export class KeptJournal {
  readonly id: string;
  readonly #startMs: number;
  readonly #links = new EventRing(MAX_LINK_BYTES);
  readonly #others = new EventRing(MAX_OTHER_BYTES);
  #lastSeq = -1;
  /** When the process was starved, and when it stood still, oldest first. */
  starvedTimes: readonly TimeRange[] = [];
  standstills: readonly TimeRange[] = [];

  constructor(id: string, startMs: number) {
    this.id = id;
    this.#startMs = startMs;
  }

  /** The greatest number that an entry has had; -1 without any. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  get bytes(): number {
    return this.#links.bytes + this.#others.bytes + TIME_BYTES * (this.starvedTimes.length + this.standstills.length);
  }

  add(entry: KeptEntry): void {
    (isLinkEvent(entry.kind) ? this.#links : this.#others).add(entry);
    this.#lastSeq = Math.max(this.#lastSeq, entry.seq);
  }

  /** Takes what is new in a copy of the journal, which was written at `nowMs`. */
  take({ events, starved = [], stoodStill = [] }: Journal, nowMs: number): void {
    const newer = events.filter(({ seq }) => seq > this.#lastSeq);
    for (const { ageMs, ...entry } of newer) this.add({ ...entry, atMs: nowMs - ageMs });
    const timesOf = (ages: typeof starved) =>
      ages.map(([fromAgeMs, toAgeMs]) => ({ fromMs: nowMs - fromAgeMs, toMs: nowMs - toAgeMs }));
    this.starvedTimes = newerTimes(timesOf(starved), this.starvedTimes);
    this.standstills = newerTimes(timesOf(stoodStill), this.standstills);
  }

  /** Drops what was before `atMs`. */
  dropBefore(atMs: number): void {
    this.starvedTimes = this.starvedTimes.filter(({ toMs }) => toMs >= atMs);
    this.standstills = this.standstills.filter(({ toMs }) => toMs >= atMs);
    for (const ring of [this.#links, this.#others]) ring.dropBefore(atMs);
  }

  /**
   * The entries of the last `sinceAgeMs` before `nowMs` with a number above `seq`, oldest first. If they are more than `limit`, those
   * that `newestEvents` chooses.
   */
  read(nowMs: number, sinceAgeMs: number, limit: number, seq = -1): Journal {
    const fromMs = nowMs - sinceAgeMs;
    const all = this.#all()
      .filter((entry) => entry.atMs >= fromMs && entry.seq > seq)
      .sort((a, b) => a.atMs - b.atMs || a.seq - b.seq);
    const newest = newestEvents(all, Math.min(limit, MAX_EVENTS));
    const isKept = new Set(newest);
    const newestCutMs = all.findLast((entry) => !isKept.has(entry))?.atMs ?? Number.NEGATIVE_INFINITY;
    const droppedToMs = Math.max(newestCutMs, this.#droppedToMs());
    const truncated = droppedToMs >= fromMs;
    const agesOf = (times: readonly TimeRange[]) =>
      times
        .filter(({ toMs }) => toMs >= fromMs)
        .slice(-limit)
        .map((time): [number, number] => [Math.round(nowMs - time.fromMs), Math.round(nowMs - time.toMs)]);
    return {
      format: JOURNAL_FORMAT,
      id: this.id,
      knownAgeMs: Math.round(nowMs - this.#startMs),
      truncated,
      ...(truncated ? { droppedAgeMs: Math.max(0, Math.round(nowMs - droppedToMs)) } : {}),
      starved: agesOf(this.starvedTimes),
      ...(this.standstills.length > 0 && { stoodStill: agesOf(this.standstills) }),
      events: newest.map(({ atMs, ...entry }) => ({ ...entry, ageMs: Math.max(0, Math.round(nowMs - atMs)) })),
    };
  }

  /**
   * Whether the process was starved at `atMs`; null if the entry that says so has been dropped. `wallMs`: what must be added to a
   * time of the process to get ms since the epoch.
   */
  starvedAt(atMs: number, wallMs: number): PastStarvation | null {
    const last = this.last(['cpu-starved', 'cpu-recovered'], atMs);
    if (last !== null) return { unreliable: last.kind === 'cpu-starved', sinceMs: Math.round(last.atMs + wallMs) };
    return this.#droppedToMs() === Number.NEGATIVE_INFINITY ? { unreliable: false, sinceMs: 0 } : null;
  }

  /** The last entry of some kinds at `atMs` or before; null if there is none. */
  last(kinds: readonly EventKind[], atMs: number): KeptEntry | null {
    return this.#all()
      .filter((entry) => entry.atMs <= atMs && kinds.includes(entry.kind))
      .reduce<KeptEntry | null>((last, entry) => (last !== null && last.atMs > entry.atMs ? last : entry), null);
  }

  #all(): KeptEntry[] {
    return [...this.#links.entries, ...this.#others.entries];
  }

  #droppedToMs(): number {
    return Math.max(this.#links.droppedToMs, this.#others.droppedToMs);
  }
}

/** The list that goes further. Each copy of a journal has all that is remembered, and the copy of another keeper may be older. */
function newerTimes(taken: readonly TimeRange[], known: readonly TimeRange[]): readonly TimeRange[] {
  const endOf = (times: readonly TimeRange[]) => times.at(-1)?.toMs ?? Number.NEGATIVE_INFINITY;
  return endOf(taken) >= endOf(known) ? taken : known;
}

/** Entries up to a size; the oldest are dropped. */
class EventRing {
  /** In the order in which they were added. Their times may be in another order. */
  readonly entries: KeptEntry[] = [];
  droppedToMs = Number.NEGATIVE_INFINITY;
  bytes = 0;
  readonly #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  add(entry: KeptEntry): void {
    this.entries.push(entry);
    this.bytes += bytesOf(entry);
    while (this.bytes > this.#maxBytes) this.#dropOldest();
  }

  dropBefore(atMs: number): void {
    while ((this.entries[0]?.atMs ?? Number.POSITIVE_INFINITY) < atMs) this.#dropOldest();
  }

  #dropOldest(): void {
    for (const oldest of this.entries.splice(0, 1)) {
      this.bytes -= bytesOf(oldest);
      this.droppedToMs = Math.max(this.droppedToMs, oldest.atMs);
    }
  }
}

function bytesOf({ detail }: KeptEntry): number {
  return ENTRY_BYTES + 2 * detail.length;
}
