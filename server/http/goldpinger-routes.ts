import type { IRouter } from 'express';
import { checkAllAnswer } from '../goldpinger/check-all-answer.ts';
import { clusterHealthAnswer } from '../goldpinger/cluster-health-answer.ts';
import { FINDINGS_WINDOW_MS, MESH_MAX_AGE_MS } from '../peers/collector.ts';
import type { RouteContext } from './context.ts';
import { acceptsJson, HttpError } from './errors.ts';
import { timesOf } from './process-routes.ts';
import { numberParameter } from './query.ts';
import { JSON_TYPE, sendExactly, sendPieces } from './send.ts';

/**
 * With at most this many pods, `/cluster_health` collects the statistics of `/api/v1/findings` too, so that a client who asks for
 * both gets them from one collection. In a larger mesh the statistics take too much memory, as most clients don't ask for both.
 */
const MAX_SHARED_PODS = 100;

/** Goldpinger's API: same paths, keys and types. process-routes.ts has the paths that a passive pod serves too. */
export function goldpingerRoutes(router: IRouter, context: RouteContext): void {
  const collect = (windowMs = 0) => context.collector.collect({ windowMs, maxAgeMs: MESH_MAX_AGE_MS });

  router.get('/check', acceptsJson, async (_req, res) => {
    context.metrics.received('check');
    res.setHeader('Content-Type', JSON_TYPE);
    await sendPieces(res, context.monitor.check());
  });

  router.get('/check_all', acceptsJson, async (_req, res) => {
    context.metrics.received('check_all');
    const { config, monitor } = context;
    const options = { ...config, port: config.clientPort, bootTimeMs: monitor.bootTimes() };
    const answer = checkAllAnswer(await collect(), options);
    res.setHeader('Content-Type', JSON_TYPE);
    await sendPieces(res, answer);
  });

  router.get('/cluster_health', acceptsJson, async (_req, res) => {
    context.metrics.received('cluster_health');
    const startMs = context.clock.monotonicMs();
    const isSmall = context.monitor.snapshot.pods.length <= MAX_SHARED_PODS;
    const { OK, ...health } = clusterHealthAnswer(await collect(isSmall ? FINDINGS_WINDOW_MS : 0));
    res.status(OK ? 200 : 418);
    sendExactly(res, JSON_TYPE, JSON.stringify({ OK, ...timesOf(context, startMs), ...health }));
  });

  router.get('/heatmap.png', async (req, res) => {
    // Goldpinger's parameters, ms: good below t0, fair below t1, warning below t2, slow from t2 on (`Thresholds`).
    const [t0, t1, t2] = ['t0', 't1', 't2'].map((name) => numberParameter(req, name, undefined));
    // Who gives some of them means those: the defaults of the others make room.
    const goodMs = t0 ?? Math.min(1, t1 ?? 1, t2 ?? 1);
    const problemMs = t2 ?? Math.max(100, goodMs, t1 ?? 0);
    const warningMs = t1 ?? Math.min(Math.max(10, goodMs), problemMs);
    if (goodMs > warningMs || warningMs > problemMs) {
      throw new HttpError(400, 'expected t0 <= t1 <= t2 (milliseconds)');
    }
    const png = await context.painter.paint(await collect(), { goodMs, warningMs, problemMs });
    // Wikis and dashboards of other origins show it. It needs no policy of its own, because an image runs nothing.
    res.removeHeader('Content-Security-Policy');
    res.set({ 'Cache-Control': 'no-store', 'Cross-Origin-Resource-Policy': 'cross-origin' });
    res.type('image/png').send(png);
  });
}
