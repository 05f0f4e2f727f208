import { EventEmitter } from 'node:events';
import { Reporter } from './analysis/comparison/report.ts';
import { hypothesisOf } from './analysis/comparison/targets.ts';
import type { Config } from './config/config.ts';
import { Discovery } from './discovery/discovery.ts';
import { AnnotationStore } from './events/annotations.ts';
import { EventJournal } from './events/journal.ts';
import { PodLifetimes } from './events/pod-lifetimes.ts';
import { HeatmapPainter } from './heatmap-png/heatmap.ts';
import type { RouteContext } from './http/context.ts';
import { listen } from './http/server.ts';
import { answerVerdict, type VerdictSources } from './http/verdict.ts';
import { Metrics } from './metrics/metrics.ts';
import { Monitor, type MonitorDeps } from './monitor.ts';
import { MeshAnnotations } from './peers/annotations.ts';
import { type Broadcast, PeerBroadcast } from './peers/broadcast.ts';
import type { CollectDeps } from './peers/collect-view.ts';
import { Collector } from './peers/collector.ts';
import { MeshEvents } from './peers/events.ts';
import { FanOut } from './peers/fan-out.ts';
import { MeshHistories } from './peers/history.ts';
import { LinkQuery } from './peers/link-query.ts';
import { PastMeshes } from './peers/past-meshes.ts';
import { PeerClient } from './peers/peer-client.ts';
import { queryReport } from './peers/report-query.ts';
import type { LinkChange } from './protocol/link-state.ts';
import type { MeshSettings } from './protocol/mesh.ts';
import type { DiscoverySnapshot, Target } from './protocol/pod.ts';
import type { ProbeResult, Sample } from './protocol/sample.ts';
import type { Log } from './runtime/clock.ts';
import { SerialQueue } from './runtime/concurrency.ts';

/** What a service needs besides its configuration. */
interface ServiceDeps extends MonitorDeps {
  log: Log;
  /** Folder of the built page. */
  pageDir: string;
}

/** A running service. */
export interface Service {
  /** Where it listens, as `http://host:port`. */
  address: string;
  /** Turns not ready at once, goes on answering for SHUTDOWN_GRACE, then ends everything that it started. */
  stop(): Promise<void>;
}

/** How long requests in flight may take to finish once the listener has closed. */
const CLOSE_DEADLINE_MS = 2000;
/** The most verdicts that may wait for their turn. Within their time budget only a few of a large mesh are judged. */
const MAX_WAITING_VERDICTS = 64;
/**
 * Starts all parts and listens. It does not wait for the Kubernetes API: discovery goes on in the background.
 * Rejects with the system's error (EADDRINUSE, ...) if it cannot listen.
 */
export async function startService(config: Config, deps: ServiceDeps): Promise<Service> {
  const parts = new Parts(config, deps);
  try {
    const http = await listen(parts.routeContext(), config.host, config.port);
    parts.startDiscovery();
    return { address: http.address, stop: () => parts.stop(() => http.close(CLOSE_DEADLINE_MS)) };
  } catch (error) {
    await parts.end();
    throw error;
  }
}

/** All parts of the program, and what flows between them. The constructor makes them from the bottom up. */
class Parts {
  readonly #config: Config;
  readonly #deps: ServiceDeps;
  readonly #bootTimeMs: number;

  /** This pod's own part: schedule, probes, results. */
  readonly #monitor: Monitor;
  readonly #metrics: Metrics;
  #discovery: Discovery | null = null;

  /** What this pod has seen happen, and the copies of annotations that it keeps. */
  readonly #podLifetimes: PodLifetimes;
  readonly #journal: EventJournal;
  readonly #ownAnnotations: AnnotationStore;

  /** What other pods are asked for. */
  readonly #client: PeerClient;
  readonly #broadcast: Broadcast;
  readonly #collector: Collector;
  readonly #pastMeshes: PastMeshes;
  readonly #histories: MeshHistories;
  readonly #linkQuery: LinkQuery;
  readonly #events: MeshEvents;
  readonly #annotations: MeshAnnotations;

  /** Emits `change` after each change of the pod list, to live pages. */
  readonly #podChanges = new EventEmitter();
  #isReady = true;

  constructor(config: Config, deps: ServiceDeps) {
    const { clock, log, random } = deps;
    this.#config = config;
    this.#deps = deps;
    this.#bootTimeMs = clock.nowMs();
    this.#monitor = new Monitor(config, deps, this.#bootTimeMs, {
      discoveryStatus: () => this.#snapshot().status,
      onSample: (target, sample) => this.#onSample(target, sample),
      onLinkChange: (change) => this.#onLinkChange(change),
      onExternalResult: (result) => this.#onExternalResult(result),
    });
    this.#metrics = this.#createMetrics();

    const snapshot = () => this.#snapshot();
    const selfUid = () => this.#monitor.selfUid;
    const resolutionMs = (ageMs: number) => this.#monitor.past.resolutionMs(ageMs);

    this.#podLifetimes = new PodLifetimes(config, clock);
    this.#journal = new EventJournal({ ...config, clock, random, starvation: () => this.#monitor.starvation() });
    this.#ownAnnotations = new AnnotationStore(clock);

    const client = new PeerClient({ ...config, port: config.clientPort }, clock);
    const fanOut = new FanOut(config, clock);
    const collectDeps: CollectDeps = {
      clock,
      fanOut,
      random,
      selfUid,
      snapshot,
      queryReport: (pod, query) => queryReport(client, pod, query),
      settings: () => this.#meshSettings(),
      onPeerCall: (pod, durationUs, ok) => this.#metrics.peerCall(pod, durationUs, ok),
    };
    this.#client = client;
    this.#broadcast = new PeerBroadcast({ clock, client, fanOut, random, snapshot, selfUid });
    this.#collector = new Collector({
      ...collectDeps,
      ownReport: (windowMs) => this.#monitor.report(windowMs),
    });
    this.#pastMeshes = new PastMeshes({
      ...collectDeps,
      jitterFactor: config.jitterFactor,
      resolutionMs,
      lifetimes: this.#podLifetimes,
      ownReportOf: (range) => this.#monitor.reportOf(range),
    });
    this.#histories = new MeshHistories(config.historyWindowMs, {
      clock,
      broadcast: this.#broadcast,
      resolutionMs,
      ownHistory: (range, stepMs) => this.#monitor.past.podHistory(range, stepMs),
      lifetimes: this.#podLifetimes,
    });
    this.#linkQuery = new LinkQuery(client, clock);
    this.#events = new MeshEvents(config, {
      clock,
      broadcast: this.#broadcast,
      journal: this.#journal,
      lifetimes: this.#podLifetimes,
      podCount: () => this.#monitor.snapshot.pods.length,
    });
    this.#annotations = new MeshAnnotations({
      clock,
      random,
      log,
      broadcast: this.#broadcast,
      own: this.#ownAnnotations,
      writeToken: config.writeToken,
    });
  }

  /** Begins to follow the pods. After listening, because loading the Kubernetes client takes longer than all the rest. */
  startDiscovery(): void {
    const { clock, log, random } = this.#deps;
    this.#discovery = new Discovery(this.#config, {
      clock,
      log,
      random,
      onChange: (snapshot) => this.#onPods(snapshot),
      onRequest: (durationMs) => this.#metrics.kubeRequest(durationMs),
      onFault: () => this.#metrics.error('kubernetes_api'),
    });
    this.#onPods(this.#discovery.snapshot());
  }

  /** SIGTERM: first not ready, so that traffic goes elsewhere; the end comes SHUTDOWN_GRACE later. */
  async stop(closeHttp: () => Promise<void>): Promise<void> {
    this.#isReady = false;
    await new Promise<void>((resolve) => void this.#deps.clock.setTimer(resolve, this.#config.shutdownGraceMs));
    await Promise.all([closeHttp(), this.end()]);
  }

  /** Ends every timer, probe, request and watch. */
  async end(): Promise<void> {
    this.#collector.stop();
    this.#pastMeshes.stop();
    this.#histories.stop();
    this.#annotations.stop();
    this.#broadcast.stop();
    this.#client.stop();
    await Promise.all([this.#monitor.stop(), this.#discovery?.stop()]);
  }

  /** What the routes serve. */
  routeContext(): RouteContext {
    const { clock, log, version, pageDir } = this.#deps;
    const painter = new HeatmapPainter();
    const verdictSources: VerdictSources = {
      clock,
      settings: () => this.#meshSettings(),
      collect: (options) => this.#collector.collect(options),
      collectPast: (range) => this.#pastMeshes.of(range),
      judging: new SerialQueue(MAX_WAITING_VERDICTS, 'too many verdicts asked for at once, ask again'),
      servedBy: () => this.#monitor.selfName,
    };
    const reporter = new Reporter(this.#config, {
      clock,
      events: (query) => this.#events.events(query),
      annotations: () => this.#annotations.read(),
      past: (range) => this.#pastMeshes.of(range),
      paint: (mesh, limits) => painter.paint(mesh, limits),
      hypothesis: (expect) => hypothesisOf(expect, clock),
    });
    return {
      clock,
      log,
      config: this.#config,
      version,
      bootTimeMs: this.#bootTimeMs,
      pageDir,
      monitor: this.#monitor,
      metrics: this.#metrics,
      painter,
      journal: this.#journal,
      ownAnnotations: this.#ownAnnotations,
      collector: this.#collector,
      pastMeshes: this.#pastMeshes,
      histories: this.#histories,
      linkQuery: this.#linkQuery,
      events: this.#events,
      annotations: this.#annotations,
      reporter,
      verdict: (query) => answerVerdict(query, verdictSources),
      isReady: () => this.#isReady,
      podChanges: this.#podChanges,
    };
  }

  /** The pods as discovery knows them now; none before it has started. */
  #snapshot(): DiscoverySnapshot {
    return this.#discovery?.snapshot() ?? this.#monitor.snapshot;
  }

  #onPods(snapshot: DiscoverySnapshot): void {
    this.#journal.onPods(this.#podLifetimes.update(snapshot));
    this.#journal.onDiscovery(snapshot.status);
    const targets = this.#monitor.setPods(snapshot);
    this.#journal.onTargets(targets);
    if (snapshot.status.phase === 'synced' && snapshot.pods.length > 1) void this.#annotations.catchUp();
    this.#metrics.setPeers(snapshot.pods, targets);
    // A link that is probed again, or at another address, may never change its state: its state is set here.
    for (const { target, isUp } of this.#monitor.links()) this.#metrics.linkState(target, isUp);
    this.#podChanges.emit('change');
  }

  #onSample(target: Target, sample: Sample): void {
    this.#metrics.pingSample(target, sample);
    this.#journal.onSample(target, sample);
  }

  #onExternalResult(result: ProbeResult): void {
    this.#journal.onProbe(result);
    if (result.error !== '') this.#metrics.probeError(result.protocol, result.target);
  }

  #onLinkChange(change: LinkChange): void {
    this.#journal.onLinkChange(change);
    const { target, from, to, sample, previousForMs } = change;
    this.#metrics.linkState(target, to === 'ok');
    const fields = {
      from: this.#monitor.selfName,
      to: target.name,
      node: target.node,
      address: target.address,
      outcome: to,
      phase: sample.phase,
      connectUs: sample.connectUs,
      totalUs: sample.totalUs,
      detail: sample.detail,
      before: from,
      beforeForMs: Math.round(previousForMs),
    };
    if (to === 'ok') this.#deps.log.info(fields, from === 'unknown' ? 'link is ok' : 'link has recovered');
    else this.#deps.log.warn(fields, 'link fails');
  }

  /** The settings that a reader of the mesh needs. */
  #meshSettings(): MeshSettings {
    const config = this.#config;
    return {
      version: this.#deps.version,
      refreshIntervalMs: config.refreshIntervalMs,
      pingTimeoutMs: config.pingTimeoutMs,
      pingNumber: config.pingNumber,
      slowLinkMs: config.slowLinkMs,
      historyWindowMs: config.historyWindowMs,
      goneRetentionMs: config.goneRetentionMs,
      displayNodeName: config.displayNodeName,
    };
  }

  /** The metrics. What other parts count, they read when they are scraped. */
  #createMetrics(): Metrics {
    const { hostname, podName, metricsPerPeer, hostsToResolve, tcpTargets, httpTargets } = this.#config;
    return new Metrics(
      {
        instance: hostname || podName,
        perPeer: metricsPerPeer,
        version: this.#deps.version,
        probes: [
          ...hostsToResolve.map((target) => ({ protocol: 'dns' as const, target })),
          ...tcpTargets.map((target) => ({ protocol: 'tcp' as const, target })),
          ...httpTargets.map((target) => ({ protocol: 'http' as const, target })),
        ],
      },
      {
        nowMs: () => this.#deps.clock.nowMs(),
        pods: () => this.#monitor.snapshot.pods,
        discovery: () => this.#snapshot().status,
        starvation: () => this.#monitor.starvation(),
        health: () => this.#monitor.health(),
      },
    );
  }
}
