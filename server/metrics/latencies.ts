import { type Format, seriesText } from './text-format.ts';

/** Sum and number of some durations. */
export class DurationSum {
  #sumUs = 0;
  #count = 0;

  /** Counts one duration, which is not negative. */
  observe(durationUs: number): void {
    this.#sumUs += durationUs;
    this.#count += 1;
  }

  /** Its series: sum in seconds, count. `labels` as written by `labelText`. */
  text(name: string, labels: string, _format: Format): string {
    return seriesText(`${name}_sum`, labels, this.#sumUs / 1e6) + seriesText(`${name}_count`, labels, this.#count);
  }
}

/** Upper bounds of the latency histograms in seconds: Goldpinger's, because its users' dashboards rely on them. */
export const BOUNDS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;

const BOUNDS_US = BOUNDS_S.map((bound) => bound * 1e6);

/** Durations by size: a bucket for each bound, and one for everything beyond the last bound. */
export class LatencyHistogram extends DurationSum {
  // A plain array takes half the memory of a typed one of this length.
  readonly #counts = new Array<number>(BOUNDS_US.length + 1).fill(0);

  override observe(durationUs: number): void {
    super.observe(durationUs);
    let bucket = 0;
    while (durationUs > (BOUNDS_US[bucket] ?? Number.POSITIVE_INFINITY)) bucket += 1;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
  }

  override text(name: string, labels: string, format: Format): string {
    const lineStart = `${name}_bucket{${labels},le="`;
    let lines = '';
    let count = 0;
    for (const [bucket, lineEnd] of LINE_ENDS[format].entries()) {
      count += this.#counts[bucket] ?? 0;
      lines += `${lineStart}${lineEnd}${count}\n`;
    }
    return lines + super.text(name, labels, format);
  }
}

/** OpenMetrics wants a decimal point in a bound (`1.0`), the classic format does not (`1`). */
const boundText = (bound: number, format: Format) =>
  format === 'openmetrics' && Number.isInteger(bound) ? `${bound}.0` : String(bound);
const lineEndsOf = (format: Format) =>
  [...BOUNDS_S.map((bound) => boundText(bound, format)), '+Inf'].map((le) => `${le}"} `);
const LINE_ENDS: Record<Format, string[]> = { text: lineEndsOf('text'), openmetrics: lineEndsOf('openmetrics') };
