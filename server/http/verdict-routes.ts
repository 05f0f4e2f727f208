import { type Request, Router } from 'express';
import type { Answers } from './answers.ts';
import { HttpFault, mustAccept } from './faults.ts';
import { MATRIX_MAX_AGE_MS } from './goldpinger-routes.ts';
import { onlyParameters, textParameter } from './query.ts';
import { sendExactly } from './send.ts';

/** Statuses that tools understand: 425 is "Too Early" (RFC 8470), neither success nor failure. */
const STATUS = { pass: 200, fail: 503, unknown: 425 } as const;
/** Findings look at a minute: a link that was slow once is not a slow link. */
const FINDINGS_WINDOW_MS = 60_000;

/** Whether a hypothesis holds, and what stands out. */
export function verdictRoutes(answers: Answers): Router {
  const router = Router();

  router.get('/api/v1/verdict', async (req, res) => {
    onlyParameters(req, 'expect', 'window', 'start', 'end', 'status', 'format');
    const always200 = oneOf(req, 'status', ['', 'always200']) === 'always200';
    const isBool = oneOf(req, 'format', ['json', 'bool']) === 'bool';
    const text = (name: string) => (req.query[name] === undefined ? null : textParameter(req, name, ''));
    const [window, start, end] = [text('window'), text('start'), text('end')];
    const result = await answers.verdict({ expect: expectsOf(req), window, start, end });
    if ('mistake' in result) throw new HttpFault(400, result.mistake);
    const { answer } = result;
    res.status(always200 ? 200 : STATUS[answer.verdict]).set('Cache-Control', 'no-store');
    if (isBool) sendExactly(res, 'text/plain', String(answer.ok));
    else sendExactly(res, 'application/json', JSON.stringify(answer));
  });

  router.get('/api/v1/findings', async (req, res) => {
    mustAccept(req, ['application/json']);
    const mesh = await answers.collect({ windowMs: FINDINGS_WINDOW_MS, maxAgeMs: MATRIX_MAX_AGE_MS });
    res.set('Cache-Control', 'no-store').json(answers.findings(mesh));
  });

  return router;
}

/** All values of `expect`; how many and how long they may be is for who reads them. */
export function expectsOf({ query }: Request): string[] {
  const value = query['expect'];
  if (value === undefined) return [];
  return (Array.isArray(value) ? value : [value]).filter((one) => typeof one === 'string');
}

function oneOf(req: Request, name: string, values: readonly string[]): string {
  const value = textParameter(req, name, values[0] ?? '');
  if (values.includes(value)) return value;
  throw new HttpFault(400, `${name} in query: expected ${values.filter((one) => one !== '').join(' or ')}`);
}
