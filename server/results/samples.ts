import type { PackedSample } from '../protocol/copy.ts';
import { NONE16, pack16, unpack16 } from '../protocol/links.ts';
import {
  isOverOpenConnection,
  MAX_SAMPLES,
  OUTCOMES,
  PHASES,
  type Phase,
  type RecentSample,
  type Sample,
} from '../protocol/sample.ts';

/** The memory of one link's recent samples within `Rings`. Only `Rings` changes it. */
export interface Ring {
  /** Which part of the columns belongs to the ring. */
  slot: number;
  /** Where in that part the next sample is written. */
  next: number;
  /** How many samples the ring holds. */
  count: number;
  /** The time of the newest sample that was overwritten; -Infinity while none was. */
  droppedUntilMs: number;
}

/**
 * Receives a sample in the form in which it is stored: `code` as made by `codeOf`, its time, and connect, first byte and
 * total packed by `pack16`. Return false to see no more samples. Plain arguments, because one answer may visit half a
 * million samples.
 */
export type SampleVisitor = (
  code: number,
  atMs: number,
  connect16: number,
  firstByte16: number,
  total16: number,
) => boolean | undefined;

/** 8 bytes for the time, 1 for the code, 3 x 2 for the durations. */
const BYTES_PER_SAMPLE = 15;
const MIN_SLOTS = 16;

/**
 * The recent samples of all links, in one set of columns of at most `maxBytes`, whatever the number of links. The more
 * links there are, the fewer samples each ring holds: with 4 MiB 512 samples up to 512 links, 8 samples at 32 768 links,
 * fewer beyond. A change of the length keeps the newest samples. Times may be of any clock that never goes back.
 */
export class Rings {
  readonly #maxBytes: number;
  readonly #rings = new Set<Ring>();
  #freeSlots: number[] = [];
  #slots = 0;
  #length = 0;
  #columns = columnsOf(0);

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

  /** Makes an empty ring. `droppedUntilMs` is the time of the link's newest sample that is no longer kept. */
  open(droppedUntilMs = Number.NEGATIVE_INFINITY): Ring {
    if (this.#freeSlots.length === 0) this.#resize(this.#slots * 2);
    const ring: Ring = { slot: this.#freeSlots.pop() ?? 0, next: 0, count: 0, droppedUntilMs };
    this.#rings.add(ring);
    return ring;
  }

  /** Frees the memory of a ring, which must not be used any more. */
  close(ring: Ring): void {
    if (!this.#rings.delete(ring)) return;
    // Whoever still holds the ring sees that nothing is left in it.
    ring.count = 0;
    ring.droppedUntilMs = Number.POSITIVE_INFINITY;
    this.#freeSlots.push(ring.slot);
    if (this.#slots > MIN_SLOTS && this.#rings.size < this.#slots / 4) this.#resize(this.#slots / 2);
  }

  /** Adds the newest sample, taken at `atMs`. A full ring overwrites its oldest sample. */
  add(ring: Ring, atMs: number, sample: Sample): void {
    const i = ring.slot * this.#length + ring.next;
    const columns = this.#columns;
    if (ring.count === this.#length) ring.droppedUntilMs = columns.atMs[i] ?? atMs;
    columns.atMs[i] = atMs;
    columns.code[i] = codeOf(sample);
    columns.connectUs[i] = pack16(sample.connectUs);
    columns.firstByteUs[i] = pack16(sample.firstByteUs);
    columns.totalUs[i] = pack16(sample.totalUs);
    ring.next = (ring.next + 1) % this.#length;
    ring.count = Math.min(ring.count + 1, this.#length);
  }

  /** The samples of a ring, oldest first. */
  read(ring: Ring): RecentSample[] {
    const samples: RecentSample[] = [];
    this.visit(ring, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, (code, atMs, connect, firstByte, total) => {
      samples.push({
        atMs,
        outcome: OUTCOMES[outcomeIndexOf(code)] ?? 'malformed',
        phase: phaseOfCode(code),
        connectUs: unpack16(connect),
        firstByteUs: unpack16(firstByte),
        totalUs: unpack16(total),
        suspect: isSuspect(code),
      });
      return true;
    });
    return samples.reverse();
  }

  /** Calls `visitor` for each sample from `fromMs` to `toMs` (both included), newest first. */
  visit(ring: Ring, fromMs: number, toMs: number, visitor: SampleVisitor): void {
    const { atMs, code, connectUs, firstByteUs, totalUs } = this.#columns;
    for (let back = 0; back < ring.count; back++) {
      const i = this.#indexOf(ring, back);
      const at = atMs[i] ?? 0;
      if (at < fromMs) return;
      if (at > toMs) continue;
      const goesOn = visitor(code[i] ?? 0, at, connectUs[i] ?? NONE16, firstByteUs[i] ?? NONE16, totalUs[i] ?? NONE16);
      if (goesOn === false) return;
    }
  }

  /** The place in the columns of the `back`-th newest sample. */
  #indexOf(ring: Ring, back: number): number {
    return ring.slot * this.#length + ((ring.next - 1 - back + 2 * this.#length) % this.#length);
  }

  /** Makes room for `slots` rings and moves the present rings, each with as many of its newest samples as fit. */
  #resize(slots: number): void {
    const length = Math.max(1, Math.min(MAX_SAMPLES, Math.floor(this.#maxBytes / slots / BYTES_PER_SAMPLE)));
    const columns = columnsOf(slots * length);
    let slot = 0;
    for (const ring of this.#rings) {
      const kept = Math.min(ring.count, length);
      if (kept < ring.count) ring.droppedUntilMs = this.#columns.atMs[this.#indexOf(ring, kept)] ?? ring.droppedUntilMs;
      // A ring wraps around: its older samples may be at the end of its part of the columns.
      const start = ring.slot * this.#length;
      const wrapped = Math.max(0, kept - ring.next);
      for (const [name, from] of Object.entries(this.#columns)) {
        const to = columns[name as keyof typeof columns];
        to.set(from.subarray(start + this.#length - wrapped, start + this.#length), slot * length);
        to.set(from.subarray(start + ring.next - (kept - wrapped), start + ring.next), slot * length + wrapped);
      }
      Object.assign(ring, { slot, next: kept % length, count: kept });
      slot += 1;
    }
    this.#freeSlots = Array.from({ length: slots - slot }, (_, i) => slots - 1 - i);
    this.#slots = slots;
    this.#length = length;
    this.#columns = columns;
  }
}

function columnsOf(entries: number) {
  return {
    atMs: new Float64Array(entries),
    code: new Uint8Array(entries),
    connectUs: new Uint16Array(entries),
    firstByteUs: new Uint16Array(entries),
    totalUs: new Uint16Array(entries),
  };
}

/**
 * The bits of a code: outcome in bits 0-3, 1 + phase in bits 4-5 (0 = no phase), whether a ping over the other kind of
 * connection was answered in bit 6, suspect in bit 7.
 */
const OUTCOME_BITS = 0x0f;
const PHASE_SHIFT = 4;
const ONE_KIND_BIT = 0x40;
const SUSPECT_BIT = 0x80;

/** Packs outcome, phase, suspect and `failsOnly` of a sample into one byte. */
export function codeOf({
  outcome,
  phase,
  suspect,
  failsOnly = '',
}: Pick<Sample, 'outcome' | 'phase' | 'suspect' | 'failsOnly'>): number {
  const phaseBits = phase === null ? 0 : PHASES.indexOf(phase) + 1;
  const oneKind = failsOnly === '' ? 0 : ONE_KIND_BIT;
  return OUTCOMES.indexOf(outcome) | (phaseBits << PHASE_SHIFT) | oneKind | (suspect ? SUSPECT_BIT : 0);
}

/** A sample as it is stored: `code` as made by `codeOf`, and three durations packed by `pack16`. */
type StoredSample = Pick<PackedSample, 'code' | 'connect16' | 'firstByte16' | 'total16'>;

/** The sample that was stored. What is not stored is empty: its time of day, the error text, the status. */
export function sampleOfCode({ code, connect16, firstByte16, total16 }: StoredSample): Sample {
  const phase = phaseOfCode(code);
  const connectUs = unpack16(connect16);
  const totalUs = unpack16(total16);
  const isOverOpen = isOverOpenConnection({ connectUs, phase, totalUs });
  return {
    atMs: 0,
    outcome: OUTCOMES[outcomeIndexOf(code)] ?? 'malformed',
    phase,
    connectUs,
    firstByteUs: unpack16(firstByte16),
    totalUs,
    starvedUs: 0,
    suspect: isSuspect(code),
    failsOnly: (code & ONE_KIND_BIT) === 0 ? '' : isOverOpen ? 'open' : 'new',
    bootTimeMs: -1,
    statusCode: 0,
    detail: '',
  };
}

/** The index in `OUTCOMES` of a code's outcome; 0 is `ok`. */
export function outcomeIndexOf(code: number): number {
  return code & OUTCOME_BITS;
}

/** Whether a code's outcome is `ok`. */
export function isOk(code: number): boolean {
  return (code & OUTCOME_BITS) === 0;
}

/** The phase in a code; null if it has none. */
export function phaseOfCode(code: number): Phase | null {
  return PHASES[((code >> PHASE_SHIFT) & 3) - 1] ?? null;
}

/** Whether a code is that of a suspect sample. */
export function isSuspect(code: number): boolean {
  return (code & SUSPECT_BIT) !== 0;
}

/** The same code, of a suspect sample. */
export function asSuspect(code: number): number {
  return code | SUSPECT_BIT;
}
