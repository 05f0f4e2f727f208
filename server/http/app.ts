import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import compression from 'compression';
import type { Express, Request, RequestHandler, Response } from 'express';
import express from 'express';
import helmet from 'helmet';
import { analysisRoutes } from './analysis-routes.ts';
import type { RouteContext } from './context.ts';
import { errorHandler, methodNotAllowed, notFound } from './errors.ts';
import { annotationRoutes, eventRoutes } from './event-routes.ts';
import { goldpingerRoutes } from './goldpinger-routes.ts';
import { apiRoutes, copyRoutes, historyRoutes } from './mesh-routes.ts';
import OPENAPI from './openapi.json';
import { processRoutes } from './process-routes.ts';
import type { Streams } from './stream.ts';

/**
 * Forbids other origins, and inline scripts and styles but those of index.html, because the page shows names and texts that
 * come from other pods. FRAME_ANCESTORS is added to it.
 */
const CONTENT_SECURITY_POLICY = {
  defaultSrc: ["'none'"],
  workerSrc: ["'self'"],
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
        directives: {
          ...CONTENT_SECURITY_POLICY,
          scriptSrc: ["'self'", ...inlineSources(context.pageDir, 'script')],
          styleSrc: ["'self'", ...inlineSources(context.pageDir, 'style')],
          frameAncestors: context.config.frameAncestors,
        },
      },
      // `frame-ancestors` says it to every browser, and can name other origins.
      xFrameOptions: false,
      // This server speaks plain HTTP, and a proxy may add TLS. A promise of https would lock out users without the proxy.
      strictTransportSecurity: false,
      crossOriginOpenerPolicy: false,
      originAgentCluster: false,
    }),
  );
  // A Service can lead each request to another pod, so every answer names its pod.
  app.use((_req, res, next) => {
    const { selfName } = context.monitor;
    if (/^[\w.-]+$/.test(selfName)) res.setHeader('Goldpinger-Pod', selfName);
    next();
  });
  const mayCompress = boundedFilter();
  // Browsers keep the page's files for a year, so level 6 pays: 12 % smaller for 20 ms in another thread. Answers change
  // all the time: level 1 gains nearly as much in a fifth of the time. Streams are not compressed, because each event is
  // flushed alone.
  const isFile = (req: Request) => req.originalUrl.startsWith('/assets/');
  app.use(compression({ level: 6, filter: (req, res) => isFile(req) && mayCompress(req, res) }));
  app.use(
    compression({
      level: 1,
      filter: (req, res) => req.path !== '/api/v1/stream' && !isFile(req) && mayCompress(req, res),
    }),
  );
  app.use(processRoutes(context, () => context.monitor.livenessFailure()));
  app.use(goldpingerRoutes(context));
  app.use(historyRoutes(context));
  app.use(copyRoutes(context));
  app.use(apiRoutes(context, streams));
  app.use(eventRoutes(context));
  app.use(annotationRoutes(context));
  app.use(analysisRoutes(context));
  for (const [path, methods] of Object.entries(OPENAPI.paths)) {
    const allowed = Object.keys(methods).map((method) => method.toUpperCase());
    // `app.all` would make an object for each of 35 methods: a thousand in all, and 10 ms of a start.
    app.route(path.replace(/\{(\w+)\}/g, ':$1')).all(methodNotAllowed(...allowed));
  }
  app.use('/assets', precompressed(join(context.pageDir, 'assets')));
  app.use('/assets', express.static(join(context.pageDir, 'assets'), { immutable: true, maxAge: '1y' }));
  app.use(
    express.static(context.pageDir, { cacheControl: false, setHeaders: (res) => res.set('Cache-Control', 'no-cache') }),
  );
  app.use(notFound);
  app.use(errorHandler(context.log));
  return app;
}

/**
 * Returns the sources of the content security policy that allow the inline scripts or styles of index.html in `pageDir`: a
 * SHA-256 for each (Content Security Policy Level 3, section 6.7.3). [] if there is no such file.
 */
export function inlineSources(pageDir: string, tag: 'script' | 'style'): string[] {
  const path = join(pageDir, 'index.html');
  const html = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const contents = [...html.matchAll(new RegExp(`<${tag}>([^]*?)</${tag}>`, 'g'))];
  return contents.map(([, text = '']) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`);
}

/** Sends what the build has compressed best (`NAME.br`) to clients that accept Brotli: browsers, over TLS and on loopback. */
function precompressed(folder: string): RequestHandler {
  const names = new Set(existsSync(folder) ? readdirSync(folder) : []);
  return (req, res, next) => {
    const name = `${req.path.slice(1)}.br`;
    if (names.has(name) && req.acceptsEncodings('br') === 'br') {
      res.type(extname(req.path)).set('Content-Encoding', 'br').vary('Accept-Encoding');
      req.url = `/${name}`;
    }
    next();
  };
}

/** Answers that are compressed at once. Each needs 0.3 MiB; others are sent as they are. */
const MAX_COMPRESSIONS = 8;

/** Tells whether to compress an answer: it is text, and few others are being compressed. The library asks once for each. */
function boundedFilter(): compression.CompressionFilter {
  let inWork = 0;
  return (req, res) => {
    if (inWork >= MAX_COMPRESSIONS || !(isOpenMetrics(res) || compression.filter(req, res))) return false;
    inWork += 1;
    res.once('close', () => {
      inWork -= 1;
    });
    return true;
  };
}

/** Whether an answer is OpenMetrics, which Prometheus asks for first. The compression library does not know that it is text. */
function isOpenMetrics(res: Response): boolean {
  return String(res.getHeader('Content-Type')).startsWith('application/openmetrics-text');
}
