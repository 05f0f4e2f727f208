import { Router } from 'express';
import { encodeMesh } from '../contract/mesh.ts';
import { encodeRow } from '../contract/row.ts';
import type { Answers } from './answers.ts';
import { HttpFault, mustAccept, sendFault } from './faults.ts';
import { MATRIX_MAX_AGE_MS } from './goldpinger-routes.ts';
import { streamWindowParameter, textParameter, uidParameter, windowParameter } from './query.ts';
import { sendPieces } from './send.ts';
import type { Streams } from './streams.ts';
import { SWAGGER } from './swagger.ts';

const JSON_ONLY = ['application/json'];

/** Our own API below `/api/v1/`, the readiness probe and the API's description. */
export function apiRoutes(answers: Answers, streams: Streams): Router {
  const router = Router();

  router.get('/api/v1/row', async (req, res) => {
    answers.received('check');
    mustAccept(req, JSON_ONLY);
    const row = await answers.row(windowParameter(req, answers.historyWindowMs));
    res.type('application/json').send(encodeRow(row, textParameter(req, 'peers', '')));
  });

  router.get('/api/v1/mesh', async (req, res) => {
    mustAccept(req, JSON_ONLY);
    const mesh = await answers.collect({
      windowMs: windowParameter(req, answers.historyWindowMs),
      maxAgeMs: MATRIX_MAX_AGE_MS,
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
    if (samples === null) throw new HttpFault(404, 'from in query: no such pod is known; the mesh lists their uids');
    res.set('Cache-Control', 'no-store').json(samples);
  });

  router.get('/api/v1/stream', (req, res) => {
    const windowMs = streamWindowParameter(req);
    if (!streams.open(res, windowMs)) sendFault(res, 503, 'too many live pages on this pod; ask /api/v1/mesh instead');
  });

  router.get('/readyz', (_req, res) => {
    const ready = answers.ready();
    res.status(ready ? 200 : 503).json({ OK: ready, ...(ready ? {} : { reason: 'this pod is shutting down' }) });
  });

  router.get('/swagger.json', (_req, res) => {
    res.json({ ...SWAGGER, info: { ...SWAGGER.info, version: answers.version } });
  });
  return router;
}
