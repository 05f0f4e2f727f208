import { MAX_REASON, orderedPlace, type Pod } from '../protocol/pod.ts';
import { stageOf } from './lifecycle.ts';
import type { PodFacts } from './pod-reader.ts';
import { type Departure, nameReplacements, type PodEntry } from './replacement.ts';

interface StoreLimits {
  /** How long a pod that has left stays, ms. */
  goneRetentionMs: number;
  /** Pods that have not left. A pod beyond this number is left out, until the API sends it again and there is room. */
  maxPods: number;
  /** IGNORE_CORDONED: pods on cordoned nodes are marked as ignored. */
  ignoreCordoned?: boolean;
  /** Pods that have left. Beyond this number the store forgets those that left first. */
  maxGone: number;
  /** Turns ms since the epoch into monotonic ms, by which retentions end: the time of day may be corrected. */
  toMonotonicMs(wallMs: number): number;
}

/**
 * The pods that match our label selector, and those that have left lately, by uid: a pod that is created again under its name is
 * another pod. A departed pod is forgotten after the retention, and when more than `maxGone` have left, the one that left first.
 */
export class PodStore {
  readonly #limits: StoreLimits;
  readonly #entries = new Map<string, PodEntry>();
  #zones: ReadonlyMap<string, string> = new Map();
  #cordoned: ReadonlySet<string> = new Set();
  /** Those of `#entries` whose pods have left. */
  readonly #gone = new Map<string, PodEntry>();
  /** The entries in the order of `comparePods`. Sorting thousands of them anew for each change would take milliseconds. */
  readonly #order: PodEntry[] = [];
  /** What `pods` returned last; null = something has changed since. */
  #sorted: readonly Pod[] | null = [];
  /** The number of the last list or event from the API server. It shows which pod was there before another one left. */
  #step = 0;
  /** When a list, an event or a bookmark last came, ms since the epoch; 0 = never. */
  #currentAtMs = 0;

  constructor(limits: StoreLimits) {
    this.#limits = limits;
  }

  /** The number of pods that have not left. */
  get liveCount(): number {
    return this.#entries.size - this.#gone.size;
  }

  /** All pods, sorted by namespace, name, uid. Returns the same array as before if nothing has changed. */
  pods(): readonly Pod[] {
    if (this.#sorted === null) {
      nameReplacements(this.#entries);
      this.#sorted = this.#order.map(({ pod }) => pod);
    }
    return this.#sorted;
  }

  /** Takes a complete list. Pods that are missing in it have left. Returns whether anything has changed. */
  replaceAll(list: readonly PodFacts[], nowMs: number): boolean {
    this.#step += 1;
    const listed = new Set(list.map(({ pod }) => pod.uid));
    let changed = false;
    // Departures come first, to make room.
    for (const [uid, entry] of this.#entries) {
      if (listed.has(uid) || entry.pod.lifecycle === 'gone') continue;
      this.#leave(entry, null, nowMs);
      changed = true;
    }
    // A pod that leaves moves to the end of the entries. There it is gone, so that this loop leaves it alone.
    const unseenMs = this.#unseenMs(nowMs);
    for (const facts of list) if (this.#put(facts, nowMs, unseenMs)) changed = true;
    this.#endStep(nowMs);
    return changed;
  }

  /** Takes one pod that was added or modified. Returns whether anything has changed. */
  put(facts: PodFacts, nowMs: number): boolean {
    this.#step += 1;
    const changed = this.#put(facts, nowMs);
    this.#endStep(nowMs);
    return changed;
  }

  /** Takes one pod that was deleted, or no longer matches the selector. Returns whether anything has changed. */
  remove(facts: PodFacts, nowMs: number): boolean {
    this.#step += 1;
    const known = this.#entries.get(facts.pod.uid);
    const isPresent = known !== undefined && known.pod.lifecycle !== 'gone';
    if (isPresent) this.#leave(known, facts, nowMs);
    this.#endStep(nowMs);
    return isPresent;
  }

  /** Takes note that the API has no news besides what the store has, as of `nowMs`. */
  confirm(nowMs: number): void {
    this.#currentAtMs = nowMs;
  }

  /** Forgets the pods whose retention has ended by `nowMs`, monotonic ms. Returns whether there were any. */
  expire(nowMs: number): boolean {
    const ended = [...this.#gone.values()].filter(({ goneMs }) => goneMs + this.#limits.goneRetentionMs <= nowMs);
    for (const { pod } of ended) this.#forget(pod.uid);
    return ended.length > 0;
  }

  /** When the next retention ends, monotonic ms; Infinity if no pod has left. */
  nextExpiryMs(): number {
    const firstMs = Math.min(...Array.from(this.#gone.values(), ({ goneMs }) => goneMs));
    return firstMs + this.#limits.goneRetentionMs;
  }

  /** Takes the zones by node name. Returns whether the zone of any pod has changed. */
  setZones(zones: ReadonlyMap<string, string>): boolean {
    this.#zones = zones;
    // If the node itself is gone, its pods keep their zone.
    return this.#setAll('zone', ({ node, zone }) => zones.get(node) ?? zone);
  }

  /** Takes the names of the cordoned nodes. Returns whether that changes any pod. */
  setCordoned(nodes: ReadonlySet<string>): boolean {
    this.#cordoned = nodes;
    // A pod that has left keeps what was known of its node; so it does in `#put`, while the API still lists it.
    return this.#setAll('cordon', ({ node, lifecycle, cordon }) =>
      lifecycle === 'gone' ? cordon : this.#cordonOf(node),
    );
  }

  /** Takes note that a node was deleted: that is why its pods have left. Returns whether there are any. */
  nodeDeleted(node: string): boolean {
    const deleted = `node ${node} was deleted`.slice(0, MAX_REASON);
    const isOf = (pod: Pod) => pod.node === node && pod.lifecycle === 'gone';
    return this.#setAll('reason', (pod) => (isOf(pod) ? deleted : pod.reason));
  }

  /** Sets a property of every pod. Returns whether that has changed any. */
  #setAll<K extends keyof Pod>(property: K, newValueOf: (pod: Pod) => Pod[K]): boolean {
    let changed = false;
    for (const entry of this.#entries.values()) {
      const value = newValueOf(entry.pod);
      if (value === entry.pod[property]) continue;
      entry.pod = { ...entry.pod, [property]: value };
      changed = true;
    }
    if (changed) this.#sorted = null;
    return changed;
  }

  /** Ends a list or an event: the store is current now. Beyond `maxGone`, the pods that left first are forgotten. */
  #endStep(nowMs: number): void {
    this.#currentAtMs = nowMs;
    const excess = this.#gone.size - this.#limits.maxGone;
    if (excess <= 0) return;
    const leftFirst = [...this.#gone.values()].sort((a, b) => a.goneMs - b.goneMs);
    for (const { pod } of leftFirst.slice(0, excess)) this.#forget(pod.uid);
  }

  #cordonOf(node: string): Pod['cordon'] {
    if (!this.#cordoned.has(node)) return '';
    return this.#limits.ignoreCordoned === true ? 'ignored' : 'cordoned';
  }

  /**
   * Adds or changes one pod that the API still has. Returns whether anything has changed. `unseenMs`: for how long before now we did
   * not see what happened to it.
   */
  #put(facts: PodFacts, nowMs: number, unseenMs = 0): boolean {
    const { uid, node } = facts.pod;
    const known = this.#entries.get(uid);
    const stage = stageOf(facts, known?.pod ?? null, nowMs);
    const isGone = stage.lifecycle === 'gone';
    if (isGone && stage.sinceMs + this.#limits.goneRetentionMs <= nowMs) return this.#forget(uid);
    /** The pod as it was when it left, if it had left before. */
    const departed = known?.pod.lifecycle === 'gone' ? known.pod : null;
    const isBack = departed !== null && !isGone;
    const needsRoom = isBack || (known === undefined && !isGone);
    if (needsRoom && this.liveCount >= this.#limits.maxPods) return false;
    const backMs = isBack ? nowMs : (known?.backMs ?? 0);
    const pod: Pod = {
      ...facts.pod,
      zone: this.#zones.get(node) ?? known?.pod.zone ?? '',
      cordon: isGone && departed !== null ? departed.cordon : this.#cordonOf(node),
      lifecycle: stage.lifecycle,
      // The API may say that it has been ready since before it left. It has been back only since `backMs`.
      sinceMs: Math.max(stage.sinceMs, backMs),
      unseenMs: isGone && known !== undefined ? (departed?.unseenMs ?? unseenMs) : 0,
      replacedBy: isGone ? (known?.pod.replacedBy ?? '') : '',
    };
    if (known !== undefined && JSON.stringify(known.pod) === JSON.stringify(pod)) return false;
    const isLeaving = isGone || stage.lifecycle === 'terminating';
    const left = isLeaving ? (known?.left ?? this.#departureOf(facts, known === undefined, nowMs)) : null;
    this.#set({
      pod,
      ownerKind: facts.ownerKind,
      appeared: known?.appeared ?? { step: this.#step, atMs: nowMs },
      backMs,
      goneMs: departed === null ? this.#limits.toMonotonicMs(stage.sinceMs) : (known?.goneMs ?? 0),
      left,
      replacement: isLeaving ? (known?.replacement ?? '') : '',
      isReplacement: known?.isReplacement ?? false,
    });
    // A pod that is back, because its label was restored, has not been replaced.
    const replacement = isLeaving ? undefined : this.#entries.get(known?.replacement ?? '');
    if (replacement !== undefined) replacement.isReplacement = false;
    return true;
  }

  /**
   * When and how a pod began to leave, by the first news of it. `facts`: its state then; null = it is missing in a list. If it is new
   * to us (`isNew`), that is the time that the API names. Else it is the time of the delete request, if the API names that. If not,
   * the pod left between our last news (`#currentAtMs`) and now, and the earlier time counts.
   */
  #departureOf(facts: PodFacts | null, isNew: boolean, nowMs: number): Departure {
    const apiMs = facts?.deletedMs || (isNew ? facts?.newestMs : 0) || nowMs;
    // After a grace period `deletedMs` is the request. With grace period 0, as in the kubelet's last delete, it is the end.
    const isExact = isNew || (facts !== null && facts.pod.goneByMs > facts.deletedMs);
    const fromMs = isExact ? apiMs : Math.min(apiMs, this.#currentAtMs || nowMs);
    return { step: this.#step, atMs: nowMs, fromMs: Math.min(fromMs, nowMs) };
  }

  /** Marks a pod as gone. `facts`: its last state; null = it is missing in a list. */
  #leave(entry: PodEntry, facts: PodFacts | null, nowMs: number): void {
    const reason = facts?.pod.reason || entry.pod.reason;
    const unseenMs = facts === null ? this.#unseenMs(nowMs) : 0;
    this.#set({
      ...entry,
      pod: { ...entry.pod, lifecycle: 'gone', sinceMs: nowMs, unseenMs, reason, replacedBy: '' },
      goneMs: this.#limits.toMonotonicMs(nowMs),
      left: entry.left ?? this.#departureOf(facts, false, nowMs),
    });
  }

  /** For how long before the list that has come now we did not see what happened, ms: since the store was last current. */
  #unseenMs(nowMs: number): number {
    return this.#currentAtMs === 0 ? 0 : Math.max(0, nowMs - this.#currentAtMs);
  }

  /** Adds or replaces an entry. */
  #set(entry: PodEntry): void {
    const { uid, lifecycle } = entry.pod;
    this.#forget(uid);
    this.#sorted = null;
    this.#entries.set(uid, entry);
    this.#order.splice(this.#placeOf(entry), 0, entry);
    if (lifecycle === 'gone') this.#gone.set(uid, entry);
  }

  /** Returns whether the pod was known. */
  #forget(uid: string): boolean {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return false;
    this.#gone.delete(uid);
    this.#entries.delete(uid);
    this.#order.splice(this.#placeOf(entry), 1);
    this.#sorted = null;
    return true;
  }

  #placeOf({ pod }: PodEntry): number {
    return orderedPlace(this.#order, pod, (entry) => entry.pod);
  }
}
