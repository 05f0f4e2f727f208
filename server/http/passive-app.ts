import type { Express } from 'express';
import express from 'express';
import { CONTENT_TYPES, formatFor } from '../metrics/exposition.ts';
import { PASSIVE_MESSAGE } from '../runtime/node-mode.ts';
import type { RouteContext } from './context.ts';
import { errorHandler, mustAcceptJson, sendError } from './errors.ts';
import { PingAnswer } from './ping.ts';
import { sendExactly, sendPieces } from './send.ts';

/** What the server of a passive pod needs. */
export type PassiveContext = Pick<RouteContext, 'clock' | 'log' | 'config' | 'bootTimeMs' | 'isReady' | 'metrics'>;

/** Instead of the page. Its status is 200, because the probes of Goldpinger's chart ask for `/` and restart a pod that fails. */
const PAGE = `<!doctype html><html lang="en"><title>goldpinger-ts: passive</title><p>${PASSIVE_MESSAGE}.</p></html>\n`;

/**
 * The express application of a passive pod: `/ping`, `/healthz`, `/readyz`, `/metrics`, and a page that says that the pod is
 * passive. Everything else is answered with 503 and the reason, as Goldpinger answers `/check` of a passive pod.
 */
export function createPassiveApp(context: PassiveContext): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  const ping = new PingAnswer(context);
  app.get('/ping', (_req, res) => ping.send(res));
  app.get('/healthz', (req, res) => {
    mustAcceptJson(req);
    const generatedAt = new Date(context.clock.nowMs()).toISOString();
    const health = { OK: true, 'duration-ns': 1, 'generated-at': generatedAt };
    sendExactly(res, 'application/json', JSON.stringify(health));
  });
  app.get('/readyz', (_req, res) => {
    const OK = context.isReady();
    res.status(OK ? 200 : 503).json({ OK, ...(OK ? {} : { reason: 'this pod is shutting down' }) });
  });
  app.get('/metrics', async (req, res) => {
    const format = formatFor(req.get('accept'));
    res.set('Content-Type', CONTENT_TYPES[format]);
    await sendPieces(res, context.metrics.render(format));
  });
  app.get('/', (_req, res) => void res.set('Content-Security-Policy', "default-src 'none'").type('html').send(PAGE));
  app.use((_req, res) => sendError(res, 503, PASSIVE_MESSAGE));
  app.use(errorHandler(context.log));
  return app;
}
