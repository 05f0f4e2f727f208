import { boundText, type Format } from './exposition.ts';

/** Upper bounds of the latency histograms in seconds: Goldpinger's, because its users' dashboards rely on them. */
export const BOUNDS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;

const BOUNDS_US = BOUNDS_S.map((bound) => bound * 1e6);
/** One bucket per bound and one for everything beyond the last bound. */
const BUCKETS = BOUNDS_US.length + 1;
const FIRST_CAPACITY = 16;

/**
 * Latency histograms in typed arrays: about 64 bytes per series, rendered without copying. Each series has a slot. A slot
 * that was released is set to zero when it is allocated again.
 */
export class Latencies {
  #counts = new Uint32Array(FIRST_CAPACITY * BUCKETS);
  #sumsUs = new Float64Array(FIRST_CAPACITY);
  #free: number[] = [];
  #used = 0;

  /** How many slots are allocated. */
  get size(): number {
    return this.#used - this.#free.length;
  }

  /** Allocates a slot whose counts are zero. */
  allocate(): number {
    const slot = this.#free.pop() ?? this.#used++;
    if (slot >= this.#sumsUs.length) this.#grow();
    this.#counts.fill(0, slot * BUCKETS, (slot + 1) * BUCKETS);
    this.#sumsUs[slot] = 0;
    return slot;
  }

  /** Releases a slot; the caller must not use it any more. */
  release(slot: number): void {
    this.#free.push(slot);
  }

  /** Counts one duration. Negative durations and NaN are ignored. */
  observe(slot: number, durationUs: number): void {
    if (!(durationUs >= 0)) return;
    let bucket = 0;
    while (bucket < BOUNDS_US.length && durationUs > (BOUNDS_US[bucket] ?? 0)) bucket++;
    const at = slot * BUCKETS + bucket;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sumsUs[slot] = (this.#sumsUs[slot] ?? 0) + durationUs;
  }

  /** The series of one slot: buckets, sum in seconds, count. `labels` as written by `labelText`. */
  text(slot: number, name: string, labels: string, format: Format): string {
    const lineEnds = format === 'openmetrics' ? OPENMETRICS_LINE_ENDS : TEXT_LINE_ENDS;
    const lineStart = `${name}_bucket{${labels},le="`;
    let lines = '';
    let count = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      count += this.#counts[slot * BUCKETS + bucket] ?? 0;
      lines += `${lineStart}${lineEnds[bucket]}${count}\n`;
    }
    const sum = (this.#sumsUs[slot] ?? 0) / 1e6;
    return `${lines}${name}_sum{${labels}} ${sum}\n${name}_count{${labels}} ${count}\n`;
  }

  #grow(): void {
    const capacity = this.#sumsUs.length * 2;
    const counts = new Uint32Array(capacity * BUCKETS);
    counts.set(this.#counts);
    this.#counts = counts;
    const sumsUs = new Float64Array(capacity);
    sumsUs.set(this.#sumsUs);
    this.#sumsUs = sumsUs;
  }
}

const lineEndsOf = (format: Format) =>
  [...BOUNDS_S, Number.POSITIVE_INFINITY].map((bound) => `${boundText(bound, format)}"} `);
const TEXT_LINE_ENDS = lineEndsOf('text');
const OPENMETRICS_LINE_ENDS = lineEndsOf('openmetrics');
