import type { UdpResult } from '../protocol/sample.ts';
import { CYCLE_MARKS, CYCLE_RECORD } from '../protocol/stored-results.ts';
import type { Datagrams } from '../protocol/udp.ts';
import type { Bucket } from './buckets.ts';
import { RecordRing } from './ring.ts';

/**
 * The mark of a cycle beside a failed ping: one of the two pings before it failed, or the one after it. It is a bit beside
 * SUSPECT_CYCLE, and is not copied: who replays a copy replays the pings too, and sets the mark again.
 */
const BESIDE_FAILURE = 2;

/** The datagrams of a cycle or a bucket, and when it ended. */
export type TimedDatagrams = Datagrams & { atMs: number };

export function noDatagrams(): Datagrams {
  return { sent: 0, lost: 0, lossCycles: 0 };
}

/** Adds datagrams to a sum. */
export function addDatagrams(sum: Datagrams, { sent, lost, lossCycles }: Datagrams): void {
  sum.sent += sent;
  sum.lost += lost;
  sum.lossCycles += lossCycles;
}

/** The datagrams of a bucket. In how many cycles they were lost is not kept, and may be many: any loss counts as in two. */
export function datagramsOf({ newestMs, udpSent, udpLost }: Bucket): TimedDatagrams {
  return { atMs: newestMs, sent: udpSent, lost: udpLost, lossCycles: udpLost > 0 ? 2 : 0 };
}

/** The newest cycles of the UDP probe of one link. All times are monotonic; round trips are packed: see `pack16`. */
export class UdpRing extends RecordRing<UdpResult> {
  /**
   * The newest cycle that is not suspect; null while there is none. It may be beside a failed ping: during an outage it shows that
   * datagrams are lost too, but `counted` does not count it as loss that TCP hides.
   */
  newest: UdpResult | null = null;
  /**
   * The end of the newest cycle that lost datagrams, whether it counts or not: after that there is no loss, so nobody needs to add up
   * the cycles. In a new ring it is `droppedUntilMs`, because cycles before that may have lost some.
   */
  lastLossMs: number;

  /** `capacity`: how many cycles are kept. `droppedUntilMs`: the end of the newest cycle of the link that is not kept. */
  constructor(capacity: number, droppedUntilMs = Number.NEGATIVE_INFINITY) {
    super(CYCLE_RECORD, capacity, droppedUntilMs);
    this.lastLossMs = droppedUntilMs;
  }

  /** Adds a cycle that ended at `result.atMs`. `isBesideFailure`: one of the two pings before it failed. */
  addCycle(result: UdpResult, isBesideFailure: boolean): void {
    if (!result.suspect) this.newest = result;
    if (result.lost > 0) this.lastLossMs = result.atMs;
    const at = this.add(result);
    if (isBesideFailure) this.#mark(at);
  }

  /** Marks the cycles that ended after the ping at `lastPingMs`, because the next ping has failed. */
  markBesideFailure(lastPingMs: number): void {
    const places = this.read((_view, at, atMs) => (atMs > lastPingMs ? at : null), lastPingMs);
    for (const at of places) this.#mark(at);
  }

  #mark(at: number): void {
    this.view.setUint8(at + CYCLE_MARKS, this.view.getUint8(at + CYCLE_MARKS) | BESIDE_FAILURE);
  }

  /**
   * The datagrams of the cycles that ended from `fromMs` to `toMs` (both included), newest first, without those that do not
   * count: cycles while our own process was short of CPU, and cycles beside a failed ping. The probe is for loss that TCP
   * hides, and an outage hides nothing.
   */
  counted(fromMs?: number, toMs?: number): TimedDatagrams[] {
    return this.read(countedOf, fromMs, toMs);
  }

  /** The cycles that ended from `fromMs` to `toMs` (both included), oldest first. */
  cycles(fromMs?: number, toMs?: number): UdpResult[] {
    return this.results(fromMs, toMs).reverse();
  }
}

/** The datagrams of a cycle; null if they do not count. */
function countedOf(view: DataView, at: number, atMs: number): TimedDatagrams | null {
  if (view.getUint8(at + CYCLE_MARKS) !== 0) return null;
  const { sent, lost } = CYCLE_RECORD.read(view, at, atMs);
  return { atMs, sent, lost, lossCycles: lost > 0 ? 1 : 0 };
}
