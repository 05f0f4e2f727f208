import type { Target } from '../protocol/pod.ts';
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
  /** The next probe is the target's first one, and earlier than in the course of an interval. */
  isEarly: boolean;
}

/** The largest distance between two starts. Probes this far apart do not disturb each other's latency. */
const MAX_SPACING_MS = 20;
/** First probes are spread over at least this time, ms. */
const FIRST_PROBES_MS = 2_000;
/**
 * And over so much for each target of the schedule, ms: a mesh has about as many pods, and all of them may see a new pod at the
 * same moment. So it gets no more than 200 first probes in a second.
 */
const FIRST_PROBES_MS_PER_TARGET = 5;
/** If the timer is later than this, the process stood still. */
const PAUSE_MS = 100;
/** Timers are usually this late. Where the spacing is smaller, one timer starts all probes of this time. */
const TIMER_GRAIN_MS = 2;

/**
 * Probes each target once an interval, each at its own time, with one timer for all.
 *
 * - The first probes of targets are spread evenly over a short time (`#firstProbesMs`), in random order, so that the pods of a cluster
 *   do not all begin with the same peer. So it is known soon how a new pod does. The second probe follows after a random part of an
 *   interval, so that later probes are spread over all of it.
 * - Two starts are at least `refreshIntervalMs / 2n` apart (n = number of targets), at most 20 ms. So there is never a burst: a
 *   thousand probes in one turn of the loop measure 64 ms instead of 0.16 ms. With n probes an interval, half of the time
 *   is spare.
 * - If the process stood still, all probes move back by that time. None is caught up.
 */
export class Schedule<Result> {
  readonly #options: ScheduleOptions<Result>;
  readonly #entries = new Map<string, Entry>();
  /** Entries that wait for their next probe, in the order in which they are due. */
  #queue: Entry[] = [];
  /** The targets (ids) whose probes are under way. */
  readonly #probing = new Set<string>();
  readonly #onTimer = () => this.#runDue();
  #timer: Timer | null = null;
  /** When it is due, monotonic. */
  #timerAtMs = 0;
  #pausedMs = 0;
  #lastStartMs = Number.NEGATIVE_INFINITY;
  #isStopped = false;
  /** Called when no probe is under way any more, after the stop. */
  #onStopped = () => {};

  constructor(options: ScheduleOptions<Result>) {
    this.#options = options;
  }

  get inFlight(): number {
    return this.#probing.size;
  }

  /** Probes exactly these targets from now on. Targets that were there before keep their times. */
  setTargets(targets: readonly Target[]): void {
    if (this.#isStopped || this.#options.refreshIntervalMs <= 0) return;
    this.#absorbPause();
    const wanted = new Map(targets.map((target) => [target.id, target]));
    for (const [id, entry] of this.#entries) {
      const target = wanted.get(id);
      if (target !== undefined && target.address === entry.target.address && target.port === entry.target.port) {
        entry.target = target;
      } else {
        this.#entries.delete(id);
      }
    }
    const added = [...wanted.values()]
      .filter(({ id }) => !this.#entries.has(id))
      .map((target) => ({ target, dueMs: 0, isEarly: false }));
    for (const entry of added) this.#entries.set(entry.target.id, entry);
    this.#queue = this.#queue.filter((entry) => this.#isWanted(entry));
    this.#spread(added);
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

  /** Gives n new entries their first times: one in each n-th part of the time for first probes, in random order. */
  #spread(added: readonly Entry[]): void {
    const { random, refreshIntervalMs } = this.#options;
    const firstMs = this.#firstProbesMs(added.length);
    const spanMs = firstMs - 2 * this.#spacingMs();
    const mixed = added.map((entry) => ({ entry, key: random() })).sort((a, b) => a.key - b.key);
    for (const [i, { entry }] of mixed.entries()) {
      entry.isEarly = firstMs < refreshIntervalMs;
      this.#enqueue(entry, this.#activeMs() + (spanMs * (i + random())) / added.length);
    }
  }

  /**
   * The time over which the first probes of `count` targets are spread, ms: half of it is spare, and it is no longer than the
   * interval.
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

  /** Notices that the process stood still: then the timer is late by more than ordinary delays of the loop. Set it again. */
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
      // Timers have whole milliseconds, so 1 us early counts as due.
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
    // Mostly others are due before, for whom the timer is set.
    if (this.#timer === null || this.#queue[0] === entry) this.#setTimer();
    onSample(entry.target, result);
  }

  /**
   * Inserts an entry behind those that are due no later. It is mostly due among the last, so that hardly any entry has to be
   * moved. With a thousand targets this is as fast as a heap.
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
