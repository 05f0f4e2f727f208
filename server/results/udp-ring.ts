import { pack16, unpack16 } from '../protocol/links.ts';
import { MAX_SAMPLES, type UdpResult } from '../protocol/sample.ts';

/** Bytes of one cycle: the time (8), sent, lost and round trip (3 x 2), duplicates, out of order, hops and suspect (4 x 1). */
const CYCLE_BYTES = 18;
/** The fewest cycles of a link that are kept, however many links there are. */
const MIN_CYCLES = 4;
/** `hops` in a ring: unknown. */
const UNKNOWN = 255;

/** How many cycles of each of `links` links fit into `bytes`. */
export function cyclesPerLink(bytes: number, links: number): number {
  return Math.max(MIN_CYCLES, Math.min(MAX_SAMPLES, Math.floor(bytes / CYCLE_BYTES / Math.max(1, links))));
}

/** The newest cycles of the UDP probe of one link. All times are monotonic. */
export class UdpRing {
  /** The newest cycle that counts, and when it ended; null while there is none. */
  newest: UdpResult | null = null;
  /** The time of the newest cycle that is no longer kept; -Infinity while there is none. */
  lostAtMs: number;
  #bytes = new DataView(new ArrayBuffer(0));
  #next = 0;
  #count = 0;

  /** `lostAtMs`: the time of the link's newest cycle that is no longer kept. */
  constructor(lostAtMs = Number.NEGATIVE_INFINITY) {
    this.lostAtMs = lostAtMs;
  }

  /** Adds a cycle that ended at `result.atMs`, and keeps the newest `length` ones. */
  add(result: UdpResult, length: number): void {
    if (!result.suspect) this.newest = result;
    if (this.#capacity !== length) this.#resize(length);
    if (this.#count === length) this.lostAtMs = this.#read(this.#next).atMs;
    const at = this.#next * CYCLE_BYTES;
    this.#bytes.setFloat64(at, result.atMs);
    this.#bytes.setUint16(at + 8, result.sent);
    this.#bytes.setUint16(at + 10, result.lost);
    this.#bytes.setUint16(at + 12, pack16(result.rttUs));
    this.#bytes.setUint8(at + 14, Math.min(255, result.duplicates));
    this.#bytes.setUint8(at + 15, Math.min(255, result.outOfOrder));
    this.#bytes.setUint8(at + 16, result.hops < 0 ? UNKNOWN : result.hops);
    this.#bytes.setUint8(at + 17, result.suspect ? 1 : 0);
    this.#next = (this.#next + 1) % length;
    this.#count = Math.min(length, this.#count + 1);
  }

  /** The cycles that ended from `fromMs` to `toMs` (both included), oldest first. */
  between(fromMs: number, toMs: number): UdpResult[] {
    const results: UdpResult[] = [];
    for (let i = 0; i < this.#count; i++) {
      const result = this.#read((this.#next - this.#count + i + this.#capacity) % this.#capacity);
      if (result.atMs >= fromMs && result.atMs <= toMs) results.push(result);
    }
    return results;
  }

  get #capacity(): number {
    return this.#bytes.byteLength / CYCLE_BYTES;
  }

  #read(place: number): UdpResult {
    const at = place * CYCLE_BYTES;
    const hops = this.#bytes.getUint8(at + 16);
    return {
      atMs: this.#bytes.getFloat64(at),
      sent: this.#bytes.getUint16(at + 8),
      lost: this.#bytes.getUint16(at + 10),
      rttUs: unpack16(this.#bytes.getUint16(at + 12)),
      duplicates: this.#bytes.getUint8(at + 14),
      outOfOrder: this.#bytes.getUint8(at + 15),
      hops: hops === UNKNOWN ? -1 : hops,
      suspect: this.#bytes.getUint8(at + 17) === 1,
    };
  }

  #resize(length: number): void {
    const kept = this.between(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
    const dropped = kept.slice(0, Math.max(0, kept.length - length)).at(-1);
    if (dropped !== undefined) this.lostAtMs = dropped.atMs;
    this.#bytes = new DataView(new ArrayBuffer(length * CYCLE_BYTES));
    this.#next = 0;
    this.#count = 0;
    const { newest } = this;
    for (const result of kept.slice(-length)) this.add(result, length);
    this.newest = newest;
  }
}
