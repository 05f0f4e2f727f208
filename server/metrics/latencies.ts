import { boundText, type Format } from './exposition.ts';

/** Upper bounds of the latency histograms in seconds: Goldpinger's, which its users' dashboards rely on. */
export const BOUNDS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;

const BOUNDS_US = BOUNDS_S.map((bound) => bound * 1e6);
/** One count a bound and one for everything beyond the last. */
const WIDTH = BOUNDS_US.length + 1;
const FIRST_CAPACITY = 16;

/**
 * Latency histograms in typed arrays, one slot a series: about 64 bytes each, and rendering reads them in place.
 * A slot that was released may be handed out again, zeroed.
 */
export class Latencies {
  #counts = new Uint32Array(FIRST_CAPACITY * WIDTH);
  #sumsUs = new Float64Array(FIRST_CAPACITY);
  #free: number[] = [];
  #used = 0;

  /** How many slots are handed out. */
  get size(): number {
    return this.#used - this.#free.length;
  }

  /** Hands out a slot whose counts are zero. */
  allocate(): number {
    const slot = this.#free.pop() ?? this.#used++;
    if (slot >= this.#sumsUs.length) this.#grow();
    this.#counts.fill(0, slot * WIDTH, (slot + 1) * WIDTH);
    this.#sumsUs[slot] = 0;
    return slot;
  }

  /** Takes a slot back; the caller must not use it again. */
  release(slot: number): void {
    this.#free.push(slot);
  }

  /** Counts one duration; a negative one or one that is no number is ignored. */
  observe(slot: number, durationUs: number): void {
    if (!(durationUs >= 0)) return;
    let bucket = 0;
    while (bucket < BOUNDS_US.length && durationUs > (BOUNDS_US[bucket] ?? 0)) bucket++;
    const at = slot * WIDTH + bucket;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sumsUs[slot] = (this.#sumsUs[slot] ?? 0) + durationUs;
  }

  /** The series of one slot: buckets, sum in seconds, count. `labels` as `labelText` gives them. */
  text(slot: number, name: string, labels: string, format: Format): string {
    const ends = format === 'openmetrics' ? OPENMETRICS_ENDS : TEXT_ENDS;
    const begin = `${name}_bucket{${labels},le="`;
    let lines = '';
    let count = 0;
    for (let bucket = 0; bucket < WIDTH; bucket++) {
      count += this.#counts[slot * WIDTH + bucket] ?? 0;
      lines += `${begin}${ends[bucket]}${count}\n`;
    }
    const sum = (this.#sumsUs[slot] ?? 0) / 1e6;
    return `${lines}${name}_sum{${labels}} ${sum}\n${name}_count{${labels}} ${count}\n`;
  }

  #grow(): void {
    const capacity = this.#sumsUs.length * 2;
    const counts = new Uint32Array(capacity * WIDTH);
    counts.set(this.#counts);
    this.#counts = counts;
    const sumsUs = new Float64Array(capacity);
    sumsUs.set(this.#sumsUs);
    this.#sumsUs = sumsUs;
  }
}

const endsOf = (format: Format) =>
  [...BOUNDS_S, Number.POSITIVE_INFINITY].map((bound) => `${boundText(bound, format)}"} `);
const TEXT_ENDS = endsOf('text');
const OPENMETRICS_ENDS = endsOf('openmetrics');
