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
import type { Starvation } from '../protocol/pod-report.ts';
import type { Clock, Timer } from '../runtime/clock.ts';

const TICK_MS = 1000;
/** The share of suspect samples is taken over this many newest samples, as far as they are younger than RECENT_MS. */
const RECENT_SAMPLES = 40;
const RECENT_MS = 300_000;
/** With fewer recent samples than this the share is taken as 0. */
const MIN_SAMPLES = 10;
/**
 * A report becomes unreliable above this share of suspect samples, or above this delay in each of so many seconds. On two
 * busy cores every second sample is suspect by a few ms. The other samples still show how the links are, whereas an
 * unreliable report shows nothing, and so the limit is higher than a half.
 */
const UNRELIABLE_ABOVE = { suspectShare: 0.75, loopDelayUs: 50_000, seconds: 5 };
/** It becomes reliable again below these limits, which are lower and hold for longer, so that it does not flicker. */
const RELIABLE_BELOW = { suspectShare: 0.5, loopDelayUs: 40_000, seconds: 10 };

/** Watches whether this process is starved of CPU, from its construction until `stop`. */
export class StarvationWatch {
  /** Measures how late callbacks run. The watch and all probes share it. */
  readonly meter: BusyMeter;
  readonly #clock: Clock;
  readonly #cpuQueue: CpuQueue;
  readonly #loopDelay: LoopDelay;
  readonly #samples: { atMs: number; suspect: boolean }[] = [];
  /** Delay of the loop in the last seconds (99th percentile), newest last. */
  readonly #delaysUs: number[] = [];
  #unreliable = false;
  #sinceMs: number;
  #timer: Timer;

  /** `idleMs`: see `BusySource`. Tests pass their own `loopDelay` and `cpuQueue`; the watch stops both with itself. */
  constructor(clock: Clock, idleMs: () => number, loopDelay = startLoopDelay(), cpuQueue = openCpuQueue()) {
    this.#clock = clock;
    this.#cpuQueue = cpuQueue;
    this.#loopDelay = loopDelay;
    this.meter = new BusyMeter({
      monotonicMs: () => clock.monotonicMs(),
      idleMs,
      queuedMs: () => cpuQueue.waitedMs(),
    });
    this.#sinceMs = clock.nowMs();
    this.#timer = clock.setTimer(() => this.#tick(), TICK_MS);
  }

  /** Counts a new sample. */
  record({ suspect }: { suspect: boolean }): void {
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
    this.#delaysUs.push(this.#loopDelay.takeP99Us());
    if (this.#delaysUs.length > RELIABLE_BELOW.seconds) this.#delaysUs.shift();
    const unreliable = this.#unreliable ? !this.#hasRecovered() : this.#isStarved();
    if (unreliable !== this.#unreliable) {
      this.#unreliable = unreliable;
      this.#sinceMs = this.#clock.nowMs();
    }
    this.#timer = this.#clock.setTimer(() => this.#tick(), TICK_MS);
  }

  #isStarved(): boolean {
    const { suspectShare, loopDelayUs, seconds } = UNRELIABLE_ABOVE;
    const recent = this.#delaysUs.slice(-seconds);
    const isLate = recent.length === seconds && recent.every((delayUs) => delayUs > loopDelayUs);
    return isLate || this.#suspectShare() > suspectShare;
  }

  #hasRecovered(): boolean {
    const { suspectShare, loopDelayUs, seconds } = RELIABLE_BELOW;
    const recent = this.#delaysUs.slice(-seconds);
    const isOnTime = recent.length === seconds && recent.every((delayUs) => delayUs < loopDelayUs);
    return isOnTime && this.#suspectShare() < suspectShare;
  }

  #suspectShare(): number {
    const fromMs = this.#clock.monotonicMs() - RECENT_MS;
    const recent = this.#samples.filter((sample) => sample.atMs >= fromMs);
    return recent.length < MIN_SAMPLES ? 0 : recent.filter((sample) => sample.suspect).length / recent.length;
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

/** The times that a `BusyMeter` reads. None of them ever decreases. All are ms with a fraction. */
interface BusySource {
  monotonicMs(): number;
  /** How long the event loop has waited for events so far: `performance.nodeTiming.idleTime`. */
  idleMs(): number;
  /** How long the process has waited for a CPU so far: see `openCpuQueue`. `idleMs` includes it. */
  queuedMs(): number;
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
 * than the time the loop has been busy since then. `mark` is called in the callbacks of all probes and once a second. This
 * keeps that time short: work that was done long before a slow answer arrived does not count against the answer.
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

  /** Returns how late the calling callback may be running, in us: an upper bound. */
  mark(): number {
    const nowMs = this.#source.monotonicMs();
    const idleMs = this.#source.idleMs();
    const queuedMs = this.#source.queuedMs();
    const passedUs = (nowMs - this.#lastMs) * 1000;
    const idleUs = (idleMs - this.#lastIdleMs - (queuedMs - this.#lastQueuedMs)) * 1000;
    const waitedUs = Math.max(0, Math.min(idleUs, passedUs));
    this.#lateUs = passedUs - waitedUs + (waitedUs >= MIN_WAIT_US ? 0 : this.#lateUs);
    this.#busyUs += passedUs - waitedUs;
    this.#lastMs = nowMs;
    this.#lastIdleMs = idleMs;
    this.#lastQueuedMs = queuedMs;
    return this.#lateUs;
  }

  /** How long the process had been busy or had waited for a CPU at the last mark, in us. Only differences are meaningful. */
  get busyUs(): number {
    return this.#busyUs;
  }
}

/** How long the main thread of this process was ready to run but had no CPU. */
interface CpuQueue {
  /** Ms so far, with a fraction. Always 0 where the system does not say it, and after `close`. */
  waitedMs(): number;
  close(): void;
}

/**
 * Opens Linux' statistics of the main thread. The second number of `/proc/PID/task/TID/schedstat` is the time that the
 * thread has spent on a run queue, in ns (kernel documentation, scheduler/sched-stats). It includes the time that the CPU
 * limit of a container takes away, which the event loop counts as waiting. Other systems have no such file.
 */
export function openCpuQueue(path = `/proc/self/task/${process.pid}/schedstat`): CpuQueue {
  let file: number | null = null;
  try {
    file = openSync(path, 'r');
  } catch {
    // `file` stays null.
  }
  const buffer = Buffer.alloc(64);
  return {
    waitedMs() {
      if (file === null) return 0;
      const text = buffer.toString('latin1', 0, readSync(file, buffer, 0, buffer.length, 0));
      return Number(text.split(' ', 2)[1] ?? 0) / 1e6 || 0;
    },
    close() {
      if (file !== null) closeSync(file);
      file = null;
    },
  };
}

/** The delay of the event loop. */
interface LoopDelay {
  /** Returns how late the loop has run since the last call, in us: the 99th percentile. */
  takeP99Us(): number;
  stop(): void;
}

/** The histogram wakes the loop 50 times a second, in native code. A finer resolution would cost more CPU. */
const RESOLUTION_MS = 20;

/** Measures the delay of the event loop of this process until `stop`. */
export function startLoopDelay(): LoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  return {
    takeP99Us() {
      // The histogram records the time between two wake-ups, in ns. Without a record it says 0.
      const delayUs = histogram.percentile(99) / 1000 - RESOLUTION_MS * 1000;
      histogram.reset();
      return Math.max(0, delayUs);
    },
    stop: () => void histogram.disable(),
  };
}
