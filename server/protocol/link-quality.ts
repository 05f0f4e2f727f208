import type { StatColumns } from './links.ts';

/**
 * The usual latency of a link is the median of its ok samples over its kept history, up to its newest `buckets` buckets. It is
 * known once the history reaches back `historyMs`, and `windows` times as far as the window that is compared with it. It is
 * computed again after `keptMs`.
 */
export const USUAL = { historyMs: 600_000, windows: 2, buckets: 2_048, keptMs: 60_000 };

/** A median that differs from another by less than this is the same: on a busy machine it moves so much by itself, us. */
export const MIN_CHANGE_US = 500;

/** The samples of link `i` that count in its statistics: the trusted ones; suspect ones only if there are no others. */
export function countedSamples({ samples, suspect }: Pick<StatColumns, 'samples' | 'suspect'>, i: number): number {
  const all = samples[i] ?? 0;
  const trusted = all - (suspect[i] ?? 0);
  return trusted > 0 ? trusted : all;
}

/** The share (0..1) of the samples that failed; -1 if there are none. The success rate is the rest. */
export function failedShare(samples: number, failures: number): number {
  return samples <= 0 ? -1 : Math.min(1, failures / samples);
}

/**
 * The jitter of answers: the mean absolute difference between the total times of successive ones, apart for pings over new and over
 * open connections, because opening one takes time. Failed pings do not count. The order may be from new to old.
 */
export class Jitter {
  /** The last answer over a new connection and over an open one, us; -1 = none yet. */
  #lastUs = { new: -1, open: -1 };
  #sumUs = 0;
  #count = 0;

  clear(): void {
    this.#lastUs = { new: -1, open: -1 };
    this.#sumUs = 0;
    this.#count = 0;
  }

  /** Adds the next answer. `isNew`: it came over a new connection. */
  add(isNew: boolean, totalUs: number): void {
    const kind = isNew ? 'new' : 'open';
    if (this.#lastUs[kind] >= 0) {
      this.#sumUs += Math.abs(totalUs - this.#lastUs[kind]);
      this.#count += 1;
    }
    this.#lastUs[kind] = totalUs;
  }

  /** The mean difference, us; -1 without two answers of the same kind. */
  get meanUs(): number {
    return this.#count === 0 ? -1 : this.#sumUs / this.#count;
  }
}
