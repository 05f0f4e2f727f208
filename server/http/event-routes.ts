import { createHash, timingSafeEqual } from 'node:crypto';
import express, { type IRouter, type Request, type RequestHandler } from 'express';
import {
  ANNOTATION_ID,
  type AnnotationCopy,
  parseAnnotationCopiesSliced,
  readAnnotationRequest,
} from '../protocol/annotation.ts';
import { MAX_EVENTS } from '../protocol/event.ts';
import { MAX_PAST_MS } from '../protocol/history.ts';
import { noneSkipped } from '../protocol/validators.ts';
import type { Clock } from '../runtime/clock.ts';
import { runSliced } from '../runtime/concurrency.ts';
import { textOf } from '../runtime/errors.ts';
import type { RouteContext } from './context.ts';
import { getJson, HttpError, sendError } from './errors.ts';
import { lastRangeParameters, wholeParameter } from './query.ts';

/** Routes of events: this pod's journal, and the events of the whole mesh. */
export function eventRoutes(router: IRouter, context: RouteContext): void {
  getJson(router, '/api/v1/journal', (req) => {
    const sinceAgeMs = wholeParameter(req, 'sinceAge', 0, MAX_PAST_MS, context.config.historyWindowMs);
    return context.ownPast.journal(sinceAgeMs, limitOf(req));
  });

  getJson(router, '/api/v1/events', (req) => {
    const range = lastRangeParameters(req, context.clock.nowMs(), context.config.historyWindowMs);
    return context.events.events({ ...range, limit: limitOf(req) });
  });
}

/** The parameter `limit`: how many events at most. Throws 400. */
function limitOf(req: Request): number {
  return wholeParameter(req, 'limit', 1, MAX_EVENTS, MAX_EVENTS);
}

const MAX_BODY_BYTES = 16_384;
/** The most writes per second: by clients, and by other pods, which send copies. */
const CLIENT_RATE = 2;
const POD_RATE = 20;
/** After a pause, the writes of this many seconds may come at once. */
const BURST_S = 10;

/**
 * Routes of annotations, the only thing that can be written here. A write needs the bearer token and a JSON body, and
 * cookies are ignored: a page of another origin can send neither without a preflight request, which is never granted.
 */
export function annotationRoutes(router: IRouter, context: RouteContext): void {
  const { annotations, ownAnnotations, clock, config } = context;
  const mayWrite = requireToken(config.writeToken);
  const clientRate = limitRate(CLIENT_RATE, clock);

  getJson(router, '/api/v1/annotations', () => annotations.read());

  router.post('/api/v1/annotations', mayWrite, clientRate, ...jsonBody(), async (req, res) => {
    const request = await orBadRequest(() => readAnnotationRequest(req.body, clock.nowMs()));
    res.status(201).json(await annotations.write(request));
  });

  router.delete('/api/v1/annotations/:id', mayWrite, clientRate, async (req, res) => {
    const id = String(req.params['id']);
    const removed = ANNOTATION_ID.test(id) ? await annotations.remove(id) : null;
    if (removed === null) throw new HttpError(404, 'no annotation with this id');
    res.json(removed);
  });

  getJson(router, '/api/v1/own-annotations', () => ownAnnotations.copies());

  router.post('/api/v1/own-annotations', mayWrite, limitRate(POD_RATE, clock), ...jsonBody(), async (req, res) => {
    const copies = await orBadRequest(() => runSliced(readCopies(req.body), clock));
    ownAnnotations.merge(copies);
    res.json({ taken: copies.length });
  });
}

/** Validates copies that another pod sends. It sends one at a time, so an invalid one is an error. */
function* readCopies(body: unknown): Generator<void, AnnotationCopy[]> {
  const skipped = noneSkipped();
  const copies = yield* parseAnnotationCopiesSliced(body, skipped);
  if (skipped.count > 0) throw new TypeError(skipped.reason);
  return copies;
}

/** Reads a JSON body, uncompressed and of at most 16 KiB. Answers 415, 413 or 400 otherwise. */
function jsonBody(): RequestHandler[] {
  const isJson: RequestHandler = (req, _res, next) => {
    const isPlain = req.is('application/json') !== false;
    next(isPlain ? undefined : new HttpError(415, 'expected a body with "Content-Type: application/json"'));
  };
  return [isJson, express.json({ limit: MAX_BODY_BYTES, inflate: false, type: 'application/json' })];
}

/** An error of the validator becomes a 400. */
async function orBadRequest<T>(read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw new HttpError(400, textOf(error));
  }
}

const REALM = 'Bearer realm="goldpinger-ts"';
const WRITING_IS_OFF =
  'writing is off: give all pods one WRITE_TOKEN (16 characters or more) and send it as a bearer token';
const TOKEN_IS_MISSING = 'expected "Authorization: Bearer " and the WRITE_TOKEN of the pods';

/**
 * Lets requests with `Authorization: Bearer <token>` through (RFC 6750); the token is compared in constant time. Answers
 * 401 to others, and 403 if `token` is '', because then nobody may write.
 */
function requireToken(token: string): RequestHandler {
  const expected = digestOf(token);
  return (req, res, next) => {
    const [, sent] = /^Bearer +(\S+) *$/i.exec(req.get('authorization') ?? '') ?? [];
    if (token !== '' && sent !== undefined && timingSafeEqual(digestOf(sent), expected)) return next();
    // Without "close" Node would read the body of the refused request to its end, to reuse the connection.
    res.set('Connection', 'close');
    if (token === '') return sendError(res, 403, WRITING_IS_OFF);
    const isWrong = sent !== undefined;
    res.set('WWW-Authenticate', isWrong ? `${REALM}, error="invalid_token"` : REALM);
    sendError(res, 401, isWrong ? 'this is not the WRITE_TOKEN of this pod' : TOKEN_IS_MISSING);
  };
}

/** Digests have one length, which `timingSafeEqual` needs. */
function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** Limits the rate of all clients together, by a token bucket. Answers 429 with `Retry-After` to requests beyond it. */
function limitRate(perSecond: number, clock: Clock): RequestHandler {
  const burst = BURST_S * perSecond;
  let left = burst;
  let countedMs = clock.monotonicMs();
  return (_req, res, next) => {
    const nowMs = clock.monotonicMs();
    left = Math.min(burst, left + ((nowMs - countedMs) / 1000) * perSecond);
    countedMs = nowMs;
    if (left >= 1) {
      left -= 1;
      next();
      return;
    }
    res.set({ 'Retry-After': String(Math.ceil((1 - left) / perSecond)), Connection: 'close' });
    sendError(res, 429, `too many writes: at most ${perSecond} a second`);
  };
}
