import { pack16, unpack16 } from './links.ts';
import { isOverOpenConnection, OUTCOMES, PHASES, type Phase, type Sample, type UdpResult } from './sample.ts';
import { UNKNOWN_HOPS } from './udp.ts';

/*
 * Pings and cycles of the UDP probe as records of bytes: so a pod keeps its recent ones (`results/ring.ts`) and sends them to the
 * pods that keep copies (`copy.ts`). A record begins with a head of HEAD_BYTES that says when the result was. All numbers are
 * little-endian.
 */

/** Bytes of the head. In memory it is a time (`results/ring.ts`), in a copy the number of a link and an age (`copy.ts`). */
export const HEAD_BYTES = 8;

/** How a result is written after the head of its record. */
export interface RecordFormat<T> {
  /** Bytes of the whole record, its head included. */
  bytes: number;
  /** `at`: where in `view` the bytes after the head begin. */
  write(view: DataView, at: number, result: T): void;
  /** `atMs`: the time in the head, which becomes that of the result. */
  read(view: DataView, at: number, atMs: number): T;
}

/** A sample without what is not kept of it: its error text, its status, how much of it was starvation. */
export interface StoredSample {
  /** When it was taken; monotonic ms of the process that took it. */
  atMs: number;
  /** Outcome, phase, suspect and `failsOnly` in one byte: see `storedSampleOf`. */
  code: number;
  /** Durations, packed by `pack16`. */
  connect16: number;
  firstByte16: number;
  total16: number;
}

/** Code (8 bits), durations (3 x 16). */
export const SAMPLE_RECORD: RecordFormat<StoredSample> = {
  bytes: HEAD_BYTES + 7,
  write(view, at, { code, connect16, firstByte16, total16 }) {
    view.setUint8(at, code);
    view.setUint16(at + 1, connect16, true);
    view.setUint16(at + 3, firstByte16, true);
    view.setUint16(at + 5, total16, true);
  },
  read: (view, at, atMs) => ({
    atMs,
    code: view.getUint8(at),
    connect16: view.getUint16(at + 1, true),
    firstByte16: view.getUint16(at + 3, true),
    total16: view.getUint16(at + 5, true),
  }),
};

/** In which byte after the head the marks of a cycle are, and the bit for "our own process was short of CPU meanwhile". */
export const CYCLE_MARKS = 9;
export const SUSPECT_CYCLE = 1;

/** Datagrams sent, those that were lost, round trip (3 x 16), duplicates, out of order, hops, marks (4 x 8). */
export const CYCLE_RECORD: RecordFormat<UdpResult> = {
  bytes: HEAD_BYTES + 10,
  write(view, at, { sent, lost, rttUs, duplicates, outOfOrder, hops, suspect }) {
    view.setUint16(at, sent, true);
    view.setUint16(at + 2, lost, true);
    view.setUint16(at + 4, pack16(rttUs), true);
    view.setUint8(at + 6, Math.min(255, duplicates));
    view.setUint8(at + 7, Math.min(255, outOfOrder));
    view.setUint8(at + 8, hops < 0 ? UNKNOWN_HOPS : hops);
    view.setUint8(at + CYCLE_MARKS, suspect ? SUSPECT_CYCLE : 0);
  },
  read(view, at, atMs) {
    const sent = view.getUint16(at, true);
    const hops = view.getUint8(at + 8);
    return {
      atMs,
      sent,
      // The bytes may be those of another pod.
      lost: Math.min(sent, view.getUint16(at + 2, true)),
      rttUs: unpack16(view.getUint16(at + 4, true)),
      duplicates: view.getUint8(at + 6),
      outOfOrder: view.getUint8(at + 7),
      hops: hops === UNKNOWN_HOPS ? -1 : hops,
      suspect: (view.getUint8(at + CYCLE_MARKS) & SUSPECT_CYCLE) !== 0,
    };
  },
};

/**
 * The bits of a code: outcome in bits 0-3, 1 + phase in bits 4-5 (0 = no phase), whether a ping over the other kind of
 * connection was answered in bit 6, suspect in bit 7.
 */
const OUTCOME_BITS = 0x0f;
const PHASE_SHIFT = 4;
const ONE_KIND_BIT = 0x40;
const SUSPECT_BIT = 0x80;

/** The sample as it is stored; `atMs`: when it was taken, monotonic ms. */
export function storedSampleOf(sample: Sample, atMs: number): StoredSample {
  const phaseBits = sample.phase === null ? 0 : PHASES.indexOf(sample.phase) + 1;
  const oneKind = (sample.failsOnly ?? '') === '' ? 0 : ONE_KIND_BIT;
  const code = OUTCOMES.indexOf(sample.outcome) | (phaseBits << PHASE_SHIFT) | oneKind;
  return {
    atMs,
    code: sample.suspect ? asSuspect(code) : code,
    connect16: pack16(sample.connectUs),
    firstByte16: pack16(sample.firstByteUs),
    total16: pack16(sample.totalUs),
  };
}

/** The sample that was stored. What is not stored is empty. Its `atMs` is still monotonic. */
export function sampleOfStored({ atMs, code, connect16, firstByte16, total16 }: StoredSample): Sample {
  const phase = phaseOfCode(code);
  const connectUs = unpack16(connect16);
  const totalUs = unpack16(total16);
  const isOverOpen = isOverOpenConnection({ connectUs, phase, totalUs });
  return {
    atMs,
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
  return outcomeIndexOf(code) === 0;
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
