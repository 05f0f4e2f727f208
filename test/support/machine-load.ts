import { cpus } from 'node:os';
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

/** Number of the last seconds that count: the window of a verdict, and the time until a client has it. */
const SECONDS = 6;
/** In a second with a smaller idle share of all CPU time the machine is busy. */
const IDLE_SHARE = 0.1;
/** The same for CPU time that is missing, because the host of this virtual machine used it. */
const STOLEN_SHARE = 0.1;
/** The same for a delay of our own event loop, which may be throttled on an idle machine. */
const DELAY_NS = 60e6;

/** Measures whether this machine has been short of CPU in the last seconds. */
export class MachineLoad {
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: 10 });
  readonly #timer: NodeJS.Timeout;
  #busy: boolean[] = [];
  #last = timesOf();

  constructor() {
    this.#delay.enable();
    this.#timer = setInterval(() => this.#tick(), 1_000);
    this.#timer.unref();
  }

  isBusy(): boolean {
    this.#tick();
    return this.#busy.includes(true);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#delay.disable();
  }

  #tick(): void {
    const now = timesOf();
    const total = now.total - this.#last.total;
    // The kernel counts in ticks of 10 ms, so less than half a second says little.
    if (total < 500) return;
    const isFull = (now.idle - this.#last.idle) / total < IDLE_SHARE;
    const isStolen = total < (now.atMs - this.#last.atMs) * now.cores * (1 - STOLEN_SHARE);
    this.#busy = [...this.#busy, isFull || isStolen || this.#delay.max > DELAY_NS].slice(-SECONDS);
    this.#last = now;
    this.#delay.reset();
  }
}

/** CPU time of all cores so far, ms, without what the host has used. */
function timesOf(): { idle: number; total: number; cores: number; atMs: number } {
  const all = cpus();
  const sum = { idle: 0, total: 0, cores: all.length, atMs: performance.now() };
  for (const { times } of all) {
    sum.idle += times.idle;
    sum.total += times.user + times.nice + times.sys + times.irq + times.idle;
  }
  return sum;
}
