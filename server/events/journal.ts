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

/** Entries about links have a limit of their own: when all links fail at once, they must not push out the other entries. */
const MAX_LINK_BYTES = 512 * 1024;
/** So do those about this process (`isOwnEvent`): they are few, and tell what was known at any moment of the past. */
const MAX_OWN_BYTES = 64 * 1024;
const MAX_OTHER_BYTES = 192 * 1024;
/** Approximate memory of one entry besides its texts: an object of nine fields, and the pod. */
const ENTRY_BYTES = 200;
/** Approximate memory of a time at which the process was starved, or stood still. */
const TIME_BYTES = 60;
const MAX_DETAIL = 300;

/** Whether an event is about the process itself: its CPU, or whether it has the Kubernetes API. */
function isOwnEvent(kind: EventKind): boolean {
  return kind.startsWith('cpu-') || kind.startsWith('api-');
}

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
  /** The uids of pods that terminate. That links into them fail is their departure, and no event. */
  readonly #terminating = new Set<string>();
  /** By uid of a pod: the faults of links into it that have been entered and are not over, as `failed ID` or `lossy ID` (of the target). */
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
      if (to === 'replaced') {
        const detail = replacement?.name ?? '';
        this.#enter('pod-replaced', { pod, atMs, apiTimeMs: replacement?.createdMs ?? 0, detail });
        continue;
      }
      if (to === 'terminating') this.#terminating.add(pod.uid);
      if (to === 'gone') {
        this.#terminating.delete(pod.uid);
        this.#faults.delete(pod.uid);
      }
      const { createdMs, sinceMs } = changed;
      if (isNew) {
        this.#enter('pod-seen', { pod, atMs: toMonotonicMs(createdMs, this.#deps.clock), apiTimeMs: createdMs });
      }
      const kind = LIFECYCLE_KINDS[to];
      // The API gives times in whole seconds. Any other time was taken by our own clock.
      const apiTimeMs = sinceMs % 1000 === 0 ? sinceMs : 0;
      if (kind !== null) this.#enter(kind, { pod, atMs, apiTimeMs, detail: to === 'gone' ? changed.reason : '' });
    }
  }

  onSpeedChange({ target, isSlow, sinceMs, totalUs }: SpeedChange): void {
    this.#enter(isSlow ? 'link-slow' : 'link-normal', { pod: eventPodOf(target), atMs: sinceMs, totalUs });
  }

  onLossChange({ target, isLossy, sinceMs, share }: LossChange): void {
    const pod = eventPodOf(target);
    if (isLossy && this.#noteFault('lossy', target)) {
      this.#enter('link-lossy', { pod, atMs: sinceMs, detail: `${Math.round(100 * share)} %` });
    }
    if (!isLossy && this.#forgetFault('lossy', target)) this.#enter('link-loss-over', { pod, atMs: sinceMs });
  }

  /**
   * Enters that a link has failed or recovered. A failure is entered once, however it goes on, and a recovery only after an entered
   * failure. A link that is probed again after a while begins at `unknown`: if it fails still, that is no new failure; if it is ok,
   * when it recovered is not known, so that is not entered.
   */
  onLinkChange({ target, from, to, sample, previousForMs }: LinkChange): void {
    const pod = eventPodOf(target);
    if (to !== 'ok') {
      const isFirstFailure = from === 'ok' || (from === 'unknown' && !this.#isNoted('failed', target));
      if (!isFirstFailure || !this.#noteFault('failed', target)) return;
      this.#enter('link-failed', { pod, outcome: to, phase: sample.phase, detail: sample.detail });
    } else if (this.#forgetFault('failed', target) && from !== 'unknown') {
      const detail = `after ${Math.round(previousForMs / 100) / 10} s`;
      this.#enter('link-recovered', { pod, outcome: from, totalUs: sample.totalUs, detail });
    }
  }

  /** Notes that a fault of a link begins. Returns false, and notes nothing, if its pod terminates: then the fault is not entered. */
  #noteFault(fault: 'failed' | 'lossy', { id, uid }: Target): boolean {
    if (this.#terminating.has(uid)) return false;
    const faults = this.#faults.get(uid) ?? new Set();
    this.#faults.set(uid, faults.add(`${fault} ${id}`));
    return true;
  }

  /** Whether a fault of a link has been noted and is not over, as far as we know. */
  #isNoted(fault: 'failed' | 'lossy', { id, uid }: Target): boolean {
    return this.#faults.get(uid)?.has(`${fault} ${id}`) ?? false;
  }

  /** Forgets a fault that is over. Returns whether it had been noted, so that its end is entered too. */
  #forgetFault(fault: 'failed' | 'lossy', { id, uid }: Target): boolean {
    return this.#faults.get(uid)?.delete(`${fault} ${id}`) ?? false;
  }

  /** Enters that the Kubernetes API is lost or back. */
  onDiscovery({ phase, lastError }: DiscoveryStatus): void {
    const isLost = phase !== 'synced' && lastError !== null;
    // Without an error, and not synced: the first attempt after a start is under way.
    const isKnown = isLost || phase === 'synced';
    if (!isKnown || isLost === this.#isApiLost) return;
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
    const detail = probeDetail(probe);
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

  /** Whether this process was unreliable for lack of CPU `ageMs` ago, and since when; null if that is not known any more. */
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

/** Whether a process was unreliable for lack of CPU at a past moment, and since when, ms since the epoch; 0 = it had never been. */
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
  /** When the process started, by its monotonic clock. */
  readonly startMs: number;
  readonly #links = new EventRing(MAX_LINK_BYTES);
  readonly #own = new EventRing(MAX_OWN_BYTES);
  readonly #others = new EventRing(MAX_OTHER_BYTES);
  /** In a copy: entries up to this time may be missing, because the process had too many for one answer, or had dropped them. */
  #notCopiedToMs = Number.NEGATIVE_INFINITY;
  #lastSeq = -1;
  /** When the process was starved, and when it stood still, oldest first. */
  starvedTimes: readonly TimeRange[] = [];
  standstills: readonly TimeRange[] = [];

  constructor(id: string, startMs: number) {
    this.id = id;
    this.startMs = startMs;
  }

  /** The greatest number that an entry has had; -1 without any. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  get bytes(): number {
    const entryBytes = this.#rings.reduce((sum, { bytes }) => sum + bytes, 0);
    return entryBytes + TIME_BYTES * (this.starvedTimes.length + this.standstills.length);
  }

  get #rings(): EventRing[] {
    return [this.#links, this.#own, this.#others];
  }

  add(entry: KeptEntry): void {
    const ring = isLinkEvent(entry.kind) ? this.#links : isOwnEvent(entry.kind) ? this.#own : this.#others;
    ring.add(entry);
    this.#lastSeq = Math.max(this.#lastSeq, entry.seq);
  }

  /** Takes what is new in a copy of the journal, which was written at `nowMs`. */
  take({ events, truncated, droppedAgeMs = 0, starved = [], stoodStill = [] }: Journal, nowMs: number): void {
    const newer = events.filter(({ seq }) => seq > this.#lastSeq);
    const knownSeq = this.#lastSeq;
    for (const { ageMs, ...entry } of newer) this.add({ ...entry, atMs: nowMs - ageMs });
    // What the process has dropped may be in the copy: numbers without a gap say so.
    const lacksSome = this.#lastSeq - knownSeq > newer.length;
    if (truncated && lacksSome) this.#notCopiedToMs = Math.max(this.#notCopiedToMs, nowMs - droppedAgeMs);
    const timesOf = (ages: typeof starved) =>
      ages.map(([fromAgeMs, toAgeMs]) => ({ fromMs: nowMs - fromAgeMs, toMs: nowMs - toAgeMs }));
    this.starvedTimes = newerTimes(timesOf(starved), this.starvedTimes);
    this.standstills = newerTimes(timesOf(stoodStill), this.standstills);
  }

  /** Drops what was before `atMs`. */
  dropBefore(atMs: number): void {
    this.starvedTimes = this.starvedTimes.filter(({ toMs }) => toMs >= atMs);
    this.standstills = this.standstills.filter(({ toMs }) => toMs >= atMs);
    for (const ring of this.#rings) ring.dropBefore(atMs);
  }

  /**
   * The entries of the last `sinceAgeMs` before `nowMs` with a number above `seq`, oldest first. If they are more than `limit`, those
   * that `newestEvents` chooses.
   */
  read(nowMs: number, sinceAgeMs: number, limit: number, seq = -1): Journal {
    const fromMs = nowMs - sinceAgeMs;
    const all = this.#rings
      .flatMap(({ entries }) => entries)
      .filter((entry) => entry.atMs >= fromMs && entry.seq > seq)
      .sort((a, b) => a.atMs - b.atMs || a.seq - b.seq);
    const newest = newestEvents(all, Math.min(limit, MAX_EVENTS));
    const isGiven = new Set(newest);
    const leftOutToMs = all.findLast((entry) => !isGiven.has(entry))?.atMs ?? Number.NEGATIVE_INFINITY;
    const droppedToMs = Math.max(leftOutToMs, this.#notCopiedToMs, ...this.#rings.map((ring) => ring.droppedToMs));
    const truncated = droppedToMs >= fromMs;
    const agesOf = (times: readonly TimeRange[]) =>
      times
        .filter(({ toMs }) => toMs >= fromMs)
        .slice(-limit)
        .map((time): [number, number] => [Math.round(nowMs - time.fromMs), Math.round(nowMs - time.toMs)]);
    return {
      format: JOURNAL_FORMAT,
      id: this.id,
      knownAgeMs: Math.round(nowMs - this.startMs),
      truncated,
      ...(truncated ? { droppedAgeMs: Math.max(0, Math.round(nowMs - droppedToMs)) } : {}),
      starved: agesOf(this.starvedTimes),
      ...(this.standstills.length > 0 && { stoodStill: agesOf(this.standstills) }),
      events: newest.map(({ atMs, ...entry }) => ({ ...entry, ageMs: Math.max(0, Math.round(nowMs - atMs)) })),
    };
  }

  /**
   * Whether the process was unreliable at `atMs`; null if the last entry about it may be missing. `wallMs`: what must be added to a
   * time of the process to get ms since the epoch.
   */
  starvedAt(atMs: number, wallMs: number): PastStarvation | null {
    const last = this.last(['cpu-starved', 'cpu-recovered'], atMs);
    const missingToMs = Math.max(this.#own.droppedToMs, this.#notCopiedToMs);
    if ((last?.atMs ?? Number.NEGATIVE_INFINITY) < missingToMs) return null;
    if (last === null) return { unreliable: false, sinceMs: 0 };
    return { unreliable: last.kind === 'cpu-starved', sinceMs: Math.round(last.atMs + wallMs) };
  }

  /** The last entry of some kinds at `atMs` or before; null if there is none. The kinds are of `isOwnEvent`. */
  last(kinds: readonly EventKind[], atMs: number): KeptEntry | null {
    return this.#own.entries
      .filter((entry) => entry.atMs <= atMs && kinds.includes(entry.kind))
      .reduce<KeptEntry | null>((last, entry) => (last !== null && last.atMs > entry.atMs ? last : entry), null);
  }
}

/**
 * Of two lists of times the one whose last time ends later. Each answer has all times that the process remembers, so nothing is lost.
 * Another keeper may answer with an older list.
 */
function newerTimes(taken: readonly TimeRange[], known: readonly TimeRange[]): readonly TimeRange[] {
  const endOf = (times: readonly TimeRange[]) => times.at(-1)?.toMs ?? Number.NEGATIVE_INFINITY;
  return endOf(taken) >= endOf(known) ? taken : known;
}

/** Entries up to a size. Beyond it, those that were added first are dropped. */
class EventRing {
  /** In the order in which they were added. Their times may be in another order. */
  readonly entries: KeptEntry[] = [];
  /** The latest time of a dropped entry; -Infinity while none was dropped. */
  droppedToMs = Number.NEGATIVE_INFINITY;
  bytes = 0;
  readonly #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  add(entry: KeptEntry): void {
    this.entries.push(entry);
    this.bytes += bytesOf(entry);
    while (this.bytes > this.#maxBytes) this.#dropFirst();
  }

  dropBefore(atMs: number): void {
    while ((this.entries[0]?.atMs ?? Number.POSITIVE_INFINITY) < atMs) this.#dropFirst();
  }

  #dropFirst(): void {
    const first = this.entries.shift();
    if (first === undefined) return;
    this.bytes -= bytesOf(first);
    this.droppedToMs = Math.max(this.droppedToMs, first.atMs);
  }
}

function bytesOf({ detail, pod }: KeptEntry): number {
  // Names are ASCII, one byte each. Those of a copy are not shared with the list of pods.
  const nameBytes = pod === null ? 0 : pod.uid.length + pod.name.length + pod.namespace.length + pod.node.length;
  return ENTRY_BYTES + nameBytes + 2 * detail.length;
}
