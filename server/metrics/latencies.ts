import type { Format } from './text-format.ts';

/** Upper bounds of the latency histograms in seconds: Goldpinger's, because its users' dashboards rely on them. */
export const BOUNDS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;

const BOUNDS_US = BOUNDS_S.map((bound) => bound * 1e6);

/** One latency histogram: a bucket for each bound, and one for everything beyond the last bound. */
export class LatencyHistogram {
  // A plain array takes half the memory of a typed one of this length.
  readonly #counts = new Array<number>(BOUNDS_US.length + 1).fill(0);
  #sumUs = 0;

  /** Counts one duration. Negative durations and NaN are ignored. */
  observe(durationUs: number): void {
    if (!(durationUs >= 0)) return;
    let bucket = 0;
    while (durationUs > (BOUNDS_US[bucket] ?? Number.POSITIVE_INFINITY)) bucket += 1;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#sumUs += durationUs;
  }

  /** Its series: buckets, sum in seconds, count; '' before the first duration. `labels` as written by `labelText`. */
  text(name: string, labels: string, format: Format): string {
    const lineStart = `${name}_bucket{${labels},le="`;
    let lines = '';
    let count = 0;
    for (const [bucket, lineEnd] of LINE_ENDS[format].entries()) {
      count += this.#counts[bucket] ?? 0;
      lines += `${lineStart}${lineEnd}${count}\n`;
    }
    if (count === 0) return '';
    return `${lines}${name}_sum{${labels}} ${this.#sumUs / 1e6}\n${name}_count{${labels}} ${count}\n`;
  }
}

/** OpenMetrics wants a decimal point in a bound (`1.0`), the classic format does not (`1`). */
const boundText = (bound: number, format: Format) =>
  format === 'openmetrics' && Number.isInteger(bound) ? `${bound}.0` : String(bound);
const lineEndsOf = (format: Format) =>
  [...BOUNDS_S.map((bound) => boundText(bound, format)), '+Inf'].map((le) => `${le}"} `);
const LINE_ENDS: Record<Format, string[]> = { text: lineEndsOf('text'), openmetrics: lineEndsOf('openmetrics') };
