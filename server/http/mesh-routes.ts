import type { IRouter, Request } from 'express';
import { MESH_MAX_AGE_MS } from '../peers/collector.ts';
import { encodeCopyAnswer } from '../protocol/copy.ts';
import { MAX_PAST_MS } from '../protocol/history.ts';
import { encodeMesh, type Mesh } from '../protocol/mesh.ts';
import type { Pod } from '../protocol/pod.ts';
import { encodePodReport, type PodReport } from '../protocol/pod-report.ts';
import type { TimeRange } from '../runtime/time-range.ts';
import type { RouteContext } from './context.ts';
import { acceptsJson, getJson, HttpError, sendError } from './errors.ts';
import OPENAPI from './openapi.json';
import {
  ageRangeParameters,
  choiceParameter,
  copyCursorParameters,
  hasParameter,
  invalid,
  lastRangeParameters,
  momentParameter,
  stepParameter,
  textParameter,
  uidParameter,
  windowParameter,
} from './query.ts';
import { sendPieces } from './send.ts';
import { STREAM_HEADERS, type Streams } from './stream.ts';

/** Windows of statistics that can be streamed, ms; a closed set, so that pages of the same window share collections. */
const STREAM_WINDOWS_MS = ['0', '60000', '300000'] as const;
/** The most steps of a link's history, and the shortest step. Steps are at least as long as the resolution of our results. */
const MAX_LINK_STEPS = 360;
const MIN_LINK_STEP_MS = 1_000;

/** Pod reports, the mesh and its links now, live streams, and the description of the API. */
export function meshRoutes(router: IRouter, context: RouteContext, streams: Streams): void {
  const { monitor, copies } = context;

  router.get(['/api/v1/pod-report', '/api/v1/row'], acceptsJson, async (req, res) => {
    // Counted as Goldpinger's `/check`, in whose place pods call it.
    context.metrics.received('check');
    // `of` asks for a copy, and there are copies of the past only.
    const isPast = ['fromAge', 'toAge', 'of'].some((name) => hasParameter(req, name));
    const report = isPast
      ? await pastReportOf(req, context)
      : await monitor.report(windowParameter(req, context.config.historyWindowMs));
    // The hash of the table of peers that the asker has already.
    const knownHash = textParameter(req, 'peers', '');
    res.type('application/json').send(encodePodReport(report, knownHash));
  });

  router.get('/api/v1/mesh', acceptsJson, async (req, res) => {
    const mesh = await meshOf(req, context);
    res.type('application/json');
    await sendPieces(res, encodeMesh({ ...mesh, ageMs: Math.max(0, context.clock.nowMs() - mesh.atMs) }));
  });

  // Samples of one of this pod's links, or of a copied pod's (`of`). Pods ask each other for them.
  getJson(router, '/api/v1/samples', async (req) => {
    const to = uidParameter(req, 'to');
    const of = hasParameter(req, 'of') ? uidParameter(req, 'of') : null;
    return of === null ? monitor.samples(to) : orNoCopy(await copies.samples(of, to));
  });

  // Samples of any link of the mesh, for the page: our own, or those of the pod that probes the link.
  getJson(router, '/api/v1/link', async (req) => {
    const to = uidParameter(req, 'to');
    const from = sourceOf(req, context);
    if (from === 'own') return monitor.samples(to);
    const copied = from.lifecycle === 'gone' ? await copies.samples(from.uid, to) : null;
    return copied ?? context.linkQuery.samples(from, to);
  });

  router.get('/api/v1/stream', (req, res) => {
    const windowMs = Number(choiceParameter(req, 'window', STREAM_WINDOWS_MS));
    // HEAD asks whether there is a stream and of what type. It has no body, so it must neither wait nor take a place.
    if (req.method === 'HEAD') res.set(STREAM_HEADERS).end();
    else if (!streams.open(res, windowMs))
      sendError(res, 503, 'too many live pages on this pod; ask /api/v1/mesh instead');
  });

  router.get('/swagger.json', (_req, res) => {
    res.json({ ...OPENAPI, info: { ...OPENAPI.info, version: context.version } });
  });
}

/** This pod's report of a past range, or that of another pod (`of`) from the copy that this pod keeps. Throws 400, 410. */
async function pastReportOf(req: Request, { ownPast, copies }: RouteContext): Promise<PodReport> {
  const range = ageRangeParameters(req);
  if (!hasParameter(req, 'of')) return ownPast.reportOf(range);
  return orNoCopy(await copies.reportOf(uidParameter(req, 'of'), range));
}

/** Throws 410 if there is no copy. A 404 would mean that this pod does not know the path, and the peer would not ask again. */
function orNoCopy<T>(copied: T | null): T {
  if (copied === null) throw new HttpError(410, 'of in query: this pod keeps no copy of that pod');
  return copied;
}

/** What other pods ask for: keepers what is new of a pod, new pods which pods have left. */
export function copyRoutes(router: IRouter, { copySource, ownPast }: RouteContext): void {
  router.get('/api/v1/copy', acceptsJson, async (req, res) => {
    const by = hasParameter(req, 'by') ? uidParameter(req, 'by') : '';
    const answer = await copySource.answer(uidParameter(req, 'of'), by, copyCursorParameters(req));
    res.type('application/json').send(encodeCopyAnswer(answer));
  });

  getJson(router, '/api/v1/departed-pods', () => ({ pods: ownPast.departedLives() }));
}

/** The history of links in steps. */
export function historyRoutes(router: IRouter, context: RouteContext): void {
  const { monitor, ownPast, copies, clock, config } = context;

  // The history of this pod, or of a copied one (`of`): all its links, or one of them (`to`). Pods ask each other for it.
  getJson(router, ['/api/v1/pod-history', '/api/v1/row-history'], async (req) => {
    const range = ageRangeParameters(req);
    const stepMs = stepParameter(req, range.fromAgeMs - range.toAgeMs);
    const to = hasParameter(req, 'to') ? uidParameter(req, 'to') : null;
    if (!hasParameter(req, 'of')) {
      return to === null ? ownPast.podHistory(range, stepMs) : monitor.linkHistory(to, range, stepMs);
    }
    const of = uidParameter(req, 'of');
    const copied = to === null ? copies.podHistory(of, range, stepMs) : copies.linkHistory(of, to, range, stepMs);
    return orNoCopy<object>(await copied);
  });

  // The sums of all pods, for the page.
  getJson(router, '/api/v1/history', (req) => {
    const isGiven = hasParameter(req, 'from') || hasParameter(req, 'to');
    const range = isGiven ? timeRangeOf(req, context) : lastRangeParameters(req, clock.nowMs(), config.historyWindowMs);
    const stepMs = hasParameter(req, 'step') ? stepParameter(req, range.toMs - range.fromMs) : 0;
    return context.histories.history({ ...range, stepMs });
  });

  // The history of any link of the mesh, for the page.
  getJson(router, '/api/v1/link-history', async (req) => {
    const to = uidParameter(req, 'to');
    const from = sourceOf(req, context);
    const range = { fromAgeMs: config.historyWindowMs, toAgeMs: 0 };
    const resolutionMs = monitor.past.resolutionMs(range.fromAgeMs);
    const finestMs = Math.max(MIN_LINK_STEP_MS, resolutionMs, range.fromAgeMs / MAX_LINK_STEPS);
    const stepMs = Math.ceil(finestMs / 1_000) * 1_000;
    if (from === 'own') return monitor.linkHistory(to, range, stepMs);
    const isGone = from.lifecycle === 'gone';
    const copied = isGone ? await copies.linkHistory(from.uid, to, range, stepMs) : null;
    return copied ?? context.linkQuery.history(from, to, range, stepMs);
  });
}

/** The pod that the parameter `from` names, which probes the link; 'own' = this pod. Throws 400, and 404 for other uids. */
function sourceOf(req: Request, { monitor, ownPast }: RouteContext): Pod | 'own' {
  const uid = uidParameter(req, 'from');
  if (uid === monitor.selfUid) return 'own';
  const pod = monitor.snapshot.pods.find((each) => each.uid === uid) ?? ownPast.lastKnown(uid);
  if (pod !== null) return pod;
  throw new HttpError(404, 'from in query: no such pod is known; the mesh lists their uids');
}

/** The mesh now, at a moment (`at`), or of a time range (`from`, `to`). Throws 400. */
function meshOf(req: Request, context: RouteContext): Promise<Mesh> {
  if (hasParameter(req, 'at')) return context.pastMeshes.at(pastMomentOf(req, 'at', context));
  if (hasParameter(req, 'from') || hasParameter(req, 'to')) return context.pastMeshes.of(timeRangeOf(req, context));
  const windowMs = windowParameter(req, context.config.historyWindowMs);
  return context.collector.collect({ windowMs, maxAgeMs: MESH_MAX_AGE_MS });
}

/** The parameters `from` and `to`, ms since the epoch; `to` is now by default. Throws 400. */
function timeRangeOf(req: Request, context: RouteContext): TimeRange {
  if (!hasParameter(req, 'from')) throw new HttpError(400, 'from in query: expected, because to is given');
  const range = { fromMs: pastMomentOf(req, 'from', context), toMs: pastMomentOf(req, 'to', context) };
  if (range.fromMs < Math.min(range.toMs, context.clock.nowMs())) return range;
  throw invalid('from', 'a moment before to and before now');
}

/** The parameter `name` as a moment within `MAX_PAST_MS`, ms since the epoch; now by default. Throws 400. */
function pastMomentOf(req: Request, name: string, { clock }: RouteContext): number {
  const ms = momentParameter(req, name, clock.nowMs());
  if (ms >= clock.nowMs() - MAX_PAST_MS) return ms;
  throw invalid(name, `a moment of the last ${MAX_PAST_MS / 3_600_000} hours`);
}
