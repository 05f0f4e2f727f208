import { type Request, Router } from 'express';
import { MAX_EVENTS } from '../contract/event.ts';
import { MAX_PAST_MS } from '../contract/past.ts';
import type { Answers } from './answers.ts';
import { HttpFault, mustAccept } from './faults.ts';
import { momentParameter, numberParameter } from './query.ts';

const JSON_ONLY = ['application/json'];

/** What happened: as this pod saw it, and as all did. */
export function eventRoutes(answers: Answers): Router {
  const router = Router();

  router.get('/api/v1/journal', (req, res) => {
    mustAccept(req, JSON_ONLY);
    const sinceAgeMs = numberParameter(req, 'sinceAge', answers.historyWindowMs);
    if (sinceAgeMs > MAX_PAST_MS) throw new HttpFault(400, `sinceAge in query: expected at most ${MAX_PAST_MS} (ms)`);
    res.set('Cache-Control', 'no-store').json(answers.journal(sinceAgeMs, limitOf(req)));
  });

  router.get('/api/v1/events', async (req, res) => {
    mustAccept(req, JSON_ONLY);
    const nowMs = answers.clock.nowMs();
    const toMs = momentParameter(req, 'to', nowMs);
    const fromMs = momentParameter(req, 'from', nowMs - answers.historyWindowMs);
    if (fromMs > toMs) throw new HttpFault(400, 'expected from <= to');
    res.set('Cache-Control', 'no-store').json(await answers.events({ fromMs, toMs, limit: limitOf(req) }));
  });

  return router;
}

function limitOf(req: Request): number {
  const limit = numberParameter(req, 'limit', MAX_EVENTS);
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_EVENTS) return limit;
  throw new HttpFault(400, `limit in query: expected a whole number from 1 to ${MAX_EVENTS}`);
}
