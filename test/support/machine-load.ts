import { cpus } from 'node:os';
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

/** So many of the last seconds count: a verdict's window, and what it takes to be told. */
const SECONDS = 6;
/** Less of all CPU time than this was left over in a second. */
const IDLE_SHARE = 0.1;
/** So much of it was not there at all: this machine is a guest, and its host had others to serve. */
const STOLEN_SHARE = 0.1;
/** Our own process waited so long for CPU, or was throttled, where the machine has more than we may use. */
const DELAY_NS = 60e6;

/** Whether this machine has been short of CPU in the last seconds; then processes beside ours have been, too. */
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
    // Ticks of the kernel are 10 ms: of less than half a second they say little.
    if (total < 500) return;
    const isFull = (now.idle - this.#last.idle) / total < IDLE_SHARE;
    const isStolen = total < (now.atMs - this.#last.atMs) * now.cores * (1 - STOLEN_SHARE);
    this.#busy = [...this.#busy, isFull || isStolen || this.#delay.max > DELAY_NS].slice(-SECONDS);
    this.#last = now;
    this.#delay.reset();
  }
}

/** CPU time of all cores so far, ms; what a host has taken away is not in it. */
function timesOf(): { idle: number; total: number; cores: number; atMs: number } {
  const all = cpus();
  const sum = { idle: 0, total: 0, cores: all.length, atMs: performance.now() };
  for (const { times } of all) {
    sum.idle += times.idle;
    sum.total += times.user + times.nice + times.sys + times.irq + times.idle;
  }
  return sum;
}
