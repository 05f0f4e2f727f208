import { type Events, MAX_EVENT_PODS, MAX_EVENTS, type MeshEvent } from '../../../server/protocol/event.ts';
import { LATENCY_BINS_US, type LinkHistory, type MeshHistory } from '../../../server/protocol/history.ts';
import { FLAG_NOT_YET, outcomeOf, phaseOf, unpack16 } from '../../../server/protocol/links.ts';
import type { MergedReport, Mesh } from '../../../server/protocol/mesh.ts';
import type { LinkSamples, RecentSample } from '../../../server/protocol/sample.ts';
import { lostOf, sentOf } from '../../../server/protocol/udp.ts';
import type { TimeRange } from '../../../server/runtime/time-range.ts';
import { eventPodOf } from '../mesh.ts';
import { chance } from './plan.ts';

/** A link is slow from this latency on. */
const SLOW_US = 100_000;
/** Latency of a link before it became slow or failed. */
const HEALTHY_US = 570;

/**
 * A history that fits a made-up mesh: each slow or failed link has been so since its `sinceMs` and was healthy before;
 * the other links have always been as they are.
 */
export function historyOf(mesh: Mesh, { fromMs, toMs }: TimeRange, stepMs: number): MeshHistory {
  const steps = Math.ceil((toMs - fromMs) / stepMs);
  const blank = () => LATENCY_BINS_US.map(() => 0).concat(0);
  // The changes from one step to the next; they are added up below.
  const failed: number[] = new Array(steps).fill(0);
  const byLatency = Array.from({ length: steps }, blank);
  const change = (step: number, bin: number, by: 1 | -1) => {
    const bins = byLatency[step];
    if (bins !== undefined) bins[bin] = (bins[bin] ?? 0) + by;
  };
  let links = 0;
  for (const report of mesh.reports) {
    for (let i = 0; i < report.links.length; i++) {
      if (((report.links.flags[i] ?? 0) & FLAG_NOT_YET) !== 0) continue;
      links++;
      const state = stateOf(report, i);
      change(0, latencyBin(state === 'healthy' ? latencyOf(report, i) : HEALTHY_US), 1);
      const since = Math.max(0, Math.floor((sinceMs(mesh, report, i) - fromMs) / stepMs));
      if (state === 'healthy' || since >= steps) continue;
      change(since, latencyBin(HEALTHY_US), -1);
      if (state === 'slow') change(since, latencyBin(latencyOf(report, i)), 1);
      else failed[since] = (failed[since] ?? 0) + 1;
    }
  }
  for (let step = 1; step < steps; step++) {
    failed[step] = (failed[step] ?? 0) + (failed[step - 1] ?? 0);
    byLatency[step] = blank().map((_, bin) => (byLatency[step]?.[bin] ?? 0) + (byLatency[step - 1]?.[bin] ?? 0));
  }
  const always = (count: number): number[] => new Array(steps).fill(count);
  return {
    fromMs,
    toMs,
    stepMs,
    nowMs: mesh.atMs,
    resolutionMs: 2000,
    missing: [],
    reports: always(mesh.reports.filter(({ missing }) => missing === '').length),
    pods: always(mesh.pods.filter(({ lifecycle }) => lifecycle !== 'gone').length),
    links: always(links),
    failed,
    byLatency,
  };
}

/** The events that led to a made-up mesh: the newest `limit` of a time range, oldest first. */
export function eventsOf(mesh: Mesh, { fromMs, toMs }: TimeRange, limit = MAX_EVENTS): Events {
  const all = [...lifecycleEvents(mesh), ...linkEvents(mesh)]
    .filter(({ atMs }) => atMs >= fromMs && atMs <= toMs)
    .sort((a, b) => a.atMs - b.atMs);
  const events = all.slice(-Math.min(limit, MAX_EVENTS));
  return { fromMs, toMs, nowMs: mesh.atMs, truncated: events.length < all.length, missing: [], events };
}

/** The recent samples of a link, 75 in steps of 2 s: since `sinceMs` as it is now, before that healthy. */
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
  const healthy = { ...now, outcome: 'ok', phase: null, connectUs: 200, firstByteUs: 350, totalUs: 570 } as const;
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
  const source = mesh.pods.findIndex(({ uid }) => uid === from);
  const report = mesh.reports.find(({ pod }) => pod === source);
  const i = report?.links.to.indexOf(mesh.pods.findIndex(({ uid }) => uid === to)) ?? -1;
  const since =
    report === undefined || i < 0 || stateOf(report, i) === 'healthy' ? mesh.atMs : sinceMs(mesh, report, i);
  const udp = report?.udp ?? null;
  const isMeasured = udp !== null && sentOf(udp, i) > 0;
  const lossShare = isMeasured ? lostOf(udp, i) / sentOf(udp, i) : 0;
  const steps = Array.from({ length: now === undefined ? 0 : 60 }, (_, k) => {
    const atMs = mesh.atMs - (60 - k) * stepMs;
    const isNow = now !== undefined && atMs + stepMs > since;
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

const BLANK = { pod: null, from: [], fromCount: 0, outcome: null, phase: null, totalUs: -1, detail: '' };

function lifecycleEvents({ pods }: Mesh): MeshEvent[] {
  return pods.flatMap((pod): MeshEvent[] => {
    const replacement = pods.find(({ uid }) => uid === pod.replacedBy);
    const kinds = {
      starting: 'pod-seen',
      ready: null,
      'not-ready': 'pod-not-ready',
      terminating: 'pod-terminating',
      gone: replacement === undefined ? 'pod-gone' : 'pod-replaced',
    } as const;
    const kind = kinds[pod.lifecycle];
    if (kind === null) return [];
    return [
      {
        ...BLANK,
        id: `${kind}-${pod.uid}`,
        atMs: pod.sinceMs,
        kind,
        pod: eventPodOf(pod),
        detail: replacement?.name ?? '',
      },
    ];
  });
}

/** One event for all links to a pod that became slow or failed within the same ten seconds. */
function linkEvents(mesh: Mesh): MeshEvent[] {
  const byId = new Map<string, MeshEvent>();
  for (const report of mesh.reports) {
    const source = mesh.pods[report.pod];
    for (let i = 0; i < report.links.length; i++) {
      const state = stateOf(report, i);
      const target = mesh.pods[report.links.to[i] ?? -1];
      if (state === 'healthy' || source === undefined || target === undefined || target.lifecycle === 'gone') continue;
      const atMs = sinceMs(mesh, report, i);
      const id = `link-${state}-${target.uid}-${Math.floor(atMs / 10_000)}`;
      const event = byId.get(id) ?? {
        ...BLANK,
        id,
        atMs,
        kind: `link-${state}`,
        pod: eventPodOf(target),
        from: [],
        ...(state === 'slow'
          ? { totalUs: latencyOf(report, i) }
          : { outcome: outcomeOf(report.links, i), phase: phaseOf(report.links, i) }),
      };
      event.fromCount++;
      if (event.from.length < MAX_EVENT_PODS) event.from.push(eventPodOf(source));
      byId.set(id, event);
    }
  }
  return [...byId.values()];
}

function stateOf(report: MergedReport, i: number): 'healthy' | 'slow' | 'failed' {
  if (((report.links.flags[i] ?? 0) & FLAG_NOT_YET) !== 0) return 'healthy';
  if (report.links.outcome[i] !== 0) return 'failed';
  return latencyOf(report, i) >= SLOW_US ? 'slow' : 'healthy';
}

function latencyOf({ links }: MergedReport, i: number): number {
  return unpack16(links.totalUs[i] ?? 0);
}

function sinceMs({ atMs }: Mesh, { links }: MergedReport, i: number): number {
  return atMs - unpack16(links.sinceMs[i] ?? 0);
}

/** The bin of a latency (us) among `LATENCY_BINS_US`. */
export function latencyBin(us: number): number {
  const bin = LATENCY_BINS_US.findIndex((bound) => us <= bound);
  return bin === -1 ? LATENCY_BINS_US.length : bin;
}
