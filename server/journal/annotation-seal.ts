import { createHmac, timingSafeEqual } from 'node:crypto';
import type { AnnotationCopy } from '../contract/annotation.ts';

/** Sealing and showing begin differently, so that neither can stand for the other. */
const SEAL_CONTEXT = 'goldpinger-ts/annotations/2 seal';
const POD_CONTEXT = 'goldpinger-ts/annotations/2 pods';

/** A write with all that is sealed. */
type Sealed = Omit<AnnotationCopy, 'seal'>;

/**
 * The seal of a write, 43 characters of base64url: HMAC-SHA256 by the WRITE_TOKEN over all of it but its age, which
 * grows from pod to pod; of that, when it was written by the writer's clock. How long it lasted and how long before the
 * write it began are in it, in whole ms: ages are handed on with parts of a microsecond less.
 */
export function sealOf(write: Sealed, token: string): string {
  const { id, revision, generation, wroteMs, text, tags, deleted, fromAgeMs, toAgeMs, writtenAgeMs } = write;
  const beforeMs = Math.round(fromAgeMs - writtenAgeMs);
  const lastedMs = toAgeMs === null ? null : Math.round(fromAgeMs - toAgeMs);
  const what = [id, revision, generation, wroteMs, text, tags, deleted, beforeMs, lastedMs];
  return createHmac('sha256', token)
    .update(JSON.stringify([SEAL_CONTEXT, ...what]))
    .digest('base64url');
}

/** Whether `seal` is that of a write by somebody with `token`, compared in constant time; never without a token. */
export function isSealed(copy: Sealed, seal: string, token: string): boolean {
  if (token === '') return false;
  const [expected, given] = [Buffer.from(sealOf(copy, token)), Buffer.from(seal)];
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/**
 * What pods show each other when they hand on copies; '' without a WRITE_TOKEN. The token does not follow from it: a
 * stranger with the pods' label is called like any other, and must not get to know what writes.
 */
export function podTokenOf(token: string): string {
  return token === '' ? '' : createHmac('sha256', token).update(POD_CONTEXT).digest('base64url');
}
