import type { RouteContext } from '../../../server/http/context.ts';
import { listen } from '../../../server/http/server.ts';
import { MAX_STEPS } from '../../../server/protocol/history.ts';
import type { Mesh } from '../../../server/protocol/mesh.ts';
import { realClock } from '../../../server/runtime/clock.ts';
import { eventsOf, historyOf, linkHistoryOf, samplesOf } from './mesh-past.ts';

/** The length of a scene's past. */
const PAST_MS = 3_600_000;

/** The content of a scene server. */
export interface SceneOptions {
  /** Folder of the built page. */
  pageDir: string;
  /** The mesh with the statistics of a window (ms; 0 = none). Called for every collection; a new object is an update. */
  mesh(windowMs: number): Mesh | Promise<Mesh>;
  /** The serving pod's wall time, ms since the epoch; the real one by default. */
  nowMs?(): number;
  /** Updates follow each other this many times faster than in the product; 1 by default. */
  speed?: number;
}

/** The product's HTTP side with made-up meshes in place of measured ones. */
export interface SceneServer {
  /** Address of the page, e.g. `http://127.0.0.1:1234/`. */
  url: string;
  close(): Promise<void>;
}

/**
 * Serves made-up meshes with the product's own Express application, streams and compression, on a free port of 127.0.0.1.
 * Only the measurements are made up. Rejects with the system's error if it cannot listen.
 */
export async function startScene({ pageDir, mesh, nowMs = Date.now, speed = 1 }: SceneOptions): Promise<SceneServer> {
  const unused = (): never => {
    throw new Error('a scene has only a mesh and its past');
  };
  const answers: RouteContext = {
    clock: { ...realClock, nowMs, setTimer: (fn, delayMs) => realClock.setTimer(fn, delayMs / speed) },
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: (fields) => console.error(fields) },
    version: '0.1.0',
    bootTimeMs: nowMs(),
    pageDir,
    maxStreams: 8,
    refreshIntervalMs: 2000,
    historyWindowMs: PAST_MS,
    countReceived: () => {},
    isReady: () => true,
    livenessFailure: () => '',
    onPodsChange: () => () => {},
    check: unused,
    podReport: unused,
    past: {
      podReport: unused,
      podHistory: unused,
      ownLinkHistory: unused,
      mesh: unused,
      meshAt: unused,
      linkHistory: async (from, to) => linkHistoryOf(await mesh(0), from, to, 60_000),
      history: async ({ stepMs, ...span }) => historyOf(await mesh(0), span, Math.max(stepMs, PAST_MS / MAX_STEPS)),
    },
    samples: unused,
    linkSamples: async (from, to) => samplesOf(await mesh(0), from, to),
    collect: async ({ windowMs }) => mesh(windowMs),
    journal: unused,
    writeToken: '',
    annotations: {
      read: async () => ({ nowMs: nowMs(), missing: [], annotations: [] }),
      write: unused,
      remove: unused,
      copies: unused,
      merge: unused,
    },
    events: async ({ limit, ...span }) => eventsOf(await mesh(0), span, limit),
    verdict: unused,
    findings: unused,
    report: unused,
    comparison: unused,
    checkAll: unused,
    clusterHealth: ({ health }) => ({ OK: health.ok }),
    heatmapPng: unused,
    metrics: unused,
  };
  const server = await listen(answers, '127.0.0.1', 0);
  return { url: `${server.address}/`, close: () => server.close(0) };
}
