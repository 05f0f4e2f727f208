import type { ComparisonQuery, Report, ReportQuery } from '../analysis/comparison/report.ts';
import type {
  AnnotationCopies,
  AnnotationCopy,
  AnnotationRequest,
  Annotations,
  WrittenAnnotation,
} from '../protocol/annotation.ts';
import type { Events, Journal } from '../protocol/event.ts';
import type { AgeRange, LinkHistory, MeshHistory, PodHistory } from '../protocol/history.ts';
import type { Thresholds } from '../protocol/link-state.ts';
import type { Mesh } from '../protocol/mesh.ts';
import type { PodReport } from '../protocol/pod-report.ts';
import type { LinkSamples } from '../protocol/sample.ts';
import type { VerdictAnswer } from '../protocol/verdict.ts';
import type { Clock, Log } from '../runtime/clock.ts';
import type { TimeRange } from '../runtime/time-range.ts';
import type { VerdictQuery } from './verdict.ts';

/** Calls that Goldpinger counts in `goldpinger_stats_total{group="received"}`. */
type Action = 'ping' | 'check' | 'check_all' | 'cluster_health' | 'healthz';

/** What the routes of the past serve. */
export interface PastContext {
  /** The own report of a time range, and its history in steps. */
  podReport(range: AgeRange): Promise<PodReport>;
  podHistory(range: AgeRange, stepMs: number): Promise<PodHistory>;
  ownLinkHistory(toUid: string, range: AgeRange, stepMs: number): LinkHistory;
  /** The mesh of a time range, or as it was at a moment. */
  mesh(span: TimeRange): Promise<Mesh>;
  meshAt(atMs: number): Promise<Mesh>;
  /** The past of all links in steps; `stepMs` 0 = of a length that suits. */
  history(query: TimeRange & { stepMs: number }): Promise<MeshHistory>;
  /** The past of any link, asked of the pod that probes it; null if there is no such pod. */
  linkHistory(fromUid: string, toUid: string): Promise<LinkHistory | null>;
}

/** Annotations as the routes read and write them. */
interface AnnotationContext {
  read(): Promise<Annotations>;
  write(request: AnnotationRequest): Promise<WrittenAnnotation>;
  /** null: there is none with this id. */
  remove(id: string): Promise<WrittenAnnotation | null>;
  /** This pod's own copies. */
  copies(): AnnotationCopies;
  /** Merges another pod's copies into our own. */
  merge(copies: readonly AnnotationCopy[]): void;
}

/** What the routes serve; service.ts makes it of the domains, a test makes it of literals. */
export interface RouteContext {
  clock: Clock;
  log: Log;
  version: string;
  bootTimeMs: number;
  /** Folder of the built page. */
  pageDir: string;
  maxStreams: number;
  refreshIntervalMs: number;
  /** How far back the past can be asked for. */
  historyWindowMs: number;
  /** Counts a request for `goldpinger_stats_total`. */
  countReceived(action: Action): void;
  /** Whether this pod wants new traffic: false from SIGTERM on. */
  isReady(): boolean;
  /** Why this process should be restarted; '' while it is alive. */
  livenessFailure(): string;
  /** Calls `listener` after each change of the pod list. Returns a function that ends that. */
  onPodsChange(listener: () => void): () => void;
  /** Goldpinger's `/check` of the own report, as JSON in pieces. */
  check(): Iterable<string>;
  podReport(windowMs: number): Promise<PodReport>;
  past: PastContext;
  samples(toUid: string): LinkSamples;
  /** Samples of any link, asked of the pod that probes it; null if there is no such pod. */
  linkSamples(fromUid: string, toUid: string): Promise<LinkSamples | null>;
  /** The mesh; one that is at most `maxAgeMs` old will do. */
  collect(options: { windowMs: number; maxAgeMs: number }): Promise<Mesh>;
  /** What happened here in the last `sinceAgeMs`, and everywhere between two moments; at most `limit`, the newest. */
  journal(sinceAgeMs: number, limit: number): Journal;
  annotations: AnnotationContext;
  /** WRITE_TOKEN: clients that write and pods that send copies must send it. '' = nobody may write. */
  writeToken: string;
  events(query: { fromMs: number; toMs: number; limit: number }): Promise<Events>;
  /** Whether a hypothesis holds. Rejects with a ValidationError if the query is not valid. */
  verdict(query: VerdictQuery): Promise<VerdictAnswer>;
  /** What happened in a range, compared with before and after. Rejects with a ValidationError if the query is not valid. */
  report(query: ReportQuery): Promise<Report>;
  /** Makes a report with all links behind it; `send` takes its JSON in pieces. Rejects as `report`. */
  comparison(query: ComparisonQuery, send: (pieces: Iterable<string>) => Promise<void>): Promise<void>;
  /** What stands out in a mesh, for readers that have none. */
  findings(mesh: Mesh): object;
  checkAll(mesh: Mesh): Iterable<string>;
  clusterHealth(mesh: Mesh): { OK: boolean };
  heatmapPng(mesh: Mesh, limits: Thresholds): Promise<Uint8Array>;
  /** The metrics for an Accept header. */
  metrics(accept: string): { contentType: string; text: AsyncIterable<string> };
}
