/**
 * How starvation is found.
 *
 * A process that gets too little CPU notices an answer late, and then the delay looks like latency of the link. Two
 * questions are answered here:
 *
 * 1. Is one sample distorted? `BusyMeter` says how late a callback may be running at most: as long as the event loop has
 *    been busy, or the process has waited for a CPU (`CpuQueue`), since the loop last really waited for events. A probe
 *    collects this bound, and `isSuspect` compares it with the duration of the probe.
 * 2. Is the whole report unreliable? `StarvationWatch` decides it once a second, by the share of suspect samples and by
 *    the delay of the event loop (`LoopDelay`).
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { UNRELIABLE } from '../protocol/link-state.ts';
import type { Starvation } from '../protocol/pod-report.ts';
import type { Clock, Timer } from '../runtime/clock.ts';

const TICK_MS = 1000;
/** A start keeps every process busy: loading code, the first pings. What is measured in this time does not make its report unreliable. */
const START_GRACE_MS = 15_000;
/** The share of suspect samples is taken over this many newest samples, as far as they are younger than RECENT_MS. */
const RECENT_SAMPLES = 40;
const RECENT_MS = 300_000;
/** A report becomes unreliable above this share of suspect samples, or above this delay in each of so many seconds. */
const UNRELIABLE_ABOVE = { suspectShare: UNRELIABLE.suspectShare, loopDelayUs: 50_000, seconds: 5 };
/** A report becomes reliable again below these limits, which are lower and hold for longer, so that it does not flicker. */
const RELIABLE_BELOW = { suspectShare: 0.5, loopDelayUs: 40_000, seconds: 10 };

/** Watches whether this process is starved of CPU, from its construction until `stop`. */
export class StarvationWatch {
  /** Measures how late callbacks run. The watch and all probes share it. */
  readonly meter: BusyMeter;
  readonly #clock: Clock;
  readonly #cpuQueue: ReturnType<typeof openCpuQueue>;
  readonly #loopDelay: ReturnType<typeof startLoopDelay>;
  readonly #samples: { atMs: number; suspect: boolean }[] = [];
  /** Delay of the loop in the last seconds (99th percentile), newest last. */
  readonly #delaysUs: number[] = [];
  /** When the grace after the start ends, monotonic ms. */
  readonly #graceEndMs: number;
  #unreliable = false;
  #sinceMs: number;
  #timer: Timer;

  /** `idleMs`: see `BusyMeter`. Tests pass their own `loopDelay` and `cpuQueue`; the watch stops both with itself. */
  constructor(clock: Clock, idleMs: () => number, loopDelay = startLoopDelay(), cpuQueue = openCpuQueue()) {
    this.#clock = clock;
    this.#cpuQueue = cpuQueue;
    this.#loopDelay = loopDelay;
    this.meter = new BusyMeter(clock, idleMs, () => cpuQueue.waitedMs());
    this.#sinceMs = clock.nowMs();
    this.#graceEndMs = clock.monotonicMs() + START_GRACE_MS;
    this.#timer = clock.setTimer(() => this.#tick(), TICK_MS);
  }

  /** Counts a new sample. */
  record({ suspect }: { suspect: boolean }): void {
    if (this.#clock.monotonicMs() < this.#graceEndMs) return;
    this.#samples.push({ atMs: this.#clock.monotonicMs(), suspect });
    if (this.#samples.length > RECENT_SAMPLES) this.#samples.shift();
  }

  /** How far the measurements of this process can be trusted now. */
  status(): Starvation {
    return {
      loopDelayP99Us: Math.max(0, ...this.#delaysUs.slice(-UNRELIABLE_ABOVE.seconds)),
      suspectShare: this.#suspectShare(),
      unreliable: this.#unreliable,
      sinceMs: this.#sinceMs,
    };
  }

  stop(): void {
    this.#timer.cancel();
    this.#loopDelay.stop();
    this.#cpuQueue.close();
  }

  #tick(): void {
    this.meter.mark();
    const delayUs = this.#loopDelay.takeP99Us();
    // At the end of the grace, the delay of its last second is read.
    if (this.#clock.monotonicMs() > this.#graceEndMs) this.#judge(delayUs);
    this.#timer = this.#clock.setTimer(() => this.#tick(), TICK_MS);
  }

  #judge(delayUs: number): void {
    this.#delaysUs.push(delayUs);
    if (this.#delaysUs.length > RELIABLE_BELOW.seconds) this.#delaysUs.shift();
    const { suspectShare, loopDelayUs, seconds } = this.#unreliable ? RELIABLE_BELOW : UNRELIABLE_ABOVE;
    const recentUs = this.#delaysUs.slice(-seconds);
    const share = this.#suspectShare();
    const isLate = recentUs.length === seconds && recentUs.every((delayUs) => delayUs > loopDelayUs);
    const isOnTime = recentUs.length === seconds && recentUs.every((delayUs) => delayUs < loopDelayUs);
    const unreliable = this.#unreliable ? !(isOnTime && share < suspectShare) : isLate || share > suspectShare;
    if (unreliable === this.#unreliable) return;
    this.#unreliable = unreliable;
    this.#sinceMs = this.#clock.nowMs();
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

/**
 * A shorter wait for events does not prove that there was no event: even if one is already there, each turn of the loop
 * counts a few us as waiting.
 */
const MIN_WAIT_US = 100;

/** What a `BusyMeter` reads. No time ever decreases. All are ms with a fraction. */
interface Times {
  ms: number;
  /** How long the event loop has waited for events so far. */
  idleMs: number;
  /** How long the process has waited for a CPU so far. `idleMs` includes it. */
  queuedMs: number;
}

/**
 * Measures how much later than the kernel this process may have noticed an event because it was busy.
 *
 * When the loop last really waited, the event of the present callback had not come yet. So the callback is late by no more
 * than the time the loop has been busy since then. `mark` is called in the callbacks of all probes and once a second. This
 * keeps that time short: work that was done long before a slow answer arrived does not count against the answer.
 */
export class BusyMeter {
  readonly #times: () => Times;
  #last: Times;
  #lateUs = 0;
  #busyUs = 0;

  /** `idleMs`: `performance.nodeTiming.idleTime`. `queuedMs`: see `openCpuQueue`. */
  constructor(clock: Pick<Clock, 'monotonicMs'>, idleMs: () => number, queuedMs: () => number) {
    this.#times = () => ({ ms: clock.monotonicMs(), idleMs: idleMs(), queuedMs: queuedMs() });
    this.#last = this.#times();
  }

  /** Returns how late the calling callback may be running, in us: an upper bound. */
  mark(): number {
    const now = this.#times();
    const passedUs = (now.ms - this.#last.ms) * 1000;
    const idleUs = (now.idleMs - this.#last.idleMs - (now.queuedMs - this.#last.queuedMs)) * 1000;
    const waitedUs = Math.max(0, Math.min(idleUs, passedUs));
    this.#lateUs = passedUs - waitedUs + (waitedUs >= MIN_WAIT_US ? 0 : this.#lateUs);
    this.#busyUs += passedUs - waitedUs;
    this.#last = now;
    return this.#lateUs;
  }

  /** How long the process had been busy or had waited for a CPU at the last mark, in us. Only differences are meaningful. */
  get busyUs(): number {
    return this.#busyUs;
  }
}

/**
 * Opens Linux' statistics of the main thread: how long it was ready to run but had no CPU. The second number of `/proc/PID/task/TID/schedstat` is the time that the
 * thread has spent on a run queue, in ns (kernel documentation, scheduler/sched-stats). It includes the time that the CPU
 * limit of a container takes away, which the event loop counts as waiting. Other systems have no such file.
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
      const text = buffer.toString('latin1', 0, readSync(file, buffer, 0, buffer.length, 0));
      return Number(text.split(' ', 2)[1] ?? 0) / 1e6 || 0;
    },
    close(): void {
      if (file !== null) closeSync(file);
      file = null;
    },
  };
}

/** The histogram wakes the loop 50 times a second, in native code. A finer resolution would cost more CPU. */
const RESOLUTION_MS = 20;

/** Measures the delay of the event loop of this process until `stop`. */
export function startLoopDelay() {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  return {
    /** Returns how late the loop has run since the last call, in us: the 99th percentile. */
    takeP99Us(): number {
      // The histogram records the time between two wake-ups, in ns. Without a record it says 0.
      const delayUs = histogram.percentile(99) / 1000 - RESOLUTION_MS * 1000;
      histogram.reset();
      return Math.max(0, delayUs);
    },
    stop: (): void => void histogram.disable(),
  };
}
