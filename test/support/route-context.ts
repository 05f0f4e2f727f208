import { EventEmitter } from 'node:events';
import { type Config, readConfig } from '../../server/config/config.ts';
import type { RouteContext } from '../../server/http/context.ts';
import { ValidationError } from '../../server/runtime/errors.ts';
import { FakeClock } from './fake-clock.ts';
import { meshOf, podsOf, reportOf, snapshotOf } from './mesh.ts';

/** The configuration that these variables give; the rest is default. */
export function configOf(env: Record<string, string>): Config {
  const result = readConfig('9.9.9', [], env);
  if (result.kind !== 'run') throw new Error(JSON.stringify(result));
  return result.config;
}

/** Parts that a test replaces, and the variables of its configuration. */
export interface ContextChange extends Partial<Omit<RouteContext, 'monitor' | 'config'>> {
  monitor?: Partial<RouteContext['monitor']>;
  env?: Record<string, string>;
}

const STUB_ENV = {
  HOST: '127.0.0.1',
  MAX_STREAMS: '2',
  REFRESH_INTERVAL: '2',
  WRITE_TOKEN: 'sixteen-characters',
};

const unused = async (): Promise<never> => {
  throw new ValidationError('not in this test');
};

/**
 * The parts of a service as literals: pod-0 of a mesh of two healthy pods. `received` are the counted calls, `errors` the
 * messages that were logged as errors.
 */
export function stubContext({ monitor = {}, env = {}, ...change }: ContextChange = {}) {
  const received: string[] = [];
  const errors: string[] = [];
  const clock = new FakeClock(1_700_000_000_000);
  const silent = () => {};
  const pods = podsOf(2);
  const own = podsOf(1)[0]?.uid ?? '';
  const written = { annotation: null, nowMs: 1, taken: 1, missing: [] };
  const context: RouteContext = {
    clock,
    log: { debug: silent, info: silent, warn: silent, error: (_fields, message) => void errors.push(message) },
    // Any free port.
    config: { ...configOf({ ...STUB_ENV, ...env }), port: 0 },
    version: '9.9.9',
    bootTimeMs: Date.parse('2026-11-22T14:39:48.013Z'),
    pageDir: 'test/fixtures/page',
    monitor: {
      snapshot: snapshotOf(pods),
      selfUid: own,
      selfName: 'pod-0',
      past: { resolutionMs: () => 0 },
      report: async () => reportOf(podsOf(1)[0]!, pods),
      linkHistory: (to) => ({ from: own, to, error: '', nowMs: 0, resolutionMs: 0, steps: [] }),
      samples: (to) => ({ from: own, to, nowMs: 0, error: '', samples: [] }),
      check: () => ['{"podResults":{}}'],
      bootTimes: () => () => -1,
      livenessFailure: () => '',
      ...monitor,
    },
    metrics: {
      received: (action) => void received.push(action),
      async *render() {
        yield 'up 1\n';
      },
    },
    painter: { paint: async () => Buffer.from('\x89PNG') },
    ownPast: {
      reportOf: unused,
      podHistory: unused,
      departedLives: () => [],
      lastKnown: () => null,
      journal: () => ({ format: 'goldpinger-ts/journal/1', id: 'j', knownAgeMs: 0, truncated: false, events: [] }),
    },
    copies: {
      reportOf: async () => null,
      podHistory: async () => null,
      linkHistory: async () => null,
      samples: async () => null,
    },
    copySource: { answer: async () => ({ hasMore: false, copies: [] }) },
    ownAnnotations: { copies: () => ({ format: 'goldpinger-ts/annotations/3', annotations: [] }), merge: silent },
    collector: { collect: async () => meshOf(pods) },
    pastMeshes: { of: async () => meshOf(pods), at: async () => meshOf(pods) },
    histories: {
      history: async (query) => ({
        ...query,
        nowMs: query.toMs,
        resolutionMs: 0,
        missing: [],
        reports: [],
        pods: [],
        links: [],
        failed: [],
        byLatency: [],
      }),
    },
    linkQuery: {
      samples: async ({ uid }, to) => ({ from: uid, to, nowMs: 0, error: '', samples: [] }),
      history: async ({ uid }, to) => ({ from: uid, to, error: '', nowMs: 0, resolutionMs: 0, steps: [] }),
    },
    events: { events: async (query) => ({ ...query, nowMs: query.toMs, truncated: false, missing: [], events: [] }) },
    annotations: {
      read: async () => ({ nowMs: 1, missing: [], annotations: [] }),
      write: async () => written,
      remove: async (id) => (id === 'there' ? written : null),
    },
    reporter: { report: unused, comparison: unused },
    isReady: () => true,
    podChanges: new EventEmitter(),
    ...change,
  };
  return { context, clock, received, errors };
}
