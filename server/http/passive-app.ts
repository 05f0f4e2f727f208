import type { Express } from 'express';
import express from 'express';
import { PASSIVE_MESSAGE } from '../runtime/node-mode.ts';
import type { ProcessContext } from './context.ts';
import { errorHandler, sendError, unavailableStatus } from './errors.ts';
import { processRoutes } from './process-routes.ts';

/** Instead of the page. Its status is 200, because the probes of Goldpinger's chart ask for `/` and restart a pod that fails. */
const PAGE = `<!doctype html><html lang="en"><title>goldpinger-ts: passive</title><p>${PASSIVE_MESSAGE}.</p></html>\n`;

/**
 * The express application of a passive pod: what every pod answers about its process, and a page that says that the pod is
 * passive. Everything else is answered with 503 and the reason, as Goldpinger answers `/check` of a passive pod; a
 * verdict with 425, because it is not known.
 */
export function createPassiveApp(context: ProcessContext): Express {
  const app = express();
  app.disable('x-powered-by');
  // As in `createApp`: an ETag would cost a hash and match no later answer.
  app.set('etag', false);
  processRoutes(app, context, () => '');
  app.get('/', (_req, res) => void res.set('Content-Security-Policy', "default-src 'none'").type('html').send(PAGE));
  app.use((req, res) => sendError(res, unavailableStatus(req.url), PASSIVE_MESSAGE));
  app.use(errorHandler(context.log));
  return app;
}
