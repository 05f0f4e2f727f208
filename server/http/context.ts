import type { EventEmitter } from 'node:events';
import type { Reporter } from '../analysis/comparison/report.ts';
import type { Config } from '../config/config.ts';
import type { AnnotationStore } from '../events/annotation-store.ts';
import type { HeatmapPainter } from '../heatmap-png/heatmap.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { MeshAnnotations } from '../peers/annotations.ts';
import type { Collector } from '../peers/collector.ts';
import type { Copies } from '../peers/copies.ts';
import type { CopySource } from '../peers/keeper.ts';
import type { LinkQuery } from '../peers/link-query.ts';
import type { MeshEvents } from '../peers/mesh-events.ts';
import type { MeshHistories } from '../peers/mesh-history.ts';
import type { PastMeshes } from '../peers/past-meshes.ts';
import type { Journal } from '../protocol/event.ts';
import type { AgeRange, LinkHistory, PodHistory } from '../protocol/history.ts';
import type { DepartedPod, DiscoverySnapshot, Pod } from '../protocol/pod.ts';
import type { PodReport } from '../protocol/pod-report.ts';
import type { LinkSamples } from '../protocol/sample.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';

/**
 * The part of `Monitor` that the routes use. It is declared again here because http must not import monitor.ts. The methods
 * without a comment are documented there.
 */
interface OwnPod {
  snapshot: DiscoverySnapshot;
  selfUid: string;
  selfName: string;
  past: { resolutionMs(ageMs: number): number };
  report(windowMs: number): Promise<PodReport>;
  linkHistory(toUid: string, range: AgeRange, stepMs: number): LinkHistory;
  samples(toUid: string): LinkSamples;
  /** Goldpinger's `/check`, as JSON in pieces. */
  check(): Iterable<string>;
  bootTimes(): (uid: string) => number;
  /** Why this process should be restarted; '' = it is alive. */
  livenessFailure(): string;
}

/** What this pod remembers of itself, and what it has seen of other pods. */
interface OwnPast {
  /** This pod's own report and its own history, both of a past range. Both name the pods of which it keeps copies. */
  reportOf(range: AgeRange): Promise<PodReport>;
  podHistory(range: AgeRange, stepMs: number): Promise<PodHistory>;
  /** This pod's own journal; its `copies` are the journals of pods that have left, of which this pod keeps copies. */
  journal(sinceAgeMs: number, limit?: number): Journal;
  departedLives(): DepartedPod[];
  /** A pod of the last HISTORY_WINDOW as it was last known; null if it is unknown. */
  lastKnown(uid: string): Pod | null;
}

/** What the server of every pod needs, also of a passive one. */
export interface ProcessContext {
  clock: Clock;
  log: Log;
  config: Config;
  /** When this process started, ms since the epoch. */
  bootTimeMs: number;
  /** Whether `/readyz` answers 200; false once shutdown has begun. */
  isReady(): boolean;
  metrics: Pick<Metrics, 'received' | 'render'>;
}

/** What the routes need. service.ts provides it; tests pass plain objects. */
export interface RouteContext extends ProcessContext {
  version: string;
  /** Folder of the built page. */
  pageDir: string;
  monitor: OwnPod;
  painter: Pick<HeatmapPainter, 'paint'>;
  ownPast: OwnPast;
  /** The copies that this pod keeps of other pods. */
  copies: Pick<Copies, 'reportOf' | 'podHistory' | 'linkHistory' | 'samples'>;
  /** Answers the pods that keep a copy of this one. */
  copySource: Pick<CopySource, 'answer'>;
  /** This pod's own copies of annotations. */
  ownAnnotations: Pick<AnnotationStore, 'copies' | 'merge'>;
  /** The mesh of now. This and what follows, up to `annotations`, ask other pods. */
  collector: Pick<Collector, 'collect'>;
  pastMeshes: Pick<PastMeshes, 'of' | 'at'>;
  histories: Pick<MeshHistories, 'history'>;
  linkQuery: Pick<LinkQuery, 'samples' | 'history'>;
  events: Pick<MeshEvents, 'events'>;
  annotations: Pick<MeshAnnotations, 'read' | 'write' | 'remove'>;
  reporter: Pick<Reporter, 'report' | 'comparison'>;
  /** Emits `change` after each change of the pod list. */
  podChanges: EventEmitter;
}
