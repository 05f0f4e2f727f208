import type { LinkHistory } from '../../../server/protocol/history.ts';
import { outcomeOf, phaseOf, unpack16 } from '../../../server/protocol/links.ts';
import type { Mesh } from '../../../server/protocol/mesh.ts';
import type { LinkSamples, RecentSample } from '../../../server/protocol/sample.ts';
import { chance } from './random.ts';

/** Recent samples (75, one each 2 s) of a link of a mesh: as it is now back to its `since`, healthy before that. */
export function samplesOf(mesh: Mesh, from: string, to: string): LinkSamples {
  const source = mesh.pods.findIndex((pod) => pod.uid === from);
  const target = mesh.pods.findIndex((pod) => pod.uid === to);
  const report = mesh.reports.find(({ pod }) => pod === source);
  const i = report === undefined ? -1 : report.links.to.indexOf(target);
  const nowMs = mesh.atMs;
  if (report === undefined || i === -1) return { from, to, nowMs, error: 'that pod does not probe it', samples: [] };
  const figure = (column: Uint16Array) => unpack16(column[i] ?? 0);
  const now: Omit<RecentSample, 'atMs'> = {
    outcome: outcomeOf(report.links, i),
    phase: phaseOf(report.links, i),
    connectUs: figure(report.links.connectUs),
    firstByteUs: figure(report.links.firstByteUs),
    totalUs: figure(report.links.totalUs),
    suspect: report.starvation?.unreliable ?? false,
  };
  const fine = { ...now, outcome: 'ok', phase: null, connectUs: 200, firstByteUs: 350, totalUs: 570 } as const;
  const forMs = figure(report.links.sinceMs);
  const samples = Array.from({ length: 75 }, (_, k): RecentSample => {
    const age = (74 - k) * 2000 + 500;
    const wobble = (us: number) => (us < 0 ? us : Math.round(us * (0.97 + 0.06 * chance(source, target, k))));
    const then = age <= forMs ? now : fine;
    return {
      ...then,
      atMs: nowMs - age,
      connectUs: wobble(then.connectUs),
      firstByteUs: wobble(then.firstByteUs),
      totalUs: then.outcome === 'ok' ? wobble(then.totalUs) : then.totalUs,
    };
  });
  return { from, to, nowMs, error: '', samples };
}

/** The past of a link of a feed in steps of 10 s, beyond its samples as it was when it was fine. */
export function linkHistoryOf(mesh: Mesh, from: string, to: string): LinkHistory {
  const { error, nowMs, samples } = samplesOf(mesh, from, to);
  const steps: LinkHistory['steps'] = [];
  for (let ageMs = 600_000; error === '' && ageMs > 0; ageMs -= 10_000) {
    const atMs = nowMs - ageMs;
    const within = samples.filter((sample) => sample.atMs >= atMs && sample.atMs < atMs + 10_000);
    const totals = within.flatMap(({ outcome, totalUs }) => (outcome === 'ok' ? [totalUs] : [])).sort((a, b) => a - b);
    const failures: Record<string, number> = {};
    for (const { outcome } of within) if (outcome !== 'ok') failures[outcome] = (failures[outcome] ?? 0) + 1;
    const usual = within.length === 0 ? [450, 570, 900] : totals;
    const at = (share: number) => usual[Math.min(usual.length - 1, Math.floor(usual.length * share))] ?? -1;
    steps.push({
      ...{ atMs, lengthMs: 10_000, samples: Math.max(5, within.length), failures },
      ...{ minUs: at(0), p50Us: at(0.5), p95Us: at(0.95), maxUs: at(1) },
      ...{ connectP50Us: -1, firstByteP50Us: -1 },
    });
  }
  return { from, to, error, nowMs, resolutionMs: 10_000, steps };
}
