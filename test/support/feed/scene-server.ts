import type { RouteContext } from '../../../server/http/context.ts';
import { listen } from '../../../server/http/server.ts';
import { UNREAD_MS } from '../../../server/http/stream.ts';
import type { Mesh } from '../../../server/protocol/mesh.ts';
import { realClock } from '../../../server/runtime/clock.ts';
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
 * Serves made-up meshes with the product's own Express application, streams and compression, on a free port of 127.0.0.1.
 * Only the measurements are made up. Rejects with the system's error if it cannot listen.
 */
export async function startScene({
  pageDir,
  mesh,
  story,
  nowMs = Date.now,
  speed = 1,
  unreadMs = UNREAD_MS,
}: SceneOptions) {
  const { context } = stubContext();
  const { monitor } = context;
  Object.assign(context, {
    clock: {
      ...realClock,
      nowMs,
      monotonicMs: () => realClock.monotonicMs() * speed,
      setTimer: (fn, delayMs) => realClock.setTimer(fn, (delayMs === UNREAD_MS ? unreadMs : delayMs) / speed),
    },
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: (fields) => console.error(fields) },
    config: {
      ...configOf({ HOST: '127.0.0.1', MAX_STREAMS: '8', REFRESH_INTERVAL: '2', HISTORY_WINDOW: '1h' }),
      port: 0,
    },
    version: '0.1.0',
    bootTimeMs: nowMs(),
    pageDir,
    // Each link is asked of the pod that probes it, ours too.
    monitor: { ...monitor, selfUid: '' },
    collector: {
      async collect({ windowMs }) {
        const now = await mesh(windowMs);
        context.monitor.snapshot = { pods: now.pods, status: now.discovery };
        return now;
      },
    },
    ...story.parts(nowMs),
    linkQuery: {
      samples: async ({ uid }, to) => samplesOf(await mesh(0), uid, to),
      history: async ({ uid }, to) => linkHistoryOf(await mesh(0), uid, to, 60_000),
    },
  } satisfies Partial<RouteContext>);
  const server = await listen(context);
  return { url: `${server.address}/`, close: () => server.close(0) };
}
