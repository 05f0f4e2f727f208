import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Express } from 'express';
import express from 'express';
import helmet from 'helmet';
import { analysisRoutes } from './analysis-routes.ts';
import { compressed, precompressed } from './compression.ts';
import type { RouteContext } from './context.ts';
import { errorHandler, methodNotAllowed, notFound } from './errors.ts';
import { annotationRoutes, eventRoutes } from './event-routes.ts';
import { goldpingerRoutes } from './goldpinger-routes.ts';
import { copyRoutes, historyRoutes, meshRoutes } from './mesh-routes.ts';
import OPENAPI from './openapi.json';
import { processRoutes } from './process-routes.ts';
import type { Streams } from './stream.ts';

/** The express application: Goldpinger's API, our API, the page, and one error handler behind them. */
export function createApp(context: RouteContext, streams: Streams): Express {
  const app = express();
  app.disable('x-powered-by');
  // Answers of the API change with each ping: no ETag would match, and each costs a hash. Files of the page have their own.
  app.set('etag', false);
  // Pages of other origins cannot read answers: there is no Access-Control-Allow-Origin, and helmet sets
  // Cross-Origin-Resource-Policy to same-origin. `/heatmap.png` alone is open.
  app.use(
    helmet({
      contentSecurityPolicy: {
        useDefaults: false,
        // The page shows names and texts that come from other pods.
        directives: {
          defaultSrc: ["'none'"],
          workerSrc: ["'self'"],
          imgSrc: ["'self'", 'data:', 'blob:'],
          connectSrc: ["'self'"],
          fontSrc: ["'self'"],
          manifestSrc: ["'self'"],
          baseUri: ["'none'"],
          formAction: ["'none'"],
          scriptSrc: ["'self'", ...inlineSources(context.pageDir, 'script')],
          styleSrc: ["'self'", ...inlineSources(context.pageDir, 'style')],
          frameAncestors: context.config.frameAncestors,
        },
      },
      // `frame-ancestors` replaces this header, and can name other origins.
      xFrameOptions: false,
      // This server speaks plain HTTP, and a proxy may add TLS. A promise of https would lock out users without the proxy.
      strictTransportSecurity: false,
      // Browsers ignore these two over plain HTTP.
      crossOriginOpenerPolicy: false,
      originAgentCluster: false,
    }),
  );
  // A Service can lead each request to another pod, so every answer names its pod.
  app.use((req, res, next) => {
    const { selfName } = context.monitor;
    if (req.path.startsWith('/api/')) res.setHeader('Cache-Control', 'no-store');
    if (/^[\w.-]+(\/[\w.-]+)?$/.test(selfName)) res.setHeader('Goldpinger-Pod', selfName);
    next();
  });
  app.use(compressed());
  processRoutes(app, context, () => context.monitor.livenessFailure());
  goldpingerRoutes(app, context);
  historyRoutes(app, context);
  copyRoutes(app, context);
  meshRoutes(app, context, streams);
  eventRoutes(app, context);
  annotationRoutes(app, context);
  analysisRoutes(app, context);
  for (const [path, methods] of Object.entries(OPENAPI.paths)) {
    const allowed = Object.keys(methods).map((method) => method.toUpperCase());
    // `app.all` would make an object for each of 35 methods: a thousand in all, and 10 ms of a start.
    app.route(path.replace(/\{(\w+)\}/g, ':$1')).all(methodNotAllowed(...allowed));
  }
  // Paths that are not described: the page, and older names.
  app.route(['/', '/api/v1/row', '/api/v1/row-history']).all(methodNotAllowed('GET', 'HEAD'));
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
