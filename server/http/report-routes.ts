import { type Request, type Response, Router } from 'express';
import { momentMs } from '../contract/moment.ts';
import type { Answers, TimeSpan } from './answers.ts';
import { HttpFault } from './faults.ts';
import { momentParameter, onlyParameters, textParameter } from './query.ts';
import { sendPieces } from './send.ts';
import { expectsOf } from './verdict-routes.ts';

const TYPES = ['text/html', 'application/json'] as const;
const MAX_TITLE = 200;
/** A shorter range holds next to nothing. */
const LEAST_MS = 1000;

/** What happened in a range, against the time before and after it: as a file to keep, or as JSON. */
export function reportRoutes(answers: Answers): Router {
  const router = Router();

  router.get('/api/v1/report', async (req, res) => {
    onlyParameters(req, 'from', 'to', 'before', 'after', 'expect', 'title', 'format');
    const type = typeOf(req);
    const during = duringOf(req, answers);
    const ranges = { during, before: spanParameter(req, 'before'), after: spanParameter(req, 'after') };
    const title = textParameter(req, 'title', '');
    if (title.length > MAX_TITLE) {
      throw new HttpFault(400, `title in query: expected at most ${MAX_TITLE} characters`);
    }
    const pictures = type === 'text/html';
    const result = await answers.report({ ranges, expect: expectsOf(req), title, pictures });
    if ('mistake' in result) throw new HttpFault(400, result.mistake);
    res.set('Cache-Control', 'no-store').vary('Accept');
    const { report } = result;
    if (type === 'application/json') res.json(report.data);
    else await sendPage(res, report, during);
  });

  return router;
}

async function sendPage(
  res: Response,
  { page, policy }: { page(): Iterable<string>; policy: string },
  { fromMs }: TimeSpan,
): Promise<void> {
  const time = new Date(fromMs).toISOString().replace(/[-:]|\.\d+/g, '');
  res.set('Content-Security-Policy', `${policy}; frame-ancestors 'self'`);
  res.set('Content-Disposition', `inline; filename="goldpinger-report-${time}.html"`);
  res.type('text/html');
  await sendPieces(res, page());
}

/** `format` decides, else what the client takes. Throws 400 and 406. */
function typeOf(req: Request): (typeof TYPES)[number] {
  const format = textParameter(req, 'format', '');
  if (format === 'html') return 'text/html';
  if (format === 'json') return 'application/json';
  if (format !== '') throw new HttpFault(400, 'format in query: expected html or json');
  const type = req.accepts([...TYPES]);
  if (type === 'text/html' || type === 'application/json') return type;
  throw new HttpFault(406, `unsupported media type requested, only [${TYPES.join(' ')}] are available`);
}

/** The range that the report is about: `from` and `to`. */
function duringOf(req: Request, { clock, historyWindowMs }: Answers): TimeSpan {
  const nowMs = clock.nowMs();
  if (req.query['from'] === undefined)
    throw new HttpFault(400, 'from in query: expected, the range has to begin somewhere');
  const fromMs = momentParameter(req, 'from', nowMs);
  const toMs = Math.min(nowMs, momentParameter(req, 'to', nowMs));
  if (toMs - fromMs < LEAST_MS)
    throw new HttpFault(400, 'from in query: expected at least a second before to, and before now');
  if (toMs <= nowMs - historyWindowMs) throw new HttpFault(400, 'to in query: expected within HISTORY_WINDOW');
  return { fromMs, toMs };
}

/** `FROM-TO` in ms since the epoch, or `FROM/TO` in those or RFC 3339; null where absent. Throws 400. */
function spanParameter(req: Request, name: string): TimeSpan | null {
  const value = textParameter(req, name, '');
  if (value === '') return null;
  const ends = value.split(value.includes('/') ? '/' : '-').map((end) => momentMs(end.replace(' ', '+')));
  const [fromMs = -1, toMs = -1] = ends;
  if (ends.length === 2 && fromMs >= 0 && toMs - fromMs >= LEAST_MS) return { fromMs, toMs };
  throw new HttpFault(400, `${name} in query: expected FROM-TO in ms since the epoch, a second or more apart`);
}
