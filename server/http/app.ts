import { join } from 'node:path';
import compression from 'compression';
import type { Express, Request, Response } from 'express';
import express from 'express';
import helmet from 'helmet';
import { reportRoutes, verdictRoutes } from './analysis-routes.ts';
import type { RouteContext } from './context.ts';
import { errorHandler, methodNotAllowed, notFound } from './errors.ts';
import { annotationRoutes, eventRoutes } from './event-routes.ts';
import { goldpingerRoutes } from './goldpinger-routes.ts';
import { apiRoutes, historyRoutes } from './mesh-routes.ts';
import OPENAPI from './openapi.json';
import type { Streams } from './stream.ts';

/**
 * Forbids inline scripts and styles and other origins, because the page shows names and texts that come from other pods.
 * FRAME_ANCESTORS is added to it.
 */
const CONTENT_SECURITY_POLICY = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  workerSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'", 'data:', 'blob:'],
  connectSrc: ["'self'"],
  fontSrc: ["'self'"],
  manifestSrc: ["'self'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
};

/** The express application: Goldpinger's API, our API, the page, and one error handler behind them. */
export function createApp(context: RouteContext, streams: Streams): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('query parser', 'simple');
  app.set('etag', false);
  app.use(
    helmet({
      contentSecurityPolicy: {
        useDefaults: false,
        directives: { ...CONTENT_SECURITY_POLICY, frameAncestors: context.config.frameAncestors },
      },
      // `frame-ancestors` says it to every browser, and can name other origins.
      xFrameOptions: false,
      // This server speaks plain HTTP, and a proxy may add TLS. A promise of https would lock out users without the proxy.
      strictTransportSecurity: false,
      crossOriginOpenerPolicy: false,
      originAgentCluster: false,
    }),
  );
  // Browsers keep the page's files for a year, so level 6 pays: 12 % smaller for 20 ms in another thread. Answers change
  // all the time: level 1 gains nearly as much in a fifth of the time. Streams are not compressed, because each event is
  // flushed alone.
  const isFile = (req: Request) => req.originalUrl.startsWith('/assets/');
  app.use(compression({ level: 6, filter: (req, res) => isFile(req) && compression.filter(req, res) }));
  app.use(
    compression({
      level: 1,
      filter: (req, res) =>
        req.path !== '/api/v1/stream' && !isFile(req) && (isOpenMetrics(res) || compression.filter(req, res)),
    }),
  );
  app.use(goldpingerRoutes(context));
  app.use(historyRoutes(context));
  app.use(apiRoutes(context, streams));
  app.use(eventRoutes(context));
  app.use(verdictRoutes(context));
  app.use(annotationRoutes(context));
  app.use(reportRoutes(context));
  for (const [path, methods] of Object.entries(OPENAPI.paths)) {
    const allowed = Object.keys(methods).map((method) => method.toUpperCase());
    app.all(path.replace(/\{(\w+)\}/g, ':$1'), methodNotAllowed(...allowed));
  }
  app.use('/assets', express.static(join(context.pageDir, 'assets'), { immutable: true, maxAge: '1y' }));
  app.use(
    express.static(context.pageDir, { cacheControl: false, setHeaders: (res) => res.set('Cache-Control', 'no-cache') }),
  );
  app.use(notFound);
  app.use(errorHandler(context.log));
  return app;
}

/** Whether an answer is OpenMetrics, which Prometheus asks for first. The compression library does not know that it is text. */
function isOpenMetrics(res: Response): boolean {
  return String(res.getHeader('Content-Type')).startsWith('application/openmetrics-text');
}
