import { EventEmitter } from 'node:events';
import { Reporter } from './analysis/comparison/report.ts';
import type { Config } from './config/config.ts';
import { Discovery } from './discovery/discovery.ts';
import { AnnotationStore } from './events/annotation-store.ts';
import { EventJournal } from './events/journal.ts';
import { PodLifetimes } from './events/pod-lifetimes.ts';
import { HeatmapPainter } from './heatmap-png/heatmap.ts';
import type { RouteContext } from './http/context.ts';
import { type HttpServer, listen } from './http/server.ts';
import { Metrics } from './metrics/metrics.ts';
import { Monitor, type MonitorDeps } from './monitor.ts';
import { MeshAnnotations } from './peers/annotations.ts';
import { PeerBroadcast } from './peers/broadcast.ts';
import { catchUp } from './peers/catch-up.ts';
import type { CollectDeps } from './peers/collect-view.ts';
import { Collector } from './peers/collector.ts';
import { Copies } from './peers/copies.ts';
import { FanOut } from './peers/fan-out.ts';
import { CopySource, Keeper, keepersOf } from './peers/keeper.ts';
import { LinkQuery } from './peers/link-query.ts';
import { MeshEvents } from './peers/mesh-events.ts';
import { MeshHistories } from './peers/mesh-history.ts';
import { PastMeshes } from './peers/past-meshes.ts';
import { PeerClient } from './peers/peer-client.ts';
import { queryReport } from './peers/report-query.ts';
import { startUdpEcho, type UdpEcho } from './probing/udp-echo.ts';
import { MAX_EVENTS } from './protocol/event.ts';
import type { LinkChange } from './protocol/link-state.ts';
import type { MeshSettings } from './protocol/mesh.ts';
import type { DiscoverySnapshot, Pod } from './protocol/pod.ts';
import { pause } from './runtime/deadline.ts';
import type { Log } from './runtime/log.ts';
import { isActiveNode } from './runtime/node-mode.ts';

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

/** What our own process lacks is logged at most this often, ms. */
const OWN_FAULT_LOG_MS = 60_000;
/** A pod that ends stops pinging this long before its end. Meanwhile its keepers, which ask every second, get the rest of its past. */
const LAST_COPY_MS = 2500;
/** The most pods that are asked for the copy of a pod: its two keepers, and two that may have been keepers before. */
const MAX_ASKED_KEEPERS = 4;

/**
 * Starts all parts and listens. It does not wait for the Kubernetes API: discovery goes on in the background.
 * Rejects with the system's error (EADDRINUSE, ...) if it cannot listen.
 */
export async function startService(config: Config, deps: ServiceDeps): Promise<Service> {
  const { clock, log, random, version, pageDir } = deps;
  const bootTimeMs = clock.nowMs();
  const settings = meshSettingsOf(config, version);
  /** Emits `change` after each change of the pod list, to live pages. */
  const podChanges = new EventEmitter();
  let isReady = true;
  let ownFaultLoggedMs = Number.NEGATIVE_INFINITY;

  // This pod's own part, and what it has seen happen.
  let discovery: Discovery | null = null;
  /** The pods as discovery knows them now; none before it has started. */
  const snapshot = (): DiscoverySnapshot => discovery?.snapshot() ?? monitor.snapshot;
  const monitor = new Monitor(config, deps, bootTimeMs, {
    discoveryStatus: () => snapshot().status,
    onSample: (target, sample) => {
      if (!isLeftOut(target.uid)) metrics.pingSample(target, sample);
      journal.checkStarvation();
    },
    onLinkChange: (change) => {
      if (change.to === 'ok') fanOut.noteAnswer(change.target.uid);
      journal.onLinkChange(change);
      metrics.peers.setState(change.target, change.to === 'ok');
      logLinkChange(log, monitor, change);
    },
    onSpeedChange: (change) => journal.onSpeedChange(change),
    onLossChange: (change) => journal.onLossChange(change),
    onOwnFault: (message) => {
      metrics.error('own_resources');
      const nowMs = clock.monotonicMs();
      if (nowMs - ownFaultLoggedMs < OWN_FAULT_LOG_MS) return;
      ownFaultLoggedMs = nowMs;
      log.error({ fault: message }, 'this process cannot ping: its report is unreliable');
    },
    onExternalResult: (result) => {
      journal.onProbe(result);
      metrics.externalProbe(result);
    },
    onUdpResult: (target, result) => metrics.peers.countUdp(target, result),
    onUdpError: (target) => metrics.peers.countUdpError(target),
  });
  const instance = config.hostname || config.podName;
  const metrics = new Metrics(
    { instance, perPeer: config.metricsPerPeer, version, probes: monitor.probes() },
    // What a scrape reads of other parts.
    {
      nowMs: () => clock.nowMs(),
      pods: () => monitor.snapshot.pods,
      discovery: () => snapshot().status,
      starvation: () => monitor.starvation.status(),
      health: () => monitor.health(),
    },
  );
  const lifetimes = new PodLifetimes(config, clock);
  /** Whether the link to a pod is in no metric and no history, so that no alert is about it (IGNORE_CORDONED). */
  const isLeftOut = (to: string) => lifetimes.isLeftOut(monitor.selfUid, to);
  const journal = new EventJournal({
    ...config,
    clock,
    random,
    starvation: () => monitor.starvation.reliability,
    starvedTimes: () => monitor.starvation.starvedTimes,
    standstills: () => monitor.starvation.standstills,
  });
  const ownAnnotations = new AnnotationStore(clock);

  // What other pods are asked for, and what they ask for.
  const copies = new Copies(config, clock, (from, to) => lifetimes.isLeftOut(from, to));
  const presentUids = () =>
    new Set(snapshot().pods.flatMap(({ uid, lifecycle }) => (lifecycle === 'gone' ? [] : [uid])));
  const ownPast: RouteContext['ownPast'] = {
    reportOf: async (range) => {
      const report = await monitor.reportOf(range);
      const starvation = { ...report.starvation, ...journal.starvedAt(range.toAgeMs) };
      return { ...report, starvation };
    },
    podHistory: (range, stepMs) => monitor.past.podHistory(range, stepMs, isLeftOut),
    journal: (sinceAgeMs, limit = MAX_EVENTS) => {
      const own = journal.read(sinceAgeMs, limit);
      const lost = copies.journals(sinceAgeMs, limit, presentUids());
      return lost.length === 0 ? own : { ...own, copies: lost };
    },
    departedLives: () => lifetimes.departedLives(),
    lastKnown: (uid) => lifetimes.lastKnown(uid),
  };
  const selfUid = () => monitor.selfUid;
  const resolutionMs = (ageMs: number) => monitor.past.resolutionMs(ageMs);
  const client = new PeerClient({ ...config, port: config.clientPort }, clock, (pod, path, skipped, isNews) => {
    const { count, reason } = skipped;
    metrics.error('peer_elements', count);
    if (!isNews) return;
    const fields = { pod: monitor.nameOf(pod), path, count, reason };
    log.warn(fields, 'an answer of this pod has invalid elements, which are left out');
  });
  const fanOut = new FanOut(config, clock);
  const isPassive = ({ node }: Pod) => !isActiveNode(node, config);
  const snapshotOfReporters = onlyReporters(snapshot, selfUid, isPassive);
  /** The other pods that may have a copy of a pod, in the order in which to ask them. */
  const otherKeepers = (uid: string) => {
    const others = snapshotOfReporters().pods.filter((pod) => pod.uid !== selfUid());
    return config.historyMemoryMiB > 0 ? keepersOf(uid, others, MAX_ASKED_KEEPERS) : [];
  };
  const { nameOf } = monitor;
  /** What most of the parts below work with. */
  const shared = {
    clock,
    random,
    client,
    fanOut,
    selfUid,
    nameOf,
    otherKeepers,
    lifetimes,
    copies,
    journal,
    isPassive,
    resolutionMs,
  };
  const broadcast = new PeerBroadcast({ ...shared, snapshot: snapshotOfReporters });
  const collectDeps: CollectDeps = {
    ...shared,
    snapshot,
    queryReport: (pod, query) => queryReport(client, pod, query),
    settings: () => settings,
    onPeerCall: (pod, durationUs, ok) => metrics.peerCall(pod, durationUs, ok),
    ownReport: (windowMs) => monitor.report(windowMs),
    ownReportOf: (range) => ownPast.reportOf(range),
  };
  const collector = new Collector(collectDeps);
  const pastMeshes = new PastMeshes(collectDeps);
  const histories = new MeshHistories({
    ...shared,
    broadcast,
    settings,
    ownHistory: (range, stepMs) => ownPast.podHistory(range, stepMs),
  });
  const linkQuery = new LinkQuery(shared);
  const events = new MeshEvents({
    ...shared,
    settings,
    broadcast,
    ownJournal: ownPast.journal,
    podCount: () => monitor.snapshot.pods.length,
  });
  const copySource = new CopySource({
    ...shared,
    snapshot: snapshotOfReporters,
    copySince: (cursor) => monitor.past.copySince(cursor),
  });
  const keeper = new Keeper({
    ...shared,
    snapshot: snapshotOfReporters,
    departed: () => {
      const departed = lifetimes.departedSince(clock.nowMs() - config.historyWindowMs);
      return departed.filter((pod) => !isPassive(pod)).map(({ uid }) => uid);
    },
  });
  const annotations = new MeshAnnotations({ ...config, clock, random, log, broadcast, own: ownAnnotations });
  const stopping = new AbortController();
  /** Whether this pod has begun to ask others for the past, which it does once: when it first knows another pod. */
  let asksOthers = false;

  // What is made of the mesh.
  const painter = new HeatmapPainter();
  const reporter = new Reporter(config, {
    clock,
    events: (query) => events.events(query),
    annotations: () => annotations.read(),
    past: (range) => pastMeshes.of(range),
    paint: (mesh, limits) => painter.paint(mesh, limits),
  });

  let isNodeChecked = config.activeNodePercentage >= 100;
  /** Warns once if HOSTNAME is not the node's name: then other pods may take this one for passive, or a passive one for active. */
  const checkNode = () => {
    const node = monitor.snapshot.pods.find(({ uid }) => uid === monitor.selfUid)?.node ?? '';
    if (isNodeChecked || node === '') return;
    isNodeChecked = true;
    const { hostname } = config;
    if (hostname === node) return;
    log.warn(
      { hostname, node },
      'HOSTNAME is not the name of the node: set it from spec.nodeName, for ACTIVE_NODE_PERCENTAGE',
    );
  };
  const onPods = (pods: DiscoverySnapshot) => {
    journal.onPods(lifetimes.update(pods));
    journal.onDiscovery(pods.status);
    const targets = monitor.setPods(pods);
    checkNode();
    if (!asksOthers && pods.status.phase === 'synced' && pods.pods.length > 1) {
      asksOthers = true;
      if (config.historyMemoryMiB > 0) keeper.start();
      void catchUp({ clock, broadcast, lifetimes, annotations }, stopping.signal);
    }
    const shown = config.ignoreCordoned ? targets.filter(({ uid }) => !isLeftOut(uid)) : targets;
    metrics.peers.setPeers(pods.pods, shown, (target) => monitor.isUp(target));
    podChanges.emit('change');
  };
  /** Ends every timer, probe, request and watch. */
  const end = async () => {
    stopping.abort();
    const parts = [collector, pastMeshes, histories, keeper, copies, broadcast, client];
    for (const part of parts) part.stop();
    await Promise.all([monitor.stop(), discovery?.stop()]);
  };

  const context: RouteContext = {
    clock,
    log,
    config,
    version,
    bootTimeMs,
    pageDir,
    monitor,
    ownPast,
    copies,
    copySource,
    metrics,
    painter,
    ownAnnotations,
    collector,
    pastMeshes,
    histories,
    linkQuery,
    events,
    annotations,
    reporter,
    isReady: () => isReady,
    podChanges,
  };
  let http: HttpServer;
  let echo: UdpEcho | null = null;
  try {
    if (config.udpEnabled) echo = await startUdpEcho({ host: config.host, port: config.udpPort, clock });
    http = await listen(context);
  } catch (error) {
    await Promise.all([echo?.stop(), end()]);
    throw error;
  }
  // After listening, because loading the Kubernetes client takes longer than all the rest.
  discovery = new Discovery(config, {
    clock,
    log,
    random,
    onChange: onPods,
    knowsOwnPod: () => monitor.selfUid !== '',
    onRequest: (durationMs) => metrics.kubeRequest(durationMs),
    onFault: () => metrics.error('kubernetes_api'),
  });
  onPods(discovery.snapshot());
  return {
    address: http.address,
    stop: async () => {
      // First not ready, so that traffic goes elsewhere while pings are still answered.
      isReady = false;
      const graceMs = config.shutdownGraceMs;
      const endMs = clock.monotonicMs() + graceMs;
      const lastMs = Math.min(graceMs, LAST_COPY_MS);
      await pause(clock, graceMs - lastMs);
      await monitor.stop();
      if (config.historyMemoryMiB > 0) await copySource.keepersHaveAsked(lastMs);
      await pause(clock, endMs - clock.monotonicMs());
      await Promise.all([http.close(), echo?.stop(), end()]);
    },
  };
}

/**
 * Returns a function that gives the snapshot without the pods that do not report, which are those of passive nodes. Our own pod stays
 * in any case: it is active by its HOSTNAME, which may not be the name of its node. The list of pods is the same array until the pods
 * or our own uid change, so that `Keeper` notices changes by comparing arrays.
 */
export function onlyReporters(
  snapshot: () => DiscoverySnapshot,
  selfUid: () => string,
  isPassive: (pod: Pod) => boolean,
): () => DiscoverySnapshot {
  let all: DiscoverySnapshot['pods'] = [];
  let ownUid = '';
  let reporters = all;
  return () => {
    const { pods, status } = snapshot();
    if (pods !== all || selfUid() !== ownUid) {
      all = pods;
      ownUid = selfUid();
      reporters = pods.filter((pod) => !isPassive(pod) || pod.uid === ownUid);
    }
    return { pods: reporters, status };
  };
}

/**
 * Logs that a link of our own pod fails, or is ok again. That its first ping was answered is no news, nor that pings into a pod that
 * terminates fail.
 */
function logLinkChange(log: Log, monitor: Pick<Monitor, 'selfName' | 'nameOf' | 'snapshot'>, change: LinkChange): void {
  const { selfName, nameOf, snapshot } = monitor;
  const { target, sample } = change;
  const isLeaving = snapshot.pods.some(({ uid, lifecycle }) => uid === target.uid && lifecycle === 'terminating');
  const fields = {
    from: selfName,
    to: nameOf(target),
    node: target.node,
    address: target.address,
    outcome: change.to,
    phase: sample.phase,
    connectUs: sample.connectUs,
    totalUs: sample.totalUs,
    detail: sample.detail,
    before: change.from,
    beforeForMs: Math.round(change.previousForMs),
  };
  if (change.to !== 'ok') log[isLeaving ? 'debug' : 'warn'](fields, 'link fails');
  else if (change.from === 'unknown') log.debug(fields, 'link is ok');
  else log.info(fields, 'link has recovered');
}

/** The settings that a reader of the mesh needs. */
function meshSettingsOf(config: Config, version: string): MeshSettings {
  return {
    version,
    refreshIntervalMs: config.refreshIntervalMs,
    jitterFactor: config.jitterFactor,
    pingTimeoutMs: config.pingTimeoutMs,
    pingNumber: config.pingNumber,
    slowLinkMs: config.slowLinkMs,
    historyWindowMs: config.historyWindowMs,
    goneRetentionMs: config.goneRetentionMs,
    displayNodeName: config.displayNodeName,
    linkTemplates: config.linkTemplates,
  };
}
