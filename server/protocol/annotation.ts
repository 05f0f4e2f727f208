import { parseMoment } from '../runtime/time.ts';
import { missingPartsSchema } from './event.ts';
import { MAX_PAST_MS } from './history.ts';
import * as v from './validators.ts';

/** The most annotations that a pod keeps (beyond it, those that began first are dropped), and the most deletions. */
export const MAX_ANNOTATIONS = 500;
export const MAX_TOMBSTONES = 500;
/** The longest text and the longest tag of one annotation, in UTF-16 units, and the most tags. */
export const MAX_ANNOTATION_TEXT = 500;
const MAX_TAG = 64;
const MAX_TAGS = 10;

export const ANNOTATION_ID = /^[\w.-]{1,64}$/;

const annotationId = v.pipe(v.string(), v.regex(ANNOTATION_ID));
const tags = v.boundedArray(v.boundedText(MAX_TAG), MAX_TAGS);

/** A mark on the timeline that a person or a tool left. Times are ms since the epoch by the serving pod's clock. */
export const annotationSchema = v.object({
  /** Chosen by the client, or by the pod that it asked. Writing an id again replaces the annotation, to set its end, say. */
  id: annotationId,
  /** When the annotated thing began. */
  fromMs: v.finiteNumber,
  /** When it ended; null = it is a moment, or has not ended yet. */
  toMs: v.nullable(v.finiteNumber),
  text: v.boundedText(MAX_ANNOTATION_TEXT),
  tags,
  /** When the annotation was last written. */
  writtenMs: v.finiteNumber,
});
export type Annotation = v.InferOutput<typeof annotationSchema>;

/** All annotations, merged over all pods and sorted by `fromMs`: `GET /api/v1/annotations`. */
const annotationsSchema = v.object({
  nowMs: v.finiteNumber,
  missing: missingPartsSchema,
  annotations: v.boundedArray(annotationSchema, MAX_ANNOTATIONS),
});
export type Annotations = v.InferOutput<typeof annotationsSchema>;
export const parseAnnotations = (wire: unknown) => v.validate(annotationsSchema, wire);

export const ANNOTATION_COPIES_FORMAT = 'goldpinger-ts/annotations/3';

/** Ages of more than a thousand years are refused: the times that follow from them are no dates. */
const MAX_AGE_MS = 1_000 * 365 * 24 * 3_600_000;
/** Clients may write of up to `MAX_PAST_MS` ahead; a minute is allowed for the way from pod to pod. */
const age = v.pipe(v.number(), v.minValue(-MAX_PAST_MS - 60_000), v.maxValue(MAX_AGE_MS));

/** One pod's copy of an annotation. */
const copySchema = v.object({
  id: annotationId,
  /** How often this id has been written, deletions included. Of two copies the one with the higher version is right. */
  version: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(Number.MAX_SAFE_INTEGER)),
  /** Names the write; the same in all copies of it. Of two writes with one version the greater revision is right. */
  revision: v.pipe(v.string(), v.regex(/^[\w-]{1,40}$/)),
  /** Times between pods are ages, because clocks of two pods need not agree: see `AgeRange`. Negative = in the future. */
  fromAgeMs: age,
  toAgeMs: v.nullable(age),
  writtenAgeMs: v.pipe(v.number(), v.minValue(0), v.maxValue(MAX_AGE_MS)),
  text: v.boundedText(MAX_ANNOTATION_TEXT),
  tags,
  /** Whether the annotation has been deleted. Such a copy is a tombstone: it keeps older copies from coming back. */
  deleted: v.boolean(),
});
export type AnnotationCopy = v.InferOutput<typeof copySchema>;

/** Copies as pods give them to each other: `/api/v1/own-annotations` answers with them, and takes them. */
const copiesSchema = v.object({
  format: v.literal(ANNOTATION_COPIES_FORMAT),
  annotations: v.eachOf(copySchema, MAX_ANNOTATIONS + MAX_TOMBSTONES),
});
export type AnnotationCopies = v.Parsed<typeof copiesSchema>;

/** Validates the copies of another pod, and gives their list. */
export function* parseAnnotationCopiesSliced(wire: unknown, skipped: v.Skipped): Generator<void, AnnotationCopy[]> {
  return (yield* v.parseSliced(copiesSchema, wire, skipped)).annotations;
}

/** Result of a write: `POST /api/v1/annotations` and `DELETE /api/v1/annotations/{id}`. */
const writtenSchema = v.object({
  /** null after a deletion. */
  annotation: v.nullable(annotationSchema),
  nowMs: v.finiteNumber,
  /** How many pods have taken the write, the one that was asked included. */
  taken: v.wholeNumber,
  missing: missingPartsSchema,
});
export type WrittenAnnotation = v.InferOutput<typeof writtenSchema>;
export const parseWrittenAnnotation = (wire: unknown) => v.validate(writtenSchema, wire);

/** What a client asks to be written. Times are ms since the epoch. */
export interface AnnotationRequest {
  /** null = a new annotation. */
  id: string | null;
  /** null = now, or unchanged if `id` exists. */
  fromMs: number | null;
  /** null = it is a moment, or has not ended yet. */
  toMs: number | null;
  text: string;
  tags: string[];
}

const FIELDS = ['id', 'from', 'to', 'text', 'tags'];

/**
 * Reads the body of `POST /api/v1/annotations`: `{id?, from?, to?, text, tags?}`. Times are ms since the epoch or RFC 3339,
 * at most 24 h from `nowMs`. Throws a TypeError whose message begins with the name of the wrong field.
 */
export function readAnnotationRequest(body: unknown, nowMs: number): AnnotationRequest {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new TypeError('body: expected a JSON object');
  }
  const unknown = Object.keys(body).find((name) => !FIELDS.includes(name));
  if (unknown !== undefined) {
    throw new TypeError(`${unknown.slice(0, 40)}: unknown field, expected one of ${FIELDS.join(', ')}`);
  }
  const { id = null, from = null, to = null, text, tags: given } = body as Record<string, unknown>;
  const tags = given ?? [];
  if (id !== null && (typeof id !== 'string' || !ANNOTATION_ID.test(id))) {
    throw new TypeError('id: expected 1 to 64 letters, digits, dots, dashes and underscores');
  }
  const fromMs = readTime('from', from, nowMs);
  const toMs = readTime('to', to, nowMs);
  if (fromMs !== null && toMs !== null && toMs < fromMs)
    throw new TypeError('to: expected a time that is not before from');
  if (!Array.isArray(tags) || tags.length > MAX_TAGS) {
    throw new TypeError(`tags: expected a list of at most ${MAX_TAGS}`);
  }
  return {
    id,
    fromMs,
    toMs,
    text: readText('text', text, MAX_ANNOTATION_TEXT),
    tags: tags.map((tag: unknown) => readText('tags', tag, MAX_TAG)),
  };
}

function readTime(field: string, value: unknown, nowMs: number): number | null {
  if (value === null) return null;
  const ms = typeof value === 'number' || typeof value === 'string' ? parseMoment(String(value)) : -1;
  if (ms < 0) throw new TypeError(`${field}: expected ms since the epoch or an RFC 3339 time`);
  if (Math.abs(ms - nowMs) > MAX_PAST_MS) throw new TypeError(`${field}: expected a time at most 24 h from now`);
  return ms;
}

function readText(field: string, value: unknown, maxLength: number): string {
  const text = typeof value === 'string' ? value.trim() : '';
  if (text === '' || text.length > maxLength) throw new TypeError(`${field}: expected 1 to ${maxLength} characters`);
  if (/\p{Cc}/u.test(text)) throw new TypeError(`${field}: expected no line breaks or other control characters`);
  return text;
}
