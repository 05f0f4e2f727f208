import type { EventEmitter } from 'node:events';
import type { Reporter } from '../analysis/comparison/report.ts';
import type { Config } from '../config/config.ts';
import type { AnnotationStore } from '../events/annotations.ts';
import type { EventJournal } from '../events/journal.ts';
import type { HeatmapPainter } from '../heatmap-png/heatmap.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { MeshAnnotations } from '../peers/annotations.ts';
import type { Collector } from '../peers/collector.ts';
import type { MeshEvents } from '../peers/events.ts';
import type { MeshHistories } from '../peers/history.ts';
import type { LinkQuery } from '../peers/link-query.ts';
import type { PastMeshes } from '../peers/past-meshes.ts';
import type { AgeRange, LinkHistory, PodHistory } from '../protocol/history.ts';
import type { DiscoverySnapshot } from '../protocol/pod.ts';
import type { PodReport } from '../protocol/pod-report.ts';
import type { LinkSamples } from '../protocol/sample.ts';
import type { VerdictAnswer } from '../protocol/verdict.ts';
import type { Clock, Log } from '../runtime/clock.ts';
import type { VerdictQuery } from './verdict.ts';

/** What the routes use of `Monitor` (monitor.ts), which is above this room; the methods are explained there. */
interface OwnPod {
  snapshot: DiscoverySnapshot;
  selfUid: string;
  past: {
    podHistory(range: AgeRange, stepMs: number): Promise<PodHistory>;
    resolutionMs(ageMs: number): number;
  };
  report(windowMs: number): Promise<PodReport>;
  reportOf(range: AgeRange): Promise<PodReport>;
  linkHistory(toUid: string, range: AgeRange, stepMs: number): LinkHistory;
  samples(toUid: string): LinkSamples;
  check(): Iterable<string>;
  bootTimes(): (uid: string) => number;
  livenessFailure(): string;
}

/** The parts that the routes serve. service.ts makes them; a test passes literals. */
export interface RouteContext {
  clock: Clock;
  log: Log;
  config: Config;
  version: string;
  bootTimeMs: number;
  /** Folder of the built page. */
  pageDir: string;
  monitor: OwnPod;
  metrics: Pick<Metrics, 'received' | 'render'>;
  painter: Pick<HeatmapPainter, 'paint'>;
  /** What this pod has seen happen, and its own copies of annotations. */
  journal: Pick<EventJournal, 'read'>;
  ownAnnotations: Pick<AnnotationStore, 'copies' | 'merge'>;
  /** What this pod collects from all pods. */
  collector: Pick<Collector, 'collect'>;
  pastMeshes: Pick<PastMeshes, 'of' | 'at'>;
  histories: Pick<MeshHistories, 'history'>;
  linkQuery: Pick<LinkQuery, 'samples' | 'history'>;
  events: Pick<MeshEvents, 'events'>;
  annotations: Pick<MeshAnnotations, 'read' | 'write' | 'remove'>;
  reporter: Pick<Reporter, 'report' | 'comparison'>;
  /** Whether a hypothesis holds. Rejects with a ValidationError if the query is not valid. */
  verdict(query: VerdictQuery): Promise<VerdictAnswer>;
  /** Whether this pod wants new traffic: false from SIGTERM on. */
  isReady(): boolean;
  /** Emits `change` after each change of the pod list. */
  podChanges: EventEmitter;
}
