import {
  type EventPod,
  type Events,
  MAX_EVENT_PODS,
  MAX_EVENTS,
  type MeshEvent,
} from '../../../server/protocol/event.ts';
import { LATENCY_BINS_US, type LinkHistory, type MeshHistory } from '../../../server/protocol/history.ts';
import { FLAG_NOT_YET, outcomeOf, phaseOf, unpack16 } from '../../../server/protocol/links.ts';
import type { MergedReport, Mesh } from '../../../server/protocol/mesh.ts';
import type { Pod } from '../../../server/protocol/pod.ts';
import type { TimeRange } from '../../../server/runtime/time-range.ts';
import { chance } from './random.ts';
import { samplesOf } from './samples.ts';

/** A link that is as slow as this is ill, us. */
const SLOW_US = 100_000;
/** The latency of a link before it fell ill, us. */
const WELL_US = 570;

/**
 * The past that fits a made-up mesh, as `samplesOf` has it for one link: each ill link has been as it is since its
 * `since`, and well before; the others have always been as they are.
 */
export function historyOf(mesh: Mesh, { fromMs, toMs }: TimeRange, stepMs: number): MeshHistory {
  const steps = Math.ceil((toMs - fromMs) / stepMs);
  const blank = () => LATENCY_BINS_US.map(() => 0).concat(0);
  // What changes from one step to the next; added up below.
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
      change(0, binOf(state === 'well' ? latencyOf(report, i) : WELL_US), 1);
      const since = Math.max(0, Math.floor((sinceMs(mesh, report, i) - fromMs) / stepMs));
      if (state === 'well' || since >= steps) continue;
      change(since, binOf(WELL_US), -1);
      if (state === 'slow') change(since, binOf(latencyOf(report, i)), 1);
      else failed[since] = (failed[since] ?? 0) + 1;
    }
  }
  for (let step = 1; step < steps; step++) {
    failed[step] = (failed[step] ?? 0) + (failed[step - 1] ?? 0);
    byLatency[step] = blank().map((_, bin) => (byLatency[step]?.[bin] ?? 0) + (byLatency[step - 1]?.[bin] ?? 0));
  }
  const always = (count: number): number[] => new Array(steps).fill(count);
  return {
    ...{ fromMs, toMs, stepMs, nowMs: mesh.atMs, resolutionMs: 2000, missing: [] },
    reports: always(mesh.reports.filter(({ missing }) => missing === '').length),
    pods: always(mesh.pods.filter(({ lifecycle }) => lifecycle !== 'gone').length),
    ...{ links: always(links), failed, byLatency },
  };
}

/** What has happened that led to a made-up mesh: the newest `limit` of the events of a stretch, oldest first. */
export function eventsOf(mesh: Mesh, { fromMs, toMs }: TimeRange, limit = MAX_EVENTS): Events {
  const all = [...lifeEvents(mesh), ...linkEvents(mesh)]
    .filter(({ atMs }) => atMs >= fromMs && atMs <= toMs)
    .sort((a, b) => a.atMs - b.atMs);
  const events = all.slice(-Math.min(limit, MAX_EVENTS));
  return { fromMs, toMs, nowMs: mesh.atMs, truncated: events.length < all.length, missing: [], events };
}

/** The past of one link, as `samplesOf` has it, in steps of a minute over an hour. */
export function linkHistoryOf(mesh: Mesh, from: string, to: string): LinkHistory {
  const { samples, error } = samplesOf(mesh, from, to);
  const now = samples.at(-1);
  const source = mesh.pods.findIndex(({ uid }) => uid === from);
  const report = mesh.reports.find(({ pod }) => pod === source);
  const i = report?.links.to.indexOf(mesh.pods.findIndex(({ uid }) => uid === to)) ?? -1;
  const since = report === undefined || i < 0 || stateOf(report, i) === 'well' ? mesh.atMs : sinceMs(mesh, report, i);
  const steps = Array.from({ length: now === undefined ? 0 : 60 }, (_, k) => {
    const atMs = mesh.atMs - (60 - k) * 60_000;
    const isNow = now !== undefined && atMs + 60_000 > since;
    const isFailed = isNow && now.outcome !== 'ok';
    const us = isFailed ? -1 : Math.round((isNow ? now.totalUs : WELL_US) * (0.97 + 0.06 * chance(source, i, k)));
    return {
      ...{ atMs, lengthMs: 60_000, samples: 30, failures: isFailed ? { [now.outcome]: 30 } : {} },
      ...{ minUs: us, p50Us: us, p95Us: isFailed ? -1 : Math.round(us * 1.2), maxUs: isFailed ? -1 : us * 2 },
      ...{ connectP50Us: isFailed ? -1 : 200, firstByteP50Us: isFailed ? -1 : Math.max(0, us - 220) },
    };
  });
  return { from, to, error, nowMs: mesh.atMs, resolutionMs: 2000, steps };
}

const BLANK = { pod: null, from: [], fromCount: 0, outcome: null, phase: null, totalUs: -1, detail: '' };

function lifeEvents({ pods }: Mesh): MeshEvent[] {
  return pods.flatMap((pod): MeshEvent[] => {
    const heir = pods.find(({ uid }) => uid === pod.replacedBy);
    const kinds = {
      starting: 'pod-seen',
      ready: null,
      'not-ready': 'pod-not-ready',
      terminating: 'pod-terminating',
      gone: heir === undefined ? 'pod-gone' : 'pod-replaced',
    } as const;
    const kind = kinds[pod.lifecycle];
    if (kind === null) return [];
    return [
      { ...BLANK, id: `${kind}-${pod.uid}`, atMs: pod.sinceMs, kind, pod: eventPod(pod), detail: heir?.name ?? '' },
    ];
  });
}

/** One event for all links to a pod that fell ill within the same ten seconds. */
function linkEvents(mesh: Mesh): MeshEvent[] {
  const byId = new Map<string, MeshEvent>();
  for (const report of mesh.reports) {
    const source = mesh.pods[report.pod];
    for (let i = 0; i < report.links.length; i++) {
      const state = stateOf(report, i);
      const target = mesh.pods[report.links.to[i] ?? -1];
      if (state === 'well' || source === undefined || target === undefined || target.lifecycle === 'gone') continue;
      const atMs = sinceMs(mesh, report, i);
      const id = `link-${state}-${target.uid}-${Math.floor(atMs / 10_000)}`;
      const event = byId.get(id) ?? {
        ...{ ...BLANK, id, atMs, kind: `link-${state}`, pod: eventPod(target), from: [] },
        ...(state === 'slow'
          ? { totalUs: latencyOf(report, i) }
          : { outcome: outcomeOf(report.links, i), phase: phaseOf(report.links, i) }),
      };
      event.fromCount++;
      if (event.from.length < MAX_EVENT_PODS) event.from.push(eventPod(source));
      byId.set(id, event);
    }
  }
  return [...byId.values()];
}

function stateOf(report: MergedReport, i: number): 'well' | 'slow' | 'failed' {
  if (((report.links.flags[i] ?? 0) & FLAG_NOT_YET) !== 0) return 'well';
  if (report.links.outcome[i] !== 0) return 'failed';
  return latencyOf(report, i) >= SLOW_US ? 'slow' : 'well';
}

function latencyOf({ links }: MergedReport, i: number): number {
  return unpack16(links.totalUs[i] ?? 0);
}

function sinceMs({ atMs }: Mesh, { links }: MergedReport, i: number): number {
  return atMs - unpack16(links.sinceMs[i] ?? 0);
}

/** The bin of a latency (us) among `LATENCY_BINS_US`. */
function binOf(us: number): number {
  const bin = LATENCY_BINS_US.findIndex((bound) => us <= bound);
  return bin === -1 ? LATENCY_BINS_US.length : bin;
}

function eventPod({ uid, name, namespace, node }: Pod): EventPod {
  return { uid, name, namespace, node };
}
