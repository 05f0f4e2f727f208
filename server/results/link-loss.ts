import { isLossOver, isLossy, LOSSY, type LossChange } from '../protocol/link-state.ts';
import type { TimeRange } from '../runtime/time-range.ts';
import type { LinkRecord } from './history.ts';
import type { RangeStatistics } from './range-statistics.ts';
import { addDatagrams, noDatagrams } from './udp-ring.ts';

/**
 * Decides when one link begins to lose datagrams and when that is over, for the events: by `isLossy` and `isLossOver`, over the
 * same datagrams by which reports, findings and page judge the link (`RangeStatistics.udpOf`).
 */
export class LinkLoss {
  #isLossy = false;

  /**
   * Judges the link by its datagrams of `range`, which is the last `lossWindowMs` (`RangeStatistics.lossRange`). Call it after
   * a ping that succeeded, because datagrams beside a failed ping do not count. Returns the change, or null.
   */
  take(record: LinkRecord, range: TimeRange, statistics: RangeStatistics): Omit<LossChange, 'target'> | null {
    // For speed: this runs after each ping, and most links lose nothing.
    if (!this.#isLossy && record.udp !== null && record.udp.lastLossMs < range.fromMs) return null;
    const all = noDatagrams();
    // Newest cycle first. A share of LOSSY.share is chance; `excess` is what was lost beyond it, from a cycle until now. The
    // loss began with the cycle that has the largest excess. So a single datagram that was lost long before does not count.
    const began = { excess: 0, sinceMs: range.toMs, share: 0 };
    let cleanSinceMs = range.toMs;
    for (const cycle of statistics.datagrams(record, range, range.toMs)) {
      addDatagrams(all, cycle);
      if (all.lost === 0) cleanSinceMs = cycle.atMs;
      const excess = all.lost - all.sent * LOSSY.share;
      if (excess >= began.excess) Object.assign(began, { excess, sinceMs: cycle.atMs, share: all.lost / all.sent });
    }
    if (this.#isLossy ? !isLossOver(all) : !isLossy(all)) return null;
    this.#isLossy = !this.#isLossy;
    return this.#isLossy
      ? { isLossy: true, sinceMs: began.sinceMs, share: began.share }
      : { isLossy: false, sinceMs: cleanSinceMs, share: 0 };
  }
}
