import type { IRouter } from 'express';
import { CONTENT_TYPES, formatFor } from '../metrics/text-format.ts';
import type { ProcessContext } from './context.ts';
import { acceptsJson } from './errors.ts';
import { pingAnswer } from './ping.ts';
import { JSON_TYPE, sendExactly, sendPieces } from './send.ts';

/**
 * What every pod answers about its own process, on an active node as on a passive one: `/ping`, `/healthz` and `/metrics` as
 * Goldpinger does, and `/readyz`. `livenessFailure`: why the process should be restarted; '' = it is alive.
 */
export function processRoutes(router: IRouter, context: ProcessContext, livenessFailure: () => string): void {
  // Nearly all pings are answered before express: see ping.ts. The rest are HEAD, `/PING`, and absolute URIs from clients of a
  // proxy.
  const ping = pingAnswer(context);
  router.get('/ping', (_req, res) => ping.send(res));

  router.get('/healthz', acceptsJson, (_req, res) => {
    context.metrics.received('healthz');
    const startMs = context.clock.monotonicMs();
    const reason = livenessFailure();
    const OK = reason === '';
    res.status(OK ? 200 : 503);
    sendExactly(res, JSON_TYPE, JSON.stringify({ OK, ...timesOf(context, startMs), ...(!OK && { reason }) }));
  });

  router.get('/readyz', (_req, res) => {
    const OK = context.isReady();
    res.status(OK ? 200 : 503).json({ OK, ...(!OK && { reason: 'this pod is shutting down' }) });
  });

  router.get('/metrics', async (req, res) => {
    const format = formatFor(req.get('accept'));
    res.set('Content-Type', CONTENT_TYPES[format]);
    await sendPieces(res, context.metrics.render(format));
  });
}

/** Goldpinger's `duration-ns` and `generated-at`. `startMs`: when the work began, monotonic ms. */
export function timesOf(
  { clock }: Pick<ProcessContext, 'clock'>,
  startMs: number,
): { 'duration-ns': number; 'generated-at': string } {
  return {
    'duration-ns': Math.max(1, Math.round((clock.monotonicMs() - startMs) * 1e6)),
    'generated-at': new Date(clock.nowMs()).toISOString(),
  };
}
