import { MAX_SAMPLES } from '../contract/samples.ts';
import type { Ring, Rings } from './rings.ts';

/** What the samples of a window came to. Durations in us, over the ok samples; -1 if there are none. */
export interface Summary {
  /** Probes in the window. */
  count: number;
  /** Those of them that failed. */
  failures: number;
  minUs: number;
  p50Us: number;
  p95Us: number;
  maxUs: number;
}

/**
 * Sums up rings over windows, with one scratch array for all.
 *
 * Samples that were taken while our own process was starved count as probes, but not as failures and not into the
 * durations; only where a window has no others do they have to do.
 */
export class Summaries {
  readonly #rings: Rings;
  readonly #trusted = new Float64Array(MAX_SAMPLES);
  readonly #suspect = new Float64Array(MAX_SAMPLES);

  constructor(rings: Rings) {
    this.#rings = rings;
  }

  /** The samples of `ring` since `fromMs`, in the ring's own time. */
  of(ring: Ring, fromMs: number): Summary {
    const trusted = { values: this.#trusted, ok: 0, failures: 0 };
    const suspect = { values: this.#suspect, ok: 0, failures: 0 };
    this.#rings.visit(ring, fromMs, (failed, isSuspect, totalUs) => {
      const tally = isSuspect ? suspect : trusted;
      if (failed) tally.failures += 1;
      else tally.values[tally.ok++] = totalUs;
    });
    const count = trusted.ok + trusted.failures + suspect.ok + suspect.failures;
    const tally = trusted.ok + trusted.failures > 0 ? trusted : suspect;
    const sorted = tally.values.subarray(0, tally.ok).sort();
    return {
      count,
      failures: tally.failures,
      minUs: sorted[0] ?? -1,
      p50Us: percentile(sorted, 0.5),
      p95Us: percentile(sorted, 0.95),
      maxUs: sorted[tally.ok - 1] ?? -1,
    };
  }
}

/** The smallest value that at least `share` of the values do not exceed (nearest rank); -1 of none. */
function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? -1;
}
