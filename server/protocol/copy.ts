import * as v from 'valibot';
import { type Journal, journalSchema, parseJournalSliced } from './event.ts';
import { MAX_PAST_MS } from './history.ts';
import { MAX_LINKS, readBase64, toBase64 } from './links.ts';
import type { Target } from './pod.ts';
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
/** Where in a sample its age is. */
export const AGE_OFFSET = 4;
/** The most bytes of samples in one answer, before base64: 20,000 samples are 300 kB. */
export const MAX_ANSWER_SAMPLES = 20_000;
const MAX_PIECE_BYTES = MAX_ANSWER_SAMPLES * SAMPLE_BYTES;
/** The most pieces of one copy in one answer, and the most copies: one for each process that a pod has had. */
const MAX_PIECES = 512;
const MAX_COPIES = 8;

/** What a copy says about the target of a link. The process counts its targets; samples name them by their number. */
export interface CopiedTarget extends Pick<Target, 'uid' | 'name' | 'namespace' | 'podIP' | 'family'> {
  number: number;
}

/** The samples of all links in (`fromMs`, `toMs`], in order of time, in the form of `SAMPLE_BYTES`. */
export interface CopyPiece {
  fromMs: number;
  toMs: number;
  samples: Uint8Array;
}

const copySchema = v.object({
  /** When the answer was made. */
  nowMs: finiteNumber,
  /** Everything since `sinceMs` and up to `untilMs` is in the copy. */
  sinceMs: finiteNumber,
  untilMs: finiteNumber,
  /** How many targets the process has had. `targets` has those from the number on that was asked for. */
  links: wholeNumber,
  targets: boundedList(MAX_LINKS),
  pieces: boundedArray(
    v.object({ fromMs: finiteNumber, toMs: finiteNumber, samples: boundedText(Math.ceil(MAX_PIECE_BYTES / 3) * 4) }),
    MAX_PIECES,
  ),
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
export interface CopyPart extends Omit<v.InferOutput<typeof copySchema>, 'targets' | 'pieces' | 'journal'> {
  targets: CopiedTarget[];
  pieces: CopyPiece[];
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
    pieces: copy.pieces.map((piece) => ({ ...piece, samples: toBase64(piece.samples) })),
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

function parsePiece({ fromMs, toMs, samples }: { fromMs: number; toMs: number; samples: string }, nowMs: number) {
  if (fromMs < nowMs - MAX_PAST_MS || toMs < fromMs || toMs > nowMs) {
    throw new RangeError('the times of a piece are not in order');
  }
  const padding = samples.endsWith('==') ? 2 : samples.endsWith('=') ? 1 : 0;
  const bytes = new Uint8Array(Math.max(0, (samples.length / 4) * 3 - padding));
  if (bytes.length % SAMPLE_BYTES !== 0) throw new RangeError('a piece does not have whole samples');
  readBase64(samples, bytes);
  return { fromMs, toMs, samples: bytes };
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
