import * as v from 'valibot';
import { missingPartsSchema } from './event.ts';
import { figure, text } from './wire.ts';

/** The most annotations that a pod keeps; beyond it the oldest makes room. */
export const MAX_ANNOTATIONS = 500;
/** The longest text and tag, and the most tags, of one. */
export const MAX_ANNOTATION_TEXT = 500;
export const MAX_TAG = 64;
export const MAX_TAGS = 10;

/** An annotation on the wire. */
export const annotationSchema = v.object({
  /** Chosen by the pod that took it, or by the writer: writing it again replaces it (to set its end, say). */
  id: v.pipe(v.string(), v.regex(/^[\w.-]{1,64}$/)),
  /** When what it tells of began, ms since the epoch by the serving pod's clock. */
  fromMs: figure,
  /** When it ended; null = a moment, or not ended yet. */
  toMs: v.nullable(figure),
  text: text(MAX_ANNOTATION_TEXT),
  tags: v.pipe(v.array(text(MAX_TAG)), v.maxLength(MAX_TAGS)),
  /** When it was last written: of two with one id the later is right. */
  writtenMs: figure,
});

/** A mark that somebody or a tool has set on the timeline. */
export type Annotation = v.InferOutput<typeof annotationSchema>;

const annotationsSchema = v.object({
  nowMs: figure,
  missing: missingPartsSchema,
  annotations: v.pipe(v.array(annotationSchema), v.maxLength(MAX_ANNOTATIONS)),
});

/** All annotations, merged over all pods, in order of their beginning: `GET /api/v1/annotations`. */
export type Annotations = v.InferOutput<typeof annotationsSchema>;

/** Validates annotations from another process. Throws an Error that says what is wrong. */
export function parseAnnotations(wire: unknown): Annotations {
  return v.parse(annotationsSchema, wire);
}
