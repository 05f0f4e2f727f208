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
   * Looks at the datagrams of `range`, which is the last `lossWindowMs`. Call it after a ping that succeeded: only then is it
   * known that the datagrams before it count. Returns the change, or null.
   */
  take(record: LinkRecord, range: TimeRange, statistics: RangeStatistics): Omit<LossChange, 'target'> | null {
    // Most links lose nothing. This is asked after each ping.
    if (!this.#isLossy && record.udp !== null && record.udp.lastLossMs < range.fromMs) return null;
    const all = noDatagrams();
    // Newest cycle first. The loss began with the cycle since which most datagrams were lost beyond what is chance. So a single
    // one that was lost some time before does not count.
    const began = { beyond: 0, sinceMs: range.toMs, share: 0 };
    let cleanSinceMs = range.toMs;
    for (const cycle of statistics.datagrams(record, range, range.toMs)) {
      addDatagrams(all, cycle);
      if (all.lost === 0) cleanSinceMs = cycle.atMs;
      const beyond = all.lost - all.sent * LOSSY.share;
      if (beyond >= began.beyond) Object.assign(began, { beyond, sinceMs: cycle.atMs, share: all.lost / all.sent });
    }
    if (this.#isLossy ? !isLossOver(all) : !isLossy(all)) return null;
    this.#isLossy = !this.#isLossy;
    return this.#isLossy
      ? { isLossy: true, sinceMs: began.sinceMs, share: began.share }
      : { isLossy: false, sinceMs: cleanSinceMs, share: 0 };
  }
}
