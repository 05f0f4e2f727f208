import type { Target } from '../protocol/pod.ts';
import type { Sample } from '../protocol/sample.ts';
import type { Clock, Timer } from '../runtime/clock.ts';

/** How often to probe. */
export interface ScheduleSettings {
  /** From one probe of a target to the next, before jitter; 0 = never probe. */
  intervalMs: number;
  /** Each wait is `intervalMs` x (1 .. 1 + jitterFactor). */
  jitterFactor: number;
}

/** What a schedule is handed. */
interface ScheduleDeps {
  clock: Clock;
  /** 0 <= random() < 1. */
  random: () => number;
  /** Must always resolve. */
  probe: (target: Target) => Promise<Sample>;
}

/** A running schedule. */
export interface Schedule {
  /** Probes exactly these from now on. Those that were there before keep their turn. */
  setTargets(targets: readonly Target[]): void;
  /** Probes under way. */
  readonly inFlight: number;
  /** Ends it; resolves when the probes under way have ended. Their samples are dropped. */
  stop(): Promise<void>;
}

/** One target's turn. */
interface Turn extends Due {
  target: Target;
  wanted: boolean;
  inFlight: boolean;
  /** Never probed at its present address. */
  fresh: boolean;
}

/** Two probes this far apart do not disturb each other's reading; more distance would only delay. */
const MAX_SPACING_MS = 20;
/** A timer later than this means that the process stood still: what was missed is not made up for. */
const PAUSE_MS = 100;
/** Timers come this late as a rule; where the spacing is finer, one turn of the loop starts what belongs in that time. */
const TIMER_GRAIN_MS = 2;

/**
 * Probes each target once an interval, each at its own time, with one timer for all.
 *
 * - The first probes of a set are spread evenly over one interval, in random order, so that the pods of a cluster do not
 *   all begin with the same peer. A target that is added is probed within one interval.
 * - Starts keep a distance of `intervalMs / 2n` (20 ms at the most), so nothing ever makes a burst: a thousand probes in
 *   one turn of the loop measure 64 ms where there are 0.16. With n probes an interval, half of the time is spare.
 * - After a pause of the process all turns move back by its length; none is caught up.
 */
export function createSchedule(
  settings: ScheduleSettings,
  deps: ScheduleDeps,
  onSample: (target: Target, sample: Sample) => void,
): Schedule {
  return new TurnSchedule(settings, deps, onSample);
}

class TurnSchedule implements Schedule {
  readonly #settings: ScheduleSettings;
  readonly #deps: ScheduleDeps;
  readonly #onSample: (target: Target, sample: Sample) => void;
  readonly #turns = new Map<string, Turn>();
  /** Turns that are no longer wanted, but whose probe is still under way. */
  readonly #leaving = new Map<string, Turn>();
  /** Never probed ones have a queue of their own, which goes first. */
  readonly #fresh = new DueHeap<Turn>();
  readonly #regular = new DueHeap<Turn>();
  readonly #probes = new Set<Promise<void>>();
  #timer: Timer | null = null;
  #timerDueMs = 0;
  /** How long the process has stood still in all; due times count without it. */
  #pausedMs = 0;
  #lastStartMs = Number.NEGATIVE_INFINITY;
  #stopped = false;

  constructor(settings: ScheduleSettings, deps: ScheduleDeps, onSample: (target: Target, sample: Sample) => void) {
    this.#settings = settings;
    this.#deps = deps;
    this.#onSample = onSample;
  }

  get inFlight(): number {
    return this.#probes.size;
  }

  setTargets(targets: readonly Target[]): void {
    if (this.#stopped || this.#settings.intervalMs <= 0) return;
    this.#absorbPause();
    const wanted = new Map(targets.map((target) => [target.id, target]));
    for (const [id, turn] of this.#turns) if (!wanted.has(id)) this.#remove(id, turn);
    const added: Turn[] = [];
    for (const [id, target] of wanted) {
      const turn = this.#turns.get(id);
      const moved = turn !== undefined && (turn.target.address !== target.address || turn.target.port !== target.port);
      if (turn !== undefined && !moved) {
        turn.target = target;
        continue;
      }
      if (turn !== undefined) this.#remove(id, turn);
      added.push(this.#add(id, target));
    }
    this.#fresh.retain((turn) => turn.wanted);
    this.#regular.retain((turn) => turn.wanted);
    this.#spread(added);
    this.#arm();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#timer = null;
    this.#turns.clear();
    await Promise.all(this.#probes);
  }

  #remove(id: string, turn: Turn): void {
    turn.wanted = false;
    this.#turns.delete(id);
    if (turn.inFlight) this.#leaving.set(id, turn);
  }

  #add(id: string, target: Target): Turn {
    const turn: Turn = { dueMs: 0, target, wanted: true, inFlight: false, fresh: true };
    this.#turns.set(id, turn);
    return turn;
  }

  /** Gives new turns their times: one in each n-th part of the interval, in random order. */
  #spread(added: Turn[]): void {
    const { random } = this.#deps;
    const spanMs = this.#settings.intervalMs - 2 * this.#spacingMs();
    for (let i = added.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      const [a, b] = [added[i], added[j]];
      if (a !== undefined && b !== undefined) [added[i], added[j]] = [b, a];
    }
    for (const [k, turn] of added.entries()) {
      turn.dueMs = this.#nowMs() + (spanMs * (k + random())) / added.length;
      this.#fresh.push(turn);
    }
  }

  #spacingMs(): number {
    return Math.min(MAX_SPACING_MS, this.#settings.intervalMs / (2 * Math.max(1, this.#turns.size)));
  }

  /** Monotonic time without the pauses. */
  #nowMs(): number {
    return this.#deps.clock.monotonicMs() - this.#pausedMs;
  }

  /** If the timer is overdue by more than the loop's ordinary delays, the process stood still for that long. */
  #absorbPause(): void {
    const lateMs = this.#timer === null ? 0 : this.#nowMs() - this.#timerDueMs;
    if (lateMs > PAUSE_MS) this.#pausedMs += lateMs;
  }

  /** Sets the one timer for the next start. */
  #arm(): void {
    this.#timer?.cancel();
    this.#timer = null;
    const dueMs = Math.min(this.#fresh.peek()?.dueMs ?? Infinity, this.#regular.peek()?.dueMs ?? Infinity);
    if (this.#stopped || dueMs === Infinity) return;
    const nowMs = this.#nowMs();
    this.#timerDueMs = Math.max(nowMs, dueMs, this.#lastStartMs + this.#spacingMs());
    this.#timer = this.#deps.clock.setTimer(() => this.#tick(), this.#timerDueMs - nowMs);
  }

  #tick(): void {
    this.#absorbPause();
    const nowMs = this.#nowMs();
    const sinceMs = Math.min(nowMs - this.#lastStartMs, TIMER_GRAIN_MS);
    for (let starts = Math.max(1, Math.floor(sinceMs / this.#spacingMs())); starts > 0; starts--) {
      const turn = this.#take(this.#fresh, nowMs) ?? this.#take(this.#regular, nowMs);
      if (turn === undefined) break;
      this.#lastStartMs = nowMs;
      this.#start(turn);
    }
    this.#arm();
  }

  /** The first turn of a queue if it is due; a hair early counts, as timers have whole milliseconds. */
  #take(queue: DueHeap<Turn>, nowMs: number): Turn | undefined {
    const turn = queue.peek();
    return turn !== undefined && turn.dueMs <= nowMs + 0.001 ? queue.pop() : undefined;
  }

  #start(turn: Turn): void {
    const { target } = turn;
    // The same target may have left and come back while its old probe is still under way.
    if (this.#leaving.has(target.id)) this.#again(turn, this.#nowMs() + this.#spacingMs());
    else this.#run(turn, target);
  }

  #run(turn: Turn, target: Target): void {
    turn.inFlight = true;
    const startMs = this.#nowMs();
    const run = this.#deps.probe(target).then((sample) => {
      this.#probes.delete(run);
      turn.inFlight = false;
      if (this.#leaving.get(target.id) === turn) this.#leaving.delete(target.id);
      if (this.#stopped || !turn.wanted) return;
      turn.fresh = false;
      const { intervalMs, jitterFactor } = this.#settings;
      this.#again(turn, startMs + intervalMs * (1 + jitterFactor * this.#deps.random()));
      this.#arm();
      this.#onSample(turn.target, sample);
    });
    this.#probes.add(run);
  }

  #again(turn: Turn, dueMs: number): void {
    turn.dueMs = dueMs;
    (turn.fresh ? this.#fresh : this.#regular).push(turn);
  }
}

/** Something that is due at a time. */
interface Due {
  dueMs: number;
}

/** A binary heap that gives what is due first, in O(log n); ties in no particular order. */
export class DueHeap<T extends Due> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** The item that is due first, which stays; undefined if there is none. */
  peek(): T | undefined {
    return this.#items[0];
  }

  /** Adds an item; its `dueMs` must not change while it is in. */
  push(item: T): void {
    const items = this.#items;
    let hole = items.length;
    items.push(item);
    while (hole > 0) {
      const above = (hole - 1) >> 1;
      const parent = items[above];
      if (parent === undefined || parent.dueMs <= item.dueMs) break;
      items[hole] = parent;
      hole = above;
    }
    items[hole] = item;
  }

  /** Takes out the item that is due first. */
  pop(): T | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return first;
    let hole = 0;
    for (;;) {
      const left = 2 * hole + 1;
      const right = items[left + 1];
      let child = items[left];
      let place = left;
      if (child !== undefined && right !== undefined && right.dueMs < child.dueMs) {
        child = right;
        place = left + 1;
      }
      if (child === undefined || child.dueMs >= last.dueMs) break;
      items[hole] = child;
      hole = place;
    }
    items[hole] = last;
    return first;
  }

  /** Keeps only the items that pass. */
  retain(passes: (item: T) => boolean): void {
    const kept = this.#items.filter(passes);
    this.#items.length = 0;
    for (const item of kept) this.push(item);
  }
}
