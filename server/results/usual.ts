import { USUAL } from '../protocol/link-quality.ts';
import { failuresOf, trustedOf } from './buckets.ts';
import type { History, LinkRecord } from './history.ts';
import { Percentiles } from './statistics.ts';

interface Usual {
  /** The latency; -1 if no bucket counts. */
  us: number;
  /** The time that its buckets cover: from the start of the oldest to the end of the newest. */
  historyMs: number;
  /** When it was computed, monotonic. */
  atMs: number;
}

/**
 * The usual latency of each link: the median of its ok samples over its history, as `USUAL` in `protocol/link-quality.ts` says. It
 * changes slowly, and each report needs it, so it is kept for some time.
 */
export class UsualLatencies {
  readonly #history: History;
  readonly #percentiles = new Percentiles();
  readonly #known = new WeakMap<LinkRecord, Usual>();

  constructor(history: History) {
    this.#history = history;
  }

  /** The usual latency of a link at `nowMs` (monotonic), us; -1 if its history is too short to compare `windowMs` with it. */
  usualUsOf(record: LinkRecord, windowMs: number, nowMs: number): number {
    let usual = this.#known.get(record);
    if (usual === undefined || nowMs - usual.atMs >= USUAL.keptMs) {
      usual = this.#compute(record, nowMs);
      this.#known.set(record, usual);
    }
    return usual.historyMs >= Math.max(USUAL.historyMs, USUAL.windows * windowMs) ? usual.us : -1;
  }

  /**
   * The median of the medians of the buckets, each weighted by its ok samples. A bucket without ok samples that are not suspect
   * does not count.
   */
  #compute(record: LinkRecord, nowMs: number): Usual {
    this.#percentiles.clear();
    let [count, oldestMs, newestMs] = [0, 0, 0];
    for (const bucket of this.#history.buckets(record, Number.NEGATIVE_INFINITY)) {
      const ok = trustedOf(bucket) - failuresOf(bucket);
      if (ok <= 0) continue;
      this.#percentiles.add(bucket.median16, ok);
      if (count === 0) newestMs = bucket.endMs;
      oldestMs = bucket.startMs;
      count += 1;
      if (count === USUAL.buckets) break;
    }
    return { us: this.#percentiles.at(0.5), historyMs: newestMs - oldestMs, atMs: nowMs };
  }
}
