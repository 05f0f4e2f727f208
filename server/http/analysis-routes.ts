import { type Request, type Response, Router } from 'express';
import type { ComparisonQuery, Report } from '../analysis/comparison/report.ts';
import { findingsAnswer } from '../analysis/findings/findings.ts';
import { roundsOf } from '../analysis/rounds.ts';
import { FINDINGS_WINDOW_MS, MESH_MAX_AGE_MS } from '../peers/collector.ts';
import { MAX_EVENTS } from '../protocol/event.ts';
import { parseDurationMs } from '../runtime/duration.ts';
import { textOf } from '../runtime/errors.ts';
import type { TimeRange } from '../runtime/time-range.ts';
import type { RouteContext } from './context.ts';
import { acceptsJson, HttpError } from './errors.ts';
import {
  choiceParameter,
  expectParameters,
  lastRangeParameters,
  MIN_RANGE_MS,
  momentParameter,
  onlyParameters,
  rangeParameter,
  textParameter,
} from './query.ts';
import { sendExactly, sendPieces } from './send.ts';

/** Statuses that tools understand: 425 is "Too Early" (RFC 8470), neither success nor failure. */
const STATUS = { pass: 200, fail: 503, unknown: 425 } as const;

/** Whether a hypothesis holds, and what stands out. */
export function verdictRoutes(context: RouteContext): Router {
  const router = Router();

  router.get('/api/v1/verdict', async (req, res) => {
    onlyParameters(req, 'expect', 'window', 'start', 'end', 'status', 'format');
    const always200 = choiceParameter(req, 'status', ['', 'always200']) === 'always200';
    const isBool = choiceParameter(req, 'format', ['json', 'bool']) === 'bool';
    const optional = (name: string) => (req.query[name] === undefined ? null : textParameter(req, name, ''));
    const [window, start, end] = [optional('window'), optional('start'), optional('end')];
    const answer = await context.verdict({ expect: expectParameters(req), window, start, end });
    res.status(always200 ? 200 : STATUS[answer.verdict]).set('Cache-Control', 'no-store');
    if (isBool) sendExactly(res, 'text/plain', String(answer.ok));
    else sendExactly(res, 'application/json', JSON.stringify(answer));
  });

  router.get('/api/v1/findings', acceptsJson, async (_req, res) => {
    const mesh = await context.collector.collect({ windowMs: FINDINGS_WINDOW_MS, maxAgeMs: MESH_MAX_AGE_MS });
    res.set('Cache-Control', 'no-store').json(findingsAnswer(mesh));
  });

  return router;
}

/** The rounds of ongoing experiments. */
export function roundRoutes(context: RouteContext): Router {
  const router = Router();

  router.get('/api/v1/rounds', acceptsJson, async (req, res) => {
    onlyParameters(req, 'from', 'to', 'within');
    const range = lastRangeParameters(req, context.clock.nowMs(), context.config.historyWindowMs);
    const within = textParameter(req, 'within', '');
    const withinMs = within === '' ? null : durationOf(within);
    const events = await context.events.events({ ...range, limit: MAX_EVENTS });
    const { selfUid, snapshot } = context.monitor;
    res.set('Cache-Control', 'no-store').json(roundsOf(events, { pods: snapshot.pods, selfUid, withinMs }));
  });

  return router;
}

function durationOf(text: string): number {
  try {
    return parseDurationMs(text);
  } catch (error) {
    throw new HttpError(400, `within in query: ${textOf(error)}`);
  }
}

const REPORT_TYPES = ['text/html', 'application/json'] as const;
const MAX_TITLE = 200;

/**
 * What happened in a range, compared with the time before and after it. `/api/v1/report` is for readers: an HTML file, or the same as
 * JSON. `/api/v1/comparison` is for the page: it has every link.
 */
export function reportRoutes(context: RouteContext): Router {
  const router = Router();

  router.get('/api/v1/report', async (req, res) => {
    onlyParameters(req, 'from', 'to', 'before', 'after', 'expect', 'title', 'format');
    const type = reportType(req);
    const query = comparisonQueryOf(req, context);
    const title = textParameter(req, 'title', '');
    if (title.length > MAX_TITLE) {
      throw new HttpError(400, `title in query: expected at most ${MAX_TITLE} characters`);
    }
    const report = await context.reporter.report({ ...query, title, pictures: type === 'text/html' });
    res.set('Cache-Control', 'no-store').vary('Accept');
    if (type === 'application/json') res.json(report.data);
    else await sendReportPage(res, report, query.ranges.during, context.config.frameAncestors);
  });

  router.get('/api/v1/comparison', acceptsJson, async (req, res) => {
    onlyParameters(req, 'from', 'to', 'before', 'after', 'expect');
    await context.reporter.comparison(comparisonQueryOf(req, context), async (pieces) => {
      res.type('application/json').set('Cache-Control', 'no-store');
      await sendPieces(res, pieces);
    });
  });

  return router;
}

async function sendReportPage(
  res: Response,
  { page, policy }: Report,
  { fromMs }: TimeRange,
  frameAncestors: readonly string[],
): Promise<void> {
  // `2023-11-14T22:12:20.000Z` becomes `20231114T221220Z`.
  const time = new Date(fromMs).toISOString().replace(/[-:]|\.\d+/g, '');
  res.set('Content-Security-Policy', `${policy}; frame-ancestors ${frameAncestors.join(' ')}`);
  res.set('Content-Disposition', `inline; filename="goldpinger-report-${time}.html"`);
  res.type('text/html');
  await sendPieces(res, page());
}

/** The media type of the report: `format` decides, else the Accept header. Throws 400 and 406. */
function reportType(req: Request): (typeof REPORT_TYPES)[number] {
  const format = textParameter(req, 'format', '');
  if (format === 'html') return 'text/html';
  if (format === 'json') return 'application/json';
  if (format !== '') throw new HttpError(400, 'format in query: expected html or json');
  const type = req.accepts([...REPORT_TYPES]);
  if (type === 'text/html' || type === 'application/json') return type;
  throw new HttpError(406, `unsupported media type requested, only [${REPORT_TYPES.join(' ')}] are available`);
}

/** What to compare: the parameters `from`, `to`, `before`, `after` and `expect`. Throws 400. */
function comparisonQueryOf(req: Request, context: RouteContext): ComparisonQuery {
  const ranges = {
    during: duringOf(req, context),
    before: rangeParameter(req, 'before'),
    after: rangeParameter(req, 'after'),
  };
  return { ranges, expect: expectParameters(req) };
}

/** The range from parameter `from` to parameter `to`; a `to` in the future becomes now. Throws 400. */
function duringOf(req: Request, { clock, config }: RouteContext): TimeRange {
  const nowMs = clock.nowMs();
  if (req.query['from'] === undefined) throw new HttpError(400, 'from in query: expected the start of the range');
  const fromMs = momentParameter(req, 'from', nowMs);
  const toMs = Math.min(nowMs, momentParameter(req, 'to', nowMs));
  if (toMs - fromMs < MIN_RANGE_MS) {
    throw new HttpError(400, 'from in query: expected a time at least one second before "to" and before now');
  }
  if (toMs <= nowMs - config.historyWindowMs) {
    throw new HttpError(400, 'to in query: expected a time within the last HISTORY_WINDOW');
  }
  return { fromMs, toMs };
}
