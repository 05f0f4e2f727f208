import * as v from 'valibot';
import { type Journal, journalSchema, parseJournalSliced } from './event.ts';
import { MAX_PAST_MS } from './history.ts';
import { MAX_LINKS, pack16, readBase64, toBase64, unpack16 } from './links.ts';
import type { Target } from './pod.ts';
import type { UdpResult } from './sample.ts';
import { UNKNOWN_HOPS } from './udp.ts';
import {
  boundedArray,
  boundedList,
  boundedText,
  finiteNumber,
  readEach,
  type Skipped,
  validate,
  wholeNumber,
} from './validators.ts';

/*
 * Each pod has two keepers: pods that keep a copy of its recent samples and of its journal, so that both outlive it. A keeper
 * asks for what is new every few seconds: `/api/v1/copy?of=UID&process=ID&since=MS&links=N&seq=N`. The pod itself answers, or
 * another keeper of it. All times in a copy are by the monotonic clock of the copied process.
 */

/** `format` of an answer with copies. */
export const COPY_FORMAT = 'goldpinger-ts/copy/1';

/** Bytes of one sample in `CopyPiece.samples`, little-endian: link and age from `fromMs` (32 bits), code (8), durations (3 x 16). */
export const SAMPLE_BYTES = 15;
/**
 * Bytes of one cycle of the UDP probe in `CopyPiece.cycles`, little-endian: link and age from `fromMs` (32 bits), datagrams sent,
 * those that were lost, round trip (3 x 16), duplicates, out of order, hops, 1 if the cycle is suspect (4 x 8).
 */
export const CYCLE_BYTES = 18;
/** Where in a sample or a cycle its age is. */
export const AGE_OFFSET = 4;
/** The most samples in one answer, and the most cycles: before base64 they are 300 kB and 360 kB. */
export const MAX_ANSWER_SAMPLES = 20_000;
export const MAX_ANSWER_CYCLES = 20_000;
/** The most pieces of one copy in one answer, and the most copies: one for each process that a pod has had. */
const MAX_PIECES = 512;
const MAX_COPIES = 8;

/** A time in which the process stood still and answered nobody: from, to. */
export type Standstill = readonly [fromMs: number, toMs: number];
/** The most of them that a process remembers, the newest. */
export const MAX_STANDSTILLS = 100;

/** Whether one of `standstills` contains a moment, by the clock of the process. */
export function stoodStillAt(standstills: readonly Standstill[], atMs: number): boolean {
  return standstills.some(([fromMs, toMs]) => fromMs <= atMs && atMs < toMs);
}

/** What a copy says about the target of a link. The process counts its targets; samples name them by their number. */
export interface CopiedTarget extends Pick<Target, 'uid' | 'name' | 'namespace' | 'podIP' | 'family'> {
  number: number;
}

/** What all links have in (`fromMs`, `toMs`], in order of time. */
export interface CopyPiece {
  fromMs: number;
  toMs: number;
  /** In the form of `SAMPLE_BYTES`. */
  samples: Uint8Array;
  /** The cycles of the UDP probe, in the form of `CYCLE_BYTES`. Empty where the probe is off, and from older versions. */
  cycles: Uint8Array;
}

/** Bytes as base64, at most `count` records of `recordBytes`. */
const records = (count: number, recordBytes: number) => boundedText(Math.ceil((count * recordBytes) / 3) * 4);

const pieceSchema = v.object({
  fromMs: finiteNumber,
  toMs: finiteNumber,
  samples: records(MAX_ANSWER_SAMPLES, SAMPLE_BYTES),
  /** Absent if there are none. Older versions don't know it and leave it out. */
  cycles: v.optional(records(MAX_ANSWER_CYCLES, CYCLE_BYTES), ''),
});

const copySchema = v.object({
  /** When the answer was made. */
  nowMs: finiteNumber,
  /** Everything since `sinceMs` and up to `untilMs` is in the copy. */
  sinceMs: finiteNumber,
  untilMs: finiteNumber,
  /** How many targets the process has had. `targets` has those from the number on that was asked for. */
  links: wholeNumber,
  targets: boundedList(MAX_LINKS),
  pieces: boundedArray(pieceSchema, MAX_PIECES),
  /** All that the process remembers. Older versions don't say it. */
  standstills: v.optional(boundedArray(v.tuple([finiteNumber, finiteNumber]), MAX_STANDSTILLS), []),
  /** The entries after the `seq` that was asked for. Its `id` identifies the process. */
  journal: v.looseObject(journalSchema.entries),
});

const answerSchema = v.object({
  format: v.literal(COPY_FORMAT),
  /** Whether more is to be had at once: the answer was full. */
  hasMore: v.boolean(),
  copies: boundedList(MAX_COPIES),
});

const targetSchema = v.pipe(
  v.tuple([wholeNumber, boundedText(128), boundedText(253), boundedText(63), boundedText(45), v.picklist([4, 6])]),
  v.transform(([number, uid, name, namespace, podIP, family]): CopiedTarget => {
    return { number, uid, name, namespace, podIP, family };
  }),
);

/** One copy on the wire: what a keeper does not have yet of one process. */
export interface CopyPart
  extends Omit<v.InferOutput<typeof copySchema>, 'targets' | 'pieces' | 'standstills' | 'journal'> {
  targets: CopiedTarget[];
  pieces: CopyPiece[];
  standstills: readonly Standstill[];
  journal: Journal;
}

/** The answer of `/api/v1/copy`. */
export interface CopyAnswer {
  hasMore: boolean;
  copies: CopyPart[];
}

/** What a keeper has of a process already. */
export interface CopyCursor {
  /** The id of the journal, which is a new one for each process; '' = nothing. */
  process: string;
  sinceMs: number;
  links: number;
  seq: number;
}

/** The cursor of a keeper that has nothing. */
export const NO_CURSOR: CopyCursor = { process: '', sinceMs: Number.NEGATIVE_INFINITY, links: 0, seq: -1 };

/** Encodes an answer as JSON. */
export function encodeCopyAnswer({ hasMore, copies }: CopyAnswer): string {
  const wire = copies.map((copy) => ({
    ...copy,
    targets: copy.targets.map((one) => [one.number, one.uid, one.name, one.namespace, one.podIP, one.family]),
    pieces: copy.pieces.map(({ fromMs, toMs, samples, cycles }) => {
      return { fromMs, toMs, samples: toBase64(samples), ...(cycles.length > 0 && { cycles: toBase64(cycles) }) };
    }),
  }));
  return JSON.stringify({ format: COPY_FORMAT, hasMore, copies: wire });
}

/** Validates an answer from another process, a few elements at a time. Throws an Error that says what is wrong. */
export function* parseCopyAnswerSliced(wire: unknown, skipped: Skipped): Generator<void, CopyAnswer> {
  const { hasMore, copies: list } = validate(answerSchema, wire);
  const copies: CopyPart[] = [];
  for (const one of list) {
    const copy = validate(copySchema, one);
    const { nowMs, sinceMs, untilMs } = copy;
    const isInOrder = nowMs - MAX_PAST_MS <= sinceMs && sinceMs <= untilMs && untilMs <= nowMs;
    if (!isInOrder) throw new RangeError('the times of a copy are not in order');
    const pieces: CopyPiece[] = [];
    for (const piece of copy.pieces) {
      pieces.push(parsePiece(piece, nowMs));
      yield;
    }
    const targets = yield* readEach(copy.targets, (target) => validate(targetSchema, target), skipped);
    const journal = yield* parseJournalSliced(copy.journal, skipped);
    copies.push({ ...copy, targets, pieces, journal });
  }
  return { hasMore, copies };
}

function parsePiece({ fromMs, toMs, samples, cycles }: v.InferOutput<typeof pieceSchema>, nowMs: number): CopyPiece {
  if (fromMs < nowMs - MAX_PAST_MS || toMs < fromMs || toMs > nowMs) {
    throw new RangeError('the times of a piece are not in order');
  }
  return { fromMs, toMs, samples: wholeRecords(samples, SAMPLE_BYTES), cycles: wholeRecords(cycles, CYCLE_BYTES) };
}

/** Decodes base64. Throws if it is none, or if it has a part of a record. */
function wholeRecords(base64: string, recordBytes: number): Uint8Array {
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0;
  const bytes = new Uint8Array(Math.max(0, (base64.length / 4) * 3 - padding));
  if (bytes.length % recordBytes !== 0) throw new RangeError('a piece does not have whole samples or cycles');
  readBase64(base64, bytes);
  return bytes;
}

/** One sample as it is kept: `code` as made by `codeOf` in server/results/, and three durations packed by `pack16`. */
export interface PackedSample {
  /** Number of the link's target. */
  link: number;
  atMs: number;
  code: number;
  connect16: number;
  firstByte16: number;
  total16: number;
}

/** Writes samples, which are in order of time, into a piece that begins at `fromMs`. */
export function writeSamples(samples: readonly PackedSample[], fromMs: number): Uint8Array {
  const bytes = new Uint8Array(samples.length * SAMPLE_BYTES);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { link, atMs, code, connect16, firstByte16, total16 } of samples) {
    view.setUint32(at, link, true);
    view.setUint32(at + AGE_OFFSET, Math.round(atMs - fromMs), true);
    view.setUint8(at + 8, code);
    view.setUint16(at + 9, connect16, true);
    view.setUint16(at + 11, firstByte16, true);
    view.setUint16(at + 13, total16, true);
    at += SAMPLE_BYTES;
  }
  return bytes;
}

/** Reads sample `i` of a piece. No sample is later than the piece's end. */
export function readSample({ samples, fromMs, toMs }: CopyPiece, i: number): PackedSample {
  const view = new DataView(samples.buffer, samples.byteOffset + i * SAMPLE_BYTES, SAMPLE_BYTES);
  return {
    link: view.getUint32(0, true),
    atMs: Math.min(toMs, fromMs + view.getUint32(AGE_OFFSET, true)),
    code: view.getUint8(8),
    connect16: view.getUint16(9, true),
    firstByte16: view.getUint16(11, true),
    total16: view.getUint16(13, true),
  };
}

/** One cycle of the UDP probe as it is copied; its `atMs` is monotonic. */
export interface CopiedCycle extends UdpResult {
  /** Number of the link's target. */
  link: number;
}

/** Writes cycles, which are in order of time, into a piece that begins at `fromMs`. */
export function writeCycles(cycles: readonly CopiedCycle[], fromMs: number): Uint8Array {
  const bytes = new Uint8Array(cycles.length * CYCLE_BYTES);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { link, atMs, sent, lost, rttUs, duplicates, outOfOrder, hops, suspect } of cycles) {
    view.setUint32(at, link, true);
    view.setUint32(at + AGE_OFFSET, Math.round(atMs - fromMs), true);
    view.setUint16(at + 8, sent, true);
    view.setUint16(at + 10, lost, true);
    view.setUint16(at + 12, pack16(rttUs), true);
    view.setUint8(at + 14, Math.min(255, duplicates));
    view.setUint8(at + 15, Math.min(255, outOfOrder));
    view.setUint8(at + 16, hops < 0 ? UNKNOWN_HOPS : hops);
    view.setUint8(at + 17, suspect ? 1 : 0);
    at += CYCLE_BYTES;
  }
  return bytes;
}

/** Reads cycle `i` of a piece. No cycle is later than the piece's end, and none has lost more than it sent. */
export function readCycle({ cycles, fromMs, toMs }: CopyPiece, i: number): CopiedCycle {
  const view = new DataView(cycles.buffer, cycles.byteOffset + i * CYCLE_BYTES, CYCLE_BYTES);
  const sent = view.getUint16(8, true);
  const hops = view.getUint8(16);
  return {
    link: view.getUint32(0, true),
    atMs: Math.min(toMs, fromMs + view.getUint32(AGE_OFFSET, true)),
    sent,
    lost: Math.min(sent, view.getUint16(10, true)),
    rttUs: unpack16(view.getUint16(12, true)),
    duplicates: view.getUint8(14),
    outOfOrder: view.getUint8(15),
    hops: hops === UNKNOWN_HOPS ? -1 : hops,
    suspect: view.getUint8(17) !== 0,
  };
}
