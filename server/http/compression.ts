import { existsSync, readdirSync } from 'node:fs';
import { extname } from 'node:path';
import compression from 'compression';
import type { Request, RequestHandler, Response } from 'express';

/** Answers in work at once whose type can be compressed. Each needs 0.3 MiB; others are sent as they are. */
const MAX_COMPRESSIONS = 8;

/**
 * Handlers that compress texts as the client accepts them, at most `MAX_COMPRESSIONS` at once. Streams are not compressed,
 * because each event is flushed alone.
 */
export function compressed(): RequestHandler[] {
  const mayCompress = boundedFilter();
  // Browsers keep the page's files for a year, so level 6 pays: 12 % smaller for 20 ms in another thread. Answers change
  // all the time: level 1 gains nearly as much in a fifth of the time.
  const isFile = (req: Request) => req.originalUrl.startsWith('/assets/');
  const isAnswer = (req: Request) => req.path !== '/api/v1/stream' && !isFile(req);
  return [
    compression({ level: 6, filter: (req, res) => isFile(req) && mayCompress(req, res) }),
    compression({ level: 1, filter: (req, res) => isAnswer(req) && mayCompress(req, res) }),
  ];
}

/**
 * A handler for the files in `folder`: to clients that accept Brotli (browsers, over TLS and on loopback) it sends `NAME.br`,
 * which the build has compressed best, instead of `NAME`. `express.static` must follow.
 */
export function precompressed(folder: string): RequestHandler {
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
