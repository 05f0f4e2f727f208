import type { Config } from '../../../server/config/config.ts';
import type { RouteContext } from '../../../server/http/context.ts';
import { listen } from '../../../server/http/server.ts';
import { UNREAD_MS } from '../../../server/http/stream.ts';
import type { Mesh } from '../../../server/protocol/mesh.ts';
import { type Clock, realClock } from '../../../server/runtime/clock.ts';
import { configOf, stubContext } from '../route-context.ts';
import { linkHistoryOf, samplesOf } from './mesh-past.ts';
import type { Story } from './story.ts';

/** The content of a scene server. */
export interface SceneOptions {
  /** Folder of the built page. */
  pageDir: string;
  /** The mesh with the statistics of a window (ms; 0 = none). Called for every collection; a new object is an update. */
  mesh(windowMs: number): Mesh | Promise<Mesh>;
  /** The past. */
  story: Story;
  /** The serving pod's wall time, ms since the epoch; the real one by default. */
  nowMs?(): number;
  /** Updates follow each other this many times faster than in the product; 1 by default. */
  speed?: number;
  /** A page that does not read a mesh to its end is cut off after this time; `UNREAD_MS` by default. */
  unreadMs?: number;
}

/**
 * The parts of a service that answer with made-up meshes and a past, if there is one; histories of links have steps of `stepMs`.
 * Only the measurements are made up.
 */
export function madeUpContext(
  { pageDir, mesh, story }: Pick<SceneOptions, 'pageDir' | 'mesh'> & { story?: Story | undefined },
  clock: Clock,
  config: Config,
  stepMs: number,
): RouteContext {
  const { context } = stubContext();
  return Object.assign(context, {
    clock,
    log: { ...context.log, error: (fields) => console.error(fields) },
    config,
    pageDir,
    // Each link is asked of the pod that probes it, ours too.
    monitor: { ...context.monitor, selfUid: '' },
    collector: {
      async collect({ windowMs }) {
        const now = await mesh(windowMs);
        context.monitor.snapshot = { pods: now.pods, status: now.discovery };
        return now;
      },
    },
    linkQuery: {
      samples: async ({ uid }, to) => samplesOf(await mesh(0), uid, to),
      history: async ({ uid }, to) => linkHistoryOf(await mesh(0), uid, to, stepMs),
    },
    ...story?.parts(clock.nowMs),
  } satisfies Partial<RouteContext>);
}

/**
 * Serves made-up meshes with the product's own Express application, streams and compression, on a free port of 127.0.0.1.
 * Rejects with the system's error if it cannot listen.
 */
export async function startScene(options: SceneOptions) {
  const { nowMs = Date.now, speed = 1, unreadMs = UNREAD_MS } = options;
  const clock: Clock = {
    ...realClock,
    nowMs,
    monotonicMs: () => realClock.monotonicMs() * speed,
    setTimer: (fn, delayMs) => realClock.setTimer(fn, (delayMs === UNREAD_MS ? unreadMs : delayMs) / speed),
  };
  const env = { HOST: '127.0.0.1', MAX_STREAMS: '8', REFRESH_INTERVAL: '2', HISTORY_WINDOW: '1h' };
  const server = await listen(madeUpContext(options, clock, { ...configOf(env), port: 0 }, 60_000));
  return { url: `${server.address}/`, close: () => server.close(0) };
}
