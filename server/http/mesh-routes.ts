import { type Request, Router } from 'express';
import { MAX_PAST_MS } from '../protocol/history.ts';
import { encodeMesh, type Mesh } from '../protocol/mesh.ts';
import { encodePodReport } from '../protocol/pod-report.ts';
import type { TimeRange } from '../runtime/time-range.ts';
import type { RouteContext } from './context.ts';
import { HttpError, mustAccept, sendError } from './errors.ts';
import { MESH_MAX_AGE_MS } from './goldpinger-routes.ts';
import OPENAPI from './openapi.json';
import {
  ageRangeParameters,
  hasParameter,
  momentParameter,
  stepParameter,
  streamWindowParameter,
  textParameter,
  uidParameter,
  windowParameter,
} from './query.ts';
import { sendPieces } from './send.ts';
import type { Streams } from './stream.ts';

const JSON_ONLY = ['application/json'];

/** Pod reports, the mesh and its links now, live streams, the readiness probe and the description of the API. */
export function apiRoutes(context: RouteContext, streams: Streams): Router {
  const router = Router();

  router.get(['/api/v1/pod-report', '/api/v1/row'], async (req, res) => {
    context.countReceived('check');
    mustAccept(req, JSON_ONLY);
    const isPast = hasParameter(req, 'fromAge') || hasParameter(req, 'toAge');
    const report = isPast
      ? await context.past.podReport(ageRangeParameters(req))
      : await context.podReport(windowParameter(req, context.historyWindowMs));
    res.type('application/json').send(encodePodReport(report, textParameter(req, 'peers', '')));
  });

  router.get('/api/v1/mesh', async (req, res) => {
    mustAccept(req, JSON_ONLY);
    const mesh = await meshOf(req, context);
    res.type('application/json').set('Cache-Control', 'no-store');
    await sendPieces(res, encodeMesh({ ...mesh, ageMs: Math.max(0, context.clock.nowMs() - mesh.atMs) }));
  });

  router.get('/api/v1/samples', (req, res) => {
    mustAccept(req, JSON_ONLY);
    res.json(context.samples(uidParameter(req, 'to')));
  });

  router.get('/api/v1/link', async (req, res) => {
    mustAccept(req, JSON_ONLY);
    const from = uidParameter(req, 'from');
    const samples = await context.linkSamples(from, uidParameter(req, 'to'));
    if (samples === null) throw new HttpError(404, 'from in query: no such pod is known; the mesh lists their uids');
    res.set('Cache-Control', 'no-store').json(samples);
  });

  router.get('/api/v1/stream', (req, res) => {
    const windowMs = streamWindowParameter(req);
    if (!streams.open(res, windowMs)) sendError(res, 503, 'too many live pages on this pod; ask /api/v1/mesh instead');
  });

  router.get('/readyz', (_req, res) => {
    const ready = context.isReady();
    res.status(ready ? 200 : 503).json({ OK: ready, ...(ready ? {} : { reason: 'this pod is shutting down' }) });
  });

  router.get('/swagger.json', (_req, res) => {
    res.json({ ...OPENAPI, info: { ...OPENAPI.info, version: context.version } });
  });
  return router;
}

/** The history of links in steps: of this pod's links, of all links, and of one link. */
export function historyRoutes(context: RouteContext): Router {
  const router = Router();
  const { past } = context;

  router.get(['/api/v1/pod-history', '/api/v1/row-history'], async (req, res) => {
    mustAccept(req, JSON_ONLY);
    const range = ageRangeParameters(req);
    const stepMs = stepParameter(req, range.fromAgeMs - range.toAgeMs);
    res.set('Cache-Control', 'no-store');
    if (hasParameter(req, 'to')) res.json(past.ownLinkHistory(uidParameter(req, 'to'), range, stepMs));
    else res.json(await past.podHistory(range, stepMs));
  });

  router.get('/api/v1/history', async (req, res) => {
    mustAccept(req, JSON_ONLY);
    const span =
      hasParameter(req, 'from') || hasParameter(req, 'to') ? timeRangeOf(req, context) : lastWindowOf(context);
    const stepMs = hasParameter(req, 'step') ? stepParameter(req, span.toMs - span.fromMs) : 0;
    res.set('Cache-Control', 'no-store').json(await past.history({ ...span, stepMs }));
  });

  router.get('/api/v1/link-history', async (req, res) => {
    mustAccept(req, JSON_ONLY);
    const history = await past.linkHistory(uidParameter(req, 'from'), uidParameter(req, 'to'));
    if (history === null) throw new HttpError(404, 'from in query: no such pod is known; the mesh lists their uids');
    res.set('Cache-Control', 'no-store').json(history);
  });

  return router;
}

/** The mesh now, at a moment (`at`), or of a time range (`from`, `to`). Throws 400. */
function meshOf(req: Request, context: RouteContext): Promise<Mesh> {
  if (hasParameter(req, 'at')) return context.past.meshAt(pastMomentOf(req, 'at', context));
  if (hasParameter(req, 'from') || hasParameter(req, 'to')) return context.past.mesh(timeRangeOf(req, context));
  const windowMs = windowParameter(req, context.historyWindowMs);
  return context.collect({ windowMs, maxAgeMs: MESH_MAX_AGE_MS });
}

function lastWindowOf({ clock, historyWindowMs }: RouteContext): TimeRange {
  const nowMs = clock.nowMs();
  return { fromMs: nowMs - historyWindowMs, toMs: nowMs };
}

/** The parameters `from` and `to`, ms since the epoch; `to` is now by default. Throws 400. */
function timeRangeOf(req: Request, context: RouteContext): TimeRange {
  if (!hasParameter(req, 'from')) throw new HttpError(400, 'from in query: expected, because to is given');
  const range = { fromMs: pastMomentOf(req, 'from', context), toMs: pastMomentOf(req, 'to', context) };
  if (range.fromMs < range.toMs) return range;
  throw new HttpError(400, 'from in query: expected a moment before to');
}

/** The parameter `name` as a moment within `MAX_PAST_MS`, ms since the epoch; now by default. Throws 400. */
function pastMomentOf(req: Request, name: string, { clock }: RouteContext): number {
  const ms = momentParameter(req, name, clock.nowMs());
  if (ms >= clock.nowMs() - MAX_PAST_MS) return ms;
  throw new HttpError(400, `${name} in query: expected a moment of the last ${MAX_PAST_MS / 3_600_000} hours`);
}
