import {
  createReporter,
  type Hypothesis,
  type Report,
  type ReporterDeps,
  type ReportOptions,
} from '../../../../server/analysis/comparison/report.ts';
import { createHeatmapPainter } from '../../../../server/heatmap-png/heatmap.ts';
import type { Annotation, Annotations } from '../../../../server/protocol/annotation.ts';
import type { EventPod, Events, MeshEvent } from '../../../../server/protocol/event.ts';
import type { Mesh } from '../../../../server/protocol/mesh.ts';
import type { Pod } from '../../../../server/protocol/pod.ts';
import { parseVerdict, type VerdictAnswer } from '../../../../server/protocol/verdict.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { LATE_ANSWER, MeshBuilder, meshOf, NOW_MS } from '../../../support/mesh.ts';

/** The fault of the scenes: two minutes long, ended three minutes ago. */
export const FROM_MS = NOW_MS - 300_000;
export const TO_MS = FROM_MS + 120_000;

/** A builder as that of a stretch of the past. */
export function pastOf(builder: MeshBuilder, fromMs: number, toMs: number, resolutionMs = 0): Mesh {
  const past = { fromMs, toMs, resolutionMs };
  return meshOf(builder.pods, builder.reports, {
    past,
    atMs: toMs,
    findings: builder.findings(),
    discovery: builder.status,
  });
}

/** A healthy builder of `n` pods, spoiled as wished. */
export function spoiled(n: number, spoil: (builder: MeshBuilder) => void = () => {}): MeshBuilder {
  const builder = new MeshBuilder(n);
  spoil(builder);
  return builder;
}

/** Experiment 2: every link into the last pod has its answer late by 250 ms. */
export function slowReport(n = 4): MeshBuilder {
  return spoiled(n, (builder) => builder.each((_, to) => to === n - 1, LATE_ANSWER, true));
}

/** A pod as events name it. */
export function eventPod({ uid, name, namespace, node }: Pod): EventPod {
  return { uid, name, namespace, node };
}

/** An event of links into a pod, or of the pod itself. */
export function eventOf(
  kind: MeshEvent['kind'],
  atMs: number,
  pod: Pod | null,
  from: Pod[] = [],
  change: Partial<MeshEvent> = {},
): MeshEvent {
  return {
    ...{ id: `${kind}-${atMs}-${pod?.uid}`, atMs, kind, pod: pod === null ? null : eventPod(pod) },
    ...{ from: from.slice(0, 5).map(eventPod), fromCount: from.length },
    ...{ outcome: null, phase: null, totalUs: -1, detail: '' },
    ...change,
  };
}

/** An annotation of a stretch. */
export function markOf(fromMs: number, toMs: number | null, text = 'latency 250 ms'): Annotation {
  return { id: `mark-${fromMs}`, fromMs, toMs, text, tags: ['chaos'], writtenMs: fromMs };
}

/** Merged events; nobody is missing. */
export function eventsOf(events: MeshEvent[], change: Partial<Events> = {}): Events {
  return { fromMs: 0, toMs: NOW_MS, nowMs: NOW_MS, truncated: false, missing: [], events, ...change };
}

/** Merged annotations; nobody is missing. */
export function annotationsOf(annotations: Annotation[]): Annotations {
  return { nowMs: NOW_MS, missing: [], annotations };
}

/** A verdict on one clause. */
export function verdictOf(verdict: VerdictAnswer['verdict'], change: Partial<VerdictAnswer> = {}): VerdictAnswer {
  return parseVerdict({
    ...{ ok: verdict === 'pass', verdict, reason: verdict === 'pass' ? '' : 'a reason', expect: ['healthy'] },
    ...{
      clauses: [verdict],
      window_s: 120,
      resolution_s: 0,
      samples: 160,
      links_checked: 16,
      links_failed: 0,
      p50_ms: 0.5,
      p95_ms: 1,
    },
    ...{ max_ms: 2, violations: [], missing_reports: [], generated_at: '2026-11-22T15:00:00Z', served_by: 'pod-0' },
    ...change,
  });
}

/** What a scene differs in from experiment 2. */
export interface Scene {
  before?: MeshBuilder;
  during?: MeshBuilder;
  after?: MeshBuilder;
  events?: Events;
  annotations?: Annotations;
  hypothesis?: Partial<Hypothesis>;
  wish?: Partial<ReportOptions>;
  resolutionMs?: number;
  deps?: Partial<ReporterDeps>;
}

/** What a reporter of a scene asks. */
export function depsOf(scene: Scene = {}): ReporterDeps {
  const clock = new FakeClock(NOW_MS);
  const painter = createHeatmapPainter();
  return {
    clock,
    past: async ({ fromMs, toMs }) => {
      const builder = toMs <= FROM_MS ? scene.before : fromMs >= TO_MS ? scene.after : (scene.during ?? slowReport());
      return pastOf(builder ?? spoiled((scene.during ?? slowReport()).size), fromMs, toMs, scene.resolutionMs);
    },
    events: async () => scene.events ?? eventsOf([]),
    annotations: async () => scene.annotations ?? annotationsOf([]),
    paint: (mesh, limits) => painter.paint(mesh, limits),
    ...scene.deps,
  };
}

/** What is wished of a scene. */
export function wishOf({ hypothesis, wish }: Scene = {}): ReportOptions {
  return {
    ranges: { during: { fromMs: FROM_MS, toMs: TO_MS }, before: null, after: null },
    hypothesis: { judge: async () => verdictOf('pass'), named: async () => [], ...hypothesis },
    ...{ title: '', pictures: false },
    ...wish,
  };
}

/** The report of a scene. */
export function reportOf(scene: Scene = {}): Promise<Report> {
  return createReporter({ historyWindowMs: 3_600_000 }, depsOf(scene)).report(wishOf(scene));
}
