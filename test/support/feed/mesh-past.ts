import type { LinkHistory } from '../../../server/protocol/history.ts';
import { outcomeOf, phaseOf, unpack16 } from '../../../server/protocol/links.ts';
import type { Mesh } from '../../../server/protocol/mesh.ts';
import type { LinkSamples, RecentSample } from '../../../server/protocol/sample.ts';
import { lostOf, sentOf } from '../../../server/protocol/udp.ts';
import { chance } from './plan.ts';

/** Latency of a link before it became as it is now. */
const HEALTHY_US = 570;

/** Finds a link of a mesh by the uids of its pods; `i` is its index in the report, -1 if it is not probed. */
function linkIn({ pods, reports }: Mesh, from: string, to: string) {
  const [source, target] = [from, to].map((uid) => pods.findIndex((pod) => pod.uid === uid)) as [number, number];
  const report = reports.find(({ pod }) => pod === source);
  return { source, target, report, i: report?.links.to.indexOf(target) ?? -1 };
}

/** The recent samples of a link, 75 in steps of 2 s: since `sinceMs` as it is now, before that healthy. */
export function samplesOf(mesh: Mesh, from: string, to: string): LinkSamples {
  const { source, target, report, i } = linkIn(mesh, from, to);
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
  const healthy = {
    ...now,
    outcome: 'ok',
    phase: null,
    connectUs: 200,
    firstByteUs: 350,
    totalUs: HEALTHY_US,
  } as const;
  const forMs = figure(report.links.sinceMs);
  const samples = Array.from({ length: 75 }, (_, k): RecentSample => {
    const age = (74 - k) * 2000 + 500;
    const wobble = (us: number) => (us < 0 ? us : Math.round(us * (0.97 + 0.06 * chance(source, target, k))));
    const then = age <= forMs ? now : healthy;
    return {
      ...then,
      atMs: nowMs - age,
      connectUs: wobble(then.connectUs),
      firstByteUs: wobble(then.firstByteUs),
      totalUs: then.outcome === 'ok' ? wobble(then.totalUs) : then.totalUs,
    };
  });
  return { from, to, nowMs, error: '', samples, usualUs: 500 };
}

/** The history of a link that fits its samples, in 60 steps of `stepMs`. */
export function linkHistoryOf(mesh: Mesh, from: string, to: string, stepMs: number): LinkHistory {
  const { samples, error } = samplesOf(mesh, from, to);
  const now = samples.at(-1);
  const perStep = stepMs / 2000;
  const { source, report, i } = linkIn(mesh, from, to);
  const sinceMs = mesh.atMs - unpack16(report?.links.sinceMs[i] ?? 0);
  const udp = report?.udp ?? null;
  const isMeasured = udp !== null && sentOf(udp, i) > 0;
  const lossShare = isMeasured ? lostOf(udp, i) / sentOf(udp, i) : 0;
  const steps = Array.from({ length: now === undefined ? 0 : 60 }, (_, k) => {
    const atMs = mesh.atMs - (60 - k) * stepMs;
    const isNow = now !== undefined && atMs + stepMs > sinceMs;
    const isFailed = isNow && now.outcome !== 'ok';
    const us = isFailed ? -1 : Math.round((isNow ? now.totalUs : HEALTHY_US) * (0.97 + 0.06 * chance(source, i, k)));
    return {
      atMs,
      lengthMs: stepMs,
      samples: perStep,
      failures: isFailed ? { [now.outcome]: perStep } : {},
      minUs: us,
      p50Us: us,
      p95Us: isFailed ? -1 : Math.round(us * 1.2),
      maxUs: isFailed ? -1 : us * 2,
      connectP50Us: isFailed ? -1 : 200,
      firstByteP50Us: isFailed ? -1 : Math.max(0, us - 220),
      // The loss began fifteen steps ago.
      ...(isMeasured && { udpSent: 10 * perStep, udpLost: k < 45 ? 0 : Math.round(10 * perStep * lossShare) }),
    };
  });
  return { from, to, error, nowMs: mesh.atMs, resolutionMs: 2000, steps };
}
