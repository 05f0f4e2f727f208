import type { RouteContext } from '../../../server/http/context.ts';
import { emptyLinks } from '../../../server/protocol/links.ts';
import type { MergedReport, Mesh } from '../../../server/protocol/mesh.ts';
import type { Pod } from '../../../server/protocol/pod.ts';
import { ValidationError } from '../../../server/runtime/errors.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** A mesh of `names.length` pods in which everybody pings everybody in `totalUs`. */
export function meshOf(names: string[], totalUs = 500): Mesh {
  const pods: Pod[] = names.map((name, i) => ({
    uid: `uid-${name}`,
    name,
    namespace: 'default',
    node: `node-${i}`,
    zone: '',
    podIPs: [`10.0.0.${i + 1}`],
    hostIPs: [`192.168.0.${i + 1}`],
    lifecycle: 'ready',
    sinceMs: 0,
    createdMs: 0,
    owner: '',
    labels: '',
    replacedBy: '',
  }));
  return {
    atMs: 1000,
    collectMs: 1,
    ageMs: 0,
    windowMs: 0,
    past: null,
    findings: [],
    servedBy: { pod: 0, name: names[0] ?? '' },
    discovery: statusOf(),
    settings: {
      version: '0',
      refreshIntervalMs: 2000,
      pingTimeoutMs: 300,
      pingNumber: 0,
      slowLinkMs: 100,
      historyWindowMs: 3_600_000,
      goneRetentionMs: 300_000,
      displayNodeName: false,
    },
    health: { ok: true, reasons: [], general: [] },
    pods,
    reports: pods.map((_, pod) => reportOf(pod, names.length, totalUs)),
  };
}

/** A complete report of `n` good links. */
export function reportOf(pod: number, n: number, totalUs: number): MergedReport {
  const links = emptyLinks(n);
  for (let to = 0; to < n; to++) {
    links.to[to] = to;
    links.totalUs[to] = totalUs;
  }
  return {
    pod,
    missing: '',
    missingDetail: '',
    via: 'report',
    atMs: 1000,
    fetchUs: 10,
    bootTimeMs: 1,
    samePeers: true,
    links,
    details: [],
    stats: null,
    probes: [],
    starvation: null,
  };
}

function statusOf(): Mesh['discovery'] {
  return {
    phase: 'synced',
    sinceMs: 0,
    mode: 'watch',
    lastGoodMs: 0,
    attempts: 0,
    nextAttemptMs: 0,
    lastError: null,
    namespace: 'default',
    labelSelector: 'app=goldpinger',
  };
}

/** Answers made of literals, to be overridden where a test looks; `log` and `received` keep what they were told. */
export function stubAnswers(overrides: Partial<RouteContext> = {}) {
  const received: string[] = [];
  const errors: string[] = [];
  const clock = new FakeClock(1_700_000_000_000);
  const silent = () => {};
  const answers: RouteContext = {
    clock,
    log: { debug: silent, info: silent, warn: silent, error: (_fields, message) => void errors.push(message) },
    version: '9.9.9',
    bootTimeMs: Date.parse('2026-11-22T14:39:48.013Z'),
    pageDir: 'test/fixtures/page',
    maxStreams: 2,
    refreshIntervalMs: 2000,
    historyWindowMs: 3_600_000,
    countReceived: (action) => void received.push(action),
    isReady: () => true,
    livenessFailure: () => '',
    onPodsChange: () => silent,
    check: () => ['{"podResults":{}}'],
    podReport: () => {
      throw new Error('no report in this test');
    },
    past: {
      podReport: async () => {
        throw new Error('no report in this test');
      },
      podHistory: async () => {
        throw new Error('no report in this test');
      },
      ownLinkHistory: (to) => ({ from: 'me', to, error: '', nowMs: 0, resolutionMs: 0, steps: [] }),
      mesh: async () => meshOf(['a', 'b']),
      meshAt: async () => meshOf(['a', 'b']),
      history: async ({ fromMs, toMs, stepMs }) => ({
        ...{ fromMs, toMs, stepMs, nowMs: toMs, resolutionMs: 0, missing: [] },
        ...{ reports: [], pods: [], links: [], failed: [], byLatency: [] },
      }),
      linkHistory: async (from, to) =>
        from === 'uid-a' ? { from, to, error: '', nowMs: 0, resolutionMs: 0, steps: [] } : null,
    },
    samples: (to) => ({ from: 'me', to, nowMs: 0, error: '', samples: [] }),
    linkSamples: async (from, to) => (from === 'uid-a' ? { from, to, nowMs: 0, error: '', samples: [] } : null),
    collect: async () => meshOf(['a', 'b']),
    writeToken: 'sixteen-characters',
    annotations: {
      read: async () => ({ nowMs: 1, missing: [], annotations: [] }),
      write: async () => ({ annotation: null, nowMs: 1, taken: 1, missing: [] }),
      remove: async (id) => (id === 'there' ? { annotation: null, nowMs: 1, taken: 1, missing: [] } : null),
      copies: () => ({ format: 'goldpinger-ts/annotations/3', annotations: [] }),
      merge: () => {},
    },
    journal: () => ({ format: 'goldpinger-ts/journal/1', id: 'j', knownAgeMs: 0, truncated: false, events: [] }),
    events: async ({ fromMs, toMs }) => ({ fromMs, toMs, nowMs: toMs, truncated: false, missing: [], events: [] }),
    verdict: () => Promise.reject(new ValidationError('no verdict in this test')),
    report: () => Promise.reject(new ValidationError('no report in this test')),
    comparison: () => Promise.reject(new ValidationError('no comparison in this test')),
    findings: ({ findings }) => ({ findings }),
    checkAll: () => ['{"responses":', '{}}'],
    clusterHealth: () => ({ OK: true }),
    heatmapPng: async () => Buffer.from('\x89PNG'),
    metrics: () => ({
      contentType: 'text/plain; version=0.0.4; charset=utf-8',
      text: (async function* () {
        yield 'up 1\n';
      })(),
    }),
    ...overrides,
  };
  return { answers, clock, received, errors };
}
