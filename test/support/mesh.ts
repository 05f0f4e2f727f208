import { HealthTally } from '../../server/peers/cluster-health.ts';
import { emptyLinks, FLAG_NOT_YET, pack16, phaseFlag } from '../../server/protocol/links.ts';
import type { MergedReport, Mesh, MeshSettings } from '../../server/protocol/mesh.ts';
import {
  type DiscoverySnapshot,
  type DiscoveryStatus,
  type PeerRef,
  type Pod,
  peersHashOf,
} from '../../server/protocol/pod.ts';
import type { PodReport } from '../../server/protocol/pod-report.ts';
import { OUTCOMES, type Outcome, type Phase } from '../../server/protocol/sample.ts';

/** The moment at which all tests of the mesh play. */
export const NOW_MS = Date.UTC(2026, 10, 22, 15, 0, 0, 0);

/** A ready pod number `n`, alone on its node, an hour old. */
export function podOf(n: number, change: Partial<Pod> = {}): Pod {
  return {
    uid: `uid-${n}`,
    name: `pod-${n}`,
    namespace: 'default',
    node: `node-${n}`,
    zone: '',
    podIPs: [`127.0.${Math.floor(n / 250)}.${(n % 250) + 1}`],
    hostIPs: [`10.0.${Math.floor(n / 250)}.${(n % 250) + 1}`],
    lifecycle: 'ready',
    sinceMs: NOW_MS - 3_600_000,
    createdMs: NOW_MS - 3_600_000,
    owner: '',
    labels: '',
    replacedBy: '',
    ...change,
  };
}

/** `count` ready pods. */
export function podsOf(count: number): Pod[] {
  return Array.from({ length: count }, (_, n) => podOf(n));
}

/** As peers name each other. */
export function refOf(pod: Pod): PeerRef {
  return { uid: pod.uid, name: pod.name, namespace: pod.namespace, podIP: pod.podIPs[0] ?? '' };
}

/** What a test wants a link to be: by default answered within 1 ms, 5 s ago. */
export interface LinkWish {
  to: number;
  outcome?: Outcome;
  phase?: Phase | null;
  totalUs?: number;
  flags?: number;
  sinceMs?: number;
  notYet?: boolean;
}

/** Links as wished. */
export function linksOf(wishes: readonly LinkWish[]): PodReport['links'] {
  const links = emptyLinks(wishes.length);
  for (const [i, wish] of wishes.entries()) {
    links.to[i] = wish.to;
    links.flags[i] = (wish.flags ?? 0) | (wish.notYet ? FLAG_NOT_YET : 0) | phaseFlag(wish.phase ?? null);
    links.outcome[i] = OUTCOMES.indexOf(wish.outcome ?? 'ok');
    links.totalUs[i] = pack16(wish.totalUs ?? 1_000);
    links.ageMs[i] = pack16(5_000);
    links.sinceMs[i] = pack16(wish.sinceMs ?? 60_000);
  }
  return links;
}

/** The own report of pod `from`, who knows `peers` and probes as wished (all of them by default). */
export function reportOf(
  from: Pod,
  peers: readonly Pod[],
  wishes?: readonly LinkWish[],
  change: Partial<PodReport> = {},
): PodReport {
  return {
    pod: { uid: from.uid, name: from.name, namespace: from.namespace },
    atMs: NOW_MS,
    bootTimeMs: NOW_MS - 7_200_000,
    peersHash: peersHashOf(peers.map(refOf)),
    peers: peers.map(refOf),
    gonePeers: [],
    links: linksOf(wishes ?? peers.map((_, to) => ({ to }))),
    details: [],
    stats: null,
    windowMs: 0,
    past: null,
    probes: [],
    starvation: { loopDelayP99Us: 0, suspectShare: 0, unreliable: false, sinceMs: 0 },
    discovery: { phase: 'synced', sinceMs: 0, lastGoodMs: 0 },
    ...change,
  };
}

/** PodReport of pod `pod` of a mesh, with links as wished. */
export function mergedReportOf(
  pod: number,
  wishes: readonly LinkWish[],
  change: Partial<MergedReport> = {},
): MergedReport {
  return {
    pod,
    missing: '',
    missingDetail: '',
    via: 'report',
    atMs: NOW_MS,
    fetchUs: 1_000,
    bootTimeMs: NOW_MS - 7_200_000,
    samePeers: true,
    links: linksOf(wishes),
    details: [],
    stats: null,
    probes: [],
    starvation: null,
    ...change,
  };
}

/** A list that is current. */
export function statusOf(change: Partial<DiscoveryStatus> = {}): DiscoveryStatus {
  return {
    phase: 'synced',
    sinceMs: NOW_MS - 3_600_000,
    mode: 'watch',
    lastGoodMs: NOW_MS,
    attempts: 0,
    nextAttemptMs: 0,
    lastError: null,
    namespace: 'default',
    labelSelector: 'app=goldpinger',
    ...change,
  };
}

/** What discovery knows. */
export function snapshotOf(pods: readonly Pod[], change: Partial<DiscoveryStatus> = {}): DiscoverySnapshot {
  return { pods, status: statusOf(change) };
}

/** Goldpinger's defaults. */
export function settingsOf(change: Partial<MeshSettings> = {}): MeshSettings {
  return {
    version: '1.0.0',
    refreshIntervalMs: 30_000,
    pingTimeoutMs: 300,
    pingNumber: 0,
    slowLinkMs: 100,
    historyWindowMs: 3_600_000,
    goneRetentionMs: 300_000,
    displayNodeName: false,
    ...change,
  };
}

/** A mesh of these reports, judged. Without reports: everybody reaches everybody. */
export function meshOf(pods: readonly Pod[], reports?: MergedReport[], change: Partial<Mesh> = {}): Mesh {
  const all =
    reports ??
    pods.map((_, from) =>
      mergedReportOf(
        from,
        pods.map((_to, to) => ({ to })),
      ),
    );
  const head = { atMs: NOW_MS, discovery: statusOf(), settings: settingsOf(), ...change };
  const tally = new HealthTally(pods);
  for (const report of all) tally.add(report);
  return {
    collectMs: 5,
    ageMs: 0,
    windowMs: 0,
    past: null,
    findings: [],
    servedBy: { pod: 0, name: pods[0]?.name ?? '' },
    health: tally.health(head),
    pods: [...pods],
    reports: all,
    ...head,
  };
}
