import type { IRouter, Request } from 'express';
import type { ComparisonQuery } from '../analysis/comparison/report.ts';
import { REPORT_POLICY } from '../analysis/comparison/report-page.ts';
import { findingsAnswer } from '../analysis/findings/findings.ts';
import { roundsOf } from '../analysis/rounds.ts';
import { FINDINGS_WINDOW_MS, MESH_MAX_AGE_MS } from '../peers/collector.ts';
import { MAX_REPORT_TITLE } from '../protocol/comparison.ts';
import type { TimeRange } from '../runtime/time-range.ts';
import type { RouteContext } from './context.ts';
import { acceptsJson, getJson, HttpError } from './errors.ts';
import {
  choiceParameter,
  durationParameter,
  expectParameters,
  hasParameter,
  invalid,
  lastRangeParameters,
  onlyParameters,
  pastRangeParameters,
  rangeParameter,
  textParameter,
} from './query.ts';
import { JSON_TYPE, sendExactly, sendPieces } from './send.ts';
import { type VerdictQuery, verdictAnswerer } from './verdict.ts';

/** Statuses that tools understand: 425 is "Too Early" (RFC 8470), neither success nor failure. */
const STATUS = { pass: 200, fail: 503, unknown: 425 } as const;
const HTML_TYPE = 'text/html';

/** Verdicts, findings, rounds, and what happened in a time range: a report for readers, a comparison with every link for the page. */
export function analysisRoutes(router: IRouter, context: RouteContext): void {
  const answerVerdict = verdictAnswerer(context);

  router.get('/api/v1/verdict', async (req, res) => {
    onlyParameters(req, 'expect', 'window', 'start', 'end', 'status', 'format');
    const always200 = choiceParameter(req, 'status', ['', 'always200']) === 'always200';
    const isBool = choiceParameter(req, 'format', ['json', 'bool']) === 'bool';
    const answer = await answerVerdict({ expect: expectParameters(req), over: verdictRangeOf(req, context) });
    res.status(always200 ? 200 : STATUS[answer.verdict]);
    if (isBool) sendExactly(res, 'text/plain', String(answer.ok));
    else sendExactly(res, JSON_TYPE, JSON.stringify(answer));
  });

  getJson(router, '/api/v1/findings', async (req) => {
    onlyParameters(req);
    return findingsAnswer(await context.collector.collect({ windowMs: FINDINGS_WINDOW_MS, maxAgeMs: MESH_MAX_AGE_MS }));
  });

  getJson(router, '/api/v1/rounds', async (req) => {
    onlyParameters(req, 'from', 'to', 'within');
    const { clock, config, monitor } = context;
    const nowMs = clock.nowMs();
    const range = lastRangeParameters(req, nowMs, config.historyWindowMs);
    const withinMs = durationParameter(req, 'within');
    // All events that there are, whatever the range: a round may have begun before it, and end after it.
    const historyWindow = { fromMs: nowMs - config.historyWindowMs, toMs: nowMs };
    const events = await context.events.events({ ...historyWindow, limit: Number.POSITIVE_INFINITY });
    const { selfUid, snapshot } = monitor;
    return roundsOf(events, { range, pods: snapshot.pods, selfUid, withinMs });
  });

  router.get('/api/v1/report', async (req, res) => {
    onlyParameters(req, 'from', 'to', 'before', 'after', 'expect', 'title', 'format');
    const type = reportType(req);
    const query = comparisonQueryOf(req, context);
    const title = textParameter(req, 'title', '', MAX_REPORT_TITLE);
    const { data, page } = await context.reporter.report({ ...query, title, pictures: type === HTML_TYPE });
    res.vary('Accept');
    if (type === JSON_TYPE) return void res.json(data);
    // `2023-11-14T22:12:20.000Z` becomes `20231114T221220Z`.
    const time = new Date(query.ranges.during.fromMs).toISOString().replace(/[-:]|\.\d+/g, '');
    const ancestors = context.config.frameAncestors.join(' ');
    res.set('Content-Security-Policy', `${REPORT_POLICY}; frame-ancestors ${ancestors}`);
    res.set('Content-Disposition', `inline; filename="goldpinger-report-${time}.html"`);
    res.type(HTML_TYPE);
    await sendPieces(res, page());
  });

  router.get('/api/v1/comparison', acceptsJson, async (req, res) => {
    onlyParameters(req, 'from', 'to', 'before', 'after', 'expect');
    await context.reporter.comparison(comparisonQueryOf(req, context), async (pieces) => {
      res.type(JSON_TYPE);
      await sendPieces(res, pieces);
    });
  });
}

/**
 * What a verdict is about: the last `window`, a time range (`start`, `end`), or null: then verdict.ts chooses the window. Windows are
 * rounded up to whole seconds, so that queries for the same window share one collection. Throws 400.
 */
function verdictRangeOf(req: Request, { clock, config: { historyWindowMs } }: RouteContext): VerdictQuery['over'] {
  const windowMs = durationParameter(req, 'window');
  const isPast = hasParameter(req, 'start') || hasParameter(req, 'end');
  if (windowMs === null) return isPast ? recentRangeOf(req, clock.nowMs(), historyWindowMs) : null;
  if (isPast) throw invalid('window', 'either window or start and end, not both');
  const wholeMs = Math.ceil(windowMs / 1000) * 1000;
  if (wholeMs >= 1000 && wholeMs <= Math.max(1000, historyWindowMs)) return { windowMs: wholeMs };
  const mostS = Math.floor(historyWindowMs / 1000);
  throw invalid('window', `from 1s to ${mostS}s (HISTORY_WINDOW)`);
}

/**
 * The range from `start` to `end`, which must begin within the last `historyWindowMs`, give or take a second. Without `end` it
 * ends at the last whole second, so that queries with the same start share one collection. Throws 400.
 */
function recentRangeOf(req: Request, nowMs: number, historyWindowMs: number): TimeRange {
  const { fromMs, toMs } = pastRangeParameters(req, 'start', 'end', nowMs);
  if (nowMs - fromMs > historyWindowMs + 1000) throw invalid('start', 'a time within the last HISTORY_WINDOW');
  // A range must not become shorter than a second.
  const wholeMs = Math.max(fromMs + 1000, Math.floor(toMs / 1000) * 1000);
  return { fromMs, toMs: hasParameter(req, 'end') ? toMs : wholeMs };
}

/** The media type of a report, HTML_TYPE or JSON_TYPE: `format` decides, else the Accept header. Throws 400 and 406. */
function reportType(req: Request): string {
  const format = choiceParameter(req, 'format', ['', 'html', 'json']);
  if (format !== '') return format === 'html' ? HTML_TYPE : JSON_TYPE;
  const type = req.accepts([HTML_TYPE, JSON_TYPE]);
  if (type !== false) return type;
  throw new HttpError(406, `unsupported media type requested, only [${HTML_TYPE} ${JSON_TYPE}] are available`);
}

/** What to compare: the parameters `from`, `to` (within the last HISTORY_WINDOW), `before`, `after` and `expect`. Throws 400. */
function comparisonQueryOf(req: Request, { clock, config }: RouteContext): ComparisonQuery {
  const nowMs = clock.nowMs();
  const during = pastRangeParameters(req, 'from', 'to', nowMs);
  if (during.toMs <= nowMs - config.historyWindowMs) throw invalid('to', 'a time within the last HISTORY_WINDOW');
  // "before" may be later than "during": a healthy time after the fault to compare with.
  const before = rangeParameter(req, 'before');
  const after = rangeParameter(req, 'after');
  if (after !== null && after.fromMs < during.fromMs) throw invalid('after', 'a range that does not begin before from');
  return { ranges: { before, during, after }, expect: expectParameters(req) };
}
