import type { UdpResult } from '../protocol/sample.ts';
import { CYCLE_MARKS, CYCLE_RECORD } from '../protocol/stored-results.ts';
import type { Datagrams } from '../protocol/udp.ts';
import { RecordRing } from './ring.ts';

/**
 * The mark of a cycle beside a failed ping: one of the two pings before it failed, or the one after it. It is a bit beside
 * SUSPECT_CYCLE, and is not copied: who replays a copy replays the pings too, and sets the mark again.
 */
const BESIDE_FAILURE = 2;

/** Receives the datagrams of a cycle or a bucket, and when it ended. */
export type DatagramVisitor = (datagrams: Datagrams, atMs: number) => void;

/** The newest cycles of the UDP probe of one link. All times are monotonic. */
export class UdpRing extends RecordRing {
  /**
   * The newest cycle that is not suspect; null while there is none. It may be beside a failed ping: during an outage it shows that
   * datagrams are lost too, but `visitCounted` does not count it as loss that TCP hides.
   */
  newest: UdpResult | null = null;

  /** `length`: how many cycles are kept. `droppedUntilMs`: when the link's newest cycle ended that is not kept. */
  constructor(length: number, droppedUntilMs = Number.NEGATIVE_INFINITY) {
    super(CYCLE_RECORD, length, droppedUntilMs);
  }

  /** Adds a cycle that ended at `result.atMs`. `isBesideFailure`: one of the two pings before it failed. */
  addCycle(result: UdpResult, isBesideFailure: boolean): void {
    if (!result.suspect) this.newest = result;
    const at = this.add(result.atMs);
    CYCLE_RECORD.write(this.view, at, result);
    if (isBesideFailure) this.#mark(at);
  }

  /** Marks the cycles that ended after `sinceMs`, because the ping that followed them has failed. */
  markBesideFailure(sinceMs: number): void {
    this.visit(sinceMs, Number.POSITIVE_INFINITY, (at, atMs) => {
      if (atMs > sinceMs) this.#mark(at);
      return true;
    });
  }

  #mark(at: number): void {
    this.view.setUint8(at + CYCLE_MARKS, this.view.getUint8(at + CYCLE_MARKS) | BESIDE_FAILURE);
  }

  /**
   * Calls `visitor` for the cycles that ended from `fromMs` to `toMs` (both included), newest first, without those that
   * do not count: cycles while our own process was short of CPU, and cycles beside a failed ping. The probe is for
   * loss that TCP hides, and an outage hides nothing.
   */
  visitCounted(fromMs: number, toMs: number, visitor: DatagramVisitor): void {
    this.visit(fromMs, toMs, (at, atMs) => {
      if (this.view.getUint8(at + CYCLE_MARKS) !== 0) return true;
      const { sent, lost } = CYCLE_RECORD.read(this.view, at, atMs);
      visitor({ sent, lost, lossCycles: lost > 0 ? 1 : 0 }, atMs);
      return true;
    });
  }

  /** The cycles that ended from `fromMs` to `toMs` (both included), oldest first. Their round trips are packed: see `pack16`. */
  cycles(fromMs = Number.NEGATIVE_INFINITY, toMs = Number.POSITIVE_INFINITY): UdpResult[] {
    const newestFirst: UdpResult[] = [];
    this.visit(fromMs, toMs, (at, atMs) => newestFirst.push(CYCLE_RECORD.read(this.view, at, atMs)) > 0);
    return newestFirst.reverse();
  }
}
