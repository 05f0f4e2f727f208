import * as v from 'valibot';
import { parseMoment } from '../runtime/time.ts';
import { missingPartsSchema } from './event.ts';
import { MAX_PAST_MS } from './history.ts';
import { boundedText, finiteNumber, wholeNumber } from './validators.ts';

/** The most annotations that a pod keeps; beyond it the oldest makes room. */
export const MAX_ANNOTATIONS = 500;
/** The longest text and tag, and the most tags, of one. */
export const MAX_ANNOTATION_TEXT = 500;
const MAX_TAG = 64;
const MAX_TAGS = 10;

/** What an id is made of. */
export const ANNOTATION_ID = /^[\w.-]{1,64}$/;

const annotationId = v.pipe(v.string(), v.regex(ANNOTATION_ID));
const tags = v.pipe(v.array(boundedText(MAX_TAG)), v.maxLength(MAX_TAGS));

/** An annotation on the wire. */
export const annotationSchema = v.object({
  /** Chosen by the pod that took it, or by the writer: writing it again replaces it (to set its end, say). */
  id: annotationId,
  /** When what it tells of began, ms since the epoch by the serving pod's clock. */
  fromMs: finiteNumber,
  /** When it ended; null = a moment, or not ended yet. */
  toMs: v.nullable(finiteNumber),
  text: boundedText(MAX_ANNOTATION_TEXT),
  tags,
  /** When it was last written: of two with one id the later is right. */
  writtenMs: finiteNumber,
});

/** A mark that somebody or a tool has set on the timeline. */
export type Annotation = v.InferOutput<typeof annotationSchema>;

const annotationsSchema = v.object({
  nowMs: finiteNumber,
  missing: missingPartsSchema,
  annotations: v.pipe(v.array(annotationSchema), v.maxLength(MAX_ANNOTATIONS)),
});

/** All annotations, merged over all pods, in order of their beginning: `GET /api/v1/annotations`. */
export type Annotations = v.InferOutput<typeof annotationsSchema>;

/** Validates annotations from another process. Throws an Error that says what is wrong. */
export function parseAnnotations(wire: unknown): Annotations {
  return v.parse(annotationsSchema, wire);
}

/** `format` of a pod's own annotations. */
export const ANNOTATION_COPIES_FORMAT = 'goldpinger-ts/annotations/2';

/**
 * An age that can be: nobody may write of more than 24 h ahead, and a minute is for the way. Beyond a thousand years, and
 * in a future that never comes, a copy would never make room, and could not be told to others or to a page.
 */
const age = v.pipe(v.number(), v.minValue(-MAX_PAST_MS - 60_000), v.maxValue(1_000 * 365 * 24 * 3_600_000));

const copySchema = v.object({
  id: annotationId,
  /** One write has one, the same in every pod's copy of it. */
  revision: v.pipe(v.string(), v.regex(/^[\w-]{1,40}$/)),
  /** How often this id has been written, taking back included: the higher one is right. */
  generation: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(Number.MAX_SAFE_INTEGER)),
  /** When it was written, ms since the epoch by the clock of the pod that took it; ages may not lead far from it. */
  wroteMs: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(8.64e15)),
  /** As ages; negative where it lies in the future. */
  fromAgeMs: age,
  toAgeMs: v.nullable(age),
  writtenAgeMs: age,
  text: boundedText(MAX_ANNOTATION_TEXT),
  tags,
  /** Whether it has been taken back. */
  deleted: v.boolean(),
  /** Shows that whoever wrote it has the WRITE_TOKEN; made with the write and handed on as it is. */
  seal: v.pipe(v.string(), v.regex(/^[\w-]{43}$/)),
});

/** One pod's copy of an annotation. */
export type AnnotationCopy = v.InferOutput<typeof copySchema>;

/** A write before it is numbered, dated and sealed. */
export type AnnotationDraft = Omit<AnnotationCopy, 'seal' | 'generation' | 'wroteMs'>;

const copiesSchema = v.object({
  format: v.literal(ANNOTATION_COPIES_FORMAT),
  annotations: v.pipe(v.array(copySchema), v.maxLength(MAX_ANNOTATIONS)),
});

/** Copies as pods give them to each other: `/api/v1/own-annotations` answers with them, and takes them. */
export type AnnotationCopies = v.InferOutput<typeof copiesSchema>;

/** Validates copies from another process. Throws an Error that says what is wrong. */
export function parseAnnotationCopies(wire: unknown): AnnotationCopies {
  return v.parse(copiesSchema, wire);
}

const writtenSchema = v.object({
  annotation: v.nullable(annotationSchema),
  nowMs: finiteNumber,
  /** How many pods have it now, the one that was asked included. */
  taken: wholeNumber,
  missing: missingPartsSchema,
});

/** What came of a write: `POST /api/v1/annotations` and `DELETE /api/v1/annotations/{id}` (then without `annotation`). */
export type WrittenAnnotation = v.InferOutput<typeof writtenSchema>;

/** Validates what came of a write, from a server. Throws an Error that says what is wrong. */
export function parseWrittenAnnotation(wire: unknown): WrittenAnnotation {
  return v.parse(writtenSchema, wire);
}

/** An annotation as a client wants it. Times are ms since the epoch. */
export interface AnnotationRequest {
  /** null: a new one. */
  id: string | null;
  /** null: now, or as it was where `id` exists. */
  fromMs: number | null;
  /** null: a moment, or not ended yet. */
  toMs: number | null;
  text: string;
  tags: string[];
}

const FIELDS = ['id', 'from', 'to', 'text', 'tags'];

/**
 * Reads the body of `POST /api/v1/annotations`: `{id?, from?, to?, text, tags?}`, times in ms since the epoch or RFC
 * 3339, at most 24 h from `nowMs`. Throws a TypeError that begins with the field that is wrong.
 */
export function readAnnotationRequest(body: unknown, nowMs: number): AnnotationRequest {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new TypeError('body: not a JSON object');
  const fields = body as Record<string, unknown>;
  const unknown = Object.keys(fields).find((name) => !FIELDS.includes(name));
  if (unknown !== undefined)
    throw new TypeError(`${unknown.slice(0, 40)}: no such field; there are ${FIELDS.join(', ')}`);
  const { id = null, from = null, to = null, text, tags = [] } = fields;
  if (id !== null && (typeof id !== 'string' || !ANNOTATION_ID.test(id))) {
    throw new TypeError('id: expected 1 to 64 letters, digits, dots, dashes and underscores');
  }
  const fromMs = timeOf('from', from, nowMs);
  const toMs = timeOf('to', to, nowMs);
  if (fromMs !== null && toMs !== null && toMs < fromMs) throw new TypeError('to: expected a time not before from');
  if (!Array.isArray(tags) || tags.length > MAX_TAGS)
    throw new TypeError(`tags: expected a list of at most ${MAX_TAGS}`);
  return {
    ...{ id, fromMs, toMs },
    text: wordsOf('text', text, MAX_ANNOTATION_TEXT),
    tags: tags.map((tag: unknown) => wordsOf('tags', tag, MAX_TAG)),
  };
}

function timeOf(field: string, value: unknown, nowMs: number): number | null {
  if (value === null) return null;
  const ms = typeof value === 'number' || typeof value === 'string' ? parseMoment(String(value)) : -1;
  if (ms < 0) throw new TypeError(`${field}: expected ms since the epoch or an RFC 3339 time`);
  if (Math.abs(ms - nowMs) > MAX_PAST_MS) throw new TypeError(`${field}: expected a time at most 24 h from now`);
  return ms;
}

function wordsOf(field: string, value: unknown, limit: number): string {
  const words = typeof value === 'string' ? value.trim() : '';
  if (words === '' || words.length > limit) throw new TypeError(`${field}: expected 1 to ${limit} characters`);
  if (/\p{Cc}/u.test(words)) throw new TypeError(`${field}: expected no line breaks or other control characters`);
  return words;
}
