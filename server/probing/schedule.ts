import { listChanges, type Target } from '../protocol/pod.ts';
import type { Clock, Timer } from '../runtime/clock.ts';

/** How often to probe, and what a schedule works with. */
interface ScheduleOptions<Result> {
  /** REFRESH_INTERVAL: time from one probe of a target to the next, without jitter; 0 = never probe. */
  refreshIntervalMs: number;
  /** Each wait is `refreshIntervalMs` x (1 .. 1 + jitterFactor). */
  jitterFactor: number;
  clock: Clock;
  /** 0 <= random() < 1. */
  random: () => number;
  /** Probes a target once, and calls `onEnd` once. */
  probe(target: Target, onEnd: (result: Result) => void): void;
  onSample(target: Target, sample: Result): void;
  /** Called whenever the timer runs: how much later than it was due. */
  onTimer(lateMs: number): void;
}

interface Entry {
  target: Target;
  /** In active time: see `#activeMs`. */
  dueMs: number;
  /** Whether its next probe is its first one, and comes sooner than spreading over a whole interval would allow. */
  isEarly: boolean;
}

/** Starts need not be further apart than this, because probes 20 ms apart do not disturb each other's latency. */
const MAX_SPACING_MS = 20;
/** First probes are spread over at least this time. */
const FIRST_PROBES_MS = 2_000;
/**
 * First probes are also spread over at least this time for each target of the schedule. All pods of a mesh may see a new pod at the
 * same moment, and each of them has about as many targets as there are pods. So the new pod gets at most 200 first probes a second.
 */
const FIRST_PROBES_MS_PER_TARGET = 5;
/** If the timer is later than this, the process stood still. Ordinary delays are shorter. */
const PAUSE_MS = 100;
/** Timers are often this late. Where starts are closer together than this, one run of the timer starts several probes. */
const TIMER_GRAIN_MS = 2;

/**
 * Probes each target once an interval, each at its own time, with one timer for all.
 *
 * - The first probes of targets are spread evenly over a short time (`#firstProbesMs`), so that the state of a new pod is known soon.
 *   They are in random order, so that the pods of a cluster do not all begin with the same peer. The second probe follows after a
 *   random part of an interval, so that later probes are spread over all of it.
 * - Starts keep a minimum distance: `refreshIntervalMs / 2n` (n = number of targets), or `MAX_SPACING_MS` if that is less. So there is
 *   never a burst: a thousand probes in one turn of the loop measure 64 ms instead of 0.16 ms. As each target has one probe in an
 *   interval, half of the time is spare.
 * - If the process stood still, all probes move back by that time. None is caught up.
 */
export class Schedule<Result> {
  readonly #options: ScheduleOptions<Result>;
  #targets: readonly Target[] = [];
  readonly #entries = new Map<string, Entry>();
  /** Entries that wait for their next probe, in the order in which they are due. */
  #queue: Entry[] = [];
  /** The targets (ids) whose probes are under way. */
  readonly #probing = new Set<string>();
  readonly #onTimer = () => this.#runDue();
  #timer: Timer | null = null;
  /** When the timer is due, monotonic. */
  #timerAtMs = 0;
  /** For how long the process has stood still so far. */
  #pausedMs = 0;
  #lastStartMs = Number.NEGATIVE_INFINITY;
  #isStopped = false;
  /** Called when no probe is under way any more, after the stop. */
  #onStopped = () => {};

  constructor(options: ScheduleOptions<Result>) {
    this.#options = options;
  }

  /** Probes exactly these targets from now on. Targets that were there before keep their times. */
  setTargets(targets: readonly Target[]): void {
    if (this.#isStopped || this.#options.refreshIntervalMs <= 0) return;
    this.#absorbPause();
    const { added, removed } = listChanges(this.#targets, targets);
    this.#targets = targets;
    const wanted = new Map(added.map((target) => [target.id, target]));
    for (const { id, address, port } of removed) {
      const target = wanted.get(id);
      const entry = this.#entries.get(id);
      if (entry !== undefined && target?.address === address && target.port === port) {
        entry.target = target;
        wanted.delete(id);
      } else {
        this.#entries.delete(id);
      }
    }
    const fresh = Array.from(wanted.values(), (target) => ({ target, dueMs: 0, isEarly: false }));
    if (removed.length > 0) this.#queue = this.#queue.filter((entry) => this.#isWanted(entry));
    for (const entry of fresh) this.#entries.set(entry.target.id, entry);
    this.#spread(fresh);
    this.#setTimer();
  }

  /** Ends the schedule. Resolves when the probes under way have ended; their samples are dropped. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#timer = null;
    this.#entries.clear();
    if (this.#probing.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#onStopped = resolve;
    });
  }

  #isWanted(entry: Entry): boolean {
    return this.#entries.get(entry.target.id) === entry;
  }

  /** Sets the times of the first probes of n new entries: one in each n-th part of `#firstProbesMs`, in random order. */
  #spread(added: readonly Entry[]): void {
    const { random, refreshIntervalMs } = this.#options;
    const firstMs = this.#firstProbesMs(added.length);
    // A start that waits for its distance to the one before is later than planned: the end of the time is left for such starts.
    const spanMs = firstMs - 2 * this.#spacingMs();
    const mixed = added.map((entry) => ({ entry, key: random() })).sort((a, b) => a.key - b.key);
    for (const [i, { entry }] of mixed.entries()) {
      entry.isEarly = firstMs < refreshIntervalMs;
      this.#enqueue(entry, this.#activeMs() + (spanMs * (i + random())) / added.length);
    }
  }

  /**
   * The time over which the first probes of `count` targets are spread: at least twice what their distances need, and no longer than
   * the interval.
   */
  #firstProbesMs(count: number): number {
    const shortestMs = Math.max(
      FIRST_PROBES_MS,
      FIRST_PROBES_MS_PER_TARGET * this.#entries.size,
      2 * MAX_SPACING_MS * count,
    );
    return Math.min(this.#options.refreshIntervalMs, shortestMs);
  }

  #spacingMs(): number {
    return Math.min(MAX_SPACING_MS, this.#options.refreshIntervalMs / (2 * Math.max(1, this.#entries.size)));
  }

  /** Monotonic time without the time in which the process stood still. */
  #activeMs(): number {
    return this.#options.clock.monotonicMs() - this.#pausedMs;
  }

  /** Counts the time for which the process stood still, if it did. The caller then sets the timer anew. */
  #absorbPause(): void {
    const lateMs = this.#timer === null ? 0 : this.#options.clock.monotonicMs() - this.#timerAtMs;
    if (lateMs > PAUSE_MS) this.#pausedMs += lateMs;
  }

  /** Sets the timer for the next start, unless it is set for that already. */
  #setTimer(): void {
    const dueMs = this.#queue[0]?.dueMs ?? Infinity;
    const isNeeded = !this.#isStopped && dueMs < Infinity;
    const nowMs = this.#options.clock.monotonicMs();
    const nextMs = Math.max(dueMs, this.#lastStartMs + this.#spacingMs());
    const timerAtMs = Math.max(nowMs, nextMs + this.#pausedMs);
    if (isNeeded && this.#timer !== null && timerAtMs === this.#timerAtMs) return;
    this.#timer?.cancel();
    this.#timer = null;
    if (!isNeeded) return;
    this.#timerAtMs = timerAtMs;
    this.#timer = this.#options.clock.setTimer(this.#onTimer, timerAtMs - nowMs);
  }

  #runDue(): void {
    this.#options.onTimer(this.#options.clock.monotonicMs() - this.#timerAtMs);
    this.#absorbPause();
    this.#timer = null;
    const nowMs = this.#activeMs();
    const sinceLastMs = Math.min(nowMs - this.#lastStartMs, TIMER_GRAIN_MS);
    for (let starts = Math.max(1, Math.floor(sinceLastMs / this.#spacingMs())); starts > 0; starts--) {
      const [entry] = this.#queue;
      // A rounding error early counts as due.
      if (entry === undefined || entry.dueMs > nowMs + 0.001) break;
      this.#queue.shift();
      this.#lastStartMs = nowMs;
      // If the same target has left and returned, its old probe may still be under way. Then the new one waits.
      if (this.#probing.has(entry.target.id)) this.#enqueue(entry, nowMs + this.#spacingMs());
      else this.#start(entry);
    }
    this.#setTimer();
  }

  #start(entry: Entry): void {
    const { target } = entry;
    const startMs = this.#activeMs();
    this.#probing.add(target.id);
    this.#options.probe(target, (result) => {
      this.#probing.delete(target.id);
      if (this.#isWanted(entry)) this.#onResult(entry, startMs, result);
      else if (this.#isStopped && this.#probing.size === 0) this.#onStopped();
    });
  }

  #onResult(entry: Entry, startMs: number, result: Result): void {
    const { refreshIntervalMs, jitterFactor, random, onSample } = this.#options;
    const intervals = entry.isEarly ? random() : 1 + jitterFactor * random();
    entry.isEarly = false;
    this.#enqueue(entry, startMs + refreshIntervalMs * intervals);
    // Mostly the timer is set for another entry, which is due before this one.
    if (this.#timer === null || this.#queue[0] === entry) this.#setTimer();
    onSample(entry.target, result);
  }

  /**
   * Inserts an entry behind those that are due no later, found by binary search. It is mostly among the last, so that `splice` moves
   * hardly any entry. With a thousand targets this is as fast as a heap.
   */
  #enqueue(entry: Entry, dueMs: number): void {
    entry.dueMs = dueMs;
    let low = 0;
    let high = this.#queue.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#queue[middle]?.dueMs ?? 0) <= dueMs) low = middle + 1;
      else high = middle;
    }
    this.#queue.splice(low, 0, entry);
  }
}
