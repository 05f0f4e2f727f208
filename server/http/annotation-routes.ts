import express, { type RequestHandler, Router } from 'express';
import {
  ANNOTATION_ID,
  type AnnotationCopies,
  MAX_ANNOTATIONS,
  parseAnnotationCopies,
} from '../contract/annotation.ts';
import { type AnnotationWish, readAnnotationWish } from '../contract/annotation-wish.ts';
import { textOf } from '../contract/errors.ts';
import type { Answers } from './answers.ts';
import { mustBearer } from './bearer.ts';
import { HttpFault, mustAccept } from './faults.ts';
import { atRate } from './rate.ts';

const JSON_ONLY = ['application/json'];
const MAX_BODY_BYTES = 16_384;
/** What clients may write, and what other pods hand on: each of theirs comes from one client of theirs. */
const CLIENT_RATE = { perSecond: 2, burst: 20 };
const POD_RATE = { perSecond: 20, burst: 200 };

/**
 * Annotations: the only thing that can be written here. A bearer token and JSON are asked for, cookies are not known: a
 * page of somebody else's can send neither without a preflight request, which nobody here answers.
 */
export function annotationRoutes(answers: Answers): Router {
  const router = Router();
  const { annotations, clock } = answers;
  const mayWrite = mustBearer(answers.writeToken);
  const clientRate = atRate(CLIENT_RATE, clock);

  router.get('/api/v1/annotations', async (req, res) => {
    mustAccept(req, JSON_ONLY);
    res.set('Cache-Control', 'no-store').json(await annotations.read());
  });

  router.post('/api/v1/annotations', mayWrite, clientRate, ...jsonBody(), async (req, res) => {
    const written = await annotations.write(wishOf(req.body, clock.nowMs()));
    res.status(201).json(written);
  });

  router.delete('/api/v1/annotations/:id', mayWrite, clientRate, async (req, res) => {
    const { id = '' } = req.params;
    const removed = ANNOTATION_ID.test(String(id)) ? await annotations.remove(String(id)) : null;
    if (removed === null) throw new HttpFault(404, 'no annotation with this id');
    res.json(removed);
  });

  router.get('/api/v1/own-annotations', (req, res) => {
    mustAccept(req, JSON_ONLY);
    res.set('Cache-Control', 'no-store').json(annotations.copies());
  });

  router.post(
    '/api/v1/own-annotations',
    mustBearer(answers.podToken),
    atRate(POD_RATE, clock),
    ...jsonBody(),
    (req, res) => {
      const { annotations: copies } = copiesOf(req.body);
      annotations.take(copies);
      res.json({ taken: copies.length });
    },
  );

  return router;
}

/** Reads a body of JSON, uncompressed and of at most 16 KiB; 415, 413 or 400 otherwise. */
function jsonBody(): RequestHandler[] {
  const isJson: RequestHandler = (req, _res, next) => {
    const isPlain = req.is('application/json') !== false;
    next(isPlain ? undefined : new HttpFault(415, 'expected a body with "Content-Type: application/json"'));
  };
  return [isJson, express.json({ limit: MAX_BODY_BYTES, inflate: false, type: 'application/json' })];
}

function wishOf(body: unknown, nowMs: number): AnnotationWish {
  try {
    return readAnnotationWish(body, nowMs);
  } catch (error) {
    throw new HttpFault(400, textOf(error));
  }
}

function copiesOf(body: unknown): AnnotationCopies {
  try {
    return parseAnnotationCopies(body);
  } catch (error) {
    throw new HttpFault(400, `expected at most ${MAX_ANNOTATIONS} annotations: ${textOf(error)}`);
  }
}
