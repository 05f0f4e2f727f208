import { isSlow } from '../../../server/protocol/link-state.ts';
import {
  emptyLinks,
  emptyStats,
  FLAG_NOT_YET,
  FLAG_SLOW,
  FLAG_SUSPECT,
  pack16,
} from '../../../server/protocol/links.ts';
import type { MergedReport, Mesh } from '../../../server/protocol/mesh.ts';
import type { DiscoveryStatus, Pod } from '../../../server/protocol/pod.ts';
import { emptyUdp, lossWindowMs, writeLoss, writeUdp } from '../../../server/protocol/udp.ts';
import { findingsAndHealthOf, mergedReportOf, setLink, settingsOf, statusOf } from '../mesh.ts';
import { chance, type MeshOptions, type Plan, planOf, SEED } from './plan.ts';

/** The default time of a mesh: 2024-05-14 13:12:30 UTC. */
export const FEED_TIME_MS = Date.UTC(2024, 4, 14, 13, 12, 30);

/** Makes a mesh in the given situation. The same options make the same mesh. */
export function meshOf(wanted: MeshOptions): Mesh {
  const options = optionsOf(wanted);
  const plan = planOf(options);
  const reports: MergedReport[] = [];
  for (const [i, pod] of plan.pods.entries()) if (pod.lifecycle !== 'gone') reports.push(reportOf(options, plan, i));
  const { atMs, pingNumber, windowMs } = options;
  const first = plan.pods.findIndex((pod, i) => pod.lifecycle === 'ready' && !plan.missing.has(i));
  const mesh = {
    atMs,
    collectMs: 24,
    ageMs: 300,
    windowMs,
    past: null,
    servedBy: { pod: first, name: plan.pods[first]?.name ?? 'goldpinger-7c9f4-x2k8p' },
    discovery: discoveryOf(options),
    settings: settingsOf({ version: '0.1.0', refreshIntervalMs: 2000, pingNumber }),
    pods: plan.pods,
    reports,
  };
  return { ...mesh, ...findingsAndHealthOf(mesh) };
}

/** The pods of a mesh, without the time that its links would take. */
export function podsOf(pods: number): Pod[] {
  return planOf(optionsOf({ pods, scenario: 'healthy' })).pods;
}

function optionsOf(wanted: MeshOptions): Required<MeshOptions> {
  const none = ['waiting', 'empty', 'forbidden'].includes(wanted.scenario);
  return {
    atMs: FEED_TIME_MS,
    nodes: 0,
    zones: 3,
    pingNumber: 0,
    windowMs: 0,
    tick: 0,
    ...wanted,
    pods: none ? 0 : wanted.scenario === 'alone' ? 1 : wanted.pods,
  };
}

function reportOf(options: Required<MeshOptions>, plan: Plan, from: number): MergedReport {
  const missing = plan.missing.get(from) ?? '';
  const targets = missing === '' ? targetsOf(options, plan.pods, from) : [];
  const isStarved = plan.starved.has(from);
  const report = mergedReportOf(from, [], {
    missing,
    missingDetail: missing === 'timeout' ? 'no answer within 1000 ms' : missing === '' ? '' : `asking it: ${missing}`,
    via: plan.viaCheck.has(from) ? 'check' : 'report',
    atMs: options.atMs - Math.floor(chance(SEED, from, 11) * 800),
    fetchUs: 2000 + Math.floor(chance(SEED, from, 12) * 4000),
    bootTimeMs: options.atMs - 3_600_000,
    links: emptyLinks(targets.length),
    stats: options.windowMs > 0 && missing === '' ? emptyStats(targets.length) : null,
    probes: missing === '' ? plan.probes(from) : [],
  });
  if (missing === '' && report.via === 'report') {
    report.starvation = {
      loopDelayP99Us: isStarved ? 140_000 : 900,
      suspectShare: isStarved ? 0.8 : 0,
      unreliable: isStarved,
      sinceMs: isStarved ? options.atMs - 90_000 : 0,
    };
  }
  for (const [i, to] of targets.entries()) fillLink(options, plan, report, i, from, to);
  return report;
}

/** All pods, or with PING_NUMBER that many, one of each part of the list; a starting pod has no address to ask. */
function targetsOf({ pingNumber, scenario }: Required<MeshOptions>, pods: Pod[], from: number): number[] {
  const all = pods.flatMap((pod, to) => (pod.lifecycle === 'starting' ? [] : [to]));
  if (pingNumber === 0 || pingNumber >= all.length) return all;
  const part = all.length / pingNumber;
  const some = Array.from(
    { length: pingNumber },
    (_, k) => all[Math.floor((k + chance(SEED, from, k, 21)) * part)] ?? 0,
  );
  // The one link that fails must be probed.
  if (scenario === 'one-way' && from === Math.floor(pods.length / 4)) some[pingNumber - 1] = pods.length - 1;
  return some;
}

function fillLink(
  { tick, windowMs }: Required<MeshOptions>,
  plan: Plan,
  report: MergedReport,
  i: number,
  from: number,
  to: number,
): void {
  const { links, stats } = report;
  const fate = plan.fate(from, to);
  links.to[i] = to;
  if (fate.outcome === 'not-yet') {
    links.flags[i] = FLAG_NOT_YET;
    return;
  }
  const draw = (salt: number) => chance(SEED, from, to, tick, salt);
  const connectUs = 120 + draw(31) * 220;
  const usualUs = 150 + 500 * draw(32) ** 2 + (chance(SEED, from, to, 33) < 0.015 ? 2200 + draw(34) * 2500 : 0);
  const failed = fate.outcome !== 'ok';
  const firstByteUs = fate.firstByteUs > 0 ? fate.firstByteUs + draw(35) * 2500 : usualUs;
  const connected = !failed || fate.phase !== 'connect';
  const totalUs = failed ? (fate.outcome === 'timeout' ? 300_000 : connectUs) : connectUs + firstByteUs + 20;
  const isSlowLink = !failed && report.via === 'report' && isSlow(totalUs, settingsOf().slowLinkMs * 1000);
  setLink(links, i, {
    to,
    outcome: fate.outcome,
    phase: failed ? fate.phase : null,
    flags: (fate.suspect ? FLAG_SUSPECT : 0) | (isSlowLink ? FLAG_SLOW : 0),
    connectUs: report.via === 'check' || !connected ? -1 : connectUs,
    firstByteUs: report.via === 'check' || failed ? -1 : firstByteUs,
    totalUs: report.via === 'check' ? Math.floor(totalUs / 1000) * 1000 : totalUs,
    ageMs: draw(36) * 2000,
    sinceMs: fate.forMs,
  });
  if (failed && report.details.length < 200) report.details.push([i, fate.detail]);
  const lost = plan.lossPercent(from, to);
  if (lost !== null) {
    report.udp ??= emptyUdp(links.length);
    const result = {
      sent: 10,
      lost: Math.round(lost / 10),
      rttUs: connectUs * 2,
      duplicates: 0,
      outOfOrder: 0,
      hops: 2,
    };
    writeUdp(report.udp, i, result, draw(36) * 2000);
    const recentMs = lossWindowMs(2000);
    const countsOf = (ms: number) => ({
      sent: ms / 200,
      lost: Math.round((ms * lost) / 20_000),
      lossCycles: lost > 0 ? ms / 2000 : 0,
    });
    writeLoss(report.udp, i, countsOf(recentMs), countsOf(windowMs || recentMs));
  }
  if (stats === null) return;
  const samples = Math.floor(windowMs / 2000);
  stats.samples[i] = samples;
  const failedShare =
    plan.hasFormerFailures && chance(SEED, from, to, 39) < 0.04 ? chance(SEED, from, to, 40) * 0.15 : 0;
  stats.failures[i] = Math.round(failed ? Math.min(samples, fate.forMs / 2000) : samples * failedShare);
  stats.p50Us[i] = pack16(failed ? -1 : totalUs);
  stats.p95Us[i] = pack16(failed ? -1 : totalUs * 1.3 + 100);
  stats.maxUs[i] = pack16(failed ? -1 : totalUs * 1.6 + 300);
  stats.jitterUs[i] = pack16(failed ? -1 : totalUs * (0.05 + 0.2 * draw(37)));
  stats.usualUs[i] = pack16(connectUs + usualUs * (0.8 + 0.3 * draw(38)));
}

function discoveryOf({ atMs, scenario }: Required<MeshOptions>): DiscoveryStatus {
  const synced = statusOf({ sinceMs: atMs - 3_600_000, lastGoodMs: atMs - 2000 });
  const away = { attempts: 5, nextAttemptMs: atMs + 4000 };
  const timeout = { fault: 'timeout', message: 'connect 10.96.0.1:443: timed out', atMs: atMs - 1000 } as const;
  if (scenario === 'waiting') {
    return { ...synced, ...away, phase: 'waiting', sinceMs: atMs - 20_000, lastGoodMs: 0, lastError: timeout };
  }
  if (scenario === 'forbidden') {
    const message = 'pods is forbidden: User "system:serviceaccount:default:goldpinger-serviceaccount" cannot list';
    const lastError = { fault: 'forbidden', message, atMs: atMs - 1000 } as const;
    return { ...synced, ...away, phase: 'waiting', sinceMs: atMs - 620_000, lastGoodMs: 0, lastError };
  }
  if (scenario !== 'stale') return synced;
  return {
    ...synced,
    ...away,
    phase: 'stale',
    sinceMs: atMs - 192_000,
    lastGoodMs: atMs - 192_000,
    lastError: timeout,
  };
}
