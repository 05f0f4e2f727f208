import { Chronicle } from './chronicle.ts';
import type { Config } from './config/config.ts';
import type { DiscoverySnapshot } from './contract/discovery.ts';
import type { Sample } from './contract/outcome.ts';
import type { Target } from './contract/pod.ts';
import type { ProbeResult } from './contract/probe.ts';
import type { LinkSamples } from './contract/samples.ts';
import type { Log } from './contract/seams.ts';
import { type Discovery, startDiscovery } from './discovery/discovery.ts';
import type { Answers } from './http/answers.ts';
import { listen } from './http/server.ts';
import { hypothesisAnswers } from './hypotheses.ts';
import { type AskAll, createAskAll } from './mesh/ask-all.ts';
import { checkAllAnswer } from './mesh/check-all-answer.ts';
import { clusterHealthOf } from './mesh/cluster-health.ts';
import type { CollectHooks } from './mesh/collection.ts';
import { type Collector, createCollector } from './mesh/collector.ts';
import { createHeatmapPainter } from './mesh/heatmap/painter.ts';
import { createLinkAsker, type LinkAsker } from './mesh/link-asker.ts';
import { createRowTransport } from './mesh/row-transport.ts';
import { settingsOf } from './mesh-settings.ts';
import { contentTypeOf, formatFor } from './metrics/exposition.ts';
import type { Metrics } from './metrics/metrics.ts';
import { OwnView, type OwnViewDeps } from './own-view.ts';
import { PastView } from './past.ts';
import type { LinkChange } from './results/link.ts';
import { createServiceMetrics } from './service-metrics.ts';

/** What a service is handed besides its configuration. */
export interface ServiceDeps extends OwnViewDeps {
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

/** Asked for at once; more only makes our own pings late (measured). */
const ROWS_AT_ONCE = 4;
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

/** The parts, and what flows between them: pods into the own view and the metrics, rows into the matrix. */
class Parts {
  readonly #config: Config;
  readonly #deps: ServiceDeps;
  readonly #bootTimeMs: number;
  readonly #listeners = new Set<() => void>();
  readonly #own: OwnView;
  readonly #metrics: Metrics;
  readonly #transport: ReturnType<typeof createRowTransport>;
  readonly #collector: Collector;
  readonly #linkAsker: LinkAsker;
  readonly #chronicle: Chronicle;
  readonly #past: PastView;
  readonly #askAll: AskAll;
  #discovery: Discovery | null = null;
  #isReady = true;

  constructor(config: Config, deps: ServiceDeps) {
    const { clock, random, version } = deps;
    this.#config = config;
    this.#deps = deps;
    this.#bootTimeMs = clock.nowMs();
    this.#own = new OwnView(
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
    this.#transport = createRowTransport(clock);
    const { fetchRow } = this.#transport;
    const snapshot = () => this.#snapshot();
    const settings = () => settingsOf(config, version);
    const collect = { ...config, port: config.clientPort, concurrency: ROWS_AT_ONCE };
    const calls: CollectHooks = {
      onPeerCall: (pod, _call, durationUs, ok) => this.#metrics.peerCall(pod, durationUs, ok),
    };
    this.#collector = createCollector(
      collect,
      {
        ...{ clock, random, fetchRow, snapshot, settings },
        ownRow: (windowMs) => this.#own.row(windowMs),
        selfUid: () => this.#own.selfUid,
      },
      calls,
    );
    this.#linkAsker = createLinkAsker({ ...config, port: config.clientPort }, clock);
    this.#askAll = createAskAll(
      { ...config, port: config.clientPort },
      { clock, random, snapshot, selfUid: () => this.#own.selfUid },
    );
    const known = { clock, random, own: this.#own, askAll: this.#askAll };
    this.#chronicle = new Chronicle(config, { ...known, log: deps.log });
    const { podBook } = this.#chronicle;
    const parts = { ...known, podBook, linkAsker: this.#linkAsker, fetchRow, snapshot, settings };
    this.#past = new PastView(config, collect, parts, calls);
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
  answers(): Answers {
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
      row: (windowMs) => this.#own.row(windowMs),
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
    return pod === undefined ? null : this.#linkAsker.fetchLinkSamples(pod, to);
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
    this.#linkAsker.stop();
    this.#past.stop();
    this.#chronicle.stop();
    this.#askAll.stop();
    await Promise.all([this.#own.stop(), this.#discovery?.stop()]);
    this.#transport.close();
  }
}
