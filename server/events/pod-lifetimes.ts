import type { EventKind, EventPod } from '../protocol/event.ts';
import { comparePods, type DiscoverySnapshot, type Lifecycle, type Pod } from '../protocol/pod.ts';
import type { Clock } from '../runtime/clock.ts';

/** How much a book keeps. */
interface PodLifetimesSettings {
  /** How far back pods can be asked for (HISTORY_WINDOW). */
  historyWindowMs: number;
  /** For how long a departed pod is still among the pods of a moment (GONE_RETENTION). */
  goneRetentionMs: number;
}

/** A pod has entered a stage of its life, or the pod that takes its place is known. */
export interface PodChange {
  pod: Pod;
  /** The stage it is in now; `replaced`: it is `gone` already, and `by` has taken its place. */
  kind: Lifecycle | 'replaced';
  /** Whether nothing was known of the pod before. */
  first: boolean;
  /** When, in monotonic time. */
  atMs: number;
  by: Pod | null;
}

/** The most pods of which anything is kept. Those that are there always stay; departed ones make room, oldest first. */
const MAX_PODS = 5000;
/** So many departed pods are kept however many others there are. */
const MIN_DEPARTED = 500;

/** Every pod of the last HISTORY_WINDOW and the stages of its life, so that the pods of any moment can be told. */
export class PodLifetimes {
  readonly #settings: PodLifetimesSettings;
  readonly #clock: Clock;
  /** Departed pods stand in the order in which they left. */
  readonly #lives = new Map<string, PodLifetime>();
  #pods: readonly Pod[] = [];

  constructor(settings: PodLifetimesSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /** Takes the pods as they are now; gives what has changed, in the order of discovery. */
  update({ pods }: DiscoverySnapshot): PodChange[] {
    // Discovery hands on the same array until something changes.
    if (pods === this.#pods) return [];
    this.#pods = pods;
    const nowMs = this.#clock.monotonicMs();
    const byUid = new Map(pods.map((pod) => [pod.uid, pod]));
    const changes: PodChange[] = [];
    for (const pod of pods) this.#takePod(pod, nowMs, byUid, changes);
    this.#takeForgotten(byUid, nowMs, changes);
    this.#prune(nowMs);
    return changes;
  }

  /** The pod with `uid` as it was last known; null if nothing is known of it. */
  lastKnown(uid: string): Pod | null {
    return this.#lives.get(uid)?.pod ?? null;
  }

  /**
   * The pods as they were at `atMs` (ms since the epoch by our present clock), sorted as discovery sorts: with the stage
   * they were in; departed within GONE_RETENTION as gone. Addresses, labels and names are the last known.
   */
  podsAt(atMs: number): Pod[] {
    const wallMs = this.#wallMs();
    const at = atMs - wallMs;
    const pods: Pod[] = [];
    for (const life of this.#lives.values()) {
      const stage = life.stageAt(at);
      if (stage === null) continue;
      const isGone = stage.lifecycle === 'gone';
      if (isGone && at - stage.fromMs >= this.#settings.goneRetentionMs) continue;
      const replacement = isGone ? this.#lives.get(life.pod.replacedBy) : undefined;
      const replacedBy = replacement !== undefined && replacement.bornMs <= at ? life.pod.replacedBy : '';
      const { lifecycle, fromMs } = stage;
      pods.push({ ...life.pod, lifecycle, sinceMs: Math.round(fromMs + wallMs), replacedBy });
    }
    return pods.sort(comparePods);
  }

  /** How many pods were there, not gone, at some time in each of `steps` steps from `fromMs` (ms since the epoch) on. */
  countAlive(fromMs: number, stepMs: number, steps: number): number[] {
    const from = fromMs - this.#wallMs();
    const stepOf = (atMs: number) => Math.floor((atMs - from) / stepMs);
    const changes = new Int32Array(steps + 1);
    for (const life of this.#lives.values()) {
      const first = Math.max(0, stepOf(life.bornMs));
      const last = life.isGone ? Math.min(steps - 1, stepOf(life.sinceMs)) : steps - 1;
      if (first > last) continue;
      changes[first] = (changes[first] ?? 0) + 1;
      changes[last + 1] = (changes[last + 1] ?? 0) - 1;
    }
    let alive = 0;
    return Array.from(changes.subarray(0, steps), (change) => {
      alive += change;
      return alive;
    });
  }

  /** The pods that left after `fromMs` (ms since the epoch), in the order in which they left. */
  departedSince(fromMs: number): Pod[] {
    const from = fromMs - this.#wallMs();
    const departed = [...this.#lives.values()].filter((life) => life.isGone && life.sinceMs >= from);
    return departed.map((life) => life.pod);
  }

  /** Pods of which anything is kept. */
  get size(): number {
    return this.#lives.size;
  }

  #takePod(pod: Pod, nowMs: number, byUid: ReadonlyMap<string, Pod>, changes: PodChange[]): void {
    const known = this.#lives.get(pod.uid);
    if (known?.pod === pod) return;
    const knownReplacement = known?.pod.replacedBy ?? '';
    const life = known ?? new PodLifetime(pod, this.#monotonicMs(pod.createdMs, nowMs));
    const kind = pod.lifecycle;
    if (life.take(pod, this.#monotonicMs(pod.sinceMs, nowMs))) {
      changes.push({ pod, kind, first: known === undefined, atMs: life.sinceMs, by: null });
      // To the end: departed pods stand in the order in which they left.
      this.#lives.delete(pod.uid);
      this.#lives.set(pod.uid, life);
    }
    if (pod.replacedBy === '' || pod.replacedBy === knownReplacement) return;
    const by = byUid.get(pod.replacedBy) ?? null;
    const atMs = by === null ? nowMs : this.#monotonicMs(by.createdMs, nowMs);
    changes.push({ pod, kind: 'replaced', first: false, atMs, by });
  }

  /** Pods that left and were forgotten again before we were told, as in a storm of departures. */
  #takeForgotten(byUid: ReadonlyMap<string, Pod>, nowMs: number, changes: PodChange[]): void {
    for (const life of [...this.#lives.values()]) {
      if (life.isGone || byUid.has(life.pod.uid)) continue;
      const pod: Pod = { ...life.pod, lifecycle: 'gone', sinceMs: this.#clock.nowMs() };
      this.#takePod(pod, nowMs, byUid, changes);
    }
  }

  #prune(nowMs: number): void {
    const { historyWindowMs, goneRetentionMs } = this.#settings;
    const departed = [...this.#lives.values()].filter((life) => life.isGone);
    const room = Math.max(MIN_DEPARTED, MAX_PODS - (this.#lives.size - departed.length));
    for (const [i, life] of departed.entries()) {
      const isOld = nowMs - life.sinceMs > historyWindowMs + goneRetentionMs;
      if (isOld || departed.length - i > room) this.#lives.delete(life.pod.uid);
    }
  }

  /** A time of ours or the API's as a monotonic one; what lies in the future is now. */
  #monotonicMs(atMs: number, nowMs: number): number {
    return nowMs - Math.max(0, this.#clock.nowMs() - atMs);
  }

  #wallMs(): number {
    return this.#clock.nowMs() - this.#clock.monotonicMs();
  }
}

/** What a change of a pod says to the journal; `atMs` is monotonic. */
interface PodEntry {
  kind: EventKind;
  pod: EventPod;
  atMs: number;
  toldMs: number;
  detail: string;
}

const KINDS: Record<Lifecycle, EventKind | null> = {
  starting: null,
  ready: 'pod-ready',
  'not-ready': 'pod-not-ready',
  terminating: 'pod-terminating',
  gone: 'pod-gone',
};

/**
 * The entries that a change of a pod makes. Of a pod that is seen for the first time also that it was created, at the
 * time that the API tells: so a pod that starts later tells the same of it as those that were there.
 */
export function entriesOf({ pod, kind, first, atMs, by }: PodChange, bornMs: number): PodEntry[] {
  const named = eventPodOf(pod);
  if (kind === 'replaced') {
    const toldMs = by?.createdMs ?? 0;
    return [{ kind: 'pod-replaced', pod: named, atMs, toldMs, detail: by?.name.slice(0, 300) ?? '' }];
  }
  const entries: PodEntry[] = [];
  if (first) entries.push({ kind: 'pod-seen', pod: named, atMs: bornMs, toldMs: pod.createdMs, detail: '' });
  const stage = KINDS[kind];
  if (stage !== null) entries.push({ kind: stage, pod: named, atMs, toldMs: toldMsOf(pod), detail: '' });
  return entries;
}

/** A pod as events name it. */
export function eventPodOf({ uid, name, namespace, node }: Pick<Pod, keyof EventPod>): EventPod {
  return { uid, name, namespace, node };
}

/** Since when the API says that a pod is in its stage; 0 = it does not. Its times are whole seconds, ours hardly ever. */
function toldMsOf({ sinceMs }: Pod): number {
  return sinceMs % 1000 === 0 ? sinceMs : 0;
}

/** A stage of a pod's life and since when, in monotonic time. */
interface Stage {
  lifecycle: Lifecycle;
  fromMs: number;
}

/** The most stages that are kept of one pod: a probe that flaps must not fill the memory. */
const MAX_STAGES = 32;

/** One pod's life: what it is now, and the stages that it went through. */
class PodLifetime {
  #pod: Pod;
  /** When it was created, in monotonic time. */
  readonly bornMs: number;
  readonly #stages: Stage[] = [];

  constructor(pod: Pod, bornMs: number) {
    this.#pod = pod;
    this.bornMs = bornMs;
  }

  /** As it was last told. */
  get pod(): Pod {
    return this.#pod;
  }

  /** Since when it is in its present stage. */
  get sinceMs(): number {
    return this.#stages.at(-1)?.fromMs ?? this.bornMs;
  }

  /** Whether it has left. */
  get isGone(): boolean {
    return this.#stages.at(-1)?.lifecycle === 'gone';
  }

  /** Takes the pod as it is now, in its stage since `sinceMs`. Gives whether the stage is another than before. */
  take(pod: Pod, sinceMs: number): boolean {
    this.#pod = pod;
    const { lifecycle } = pod;
    const last = this.#stages.at(-1);
    if (last?.lifecycle === lifecycle) return false;
    // What was before we knew of it: it began with its start; of one that is leaving, that it was ready is likeliest.
    const earlier = lifecycle === 'terminating' || lifecycle === 'gone' ? 'ready' : 'starting';
    if (last === undefined && sinceMs > this.bornMs && lifecycle !== 'starting') {
      this.#stages.push({ lifecycle: earlier, fromMs: this.bornMs });
    }
    this.#stages.push({ lifecycle, fromMs: Math.max(sinceMs, last?.fromMs ?? this.bornMs) });
    if (this.#stages.length > MAX_STAGES) this.#stages.shift();
    return true;
  }

  /** The stage that it was in at `atMs`, monotonic; null before it was created. */
  stageAt(atMs: number): Stage | null {
    if (atMs < this.bornMs) return null;
    const stage = this.#stages.findLast(({ fromMs }) => fromMs <= atMs);
    return stage ?? this.#stages[0] ?? null;
  }
}
