import type { RouteContext } from '../../../server/http/context.ts';
import { listen } from '../../../server/http/server.ts';
import { MAX_STEPS } from '../../../server/protocol/history.ts';
import type { Mesh } from '../../../server/protocol/mesh.ts';
import { realClock } from '../../../server/runtime/clock.ts';
import { eventsOf, historyOf, linkHistoryOf } from './look-back.ts';
import { samplesOf } from './samples.ts';

/** How far back a scene's past goes, ms. */
const PAST_MS = 3_600_000;

/** What a scene server plays. */
export interface SceneOptions {
  /** Folder of the built page. */
  pageDir: string;
  /** The mesh for a window (ms; 0 = none), called for every collection: another object is another picture. */
  mesh(windowMs: number): Mesh | Promise<Mesh>;
  /** The serving pod's wall time, ms since the epoch; the real one by default. */
  nowMs?(): number;
  /** How many times faster than in the product pictures follow each other; 1 by default. */
  speed?: number;
}

/** The product's HTTP side with meshes that were made up in place of measured ones. */
export interface SceneServer {
  /** Where the page is, e.g. `http://127.0.0.1:1234/`. */
  url: string;
  close(): Promise<void>;
}

/**
 * Serves a scenario by the product's own express application, streams and compression, on a free port of 127.0.0.1.
 * Only what the domains would have measured is made up. Rejects with the system's error if it cannot listen.
 */
export async function startScene({ pageDir, mesh, nowMs = Date.now, speed = 1 }: SceneOptions): Promise<SceneServer> {
  const unused = (): never => {
    throw new Error('a scene has only a mesh and what led to it');
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
      ...{ podReport: unused, podHistory: unused, ownLinkHistory: unused },
      ...{ mesh: unused, meshAt: unused },
      linkHistory: async (from, to) => linkHistoryOf(await mesh(0), from, to),
      history: async ({ stepMs, ...span }) => historyOf(await mesh(0), span, Math.max(stepMs, PAST_MS / MAX_STEPS)),
    },
    samples: unused,
    linkSamples: async (from, to) => samplesOf(await mesh(0), from, to),
    collect: async ({ windowMs }) => mesh(windowMs),
    journal: unused,
    writeToken: '',
    annotations: {
      read: async () => ({ nowMs: nowMs(), missing: [], annotations: [] }),
      ...{ write: unused, remove: unused, copies: unused, merge: unused },
    },
    events: async ({ limit, ...span }) => eventsOf(await mesh(0), span, limit),
    ...{ verdict: unused, findings: unused, report: unused, comparison: unused, checkAll: unused },
    clusterHealth: ({ health }) => ({ OK: health.ok }),
    heatmapPng: unused,
    metrics: unused,
  };
  const server = await listen(answers, '127.0.0.1', 0);
  return { url: `${server.address}/`, close: () => server.close(0) };
}
