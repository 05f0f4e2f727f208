import fc from 'fast-check';
import type { LinkFigures } from '../../server/analysis/comparison/change.ts';
import { type Report, Reporter, type ReporterDeps, type ReportQuery } from '../../server/analysis/comparison/report.ts';
import { HeatmapPainter } from '../../server/heatmap-png/heatmap.ts';
import type { Annotation, Annotations } from '../../server/protocol/annotation.ts';
import { type Comparison, parseComparison } from '../../server/protocol/comparison.ts';
import { type Events, type MeshEvent, newestEvents } from '../../server/protocol/event.ts';
import { NONE16, pack16 } from '../../server/protocol/links.ts';
import type { Mesh } from '../../server/protocol/mesh.ts';
import type { Pod } from '../../server/protocol/pod.ts';
import { FakeClock } from './fake-clock.ts';
import { eventPodOf, LATE_ANSWER, MeshBuilder, meshOf, NOW_MS, settingsOf } from './mesh.ts';

/** The range of the fault: two minutes long, it ended three minutes ago. */
export const FROM_MS = NOW_MS - 300_000;
export const TO_MS = FROM_MS + 120_000;

/** The mesh of a builder as a mesh of the past. */
export function pastOf(builder: MeshBuilder, fromMs: number, toMs: number, resolutionMs = 0): Mesh {
  return meshOf(builder.pods, builder.reports, {
    past: { fromMs, toMs, resolutionMs },
    atMs: toMs,
    findings: builder.findings(),
    discovery: builder.status,
  });
}

/** Experiment 2: the last pod answers 250 ms late, itself included. */
export function slowPod(n = 4): MeshBuilder {
  return new MeshBuilder(n).into(n - 1, LATE_ANSWER, true);
}

/** An event of links from `from` to a pod, or of the pod itself. */
export function eventOf(
  kind: MeshEvent['kind'],
  atMs: number,
  pod: Pod | null,
  from: Pod[] = [],
  change: Partial<MeshEvent> = {},
): MeshEvent {
  return {
    id: `${kind}-${atMs}-${pod?.uid}`,
    atMs,
    kind,
    pod: pod === null ? null : eventPodOf(pod),
    from: from.slice(0, 5).map(eventPodOf),
    fromCount: from.length,
    outcome: null,
    phase: null,
    totalUs: -1,
    detail: '',
    ...change,
  };
}

/** An annotation of a time range; `toMs` null: of a moment. */
export function annotationOf(fromMs: number, toMs: number | null, text = 'latency 250 ms'): Annotation {
  return { id: `annotation-${fromMs}`, fromMs, toMs, text, tags: ['chaos'], writtenMs: fromMs };
}

/** Events merged over all pods; no pod's are missing. */
export function eventsOf(events: MeshEvent[], change: Partial<Events> = {}): Events {
  return { fromMs: 0, toMs: NOW_MS, nowMs: NOW_MS, truncated: false, missing: [], events, ...change };
}

/** Annotations merged over all pods; no pod's are missing. */
export function annotationsOf(annotations: Annotation[]): Annotations {
  return { nowMs: NOW_MS, missing: [], annotations };
}

/** How a scene differs from experiment 2. */
export interface Scene {
  before?: MeshBuilder;
  during?: MeshBuilder;
  after?: MeshBuilder;
  events?: Events;
  annotations?: Annotations;
  query?: Partial<ReportQuery>;
  resolutionMs?: number;
  deps?: Partial<ReporterDeps>;
}

/** The parts that a reporter asks, answering as the scene says. */
export function depsOf(scene: Scene = {}): ReporterDeps {
  const painter = new HeatmapPainter();
  const during = scene.during ?? slowPod();
  return {
    clock: new FakeClock(NOW_MS),
    past: async ({ fromMs, toMs }) => {
      const builder = toMs <= FROM_MS ? scene.before : fromMs >= TO_MS ? scene.after : during;
      return pastOf(builder ?? new MeshBuilder(during.size), fromMs, toMs, scene.resolutionMs);
    },
    events: async ({ limit }) => {
      const events = scene.events ?? eventsOf([]);
      return { ...events, events: newestEvents(events.events, limit) };
    },
    annotations: async () => scene.annotations ?? annotationsOf([]),
    paint: (mesh, limits) => painter.paint(mesh, limits),
    ...scene.deps,
  };
}

/** The query for the report of a scene. */
export function queryOf({ query }: Scene = {}): ReportQuery {
  return {
    ranges: { during: { fromMs: FROM_MS, toMs: TO_MS }, before: null, after: null },
    expect: [],
    title: '',
    pictures: false,
    ...query,
  };
}

/** A reporter of a scene. */
export function reporterOf(scene: Scene = {}): Reporter {
  return new Reporter(settingsOf(), depsOf(scene));
}

/** The report of a scene. */
export function reportOf(scene: Scene = {}): Promise<Report> {
  return reporterOf(scene).report(queryOf(scene));
}

/** The page of the report of a scene. */
export async function pageOf(scene: Scene = {}): Promise<string> {
  return [...(await reportOf(scene)).page()].join('');
}

/** The comparison of a scene, as a client reads it. */
export async function comparisonOf(scene: Scene = {}): Promise<Comparison> {
  let text = '';
  await reporterOf(scene).comparison(queryOf(scene), async (pieces) => {
    text = [...pieces].join('');
  });
  return parseComparison(JSON.parse(text));
}

/** How a link did in a range; without an ok sample it has no median. */
export function figuresOf(samples: number, failures: number, p50Us: number, sent = 0, lost = 0): LinkFigures {
  const lossCycles = Math.min(lost, 10);
  const p50Us16 = failures === samples ? NONE16 : pack16(p50Us);
  return {
    samples,
    failures,
    p50Us16,
    p95Us16: p50Us16,
    maxUs16: p50Us16,
    jitterUs16: NONE16,
    usualUs16: NONE16,
    sent,
    lost,
    lossCycles,
  };
}

/** Any way in which a link may do in a range. */
export const anyFigures = fc
  .record({ samples: fc.integer({ min: 1, max: 60 }), failed: fc.nat(60), us: fc.nat(400_000) })
  .map(({ samples, failed, us }) => figuresOf(samples, Math.min(samples, failed), us));
