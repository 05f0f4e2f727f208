import type { DiscoverySnapshot } from '../contract/discovery.ts';
import { comparePods, type Lifecycle, type Pod } from '../contract/pod.ts';
import type { Clock } from '../contract/seams.ts';
import { PodLife } from './pod-life.ts';

/** How much a book keeps. */
export interface PodBookSettings {
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
export class PodBook {
  readonly #settings: PodBookSettings;
  readonly #clock: Clock;
  /** Departed pods stand in the order in which they left. */
  readonly #lives = new Map<string, PodLife>();
  #pods: readonly Pod[] = [];

  constructor(settings: PodBookSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /** Takes the pods as they are now; gives what has changed, in the order of discovery. */
  take({ pods }: DiscoverySnapshot): PodChange[] {
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
  podOf(uid: string): Pod | null {
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
    const life = known ?? new PodLife(pod, this.#monotonicMs(pod.createdMs, nowMs));
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
