import { USUAL } from '../protocol/link-quality.ts';
import { NONE16 } from '../protocol/links.ts';
import { failuresOf, trustedOf } from './buckets.ts';
import type { History, LinkRecord } from './history.ts';
import { Percentiles } from './statistics.ts';

/** What was found about a link. */
interface Usual {
  us: number;
  /** How far its buckets reach back, from the newest to the oldest. */
  historyMs: number;
  /** When it was computed, monotonic. */
  atMs: number;
}

/** The usual latency of each link; see `USUAL`. It changes slowly and is kept for some time, because each report needs it. */
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

  /** From the medians of the buckets, each weighted by its ok samples. Buckets with only suspect samples do not count. */
  #compute(record: LinkRecord, nowMs: number): Usual {
    const percentiles = this.#percentiles;
    percentiles.clear();
    let [count, oldestMs, newestMs] = [0, 0, 0];
    this.#history.visitClosedBuckets(record, (chunk, i, startMs, endMs) => {
      const ok = trustedOf(chunk, i) - failuresOf(chunk, i);
      if (ok > 0) {
        percentiles.add(chunk.p50Us[i] ?? NONE16, ok);
        if (count === 0) newestMs = endMs;
        oldestMs = startMs;
        count += 1;
      }
      return count < USUAL.buckets;
    });
    return { us: percentiles.at(0.5), historyMs: newestMs - oldestMs, atMs: nowMs };
  }
}
