import { NONE16, pack16, unpack16 } from '../protocol/links.ts';
import { MAX_SAMPLES, OUTCOMES, PHASES, type Phase, type RecentSample, type Sample } from '../protocol/sample.ts';

/** The recent samples of one link: a handle, of which only `count` is for others to read. */
export interface Ring {
  /** Which part of the columns is its own. */
  slot: number;
  /** Where in that part the next sample goes. */
  next: number;
  /** How many samples it has. */
  count: number;
  /** When the newest of the samples was taken that had to make room; -Infinity while all are here. */
  lostAtMs: number;
}

/**
 * Called with a sample as it is kept: `code` as of `codeOf`, its time, and connect, first byte and total packed by
 * `pack16`. Plain arguments, as half a million of them are visited for one answer.
 */
type SampleVisit = (code: number, atMs: number, connect16: number, firstByte16: number, total16: number) => void;

/** 8 for the time, 1 for outcome, phase and suspicion, 3 x 2 for the durations. */
const BYTES_PER_SAMPLE = 15;
const MIN_SLOTS = 16;

/** The bits of a code (see `codeOf`) that are the index in `OUTCOMES`; 0 is ok. */
export const CODE_OUTCOME = 0x0f;
/** The bit of a code that says that the sample is suspect. */
export const CODE_SUSPECT = 0x80;
const PHASE_SHIFT = 4;

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

  /** A new, empty ring, of a link whose samples up to `lostAtMs` are known to be lost. */
  open(lostAtMs = Number.NEGATIVE_INFINITY): Ring {
    if (this.#free.length === 0) this.#resize(this.#slots * 2);
    const ring: Ring = { slot: this.#free.pop() ?? 0, next: 0, count: 0, lostAtMs };
    this.#rings.add(ring);
    return ring;
  }

  /** Gives a ring's memory back; the ring must not be used any more. */
  close(ring: Ring): void {
    if (!this.#rings.delete(ring)) return;
    // Whoever still holds it sees that nothing is left in it.
    Object.assign(ring, { count: 0, lostAtMs: Number.POSITIVE_INFINITY });
    this.#free.push(ring.slot);
    if (this.#slots > MIN_SLOTS && this.#rings.size < this.#slots / 4) this.#resize(this.#slots / 2);
  }

  /** Adds the newest sample, taken at `atMs`; the oldest one makes room. */
  add(ring: Ring, atMs: number, sample: Sample): void {
    const i = ring.slot * this.#length + ring.next;
    const columns = this.#columns;
    if (ring.count === this.#length) ring.lostAtMs = columns.atMs[i] ?? atMs;
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

  /** Calls `visit` for each sample from `fromMs` to `toMs`, newest first. */
  visit(ring: Ring, fromMs: number, toMs: number, visit: SampleVisit): void {
    const { atMs, code, connectUs, firstByteUs, totalUs } = this.#columns;
    for (let back = 0; back < ring.count; back++) {
      const i = this.#index(ring, back);
      const at = atMs[i] ?? 0;
      if (at < fromMs) return;
      if (at <= toMs) visit(code[i] ?? 0, at, connectUs[i] ?? NONE16, firstByteUs[i] ?? NONE16, totalUs[i] ?? NONE16);
    }
  }

  /** Calls `visit` for the newest `count` samples that are here, newest first. */
  newest(ring: Ring, count: number, visit: SampleVisit): void {
    const { atMs, code, connectUs, firstByteUs, totalUs } = this.#columns;
    for (let back = 0; back < Math.min(count, ring.count); back++) {
      const i = this.#index(ring, back);
      const [connect16, firstByte16] = [connectUs[i] ?? NONE16, firstByteUs[i] ?? NONE16];
      visit(code[i] ?? 0, atMs[i] ?? 0, connect16, firstByte16, totalUs[i] ?? NONE16);
    }
  }

  /** Place in the columns of the `back`-th newest sample. */
  #index(ring: Ring, back: number): number {
    return ring.slot * this.#length + ((ring.next - 1 - back + 2 * this.#length) % this.#length);
  }

  #sampleAt(i: number): RecentSample {
    const columns = this.#columns;
    const code = columns.code[i] ?? 0;
    return {
      atMs: columns.atMs[i] ?? 0,
      outcome: OUTCOMES[code & CODE_OUTCOME] ?? 'malformed',
      phase: phaseOfCode(code),
      connectUs: unpack16(columns.connectUs[i] ?? NONE16),
      firstByteUs: unpack16(columns.firstByteUs[i] ?? NONE16),
      totalUs: unpack16(columns.totalUs[i] ?? NONE16),
      suspect: (code & CODE_SUSPECT) !== 0,
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
      if (kept < ring.count) ring.lostAtMs = this.#columns.atMs[this.#index(ring, kept)] ?? ring.lostAtMs;
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

/** What a sample came to, in a byte: outcome in bits 0-3, 1 + phase in bits 4-5, suspicion in bit 7. */
export function codeOf({ outcome, phase, suspect }: Pick<Sample, 'outcome' | 'phase' | 'suspect'>): number {
  const phaseBits = phase === null ? 0 : PHASES.indexOf(phase) + 1;
  return OUTCOMES.indexOf(outcome) | (phaseBits << PHASE_SHIFT) | (suspect ? CODE_SUSPECT : 0);
}

/** The phase that a code names; null of none. */
export function phaseOfCode(code: number): Phase | null {
  return PHASES[((code >> PHASE_SHIFT) & 3) - 1] ?? null;
}
