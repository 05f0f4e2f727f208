import type { MeshSettings } from '../protocol/mesh.ts';
import {
  comparePods,
  type DepartedPod,
  type DiscoverySnapshot,
  type Lifecycle,
  listChanges,
  MAX_DEPARTED,
  MAX_STAGES,
  type Pod,
} from '../protocol/pod.ts';
import { type Clock, toMonotonicMs, wallOffsetMs } from '../runtime/clock.ts';

/** HISTORY_WINDOW: how far back pods can be asked for; GONE_RETENTION: how long a departed pod is listed as gone. */
type PodLifetimesSettings = Pick<MeshSettings, 'historyWindowMs' | 'goneRetentionMs'>;

/** The lifecycle of a pod has changed, or its replacement has become known. */
export interface PodChange {
  pod: Pod;
  /** The new lifecycle. `replaced`: the pod is already `gone`, and `replacement` has taken its place. */
  to: Lifecycle | 'replaced';
  /** Whether we did not know the pod before. */
  isNew: boolean;
  /** When it changed, monotonic. */
  atMs: number;
  /** The pod that has taken its place; null if `to` is another one, or if we do not know that pod. */
  replacement: Pod | null;
}

/** The most pods that are kept: beyond it, those that departed first are dropped. Present pods and `MAX_DEPARTED` others always stay. */
const MAX_PODS = 5000;
/** A pod has its first event or sample at most this long after it was first ready, ms. */
const FIRST_SAMPLE_MS = 30_000;

/** The lifetime of every pod of the last HISTORY_WINDOW, so that the pods of any past moment are known. */
export class PodLifetimes {
  readonly #settings: PodLifetimesSettings;
  readonly #clock: Clock;
  readonly #lifetimes = new Map<string, PodLifetime>();
  #pods: readonly Pod[] = [];

  constructor(settings: PodLifetimesSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /** Takes the present pods. Returns what has changed since the last call, in the order of the snapshot. */
  update({ pods }: DiscoverySnapshot): PodChange[] {
    // Discovery gives the same array until something changes.
    if (pods === this.#pods) return [];
    const { added, removed } = listChanges(this.#pods, pods);
    this.#pods = pods;
    const changed = new Map(added.map((pod) => [pod.uid, pod]));
    const changes: PodChange[] = [];
    for (const pod of added) this.#updatePod(pod, changed, changes);
    // Discovery has dropped these pods without listing them as gone, as when many leave at once.
    for (const pod of removed) {
      if (pod.lifecycle === 'gone' || changed.has(pod.uid)) continue;
      this.#updatePod({ ...pod, lifecycle: 'gone', sinceMs: this.#clock.nowMs() }, changed, changes);
    }
    this.#prune();
    return changes;
  }

  /** The pod as we know it, or as we last knew it if it has left; null if it is not kept (any more). */
  lastKnown(uid: string): Pod | null {
    return this.#lifetimes.get(uid)?.pod ?? null;
  }

  /**
   * Whether a link (uids of its pods) is left out of metrics and histories, because one of its pods is on a cordoned node, or
   * was when it left (IGNORE_CORDONED).
   */
  isLeftOut(from: string, to: string): boolean {
    return this.lastKnown(from)?.cordon === 'ignored' || this.lastKnown(to)?.cordon === 'ignored';
  }

  /**
   * Since when a pod remembers what it saw, if its process has not restarted: from FIRST_SAMPLE_MS after it was first ready; ms since
   * the epoch. Infinity if it was never ready. A pod that we do not know counts as ready from its creation on.
   */
  remembersSinceMs({ uid, createdMs }: Pick<Pod, 'uid' | 'createdMs'>): number {
    const lifetime = this.#lifetimes.get(uid);
    if (lifetime === undefined) return createdMs + FIRST_SAMPLE_MS;
    return lifetime.firstReadyMs + wallOffsetMs(this.#clock) + FIRST_SAMPLE_MS;
  }

  /**
   * The pods at `atMs` (ms since the epoch by our present clock), sorted as discovery sorts them, with their lifecycle of
   * then. Pods that had departed less than GONE_RETENTION before, or after `fromMs` (the start of the time range that is asked
   * for), are listed as gone. Addresses, labels and names are the last known ones. The reason of a stage is known only of the last one.
   */
  podsAt(atMs: number, fromMs = atMs): Pod[] {
    const wallMs = wallOffsetMs(this.#clock);
    const at = atMs - wallMs;
    const from = fromMs - wallMs;
    const pods: Pod[] = [];
    for (const lifetime of this.#lifetimes.values()) {
      const stage = lifetime.stageAt(at);
      if (stage === undefined) continue;
      const { pod, stages } = lifetime;
      const { lifecycle } = stage;
      const isGone = lifecycle === 'gone';
      if (isGone && stage.fromMs < from && at - stage.fromMs >= this.#settings.goneRetentionMs) continue;
      const replacement = isGone ? this.#lifetimes.get(pod.replacedBy) : undefined;
      const replacedBy = replacement !== undefined && replacement.bornMs <= at ? pod.replacedBy : '';
      const reason = stage === stages.at(-1) ? pod.reason : '';
      pods.push({ ...pod, lifecycle, sinceMs: Math.round(stage.fromMs + wallMs), reason, replacedBy });
    }
    return pods.sort(comparePods);
  }

  /**
   * How many of the pods for which `isCounted` holds existed in each of `steps` steps from `fromMs` (ms since the epoch). A pod counts
   * also in the step in which it was created, and in that in which it left.
   */
  countAlive(fromMs: number, stepMs: number, steps: number, isCounted: (pod: Pod) => boolean): number[] {
    const from = fromMs - wallOffsetMs(this.#clock);
    const stepOf = (atMs: number) => Math.floor((atMs - from) / stepMs);
    /** By how much the number changes at the beginning of each step. */
    const changes = new Int32Array(steps + 1);
    for (const { pod, bornMs, sinceMs, isGone } of this.#lifetimes.values()) {
      if (!isCounted(pod)) continue;
      const first = Math.max(0, stepOf(bornMs));
      const last = isGone ? Math.min(steps - 1, stepOf(sinceMs)) : steps - 1;
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
    const from = fromMs - wallOffsetMs(this.#clock);
    return this.#departed()
      .filter(({ sinceMs }) => sinceMs > from)
      .map(({ pod }) => pod);
  }

  /** The pods that left less than GONE_RETENTION ago, also those that left before we started (`addLives`). */
  gone(): Pod[] {
    return this.departedSince(this.#clock.nowMs() - this.#settings.goneRetentionMs);
  }

  /** The pods that have left and their lives, for a new process, which passes them to `addLives`; the newest `MAX_DEPARTED`. */
  departedLives(): DepartedPod[] {
    const nowMs = this.#clock.monotonicMs();
    return this.#departed()
      .slice(-MAX_DEPARTED)
      .map(({ pod, stages }) => ({
        pod,
        stages: stages.map(({ lifecycle, fromMs }) => [lifecycle, Math.max(0, Math.round(nowMs - fromMs))]),
      }));
  }

  /**
   * Adds the lives of pods that left before we started, within HISTORY_WINDOW, as another pod gives them (`departedLives`). A pod
   * that we have seen ourselves stays as it is; one that we know from others is replaced. At most `MAX_DEPARTED` pods are known from
   * others.
   */
  addLives(departed: readonly DepartedPod[]): void {
    const nowMs = this.#clock.monotonicMs();
    let room = MAX_DEPARTED - [...this.#lifetimes.values()].filter(({ isSeen }) => !isSeen).length;
    for (const { pod, stages } of departed) {
      const [lifecycle, goneAgeMs = -1] = stages.at(-1) ?? [];
      const isWanted = lifecycle === 'gone' && goneAgeMs >= 0 && goneAgeMs <= this.#settings.historyWindowMs;
      const known = this.#lifetimes.get(pod.uid);
      if (!isWanted || known?.isSeen || (known === undefined && room <= 0)) continue;
      if (known === undefined) room -= 1;
      const left = { ...pod, lifecycle, sinceMs: Math.round(this.#clock.nowMs() - goneAgeMs) };
      const lifetime = new PodLifetime(left, toMonotonicMs(pod.createdMs, this.#clock), false);
      // A hostile pod may give an age that is in the future. No stage begins after the last one, which is in the past.
      for (const [stage, ageMs] of stages) lifetime.add(stage, nowMs - Math.max(ageMs, goneAgeMs));
      this.#lifetimes.set(pod.uid, lifetime);
    }
    this.#prune();
  }

  /** How many pods are kept. */
  get size(): number {
    return this.#lifetimes.size;
  }

  /** Takes the present state of a pod and adds what has changed to `changes`. `changed`: the new and changed pods, by uid. */
  #updatePod(pod: Pod, changed: ReadonlyMap<string, Pod>, changes: PodChange[]): void {
    const known = this.#lifetimes.get(pod.uid);
    if (known?.pod === pod) return;
    const knownReplacement = known?.pod.replacedBy ?? '';
    const lifetime = known ?? new PodLifetime(pod, toMonotonicMs(pod.createdMs, this.#clock), true);
    lifetime.isSeen = true;
    if (lifetime.update(pod, toMonotonicMs(pod.sinceMs, this.#clock))) {
      const isNew = known === undefined;
      changes.push({ pod, to: pod.lifecycle, isNew, atMs: lifetime.sinceMs, replacement: null });
      this.#lifetimes.set(pod.uid, lifetime);
    }
    if (pod.replacedBy === '' || pod.replacedBy === knownReplacement) return;
    const replacement = changed.get(pod.replacedBy) ?? this.lastKnown(pod.replacedBy);
    const atMs = toMonotonicMs(replacement?.createdMs ?? this.#clock.nowMs(), this.#clock);
    changes.push({ pod, to: 'replaced', isNew: false, atMs, replacement });
  }

  /** Forgets the pods that left too long ago, and the oldest departures if there are too many. */
  #prune(): void {
    const { historyWindowMs, goneRetentionMs } = this.#settings;
    const nowMs = this.#clock.monotonicMs();
    const departed = this.#departed();
    const room = Math.max(MAX_DEPARTED, MAX_PODS - (this.#lifetimes.size - departed.length));
    for (const [i, { pod, sinceMs }] of departed.entries()) {
      const isOld = nowMs - sinceMs > historyWindowMs + goneRetentionMs;
      if (isOld || departed.length - i > room) this.#lifetimes.delete(pod.uid);
    }
  }

  /** The pods that have left, in the order in which they left. */
  #departed(): PodLifetime[] {
    const gone = [...this.#lifetimes.values()].filter(({ isGone }) => isGone);
    return gone.sort((a, b) => a.sinceMs - b.sinceMs);
  }
}

/** A lifecycle that a pod had, and since when, monotonic. */
interface Stage {
  lifecycle: Lifecycle;
  fromMs: number;
}

/** One pod: its present state and the stages of its lifetime. */
class PodLifetime {
  pod: Pod;
  /** When it was created, monotonic. No stage begins earlier. */
  readonly bornMs: number;
  /** Whether we have seen it ourselves; false: another pod told us (`addLives`). */
  isSeen: boolean;
  /** The newest `MAX_STAGES`, oldest first. */
  readonly stages: Stage[] = [];
  /** When it was first ready or not ready, monotonic, also if that stage was dropped; Infinity if it never was. */
  firstReadyMs = Number.POSITIVE_INFINITY;

  constructor(pod: Pod, bornMs: number, isSeen: boolean) {
    this.pod = pod;
    this.bornMs = bornMs;
    this.isSeen = isSeen;
  }

  /** Since when it has its present lifecycle, monotonic. */
  get sinceMs(): number {
    return this.stages.at(-1)?.fromMs ?? this.bornMs;
  }

  get isGone(): boolean {
    return this.stages.at(-1)?.lifecycle === 'gone';
  }

  /** Takes the present state, which the pod has had since `sinceMs` (monotonic). Returns whether its lifecycle has changed. */
  update(pod: Pod, sinceMs: number): boolean {
    this.pod = pod;
    const { lifecycle } = pod;
    const last = this.stages.at(-1);
    if (last?.lifecycle === lifecycle) return false;
    // The stage before we knew the pod is a guess: a pod that is leaving was most likely ready before, any other was starting.
    const earlier = lifecycle === 'terminating' || lifecycle === 'gone' ? 'ready' : 'starting';
    if (last === undefined && sinceMs > this.bornMs && lifecycle !== 'starting') this.add(earlier, this.bornMs);
    this.add(lifecycle, sinceMs);
    return true;
  }

  /** Adds a stage that began at `fromMs` (monotonic), but not before the one that it follows. */
  add(lifecycle: Lifecycle, fromMs: number): void {
    const sinceMs = Math.max(fromMs, this.sinceMs);
    this.stages.push({ lifecycle, fromMs: sinceMs });
    // `not-ready` ends the start too: the pod was ready before, or its start has failed. A pod that leaves may still have been starting.
    if (lifecycle === 'ready' || lifecycle === 'not-ready') this.firstReadyMs = Math.min(this.firstReadyMs, sinceMs);
    if (this.stages.length > MAX_STAGES) this.stages.shift();
  }

  /** The stage at `atMs` (monotonic): the oldest known one if that of then was dropped; undefined before the pod was created. */
  stageAt(atMs: number): Stage | undefined {
    if (atMs < this.bornMs) return undefined;
    return this.stages.findLast(({ fromMs }) => fromMs <= atMs) ?? this.stages[0];
  }
}
