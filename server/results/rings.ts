import { NONE16, pack16, unpack16 } from '../contract/bytes16.ts';
import { OUTCOMES, PHASES, type Sample } from '../contract/outcome.ts';
import { MAX_SAMPLES, type RecentSample } from '../contract/samples.ts';

/** The recent samples of one link: a handle, of which only `count` is for others to read. */
export interface Ring {
  /** Which part of the columns is its own. */
  slot: number;
  /** Where in that part the next sample goes. */
  next: number;
  /** How many samples it has. */
  count: number;
}

/** 8 for the time, 1 for outcome, phase and suspicion, 3 x 2 for the durations. */
const BYTES_PER_SAMPLE = 15;
const MIN_SLOTS = 16;

const PHASE_SHIFT = 4;
const SUSPECT = 0x80;

interface Columns {
  atMs: Float64Array;
  code: Uint8Array;
  connectUs: Uint16Array;
  firstByteUs: Uint16Array;
  totalUs: Uint16Array;
}

/**
 * All rings of a process in one set of columns, which take at most `maxBytes` whatever the number of links: the more
 * links, the shorter their rings (512 samples down to 8 at 32 768 links with 4 MiB, and less beyond). Resizing keeps the
 * newest samples. Times are whatever the caller counts in, as long as they never go back.
 */
export class Rings {
  readonly #maxBytes: number;
  readonly #rings = new Set<Ring>();
  #free: number[] = [];
  #slots = 0;
  #length = 0;
  #columns: Columns = columnsOf(0);

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#resize(MIN_SLOTS);
  }

  /** Bytes that the columns take. */
  get bytes(): number {
    return this.#slots * this.#length * BYTES_PER_SAMPLE;
  }

  /** How many samples a ring can hold at present. */
  get length(): number {
    return this.#length;
  }

  /** A new, empty ring. */
  open(): Ring {
    if (this.#free.length === 0) this.#resize(this.#slots * 2);
    const ring: Ring = { slot: this.#free.pop() ?? 0, next: 0, count: 0 };
    this.#rings.add(ring);
    return ring;
  }

  /** Gives a ring's memory back; the ring must not be used any more. */
  close(ring: Ring): void {
    if (!this.#rings.delete(ring)) return;
    this.#free.push(ring.slot);
    if (this.#slots > MIN_SLOTS && this.#rings.size < this.#slots / 4) this.#resize(this.#slots / 2);
  }

  /** Adds the newest sample, taken at `atMs`; the oldest one makes room. */
  add(ring: Ring, atMs: number, sample: Sample): void {
    const i = ring.slot * this.#length + ring.next;
    const columns = this.#columns;
    columns.atMs[i] = atMs;
    columns.code[i] = codeOf(sample);
    columns.connectUs[i] = pack16(sample.connectUs);
    columns.firstByteUs[i] = pack16(sample.firstByteUs);
    columns.totalUs[i] = pack16(sample.totalUs);
    ring.next = (ring.next + 1) % this.#length;
    ring.count = Math.min(ring.count + 1, this.#length);
  }

  /** The samples of a ring, oldest first, with their times as they were given. */
  read(ring: Ring): RecentSample[] {
    return Array.from({ length: ring.count }, (_, i) => this.#sampleAt(this.#index(ring, ring.count - 1 - i)));
  }

  /**
   * Calls `visit` for each sample at or after `fromMs`, newest first, with whether it failed, whether it is suspect, and
   * its total duration in us (-1 without one).
   */
  visit(ring: Ring, fromMs: number, visit: (failed: boolean, suspect: boolean, totalUs: number) => void): void {
    const { atMs, code, totalUs } = this.#columns;
    for (let back = 0; back < ring.count; back++) {
      const i = this.#index(ring, back);
      if ((atMs[i] ?? 0) < fromMs) return;
      const bits = code[i] ?? 0;
      visit((bits & 0xf) !== 0, (bits & SUSPECT) !== 0, unpack16(totalUs[i] ?? NONE16));
    }
  }

  /** Place in the columns of the `back`-th newest sample. */
  #index(ring: Ring, back: number): number {
    return ring.slot * this.#length + ((ring.next - 1 - back + 2 * this.#length) % this.#length);
  }

  #sampleAt(i: number): RecentSample {
    const columns = this.#columns;
    const bits = columns.code[i] ?? 0;
    return {
      atMs: columns.atMs[i] ?? 0,
      outcome: OUTCOMES[bits & 0xf] ?? 'malformed',
      phase: PHASES[((bits >> PHASE_SHIFT) & 3) - 1] ?? null,
      connectUs: unpack16(columns.connectUs[i] ?? NONE16),
      firstByteUs: unpack16(columns.firstByteUs[i] ?? NONE16),
      totalUs: unpack16(columns.totalUs[i] ?? NONE16),
      suspect: (bits & SUSPECT) !== 0,
    };
  }

  /** Where the newest `kept` samples lie, in up to two parts (a ring wraps around), and where each belongs among them. */
  #newest(ring: Ring, kept: number): { of: [from: number, to: number]; at: number }[] {
    const base = ring.slot * this.#length;
    const first = ring.next - kept;
    if (first >= 0) return [{ of: [base + first, base + ring.next], at: 0 }];
    return [
      { of: [base + first + this.#length, base + this.#length], at: 0 },
      { of: [base, base + ring.next], at: -first },
    ];
  }

  /** Makes room for `slots` rings and moves those there are, each with as many of its newest samples as fit. */
  #resize(slots: number): void {
    const length = Math.max(1, Math.min(MAX_SAMPLES, Math.floor(this.#maxBytes / slots / BYTES_PER_SAMPLE)));
    const columns = columnsOf(slots * length);
    let slot = 0;
    for (const ring of this.#rings) {
      const kept = Math.min(ring.count, length);
      for (const [name, from] of Object.entries(this.#columns)) {
        for (const part of this.#newest(ring, kept))
          columns[name as keyof Columns].set(from.subarray(...part.of), slot * length + part.at);
      }
      Object.assign(ring, { slot, next: kept % length, count: kept });
      slot += 1;
    }
    this.#free = Array.from({ length: slots - slot }, (_, i) => slots - 1 - i);
    this.#slots = slots;
    this.#length = length;
    this.#columns = columns;
  }
}

function columnsOf(entries: number): Columns {
  return {
    atMs: new Float64Array(entries),
    code: new Uint8Array(entries),
    connectUs: new Uint16Array(entries),
    firstByteUs: new Uint16Array(entries),
    totalUs: new Uint16Array(entries),
  };
}

/** Outcome in bits 0-3, 1 + phase in bits 4-5, suspicion in bit 7. */
function codeOf({ outcome, phase, suspect }: Sample): number {
  const phaseBits = phase === null ? 0 : PHASES.indexOf(phase) + 1;
  return OUTCOMES.indexOf(outcome) | (phaseBits << PHASE_SHIFT) | (suspect ? SUSPECT : 0);
}
