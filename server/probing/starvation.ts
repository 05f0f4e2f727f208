import { closeSync, openSync, readSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Starvation } from '../protocol/pod-report.ts';
import type { Clock, Timer } from '../runtime/clock.ts';

/** What the watch over our own process is handed. */
interface StarvationDeps {
  clock: Clock;
  loopDelay: LoopDelay;
  meter: BusyMeter;
}

/** A running watch over our own process. */
export interface StarvationWatch {
  /** Takes note of a sample that has come in. */
  record(sample: { suspect: boolean }): void;
  /** How far our measurements are to be trusted right now. */
  status(): Starvation;
  stop(): void;
}

const TICK_MS = 1000;
/** Samples that are judged together: the newest so many, if they are not older than five minutes. */
const RECENT = 40;
const RECENT_MS = 300_000;
/** Fewer than this say nothing about a share. */
const ENOUGH = 10;
/**
 * Where the report becomes unreliable. On two busy cores every second sample is suspect, by a few ms: those that are not
 * still say how the links are, and a report that is called unreliable says nothing at all.
 */
const BAD = { share: 0.75, delayUs: 50_000, seconds: 5 };
/** Where it may be trusted again: clearly better than where it became bad, and for longer, so that it does not flicker. */
const GOOD = { share: 0.5, delayUs: 40_000, seconds: 10 };

/**
 * Watches whether our own process is starved of CPU so lastingly that its whole report is not to be trusted.
 *
 * Unreliable once more than three quarters of the last 40 samples (of at least 10) are suspect, or the loop's delay
 * (99th percentile of a second) was above 50 ms in five seconds in a report. Reliable again once less than half are suspect
 * and the delay stayed below 40 ms for ten seconds.
 */
export function watchStarvation(deps: StarvationDeps): StarvationWatch {
  return new Watch(deps);
}

class Watch implements StarvationWatch {
  readonly #deps: StarvationDeps;
  readonly #samples: { atMs: number; suspect: boolean }[] = [];
  /** 99th percentiles of the last seconds, newest last. */
  readonly #delaysUs: number[] = [];
  #unreliable = false;
  #sinceMs: number;
  #timer: Timer;

  constructor(deps: StarvationDeps) {
    this.#deps = deps;
    this.#sinceMs = deps.clock.nowMs();
    this.#timer = deps.clock.setTimer(() => this.#tick(), TICK_MS);
  }

  record({ suspect }: { suspect: boolean }): void {
    this.#samples.push({ atMs: this.#deps.clock.monotonicMs(), suspect });
    if (this.#samples.length > RECENT) this.#samples.shift();
  }

  status(): Starvation {
    return {
      loopDelayP99Us: Math.max(0, ...this.#delaysUs.slice(-BAD.seconds)),
      suspectShare: this.#share(),
      unreliable: this.#unreliable,
      sinceMs: this.#sinceMs,
    };
  }

  stop(): void {
    this.#timer.cancel();
    this.#deps.loopDelay.stop();
  }

  #tick(): void {
    const { clock, loopDelay, meter } = this.#deps;
    meter.mark();
    this.#delaysUs.push(loopDelay.takeP99Us());
    if (this.#delaysUs.length > GOOD.seconds) this.#delaysUs.shift();
    const unreliable = this.#unreliable ? !this.#hasRecovered() : this.#isStarved();
    if (unreliable !== this.#unreliable) {
      this.#unreliable = unreliable;
      this.#sinceMs = clock.nowMs();
    }
    this.#timer = clock.setTimer(() => this.#tick(), TICK_MS);
  }

  #isStarved(): boolean {
    const recent = this.#delaysUs.slice(-BAD.seconds);
    const slow = recent.length === BAD.seconds && recent.every((delayUs) => delayUs > BAD.delayUs);
    return slow || this.#share() > BAD.share;
  }

  #hasRecovered(): boolean {
    const recent = this.#delaysUs.slice(-GOOD.seconds);
    const quick = recent.length === GOOD.seconds && recent.every((delayUs) => delayUs < GOOD.delayUs);
    return quick && this.#share() < GOOD.share;
  }

  /** Share of the recent samples that are suspect; 0 while there are too few to tell. */
  #share(): number {
    const fromMs = this.#deps.clock.monotonicMs() - RECENT_MS;
    const recent = this.#samples.filter((sample) => sample.atMs >= fromMs);
    return recent.length < ENOUGH ? 0 : recent.filter((sample) => sample.suspect).length / recent.length;
  }
}

/** Where the meter reads time; all of them only ever grow, ms with a fraction. */
interface BusySource {
  monotonicMs(): number;
  /** How long the event loop has waited for events so far: `performance.nodeTiming.idleTime`. */
  idleMs(): number;
  /** How long the process has waited for a CPU so far: see `openCpuQueue`. The loop books it as waiting for events. */
  queuedMs(): number;
}

/**
 * A wait shorter than this proves nothing: a turn of the loop books a few us as waiting even if an event is there already.
 */
const REAL_WAIT_US = 100;

/**
 * Tells how much later than the kernel we may have noticed something, because our own process was busy.
 *
 * A callback's event was not there yet when the loop last waited in earnest, so it can be late by no more than the time
 * the loop has been busy since. `mark` is called in the callbacks of all probes and once a second, so that
 * "since" is short: while one slow answer is awaited, work done long before it arrived is not held against it.
 */
export class BusyMeter {
  readonly #source: BusySource;
  #lastMs: number;
  #lastIdleMs: number;
  #lastQueuedMs: number;
  #lateUs = 0;
  #busyUs = 0;

  constructor(source: BusySource) {
    this.#source = source;
    this.#lastMs = source.monotonicMs();
    this.#lastIdleMs = source.idleMs();
    this.#lastQueuedMs = source.queuedMs();
  }

  /** Upper bound, in us, of how late the callback that asks is running. */
  mark(): number {
    const nowMs = this.#source.monotonicMs();
    const idleMs = this.#source.idleMs();
    const queuedMs = this.#source.queuedMs();
    const passedUs = (nowMs - this.#lastMs) * 1000;
    const bookedUs = (idleMs - this.#lastIdleMs - (queuedMs - this.#lastQueuedMs)) * 1000;
    const waitedUs = Math.max(0, Math.min(bookedUs, passedUs));
    this.#lateUs = passedUs - waitedUs + (waitedUs >= REAL_WAIT_US ? 0 : this.#lateUs);
    this.#busyUs += passedUs - waitedUs;
    this.#lastMs = nowMs;
    this.#lastIdleMs = idleMs;
    this.#lastQueuedMs = queuedMs;
    return this.#lateUs;
  }

  /** How long the process had been busy, or waiting for a CPU, up to the last mark, in us; only differences mean anything. */
  get busyUs(): number {
    return this.#busyUs;
  }
}

/**
 * Whether a sample of `totalUs` (-1 = none), of which our own process may have caused `starvedUs`, is to be distrusted.
 *
 * The question is whether outcome or magnitude could plausibly have been another on an idle process. Below 1 ms nothing
 * changes that anyone looks at; of a longer exchange a tenth must be in doubt: 1.2 ms of work while a 252 ms answer was
 * awaited makes it neither slow nor failed.
 */
export function isSuspect(starvedUs: number, totalUs: number): boolean {
  return starvedUs > Math.max(1000, totalUs / 10);
}

/** How long this process's main thread has been ready to run, but had no CPU. */
interface CpuQueue {
  /** Ms so far, with a fraction; always 0 where the system does not tell. */
  waitedMs(): number;
  close(): void;
}

/**
 * Opens Linux' account of the main thread: the second number of `/proc/PID/task/TID/schedstat` is the time spent waiting
 * on a run queue in ns (kernel documentation, scheduler/sched-stats). It includes what a container's CPU limit takes
 * away, which the event loop itself takes for waiting. Elsewhere there is no such account.
 */
export function openCpuQueue(path = `/proc/self/task/${process.pid}/schedstat`): CpuQueue {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return { waitedMs: () => 0, close() {} };
  }
  const buffer = Buffer.alloc(64);
  let closed = false;
  return {
    waitedMs() {
      if (closed) return 0;
      const text = buffer.toString('latin1', 0, readSync(file, buffer, 0, buffer.length, 0));
      return Number(text.split(' ', 2)[1] ?? 0) / 1e6 || 0;
    },
    close() {
      if (closed) return;
      closed = true;
      closeSync(file);
    },
  };
}

/** Where the delay of the event loop is read. */
interface LoopDelay {
  /** 99th percentile of how late the loop ran since the last call, us. */
  takeP99Us(): number;
  stop(): void;
}

/** Wakes the loop 50 times a second, natively; finer costs more than it tells. */
const RESOLUTION_MS = 20;

/** The delay of this process's own event loop. Runs until `stop`. */
export function startLoopDelay(): LoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  return {
    takeP99Us() {
      // What is recorded is the distance between two wake-ups, in ns; without any it is 0.
      const delayUs = histogram.percentile(99) / 1000 - RESOLUTION_MS * 1000;
      histogram.reset();
      return Math.max(0, delayUs);
    },
    stop: () => void histogram.disable(),
  };
}
