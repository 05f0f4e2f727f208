import { comparePods, type Pod } from '../protocol/pod.ts';
import { type PodFacts, stageOf } from './pod-reader.ts';
import { type Entry, nameReplacements } from './replacement.ts';

/** How much the store keeps. */
interface StoreLimits {
  /** How long a pod that left stays, ms. */
  goneRetentionMs: number;
  /** Pods that have not left; a pod beyond it is not taken in. */
  maxPods: number;
  /** Pods that have left; beyond it those that left first are forgotten. */
  maxGone: number;
}

/** All pods that match our selector, and those that recently left, by uid: a pod recreated under its name is another. */
export class PodStore {
  readonly #limits: StoreLimits;
  readonly #entries = new Map<string, Entry>();
  #zones: ReadonlyMap<string, string> = new Map();
  #sorted: readonly Pod[] | null = [];
  #live = 0;
  /** Counts the answers of the API server, so that it is known which pods were there before others left. */
  #step = 0;

  constructor(limits: StoreLimits) {
    this.#limits = limits;
  }

  /** Pods that have not left. */
  get liveCount(): number {
    return this.#live;
  }

  /** All pods, sorted by namespace, name, uid. The same array as before if nothing has changed. */
  pods(): readonly Pod[] {
    if (this.#sorted === null) {
      nameReplacements(this.#entries.values());
      this.#sorted = [...this.#entries.values()].map((entry) => entry.pod).sort(comparePods);
    }
    return this.#sorted;
  }

  /**
   * Takes a complete list: what is not in it has left, no earlier than `lastGoodMs` when our knowledge was last right.
   * Gives whether anything changed.
   */
  replaceAll(list: readonly PodFacts[], nowMs: number, lastGoodMs: number): boolean {
    this.#step += 1;
    const listed = new Set(list.map((facts) => facts.uid));
    let changed = false;
    // First those that left, to make room.
    for (const [uid, entry] of this.#entries) {
      if (listed.has(uid) || entry.pod.lifecycle === 'gone') continue;
      this.#leave(entry, entry.pod.lifecycle === 'terminating' ? entry.pod.sinceMs : lastGoodMs || nowMs, nowMs);
      changed = true;
    }
    for (const facts of list) changed = this.#put(facts, nowMs) || changed;
    return changed;
  }

  /** Takes one pod as the API server has it now. Gives whether anything changed. */
  put(facts: PodFacts, nowMs: number): boolean {
    this.#step += 1;
    return this.#put(facts, nowMs);
  }

  #put(facts: PodFacts, nowMs: number): boolean {
    const known = this.#entries.get(facts.uid);
    const stage = stageOf(facts, known?.pod ?? null, nowMs);
    const gone = stage.lifecycle === 'gone';
    if (gone && stage.sinceMs + this.#limits.goneRetentionMs <= nowMs) return this.#forget(facts.uid);
    if (!gone && (known === undefined || known.pod.lifecycle === 'gone') && this.#live >= this.#limits.maxPods)
      return false;
    const pod: Pod = {
      uid: facts.uid,
      name: facts.name,
      namespace: facts.namespace,
      node: facts.node,
      zone: this.#zones.get(facts.node) ?? known?.pod.zone ?? '',
      podIPs: facts.podIPs,
      hostIPs: facts.hostIPs,
      ...stage,
      createdMs: facts.createdMs,
      owner: facts.owner,
      labels: facts.labels,
      replacedBy: gone ? (known?.pod.replacedBy ?? '') : '',
    };
    if (known !== undefined && samePod(known.pod, pod)) return false;
    const isLeaving = gone || stage.lifecycle === 'terminating';
    this.#set({
      pod,
      ownerKind: facts.ownerKind,
      leftMs: gone ? facts.deletedMs || stage.sinceMs : 0,
      firstStep: known?.firstStep ?? this.#step,
      leftStep: isLeaving ? known?.leftStep || this.#step : 0,
      replaces: known?.replaces ?? false,
    });
    return true;
  }

  /** Takes note that the API server deleted this pod, or that it no longer matches. Gives whether anything changed. */
  remove(facts: PodFacts, nowMs: number): boolean {
    this.#step += 1;
    const known = this.#entries.get(facts.uid);
    if (known === undefined || known.pod.lifecycle === 'gone') return false;
    this.#leave(known, facts.deletedMs || nowMs, nowMs);
    return true;
  }

  /** Forgets pods that left too long ago. Gives whether anything changed. */
  expire(nowMs: number): boolean {
    let changed = false;
    for (const [uid, { pod }] of this.#entries) {
      if (pod.lifecycle !== 'gone' || pod.sinceMs + this.#limits.goneRetentionMs > nowMs) continue;
      changed = this.#forget(uid) || changed;
    }
    return changed;
  }

  /** When the next pod is to be forgotten, ms since the epoch; Infinity if none has left. */
  nextExpiryMs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { pod } of this.#entries.values()) if (pod.lifecycle === 'gone') next = Math.min(next, pod.sinceMs);
    return next + this.#limits.goneRetentionMs;
  }

  /** Takes zones by node name. Gives whether anything changed. */
  setZones(zones: ReadonlyMap<string, string>): boolean {
    this.#zones = zones;
    let changed = false;
    for (const entry of this.#entries.values()) {
      const zone = zones.get(entry.pod.node);
      // A node that is gone itself keeps its pods' zone as it was.
      if (zone === undefined || zone === entry.pod.zone) continue;
      entry.pod = { ...entry.pod, zone };
      changed = true;
    }
    if (changed) this.#sorted = null;
    return changed;
  }

  #leave(entry: Entry, leftMs: number, nowMs: number): void {
    const pod: Pod = { ...entry.pod, lifecycle: 'gone', sinceMs: nowMs, replacedBy: '' };
    this.#set({ ...entry, pod, leftMs: Math.min(leftMs, nowMs), leftStep: entry.leftStep || this.#step });
  }

  #set(entry: Entry): void {
    this.#forget(entry.pod.uid);
    this.#sorted = null;
    this.#entries.set(entry.pod.uid, entry);
    if (entry.pod.lifecycle !== 'gone') this.#live += 1;
    else if (this.#entries.size - this.#live > this.#limits.maxGone) this.#forgetOldest();
  }

  #forgetOldest(): void {
    let oldest: Pod | null = null;
    for (const { pod } of this.#entries.values()) {
      if (pod.lifecycle === 'gone' && (oldest === null || pod.sinceMs < oldest.sinceMs)) oldest = pod;
    }
    if (oldest !== null) this.#forget(oldest.uid);
  }

  #forget(uid: string): boolean {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return false;
    if (entry.pod.lifecycle !== 'gone') this.#live -= 1;
    this.#entries.delete(uid);
    this.#sorted = null;
    return true;
  }
}

function samePod(a: Pod, b: Pod): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
