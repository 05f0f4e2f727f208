import { type Journal, journalSchema, parseJournalSliced } from './event.ts';
import { MAX_PAST_MS } from './history.ts';
import { base64Length, MAX_LINKS, readBase64, toBase64 } from './links.ts';
import { podSchema } from './pod.ts';
import { CYCLE_RECORD, HEAD_BYTES, type RecordFormat, SAMPLE_RECORD } from './stored-results.ts';
import * as v from './validators.ts';

/*
 * Each pod has two keepers: pods that keep a copy of its recent samples and of its journal, so that both outlive it. A keeper
 * asks for what is new every few seconds: `/api/v1/copy?of=UID&process=ID&since=MS&links=N&seq=N`. The pod itself answers, or
 * another keeper of it. All times in a copy are by the monotonic clock of the copied process.
 */

export const COPY_FORMAT = 'goldpinger-ts/copy/1';

/** The most samples in one answer, and the most cycles: before base64 they are 300 kB and 360 kB. */
export const MAX_ANSWER_SAMPLES = 20_000;
export const MAX_ANSWER_CYCLES = 20_000;
/** The most pieces of one copy in one answer. */
export const MAX_PIECES = 512;
/** The most copies of one pod: each of its processes has one, and one more after each gap in what the keeper got. */
export const MAX_COPIES = 8;

/** The samples and cycles of all links after `fromMs` and up to `toMs`, in order of time. */
export interface CopyPiece {
  fromMs: number;
  toMs: number;
  /** In the form of `SAMPLE_RECORD`: see `writeRecords`. */
  samples: Uint8Array;
  /** The cycles of the UDP probe, in the form of `CYCLE_RECORD`. Empty where the probe is off. */
  cycles: Uint8Array;
}

/** At most `count` records as base64. */
const records = (count: number, { bytes }: { bytes: number }) => v.boundedText(Math.ceil((count * bytes) / 3) * 4);

const pieceSchema = v.object({
  fromMs: v.finiteNumber,
  toMs: v.finiteNumber,
  samples: records(MAX_ANSWER_SAMPLES, SAMPLE_RECORD),
  /** Absent if there are none. */
  cycles: v.optional(records(MAX_ANSWER_CYCLES, CYCLE_RECORD), ''),
});

/** What a copy says about the target of a link. The process counts its targets; samples name them by their number. */
const targetSchema = v.object({
  number: v.wholeNumber,
  ...v.pick(podSchema, ['uid', 'name', 'namespace']).entries,
  podIP: v.boundedText(45),
  family: v.picklist([4, 6]),
});
export type CopiedTarget = v.InferOutput<typeof targetSchema>;

const copySchema = v.object({
  /** When the answer was made. */
  nowMs: v.finiteNumber,
  /** Everything since `sinceMs` and up to `untilMs` is in the copy. */
  sinceMs: v.finiteNumber,
  untilMs: v.finiteNumber,
  /** How many targets the process has had. `targets` has those from the number on that was asked for. */
  links: v.wholeNumber,
  targets: v.eachOf(targetSchema, MAX_LINKS),
  pieces: v.boundedArray(pieceSchema, MAX_PIECES),
  /** The entries after the `seq` that was asked for. Its `id` identifies the process. */
  journal: v.looseObject(journalSchema.entries),
});

const answerSchema = v.object({
  format: v.literal(COPY_FORMAT),
  /** Whether more is to be had at once: the answer was full. */
  hasMore: v.boolean(),
  copies: v.boundedList(MAX_COPIES),
});

/** One copy on the wire: what a keeper does not have yet of one process. */
export interface CopyPart extends Omit<v.Parsed<typeof copySchema>, 'pieces' | 'journal'> {
  pieces: CopyPiece[];
  journal: Journal;
}

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

export function encodeCopyAnswer({ hasMore, copies }: CopyAnswer): string {
  const wire = copies.map((copy) => ({
    ...copy,
    pieces: copy.pieces.map(({ fromMs, toMs, samples, cycles }) => {
      return { fromMs, toMs, samples: toBase64(samples), ...(cycles.length > 0 && { cycles: toBase64(cycles) }) };
    }),
  }));
  return JSON.stringify({ format: COPY_FORMAT, hasMore, copies: wire });
}

export function* parseCopyAnswerSliced(wire: unknown, skipped: v.Skipped): Generator<void, CopyAnswer> {
  const { hasMore, copies: list } = v.validate(answerSchema, wire);
  const copies: CopyPart[] = [];
  for (const one of list) {
    const copy = yield* v.parseSliced(copySchema, one, skipped);
    const { nowMs, sinceMs, untilMs } = copy;
    const isInOrder = nowMs - MAX_PAST_MS <= sinceMs && sinceMs <= untilMs && untilMs <= nowMs;
    if (!isInOrder) throw new RangeError('the times of a copy are not in order');
    const pieces: CopyPiece[] = [];
    for (const piece of copy.pieces) {
      pieces.push(parsePiece(piece, nowMs));
      yield;
    }
    const journal = yield* parseJournalSliced(copy.journal, skipped);
    copies.push({ ...copy, pieces, journal });
  }
  return { hasMore, copies };
}

function parsePiece({ fromMs, toMs, samples, cycles }: v.InferOutput<typeof pieceSchema>, nowMs: number): CopyPiece {
  if (fromMs < nowMs - MAX_PAST_MS || toMs < fromMs || toMs > nowMs) {
    throw new RangeError('the times of a piece are not in order');
  }
  return { fromMs, toMs, samples: wholeRecords(samples, SAMPLE_RECORD), cycles: wholeRecords(cycles, CYCLE_RECORD) };
}

/** Decodes base64. Throws if it is none, or if it has a part of a record. */
function wholeRecords(base64: string, format: { bytes: number }): Uint8Array {
  const bytes = new Uint8Array(Math.max(0, base64Length(base64)));
  if (bytes.length % format.bytes !== 0) throw new RangeError('a piece does not have whole samples or cycles');
  readBase64(base64, bytes);
  return bytes;
}

/** A result in a copy. */
export interface Copied<T> {
  /** Number of the link's target. */
  link: number;
  result: T;
}

/** Where in a record its age is, counted from the beginning of its piece in ms; before it is the number of the link. */
const AGE_OFFSET = 4;

/** Writes results, which are in order of time, into a piece that begins at `fromMs`. */
export function writeRecords<T extends { atMs: number }>(
  format: RecordFormat<T>,
  results: readonly Copied<T>[],
  fromMs: number,
): Uint8Array {
  const bytes = new Uint8Array(results.length * format.bytes);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { link, result } of results) {
    view.setUint32(at, link, true);
    // Rounded up: a result after `fromMs` stays after it. A keeper takes only what is after the end of its copy.
    view.setUint32(at + AGE_OFFSET, Math.ceil(result.atMs - fromMs), true);
    format.write(view, at + HEAD_BYTES, result);
    at += format.bytes;
  }
  return bytes;
}

/** Reads record `i` of `bytes`, which are those of a piece. No result is later than the end of its piece. */
export function readRecord<T>(
  format: RecordFormat<T>,
  bytes: Uint8Array,
  i: number,
  { fromMs, toMs }: Pick<CopyPiece, 'fromMs' | 'toMs'>,
): Copied<T> {
  const view = new DataView(bytes.buffer, bytes.byteOffset + i * format.bytes, format.bytes);
  const atMs = Math.min(toMs, fromMs + view.getUint32(AGE_OFFSET, true));
  return { link: view.getUint32(0, true), result: format.read(view, HEAD_BYTES, atMs) };
}
