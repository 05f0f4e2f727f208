import { existsSync, readdirSync } from 'node:fs';
import { extname } from 'node:path';
import compression from 'compression';
import type { RequestHandler, Response } from 'express';

/** The most answers that are compressed at once: each needs 0.3 MiB. Further answers are sent uncompressed. */
const MAX_COMPRESSIONS = 8;

/**
 * A handler that compresses texts as the client accepts them, at most `MAX_COMPRESSIONS` at once. Streams are not compressed, because
 * their `Cache-Control: no-transform` forbids it. Level 1 gains nearly as much as the usual level 6, in a fifth of the time.
 */
export function compressed(): RequestHandler {
  const inWork = new Set<Response>();
  // The library asks once for each answer. Then it looks itself whether the answer is long enough, may be changed, and whether the
  // client accepts it; only if so, it sets Content-Encoding.
  const filter: compression.CompressionFilter = (req, res) => {
    const isText = isOpenMetrics(res) || compression.filter(req, res);
    if (!isText || res.hasHeader('Content-Encoding')) return false;
    for (const other of inWork) if (!other.hasHeader('Content-Encoding')) inWork.delete(other);
    if (inWork.size >= MAX_COMPRESSIONS) return false;
    inWork.add(res);
    res.once('close', () => inWork.delete(res));
    return true;
  };
  return compression({ level: 1, filter });
}

/** Whether an answer is OpenMetrics, which Prometheus asks for first. The compression library does not know that it is text. */
function isOpenMetrics(res: Response): boolean {
  return String(res.getHeader('Content-Type')).startsWith('application/openmetrics-text');
}

/**
 * Endings of the compressed files that the build makes beside each file, best first. Browsers accept Brotli only over TLS and on
 * loopback.
 */
const ENDINGS = { br: '.br', gzip: '.gz' };

/**
 * A handler for the files in `folder`: a request for `NAME` gets `NAME.br` or `NAME.gz` if the build has made one and the client
 * accepts it. It only changes the URL of the request, so `express.static` must follow, which answers GET and HEAD.
 */
export function precompressed(folder: string): RequestHandler {
  const names = new Set(existsSync(folder) ? readdirSync(folder) : []);
  return (req, res, next) => {
    if (req.method !== 'GET' && req.method !== 'HEAD') return next();
    for (const [encoding, ending] of Object.entries(ENDINGS)) {
      if (!names.has(req.path.slice(1) + ending) || req.acceptsEncodings(encoding) === false) continue;
      res.type(extname(req.path)).set('Content-Encoding', encoding).vary('Accept-Encoding');
      req.url = req.path + ending;
      break;
    }
    next();
  };
}
