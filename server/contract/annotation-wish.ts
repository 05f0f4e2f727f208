import { ANNOTATION_ID, MAX_ANNOTATION_TEXT, MAX_TAG, MAX_TAGS } from './annotation.ts';
import { momentMs } from './moment.ts';
import { MAX_PAST_MS } from './past.ts';

/** An annotation as a client wants it. Times are ms since the epoch. */
export interface AnnotationWish {
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
export function readAnnotationWish(body: unknown, nowMs: number): AnnotationWish {
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
  const ms = typeof value === 'number' || typeof value === 'string' ? momentMs(String(value)) : -1;
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
