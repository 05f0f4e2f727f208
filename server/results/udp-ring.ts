import { pack16, unpack16 } from '../protocol/links.ts';
import { MAX_SAMPLES, type UdpResult } from '../protocol/sample.ts';

/** Bytes of one cycle: the time (8), sent, lost and round trip (3 x 2), duplicates, out of order, hops and marks (4 x 1). */
const CYCLE_BYTES = 18;
/** The fewest cycles of a link that are kept, however many links there are. */
const MIN_CYCLES = 4;
/** `hops` in a ring: unknown. */
const UNKNOWN = 255;
/**
 * Marks of a cycle that is no evidence of loss: our process was short of CPU during it; one of the two pings before it
 * failed, or the one after it.
 */
const SUSPECT = 1;
const BESIDE_FAILURE = 2;
const MARKS_OFFSET = 17;

/** Receives the datagrams that a cycle or a bucket sent, those of them that were lost, and when it ended. */
export type DatagramVisitor = (sent: number, lost: number, atMs: number) => void;

/** How many cycles of each of `links` links fit into `bytes`. */
export function cyclesPerLink(bytes: number, links: number): number {
  return Math.max(MIN_CYCLES, Math.min(MAX_SAMPLES, Math.floor(bytes / CYCLE_BYTES / Math.max(1, links))));
}

/** The newest cycles of the UDP probe of one link. All times are monotonic. */
export class UdpRing {
  /**
   * The newest cycle that is not suspect; null while there is none. It may be beside a failed ping: during an outage it shows that
   * datagrams are lost too, but `visit` does not count it as loss that TCP hides.
   */
  newest: UdpResult | null = null;
  /** Everything up to this time has been dropped: it is that of the newest cycle that is no longer kept; -Infinity while there is none. */
  droppedUntilMs: number;
  #bytes = new DataView(new ArrayBuffer(0));
  #next = 0;
  #count = 0;

  /** `droppedUntilMs`: the time of the link's newest cycle that is no longer kept. */
  constructor(droppedUntilMs = Number.NEGATIVE_INFINITY) {
    this.droppedUntilMs = droppedUntilMs;
  }

  /** Adds a cycle that ended at `result.atMs`, and keeps the newest `length` ones. `isBesideFailure`: one of the two pings before it failed. */
  add(result: UdpResult, length: number, isBesideFailure = false): void {
    if (!result.suspect) this.newest = result;
    if (this.#capacity !== length) this.#resize(length);
    if (this.#count === length) this.droppedUntilMs = this.#bytes.getFloat64(this.#next * CYCLE_BYTES);
    const at = this.#next * CYCLE_BYTES;
    this.#bytes.setFloat64(at, result.atMs);
    this.#bytes.setUint16(at + 8, result.sent);
    this.#bytes.setUint16(at + 10, result.lost);
    this.#bytes.setUint16(at + 12, pack16(result.rttUs));
    this.#bytes.setUint8(at + 14, Math.min(255, result.duplicates));
    this.#bytes.setUint8(at + 15, Math.min(255, result.outOfOrder));
    this.#bytes.setUint8(at + 16, result.hops < 0 ? UNKNOWN : result.hops);
    this.#bytes.setUint8(at + MARKS_OFFSET, (result.suspect ? SUSPECT : 0) | (isBesideFailure ? BESIDE_FAILURE : 0));
    this.#next = (this.#next + 1) % length;
    this.#count = Math.min(length, this.#count + 1);
  }

  /** Marks the cycles that ended after `sinceMs`, because the ping that followed them has failed. */
  markBesideFailure(sinceMs: number): void {
    for (let back = 0; back < this.#count; back++) {
      const at = this.#placeOf(back);
      if (this.#bytes.getFloat64(at) <= sinceMs) return;
      this.#bytes.setUint8(at + MARKS_OFFSET, this.#bytes.getUint8(at + MARKS_OFFSET) | BESIDE_FAILURE);
    }
  }

  /**
   * Calls `visitor` for the cycles that ended from `fromMs` to `toMs` (both included), newest first, without those that are
   * no evidence of loss: cycles while our own process was short of CPU, and cycles beside a failed ping. The probe is for
   * loss that TCP hides, and an outage hides nothing.
   */
  visit(fromMs: number, toMs: number, visitor: DatagramVisitor): void {
    for (let back = 0; back < this.#count; back++) {
      const at = this.#placeOf(back);
      const atMs = this.#bytes.getFloat64(at);
      if (atMs < fromMs) return;
      if (atMs > toMs || this.#bytes.getUint8(at + MARKS_OFFSET) !== 0) continue;
      visitor(this.#bytes.getUint16(at + 8), this.#bytes.getUint16(at + 10), atMs);
    }
  }

  /** What `newest` was in the past: the newest cycle that ended from `fromMs` to `toMs` (both included) and is not suspect; null without any. */
  newestIn(fromMs: number, toMs: number): UdpResult | null {
    return this.all.findLast(({ atMs, suspect }) => !suspect && atMs >= fromMs && atMs <= toMs) ?? null;
  }

  /** All cycles that are kept, oldest first. Their round trips are packed: see `pack16`. */
  get all(): UdpResult[] {
    return this.after(Number.NEGATIVE_INFINITY);
  }

  /** The cycles that ended after `sinceMs` and are kept, oldest first. */
  after(sinceMs: number): UdpResult[] {
    const newestFirst: UdpResult[] = [];
    for (let back = 0; back < this.#count; back++) {
      const at = this.#placeOf(back);
      if (this.#bytes.getFloat64(at) <= sinceMs) break;
      newestFirst.push(this.#read(at));
    }
    return newestFirst.reverse();
  }

  get #capacity(): number {
    return this.#bytes.byteLength / CYCLE_BYTES;
  }

  /** Where in the bytes the `back`-th newest cycle is. */
  #placeOf(back: number): number {
    const capacity = this.#capacity;
    return ((this.#next - 1 - back + 2 * capacity) % capacity) * CYCLE_BYTES;
  }

  /** Without the mark BESIDE_FAILURE: whoever replays a copy of the cycles replays the pings, too, and so marks them again. */
  #read(at: number): UdpResult {
    const hops = this.#bytes.getUint8(at + 16);
    return {
      atMs: this.#bytes.getFloat64(at),
      sent: this.#bytes.getUint16(at + 8),
      lost: this.#bytes.getUint16(at + 10),
      rttUs: unpack16(this.#bytes.getUint16(at + 12)),
      duplicates: this.#bytes.getUint8(at + 14),
      outOfOrder: this.#bytes.getUint8(at + 15),
      hops: hops === UNKNOWN ? -1 : hops,
      suspect: (this.#bytes.getUint8(at + MARKS_OFFSET) & SUSPECT) !== 0,
    };
  }

  #resize(length: number): void {
    const kept = Math.min(this.#count, length);
    if (kept < this.#count) this.droppedUntilMs = this.#bytes.getFloat64(this.#placeOf(kept));
    const bytes = new Uint8Array(length * CYCLE_BYTES);
    for (let back = 0; back < kept; back++) {
      const from = new Uint8Array(this.#bytes.buffer, this.#placeOf(back), CYCLE_BYTES);
      bytes.set(from, (kept - 1 - back) * CYCLE_BYTES);
    }
    this.#bytes = new DataView(bytes.buffer);
    this.#next = kept % length;
    this.#count = kept;
  }
}
