import { hypothesisOf } from './analysis/comparison/hypothesis.ts';
import { Reporter } from './analysis/comparison/report.ts';
import { namedFindings } from './analysis/findings/findings.ts';
import type { Config } from './config/config.ts';
import { type Discovery, startDiscovery } from './discovery/discovery.ts';
import { checkAllAnswer } from './goldpinger/check-all-answer.ts';
import { clusterHealthOf } from './goldpinger/cluster-health-answer.ts';
import { createHeatmapPainter } from './heatmap-png/heatmap.ts';
import { EventService, HistoryService } from './history-service.ts';
import type { RouteContext } from './http/context.ts';
import { listen } from './http/server.ts';
import { answerVerdict } from './http/verdict.ts';
import { contentTypeOf, formatFor } from './metrics/exposition.ts';
import { Metrics } from './metrics/metrics.ts';
import { Monitor, type MonitorDeps } from './monitor.ts';
import { type Broadcast, PeerBroadcast } from './peers/broadcast.ts';
import { type CollectDeps, Collector } from './peers/collector.ts';
import { FanOut } from './peers/fan-out.ts';
import { LinkQuery } from './peers/link-query.ts';
import { PeerClient } from './peers/peer-client.ts';
import { queryReport } from './peers/report-query.ts';
import type { MeshSettings } from './protocol/mesh.ts';
import type { DiscoverySnapshot, DiscoveryStatus, Target } from './protocol/pod.ts';
import type { LinkSamples, ProbeResult, Sample } from './protocol/sample.ts';
import type { LinkChange } from './results/judgement.ts';
import type { Clock, Log } from './runtime/clock.ts';
import { SerialQueue } from './runtime/concurrency.ts';

/** What a service is handed besides its configuration. */
interface ServiceDeps extends MonitorDeps {
  log: Log;
  /** Folder of the built page. */
  pageDir: string;
}

/** A running service. */
export interface Service {
  /** Where it listens, as `http://host:port`. */
  address: string;
  /** Not ready at once, answers for SHUTDOWN_GRACE more, then ends everything it started. */
  stop(): Promise<void>;
}

/** What requests in flight get once the listener closes. */
const CLOSE_DEADLINE_MS = 2000;

/**
 * Starts everything and listens. The Kubernetes API is not waited for: discovery goes on in the background.
 * Rejects with the system's error (EADDRINUSE, ...) if it cannot listen.
 */
export async function startService(config: Config, deps: ServiceDeps): Promise<Service> {
  const parts = new Parts(config, deps);
  try {
    const http = await listen(parts.answers(), config.host, config.port);
    parts.follow();
    return { address: http.address, stop: () => parts.stop(() => http.close(CLOSE_DEADLINE_MS)) };
  } catch (error) {
    await parts.end();
    throw error;
  }
}

/** The parts, and what flows between them: pods into the own view and the metrics, reports into the mesh. */
class Parts {
  readonly #config: Config;
  readonly #deps: ServiceDeps;
  readonly #bootTimeMs: number;
  readonly #listeners = new Set<() => void>();
  readonly #own: Monitor;
  readonly #metrics: Metrics;
  readonly #peerClient: PeerClient;
  readonly #collector: Collector;
  readonly #linkQuery: LinkQuery;
  readonly #chronicle: EventService;
  readonly #past: HistoryService;
  readonly #askAll: Broadcast;
  #discovery: Discovery | null = null;
  #isReady = true;

  constructor(config: Config, deps: ServiceDeps) {
    const { clock, random, version } = deps;
    this.#config = config;
    this.#deps = deps;
    this.#bootTimeMs = clock.nowMs();
    this.#own = new Monitor(
      config,
      deps,
      {
        discoveryStatus: () => this.#snapshot().status,
        onSample: (target, sample) => this.#onSample(target, sample),
        onLinkChange: (change) => this.#onLinkChange(change),
        onExternalResult: (result) => this.#onExternalResult(result),
      },
      this.#bootTimeMs,
    );
    this.#metrics = createServiceMetrics(config, {
      ...{ clock, version, own: this.#own },
      discovery: () => this.#snapshot().status,
    });
    const client = new PeerClient({ ...config, port: config.clientPort }, clock);
    this.#peerClient = client;
    const fanOut = new FanOut(config, clock);
    const snapshot = () => this.#snapshot();
    const selfUid = () => this.#own.selfUid;
    const collect: CollectDeps = {
      clock,
      fanOut,
      random,
      selfUid,
      queryReport: (pod, query) => queryReport(client, pod, query),
      settings: () => settingsOf(config, version),
      onPeerCall: (pod, durationUs, ok) => this.#metrics.peerCall(pod, durationUs, ok),
    };
    this.#collector = new Collector({ ...collect, snapshot, ownReport: (windowMs) => this.#own.report(windowMs) });
    this.#linkQuery = new LinkQuery(client, clock);
    this.#askAll = new PeerBroadcast({ clock, client, fanOut, random, snapshot, selfUid });
    const known = { clock, random, own: this.#own, askAll: this.#askAll };
    this.#chronicle = new EventService(config, { ...known, log: deps.log });
    const { podLifetimes } = this.#chronicle;
    const parts = {
      clock,
      own: this.#own,
      podLifetimes,
      askAll: this.#askAll,
      linkQuery: this.#linkQuery,
      collect,
      snapshot,
    };
    this.#past = new HistoryService(config, parts);
  }

  /** Begins to follow the pods. After listening: loading the Kubernetes client takes longer than everything else. */
  follow(): void {
    const { clock, log, random } = this.#deps;
    this.#discovery = startDiscovery(
      this.#config,
      { clock, log, random },
      {
        onChange: (snapshot) => this.#onPods(snapshot),
        onRequest: (durationMs) => this.#metrics.kubeRequest(durationMs),
        onFault: () => this.#metrics.error('kubernetes_api'),
      },
    );
    this.#onPods(this.#discovery.snapshot());
  }

  /** The pods as discovery has them now; before it has begun, nothing. */
  #snapshot(): DiscoverySnapshot {
    return this.#discovery?.snapshot() ?? this.#own.snapshot;
  }

  #onPods(snapshot: DiscoverySnapshot): void {
    this.#chronicle.takePods(snapshot);
    const targets = this.#own.setPods(snapshot);
    this.#chronicle.takeTargets(targets, snapshot);
    this.#metrics.setPeers(snapshot.pods, targets);
    // Of a link that is probed again, or to another address by now, no change of its state may ever tell.
    for (const { target, isUp } of this.#own.links()) this.#metrics.linkState(target, isUp);
    for (const listener of this.#listeners) listener();
  }

  #onSample(target: Target, sample: Sample): void {
    this.#metrics.pingSample(target, sample);
    this.#chronicle.takeSample(target, sample);
  }

  #onExternalResult(result: ProbeResult): void {
    this.#chronicle.takeProbe(result);
    if (result.error !== '') this.#metrics.probeError(result.protocol, result.target);
  }

  #onLinkChange(change: LinkChange): void {
    this.#chronicle.takeLink(change);
    const { target, from, to, sample, previousForMs } = change;
    this.#metrics.linkState(target, to === 'ok');
    const fields = {
      ...{ from: this.#own.selfName, to: target.name, node: target.node, address: target.address },
      ...{ outcome: to, phase: sample.phase, connectUs: sample.connectUs, totalUs: sample.totalUs },
      ...{ detail: sample.detail, before: from, beforeForMs: Math.round(previousForMs) },
    };
    if (to === 'ok') this.#deps.log.info(fields, from === 'unknown' ? 'link is ok' : 'link has recovered');
    else this.#deps.log.warn(fields, 'link fails');
  }

  /** What the routes serve. */
  answers(): RouteContext {
    const { clock, log, version, pageDir } = this.#deps;
    const { maxStreams, refreshIntervalMs, historyWindowMs, families, useHostIP, clientPort } = this.#config;
    const painter = createHeatmapPainter();
    const past = this.#past.answers();
    const chronicle = this.#chronicle.answers();
    const hypotheses = hypothesisAnswers(this.#config, {
      ...{ clock, own: this.#own, collector: this.#collector, painter, past },
      ...{ events: chronicle.events, annotations: chronicle.annotations },
      settings: () => settingsOf(this.#config, version),
    });
    return {
      ...{ clock, log, version, pageDir, maxStreams, refreshIntervalMs, historyWindowMs, bootTimeMs: this.#bootTimeMs },
      received: (action) => this.#metrics.received(action),
      ready: () => this.#isReady,
      sick: () => this.#own.sick(),
      onDiscovery: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
      check: () => this.#own.check(),
      podReport: (windowMs) => this.#own.report(windowMs),
      past,
      ...hypotheses,
      samples: (to) => this.#own.samples(to),
      linkSamples: (from, to) => this.#linkSamples(from, to),
      collect: (options) => this.#collector.collect(options),
      ...chronicle,
      checkAll: (mesh) => {
        const bootTimeMs = this.#own.bootTimes();
        return checkAllAnswer(mesh, { families, useHostIP, port: clientPort, bootTimeMs });
      },
      clusterHealth: (mesh) => clusterHealthOf(mesh),
      heatmapPng: (mesh, limits) => painter.paint(mesh, limits),
      metrics: (accept) => {
        const format = formatFor(accept);
        return { contentType: contentTypeOf(format), text: this.#metrics.render(format) };
      },
    };
  }

  async #linkSamples(from: string, to: string): Promise<LinkSamples | null> {
    if (from === this.#own.selfUid) return this.#own.samples(to);
    const pod = this.#own.snapshot.pods.find(({ uid }) => uid === from);
    return pod === undefined ? null : this.#linkQuery.samples(pod, to);
  }

  /** SIGTERM: first not ready, so that traffic goes elsewhere; then, when that has been noticed, the end. */
  async stop(closeHttp: () => Promise<void>): Promise<void> {
    this.#isReady = false;
    await new Promise<void>((resolve) => void this.#deps.clock.setTimer(resolve, this.#config.shutdownGraceMs));
    await Promise.all([closeHttp(), this.end()]);
  }

  /** Ends every timer, probe, request and watch. */
  async end(): Promise<void> {
    this.#listeners.clear();
    this.#collector.stop();
    this.#past.stop();
    this.#chronicle.stop();
    this.#askAll.stop();
    this.#peerClient.stop();
    await Promise.all([this.#own.stop(), this.#discovery?.stop()]);
  }
}

/** What hypotheses are judged by. */
interface HypothesesParts {
  clock: Clock;
  own: Monitor;
  collector: Collector;
  painter: ReturnType<typeof createHeatmapPainter>;
  past: RouteContext['past'];
  events: RouteContext['events'];
  annotations: RouteContext['annotations'];
  settings(): MeshSettings;
}

/** Verdicts that may wait to be judged: in the time there is no more than a few large ones are. */
const MAX_JUDGED = 64;

/** The part of the wiring that says what stands out, and whether what somebody expects holds. */
function hypothesisAnswers(
  config: Config,
  { clock, own, collector, painter, past, events, annotations, settings }: HypothesesParts,
): Pick<RouteContext, 'findings' | 'verdict' | 'report' | 'comparison'> {
  const parts = {
    ...{ clock, settings, collectPast: past.mesh, servedBy: () => own.selfName },
    collect: collector.collect.bind(collector),
    judging: new SerialQueue(MAX_JUDGED, 'too many verdicts asked for at once, ask again'),
  };
  const reporter = new Reporter(config, {
    clock,
    events,
    past: past.mesh,
    paint: painter.paint,
    annotations: annotations.read,
    hypothesis: (expect) => hypothesisOf(expect, clock),
  });
  return {
    findings: namedFindings,
    verdict: (query) => answerVerdict(query, parts),
    report: (query) => reporter.report(query),
    comparison: (query, send) => reporter.comparison(query, send),
  };
}

/** What the metrics are read from. */
interface MetricsParts {
  clock: Clock;
  version: string;
  own: Monitor;
  discovery(): DiscoveryStatus;
}

/** The metrics of a service: what is counted elsewhere, they ask for when they are scraped. */
function createServiceMetrics(config: Config, { clock, version, own, discovery }: MetricsParts): Metrics {
  const { hostname, podName, metricsPerPeer, hostsToResolve, tcpTargets, httpTargets } = config;
  return new Metrics(
    {
      instance: hostname || podName,
      perPeer: metricsPerPeer,
      version,
      probes: [
        ...hostsToResolve.map((target) => ({ protocol: 'dns' as const, target })),
        ...tcpTargets.map((target) => ({ protocol: 'tcp' as const, target })),
        ...httpTargets.map((target) => ({ protocol: 'http' as const, target })),
      ],
    },
    {
      nowMs: () => clock.nowMs(),
      pods: () => own.snapshot.pods,
      discovery,
      starvation: () => own.starvation(),
      health: () => own.health(),
    },
  );
}

/** The settings that a reader of the mesh needs. */
function settingsOf(config: Config, version: string): MeshSettings {
  const { refreshIntervalMs, pingTimeoutMs, pingNumber, slowLinkMs } = config;
  const { historyWindowMs, goneRetentionMs, displayNodeName } = config;
  const pinging = { refreshIntervalMs, pingTimeoutMs, pingNumber, slowLinkMs };
  return { version, ...pinging, historyWindowMs, goneRetentionMs, displayNodeName };
}
