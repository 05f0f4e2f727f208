import { type Request, Router } from 'express';
import { type AgeRange, MAX_PAST_MS, MAX_STEPS } from '../protocol/history.ts';
import { encodeMesh } from '../protocol/mesh.ts';
import { encodePodReport } from '../protocol/pod-report.ts';
import type { RouteContext } from './context.ts';
import { HttpError, mustAccept, sendError } from './errors.ts';
import { MESH_MAX_AGE_MS } from './goldpinger-routes.ts';
import OPENAPI from './openapi.json';
import { momentParameter, streamWindowParameter, textParameter, uidParameter, windowParameter } from './request.ts';
import { sendPieces } from './send.ts';
import type { Streams } from './stream.ts';

const JSON_ONLY = ['application/json'];

/** Our own API below `/api/v1/`, the readiness probe and the API's description. */
export function apiRoutes(answers: RouteContext, streams: Streams): Router {
  const router = Router();

  router.get(['/api/v1/pod-report', '/api/v1/row'], async (req, res) => {
    answers.countReceived('check');
    mustAccept(req, JSON_ONLY);
    const report = await answers.podReport(windowParameter(req, answers.historyWindowMs));
    res.type('application/json').send(encodePodReport(report, textParameter(req, 'peers', '')));
  });

  router.get('/api/v1/mesh', async (req, res) => {
    mustAccept(req, JSON_ONLY);
    const mesh = await answers.collect({
      windowMs: windowParameter(req, answers.historyWindowMs),
      maxAgeMs: MESH_MAX_AGE_MS,
    });
    res.type('application/json').set('Cache-Control', 'no-store');
    await sendPieces(res, encodeMesh({ ...mesh, ageMs: Math.max(0, answers.clock.nowMs() - mesh.atMs) }));
  });

  router.get('/api/v1/samples', (req, res) => {
    mustAccept(req, JSON_ONLY);
    res.json(answers.samples(uidParameter(req, 'to')));
  });

  router.get('/api/v1/link', async (req, res) => {
    mustAccept(req, JSON_ONLY);
    const from = uidParameter(req, 'from');
    const samples = await answers.linkSamples(from, uidParameter(req, 'to'));
    if (samples === null) throw new HttpError(404, 'from in query: no such pod is known; the mesh lists their uids');
    res.set('Cache-Control', 'no-store').json(samples);
  });

  router.get('/api/v1/stream', (req, res) => {
    const windowMs = streamWindowParameter(req);
    if (!streams.open(res, windowMs)) sendError(res, 503, 'too many live pages on this pod; ask /api/v1/mesh instead');
  });

  router.get('/readyz', (_req, res) => {
    const ready = answers.isReady();
    res.status(ready ? 200 : 503).json({ OK: ready, ...(ready ? {} : { reason: 'this pod is shutting down' }) });
  });

  router.get('/swagger.json', (_req, res) => {
    res.json({ ...OPENAPI, info: { ...OPENAPI.info, version: answers.version } });
  });
  return router;
}

/** The past: reports and meshes of a time range of it, where one is asked for, and histories. Stands before the routes of now. */
export function pastRoutes(answers: RouteContext): Router {
  const router = Router();
  const { past, clock } = answers;

  router.get(['/api/v1/pod-report', '/api/v1/row'], async (req, res, next) => {
    if (!has(req, 'fromAge') && !has(req, 'toAge')) return next();
    answers.countReceived('check');
    mustAccept(req, JSON_ONLY);
    const report = await past.podReport(rangeOf(req));
    res.type('application/json').send(encodePodReport(report, textParameter(req, 'peers', '')));
  });

  router.get('/api/v1/mesh', async (req, res, next) => {
    if (!has(req, 'at') && !has(req, 'from') && !has(req, 'to')) return next();
    mustAccept(req, JSON_ONLY);
    const mesh = has(req, 'at') ? await past.meshAt(momentOf(req, 'at')) : await past.mesh(spanOf(req));
    res.type('application/json').set('Cache-Control', 'no-store');
    await sendPieces(res, encodeMesh({ ...mesh, ageMs: Math.max(0, clock.nowMs() - mesh.atMs) }));
  });

  router.get(['/api/v1/pod-history', '/api/v1/row-history'], async (req, res) => {
    mustAccept(req, JSON_ONLY);
    const range = rangeOf(req);
    const stepMs = stepOf(req, range.fromAgeMs - range.toAgeMs);
    res.set('Cache-Control', 'no-store');
    if (has(req, 'to')) res.json(past.ownLinkHistory(uidParameter(req, 'to'), range, stepMs));
    else res.json(await past.podHistory(range, stepMs));
  });

  router.get('/api/v1/history', async (req, res) => {
    mustAccept(req, JSON_ONLY);
    const span = has(req, 'from') || has(req, 'to') ? spanOf(req) : lastWindow();
    const stepMs = has(req, 'step') ? stepOf(req, span.toMs - span.fromMs) : 0;
    res.set('Cache-Control', 'no-store').json(await past.history({ ...span, stepMs }));
  });

  router.get('/api/v1/link-history', async (req, res) => {
    mustAccept(req, JSON_ONLY);
    const history = await past.linkHistory(uidParameter(req, 'from'), uidParameter(req, 'to'));
    if (history === null) throw new HttpError(404, 'from in query: no such pod is known; the mesh lists their uids');
    res.set('Cache-Control', 'no-store').json(history);
  });

  const lastWindow = () => ({ fromMs: clock.nowMs() - answers.historyWindowMs, toMs: clock.nowMs() });

  const momentOf = (req: Request, name: string): number => {
    const ms = momentParameter(req, name, clock.nowMs());
    if (ms >= clock.nowMs() - MAX_PAST_MS) return ms;
    throw new HttpError(400, `${name} in query: expected a moment of the last ${MAX_PAST_MS / 3_600_000} hours`);
  };

  const spanOf = (req: Request) => {
    if (!has(req, 'from')) throw new HttpError(400, 'from in query: expected, where to is given');
    const span = { fromMs: momentOf(req, 'from'), toMs: momentOf(req, 'to') };
    if (span.fromMs >= span.toMs) throw new HttpError(400, 'from in query: expected a moment before to');
    return span;
  };

  return router;
}

function has(req: Request, name: string): boolean {
  return req.query[name] !== undefined;
}

function rangeOf(req: Request): AgeRange {
  const fromAgeMs = wholeParameter(req, 'fromAge', 1, MAX_PAST_MS, -1);
  const toAgeMs = wholeParameter(req, 'toAge', 0, MAX_PAST_MS, 0);
  if (fromAgeMs > toAgeMs) return { fromAgeMs, toAgeMs };
  throw new HttpError(400, 'fromAge in query: expected more than toAge');
}

/** The parameter `step` for a time range of `lengthMs`. */
function stepOf(req: Request, lengthMs: number): number {
  const stepMs = wholeParameter(req, 'step', 1, MAX_PAST_MS, -1);
  if (lengthMs / stepMs <= MAX_STEPS) return stepMs;
  throw new HttpError(
    400,
    `step in query: expected at least ${Math.ceil(lengthMs / MAX_STEPS)} ms for this time range`,
  );
}

/** The parameter `name` as a whole number of ms. Throws 400; `byDefault` outside the bounds: it must be given. */
function wholeParameter(req: Request, name: string, least: number, most: number, byDefault: number): number {
  const value = textParameter(req, name, String(byDefault));
  const number = /^\d{1,9}$/.test(value) ? Number(value) : -1;
  if (number >= least && number <= most) return number;
  throw new HttpError(400, `${name} in query: expected a whole number of ms from ${least} to ${most}`);
}
