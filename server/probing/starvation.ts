/**
 * Finds out whether this process is starved: it gets too little CPU, notices answers late, and the delay looks like latency of
 * the links. Three questions are answered here:
 *
 * 1. Is one sample distorted? `BusyMeter` gives the most by which a callback may be late: how long the event loop has been busy
 *    since it last waited for events, plus how long the process has waited for a CPU. Each probe takes both numbers, and
 *    `isSuspect` compares them with the duration of the probe.
 * 2. Is the whole report unreliable? `StarvationWatch` decides that once a second, by the share of suspect samples and by the
 *    delay of the event loop: its longest turn, or the greatest delay of a timer of ours.
 * 3. Did the process stand still at some moment (SIGSTOP, a frozen container), so that nobody got an answer? `standstills`
 *    lists those times.
 *
 * An idle process is woken once a second, for the decision. Watching each turn of the loop would take a tenth of the CPU time of a
 * busy process, so turns are watched only while few timers run: see `DENSE_TIMERS`.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { MAX_JOURNAL_STARVED_TIMES } from '../protocol/event.ts';
import { isStarved, START_GRACE_MS, UNRELIABLE } from '../protocol/link-state.ts';
import type { Starvation } from '../protocol/pod-report.ts';
import { type Clock, type Timer, wallOffsetMs } from '../runtime/clock.ts';
import type { TimeRange } from '../runtime/time-range.ts';

/** Time from one decision to the next. */
const TICK_MS = 1000;
/** The share of suspect samples is taken over this many newest samples, as far as they are younger than RECENT_MS. */
const RECENT_SAMPLES = 40;
const RECENT_MS = 300_000;
/** A report becomes unreliable above this share of suspect samples, or above this delay in each of the last `seconds`. */
const UNRELIABLE_ABOVE = { suspectShare: UNRELIABLE.suspectShare, loopDelayUs: 50_000, seconds: 5 };
/** A report becomes reliable again below these limits, which are lower and hold for longer, so that it does not flicker. */
const RELIABLE_BELOW = { suspectShare: 0.5, loopDelayUs: 40_000, seconds: 10 };

/**
 * With this many timers of ours in a second, a long turn of the loop shows without a watch of turns: some timer is late, and there
 * is a long busy time between two marks. So turns are not watched in the next second, until the decision after such a busy time.
 */
const DENSE_TIMERS = 25;

/** The process stood still if the timer of a decision is later than this: meanwhile calls of other pods timed out. */
const STOOD_STILL_MS = 1000;
/** The most such times that are remembered, the newest. */
const MAX_STANDSTILLS = 100;

/** Whether the report of this process is unreliable, and since when, ms since the epoch; 0 = since its start. */
export type Reliability = Readonly<Pick<Starvation, 'unreliable' | 'sinceMs'>>;

/** Watches whether this process is starved of CPU, from its construction until `stop`. */
export class StarvationWatch {
  readonly meter: BusyMeter;
  readonly #clock: Clock;
  readonly #cpuQueue: ReturnType<typeof openCpuQueue>;
  readonly #turns: typeof watchTurns;
  /** Ends the watch of turns; null while they are not watched. */
  #stopTurns: (() => void) | null = null;
  /** Delay of the loop in the present second, and how many timers of ours have run in it. */
  #delayUs = 0;
  #timers = 0;
  /** When the timer of the next decision is due, monotonic ms. */
  #tickDueMs = 0;
  readonly #samples: { atMs: number; suspect: boolean }[] = [];
  /** Delay of the loop in each of the last seconds, newest last. */
  readonly #delaysUs: number[] = [];
  /** When the process stood still, monotonic ms, oldest first. */
  readonly #standstills: TimeRange[] = [];
  readonly #starvedTimes: TimeRange[] = [];
  /** When the grace after the start ends, monotonic ms. */
  readonly #graceEndMs: number;
  #isUnreliable = false;
  /** Since when `#isUnreliable` has had its value, monotonic ms; null = since the start. */
  #sinceMs: number | null = null;
  #timer: Timer;

  /** `idleMs`: see `BusyMeter`. Tests pass their own `turns` and `cpuQueue`; the watch stops both with itself. */
  constructor(clock: Clock, idleMs: () => number, turns = watchTurns, cpuQueue = openCpuQueue()) {
    this.#clock = clock;
    this.#cpuQueue = cpuQueue;
    this.meter = new BusyMeter(clock, idleMs, () => cpuQueue.waitedMs());
    this.#turns = turns;
    this.#watchTurns(true);
    this.#graceEndMs = clock.monotonicMs() + START_GRACE_MS;
    this.#timer = this.#setTimer(clock.monotonicMs());
  }

  /** Notes how late a timer of ours has run, ms. That includes waits for a CPU, which turns do not count as busy time. */
  timerWasLate(lateMs: number): void {
    this.#timers += 1;
    this.#noteDelay(lateMs * 1000);
  }

  /** Counts a sample for the share of suspect ones. Samples of the grace after the start do not count. */
  record({ suspect }: { suspect: boolean }): void {
    const atMs = this.#clock.monotonicMs();
    if (atMs < this.#graceEndMs) return;
    this.#samples.push({ atMs, suspect });
    if (this.#samples.length > RECENT_SAMPLES) this.#samples.shift();
  }

  /** How far the measurements of this process can be trusted now. */
  status(): Starvation {
    return {
      // The greatest delay of the last seconds: the field's name is older.
      loopDelayP99Us: Math.max(0, ...this.#delaysUs.slice(-UNRELIABLE_ABOVE.seconds)),
      suspectShare: this.#suspectShare(),
      ...this.reliability,
    };
  }

  /** The decision of the last second. It is asked for after each sample. Its time is by the present wall clock. */
  get reliability(): Reliability {
    const sinceMs = this.#sinceMs === null ? 0 : Math.round(this.#sinceMs + wallOffsetMs(this.#clock));
    return { unreliable: this.#isUnreliable, sinceMs };
  }

  /** When the process stood still, monotonic ms, oldest first. The first second of standing still is not noticed. */
  get standstills(): readonly TimeRange[] {
    return this.#standstills;
  }

  /** When the process was starved, monotonic ms, oldest first: the last `MAX_JOURNAL_STARVED_TIMES`. */
  get starvedTimes(): readonly TimeRange[] {
    return this.#starvedTimes;
  }

  stop(): void {
    this.#timer.cancel();
    this.#watchTurns(false);
    this.#cpuQueue.close();
  }

  #setTimer(nowMs: number): Timer {
    this.#tickDueMs = nowMs + TICK_MS;
    return this.#clock.setTimer(() => this.#tick(), TICK_MS);
  }

  /** Decides about the second that has ended. */
  #tick(): void {
    const nowMs = this.#clock.monotonicMs();
    this.timerWasLate(nowMs - this.#tickDueMs);
    if (nowMs - this.#tickDueMs > STOOD_STILL_MS) {
      this.#standstills.push({ fromMs: this.#tickDueMs, toMs: nowMs });
      if (this.#standstills.length > MAX_STANDSTILLS) this.#standstills.shift();
    }
    this.#watchTurns(this.meter.takeLongestUs() > RELIABLE_BELOW.loopDelayUs || this.#timers < DENSE_TIMERS);
    this.#timers = 0;
    // A second that ends within the grace does not count.
    if (nowMs > this.#graceEndMs) {
      this.#judge(this.#delayUs);
      const wasStarved = isStarved({ unreliable: this.#isUnreliable, loopDelayP99Us: this.#delayUs });
      if (wasStarved) this.#noteStarved({ fromMs: this.#tickDueMs - TICK_MS, toMs: nowMs });
    }
    this.#delayUs = 0;
    this.#timer = this.#setTimer(nowMs);
  }

  #watchTurns(isWanted: boolean): void {
    if (isWanted === (this.#stopTurns !== null)) return;
    this.#stopTurns?.();
    this.#stopTurns = null;
    if (!isWanted) return;
    // The first turn begins now.
    this.meter.endTurn();
    this.#stopTurns = this.#turns(() => this.#noteDelay(this.meter.endTurn()));
  }

  #noteDelay(delayUs: number): void {
    if (delayUs > this.#delayUs) this.#delayUs = delayUs;
  }

  /**
   * Keeps a time at which the process was starved. It is joined with the time before only if that ended when it began: a report of a
   * moment between the two must not say that the process was starved then.
   */
  #noteStarved(time: TimeRange): void {
    const last = this.#starvedTimes.at(-1);
    if (last !== undefined && last.toMs >= time.fromMs) last.toMs = time.toMs;
    else this.#starvedTimes.push(time);
    if (this.#starvedTimes.length > MAX_JOURNAL_STARVED_TIMES) this.#starvedTimes.shift();
  }

  #judge(delayUs: number): void {
    this.#delaysUs.push(delayUs);
    if (this.#delaysUs.length > RELIABLE_BELOW.seconds) this.#delaysUs.shift();
    const wasUnreliable = this.#isUnreliable;
    const { suspectShare, loopDelayUs, seconds } = wasUnreliable ? RELIABLE_BELOW : UNRELIABLE_ABOVE;
    const recentUs = this.#delaysUs.slice(-seconds);
    const share = this.#suspectShare();
    const isLate = recentUs.length === seconds && recentUs.every((delayUs) => delayUs > loopDelayUs);
    const isOnTime = recentUs.length === seconds && recentUs.every((delayUs) => delayUs < loopDelayUs);
    const unreliable = wasUnreliable ? !(isOnTime && share < suspectShare) : isLate || share > suspectShare;
    if (unreliable === wasUnreliable) return;
    this.#isUnreliable = unreliable;
    this.#sinceMs = this.#clock.monotonicMs();
  }

  #suspectShare(): number {
    const fromMs = this.#clock.monotonicMs() - RECENT_MS;
    const recent = this.#samples.filter((sample) => sample.atMs >= fromMs);
    return recent.length < UNRELIABLE.samples ? 0 : recent.filter((sample) => sample.suspect).length / recent.length;
  }
}

/**
 * Whether a sample that took `totalUs` (-1 = it has no duration) is suspect if our own process may have caused `starvedUs`
 * of it. It is if an idle process could well have got another outcome, or another latency that matters. Less than 1 ms
 * does not matter. Of a longer probe, a tenth must be in doubt: 1.2 ms of work during an answer of 252 ms makes the link
 * neither slow nor failed.
 */
export function isSuspect(starvedUs: number, totalUs: number): boolean {
  return starvedUs > Math.max(1000, totalUs / 10);
}

/** Whether a probe took so long that it can be suspect. For all others, which are most, the kernel need not be asked. */
export function canBeSuspect(totalUs: number): boolean {
  return isSuspect(totalUs, totalUs);
}

/**
 * A shorter wait for events does not prove that there was no event: even if one is already there, each turn of the loop
 * counts a few us as waiting.
 */
const MIN_WAIT_US = 100;

/**
 * Measures how much later than the kernel this process may have noticed an event because it was busy.
 *
 * When the loop last really waited, the event of the present callback had not come yet. So the callback is late by no more
 * than the time the loop has been busy since then. `mark` is called in the callbacks of all probes, and after each turn of
 * the loop where there are few probes. This keeps that time short: work that was done long before a slow answer arrived does
 * not count against the answer.
 */
export class BusyMeter {
  readonly #nowMs: () => number;
  readonly #idleMs: () => number;
  readonly #queuedMs: () => number;
  /** When the last mark was, monotonic ms. */
  markedMs: number;
  /** How long the process had been busy at the last mark. Only differences are meaningful. */
  busyUs = 0;
  /** How long the loop had waited for events at the last mark, ms with a fraction. It never decreases. */
  #lastIdleMs: number;
  #lateUs = 0;
  #busyBeforeTurnUs = 0;
  #longestUs = 0;

  /**
   * `idleMs`: how long the loop has waited for events so far (`performance.nodeTiming.idleTime`). `queuedMs`: see
   * `openCpuQueue`.
   */
  constructor(clock: Pick<Clock, 'monotonicMs'>, idleMs: () => number, queuedMs: () => number) {
    this.#nowMs = () => clock.monotonicMs();
    this.#idleMs = idleMs;
    this.#queuedMs = queuedMs;
    this.markedMs = this.#nowMs();
    this.#lastIdleMs = idleMs();
  }

  /** Returns how late the calling callback may be running, in us: an upper bound, without waits for a CPU. */
  mark(): number {
    const nowMs = this.#nowMs();
    const idleMs = this.#idleMs();
    const passedUs = (nowMs - this.markedMs) * 1000;
    const waitedUs = Math.max(0, Math.min((idleMs - this.#lastIdleMs) * 1000, passedUs));
    const busyUs = passedUs - waitedUs;
    this.#lateUs = busyUs + (waitedUs >= MIN_WAIT_US ? 0 : this.#lateUs);
    this.busyUs += busyUs;
    if (busyUs > this.#longestUs) this.#longestUs = busyUs;
    this.markedMs = nowMs;
    this.#lastIdleMs = idleMs;
    return this.#lateUs;
  }

  /** Marks the end of a turn of the loop. Returns how long the turn was busy, in us: it has delayed no timer by more than that. */
  endTurn(): number {
    this.mark();
    const turnUs = this.busyUs - this.#busyBeforeTurnUs;
    this.#busyBeforeTurnUs = this.busyUs;
    return turnUs;
  }

  /** Returns the longest busy time between two marks since the last call, in us. */
  takeLongestUs(): number {
    this.mark();
    const longestUs = this.#longestUs;
    this.#longestUs = 0;
    return longestUs;
  }

  /** How long the process has waited for a CPU so far, in us. It asks the kernel, which takes about 10 us. */
  queuedUs(): number {
    return this.#queuedMs() * 1000;
  }
}

const SPACE = 0x20;
const ZERO = 0x30;
const isDigit = (byte = 0) => byte >= ZERO && byte < ZERO + 10;

/**
 * Opens Linux' statistics of the main thread: how long it was ready to run but had no CPU. The second number of
 * `/proc/PID/task/TID/schedstat` is the time that the thread has spent on a run queue, in ns (kernel documentation,
 * scheduler/sched-stats). It includes the time that the CPU limit of a container takes away, which the event loop counts as
 * waiting. Other systems have no such file.
 */
export function openCpuQueue(path = `/proc/self/task/${process.pid}/schedstat`) {
  let file: number | null = null;
  try {
    file = openSync(path, 'r');
  } catch {
    // `file` stays null.
  }
  const buffer = Buffer.alloc(64);
  return {
    /** Ms so far, with a fraction. Always 0 where the system does not say it, and after `close`. */
    waitedMs(): number {
      if (file === null) return 0;
      const length = readSync(file, buffer, 0, buffer.length, 0);
      let i = buffer.indexOf(SPACE) + 1;
      let ns = 0;
      // Reading digits makes no garbage; this is asked at each ping.
      for (; i < length && isDigit(buffer[i]); i++) ns = ns * 10 + (buffer[i] ?? ZERO) - ZERO;
      return ns / 1e6;
    },
    close(): void {
      if (file !== null) closeSync(file);
      file = null;
    },
  };
}

/**
 * Calls `onTurn` after each turn of the event loop, until the function that it returns is called. It does not wake the loop:
 * an immediate without a reference waits for the end of the next turn, whenever that comes.
 */
export function watchTurns(onTurn: () => void): () => void {
  let immediate: NodeJS.Immediate;
  const onImmediate = () => {
    immediate = setImmediate(onImmediate).unref();
    onTurn();
  };
  immediate = setImmediate(onImmediate).unref();
  return () => clearImmediate(immediate);
}
