import { emptyLinks, emptyStats, FLAG_NOT_YET, FLAG_SUSPECT, pack16 } from '../../../server/protocol/links.ts';
import type { MergedReport, Mesh, MissingReason } from '../../../server/protocol/mesh.ts';
import type { Pod } from '../../../server/protocol/pod.ts';
import { findingsOf, mergedReportOf, setLink } from '../mesh.ts';
import { FEED_TIME_MS, type MeshOptions } from './options.ts';
import { type Fate, type Plan, planOf } from './plan.ts';
import { podsOf } from './pods.ts';
import { chance } from './random.ts';
import { statusOf } from './status.ts';

/** A whole mesh in the given situation: pure, the same for the same options. */
export function meshOf(wanted: MeshOptions): Mesh {
  const none = ['waiting', 'empty', 'forbidden'].includes(wanted.scenario);
  const options: Required<MeshOptions> = {
    seed: 1,
    atMs: FEED_TIME_MS,
    nodes: 0,
    zones: 3,
    pingNumber: 0,
    windowMs: 0,
    tick: 0,
    ...wanted,
    pods: none ? 0 : wanted.scenario === 'alone' ? 1 : wanted.pods,
  };
  const plan = planOf(options, podsOf(options));
  const reports: MergedReport[] = [];
  for (const [i, pod] of plan.pods.entries()) if (pod.lifecycle !== 'gone') reports.push(reportOf(options, plan, i));
  const mesh = { ...statusOf(options, plan), pods: plan.pods, reports };
  return { ...mesh, findings: findingsOf(mesh) };
}

function reportOf(options: Required<MeshOptions>, plan: Plan, from: number): MergedReport {
  const missing: MissingReason | '' = plan.missing.get(from) ?? '';
  const targets = missing === '' ? targetsOf(options, plan.pods, from) : [];
  const isStarved = plan.starved.has(from);
  const report = mergedReportOf(from, [], {
    missing,
    missingDetail: missing === 'timeout' ? 'no answer within 1000 ms' : missing === '' ? '' : `asking it: ${missing}`,
    via: plan.viaCheck.has(from) ? 'check' : 'report',
    atMs: options.atMs - Math.floor(chance(options.seed, from, 11) * 800),
    fetchUs: 2000 + Math.floor(chance(options.seed, from, 12) * 4000),
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
      sinceMs: options.atMs - 90_000,
    };
  }
  for (const [i, to] of targets.entries()) fillLink(options, plan, report, i, from, to);
  return report;
}

/** All pods, or with PING_NUMBER a fixed choice of that many; a starting pod has no address to ask. */
function targetsOf({ pingNumber, seed }: Required<MeshOptions>, pods: Pod[], from: number): number[] {
  const all = pods.flatMap((pod, to) => (pod.lifecycle === 'starting' ? [] : [to]));
  if (pingNumber === 0 || pingNumber >= all.length) return all;
  return all
    .map((to) => ({ to, rank: chance(seed, from, to, 21) }))
    .sort((a, b) => a.rank - b.rank)
    .slice(0, pingNumber)
    .map(({ to }) => to)
    .sort((a, b) => a - b);
}

function fillLink(
  o: Required<MeshOptions>,
  plan: Plan,
  report: MergedReport,
  i: number,
  from: number,
  to: number,
): void {
  const { links, stats } = report;
  const fate: Fate = plan.fate(from, to);
  links.to[i] = to;
  if (fate.outcome === 'not-yet') {
    links.flags[i] = FLAG_NOT_YET;
    return;
  }
  const draw = (salt: number) => chance(o.seed, from, to, o.tick, salt);
  const connectUs = 120 + draw(31) * 220;
  const usualUs = 150 + 500 * draw(32) ** 2 + (chance(o.seed, from, to, 33) < 0.015 ? 2200 + draw(34) * 2500 : 0);
  const failed = fate.outcome !== 'ok';
  const firstByteUs = fate.firstByteUs > 0 ? fate.firstByteUs + draw(35) * 2500 : usualUs;
  const connected = !failed || fate.phase !== 'connect';
  const totalUs = failed ? (fate.outcome === 'timeout' ? 300_000 : connectUs) : connectUs + firstByteUs + 20;
  setLink(links, i, {
    to,
    outcome: fate.outcome,
    phase: failed ? fate.phase : null,
    flags: fate.suspect ? FLAG_SUSPECT : 0,
    connectUs: report.via === 'check' || !connected ? -1 : connectUs,
    firstByteUs: report.via === 'check' || failed ? -1 : firstByteUs,
    totalUs: report.via === 'check' ? Math.floor(totalUs / 1000) * 1000 : totalUs,
    ageMs: draw(36) * 2000,
    sinceMs: fate.forMs,
  });
  if (failed && report.details.length < 200) report.details.push([i, fate.detail]);
  if (stats === null) return;
  const samples = Math.floor(o.windowMs / 2000);
  stats.samples[i] = samples;
  stats.failures[i] = failed ? Math.min(samples, Math.round(fate.forMs / 2000)) : 0;
  stats.p50Us[i] = pack16(failed ? -1 : totalUs);
  stats.p95Us[i] = pack16(failed ? -1 : totalUs * 1.3 + 100);
  stats.maxUs[i] = pack16(failed ? -1 : totalUs * 1.6 + 300);
}
