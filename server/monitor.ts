import { randomInt } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import type { Config } from './config/config.ts';
import { checkAnswer } from './goldpinger/check.ts';
import { type OwnHealth, ownHealthOf } from './peers/cluster-health.ts';
import { ExternalProbes } from './probing/external.ts';
import { Prober } from './probing/probe.ts';
import { Schedule } from './probing/schedule.ts';
import { StarvationWatch } from './probing/starvation.ts';
import { findSelf, mayBeSelf, TargetList } from './probing/targets.ts';
import { UdpProbe } from './probing/udp-probe.ts';
import type { AgeRange, LinkHistory } from './protocol/history.ts';
import { roundMsOf, shortestRangeMs } from './protocol/link-state.ts';
import type { DiscoverySnapshot, DiscoveryStatus, Target } from './protocol/pod.ts';
import { intervalWithoutPingsMs, listChanges, nothingKnown } from './protocol/pod.ts';
import { type PodNamer, podNamer } from './protocol/pod-names.ts';
import { type PodReport, starvedTimesIn } from './protocol/pod-report.ts';
import type { LinkSamples, ProbeResult, Sample, UdpResult } from './protocol/sample.ts';
import { Results, type ResultsHooks } from './results/results.ts';
import type { Clock } from './runtime/clock.ts';
import { isWithin } from './runtime/time-range.ts';

/** What the monitor needs besides its configuration. */
export interface MonitorDeps {
  clock: Clock;
  /** 0 <= random() < 1. */
  random: () => number;
  version: string;
  /** How long the event loop has waited for events so far, ms: `performance.nodeTiming.idleTime`. */
  idleMs: () => number;
}

/** What the monitor asks for, and whom it calls. */
interface MonitorHooks extends ResultsHooks {
  /** How well the pods are known right now. It is younger than the status that came with the last change of the pods. */
  discoveryStatus(): DiscoveryStatus;
  onSample(target: Target, sample: Sample): void;
  /** A probe could not be made, because our own process lacks something. */
  onOwnFault(message: string): void;
  onExternalResult(result: ProbeResult): void;
  /** A cycle of the UDP probe has ended; null = the link could not be measured. */
  onUdpResult(target: Target, result: UdpResult | null): void;
  /** A datagram could not be sent. */
  onUdpError(target: Target): void;
}

/** After this many rounds and this many ms without the end of a ping, only a restart helps. */
const LIVENESS_ROUNDS = 5;
const LIVENESS_SLACK_MS = 10_000;

/**
 * This pod's own part: it pings its peers, keeps and judges the results, and makes its report of them. It wires probing
 * to results; `service.ts` wires it to discovery, peers, metrics and HTTP.
 */
export class Monitor {
  /** Whether this process gets too little CPU, so that the own report is unreliable; and when it did. */
  readonly starvation: StarvationWatch;
  readonly #config: Config;
  readonly #clock: Clock;
  readonly #hooks: MonitorHooks;
  readonly #bootTimeMs: number;
  readonly #results: Results;
  readonly #prober: Prober;
  readonly #schedule: Schedule<Sample>;
  readonly #udp: UdpProbe;
  readonly #udpSchedule: Schedule<UdpResult | null>;
  readonly #external: ExternalProbes;
  #snapshot: DiscoverySnapshot;
  /** Names the pods of `#snapshot`; null until somebody asks. */
  #nameOf: PodNamer | null = null;
  #selfUid = '';
  #localAddresses: string[] = [];
  readonly #targets = new TargetList();
  #targetCount = 0;
  #lastSampleMs: number;

  constructor(config: Config, deps: MonitorDeps, bootTimeMs: number, hooks: MonitorHooks) {
    const { clock, random } = deps;
    this.#config = config;
    this.#clock = clock;
    this.#hooks = hooks;
    this.#bootTimeMs = bootTimeMs;
    this.#snapshot = nothingKnown(config, bootTimeMs);
    this.#lastSampleMs = clock.monotonicMs();
    this.starvation = new StarvationWatch(clock, deps.idleMs);
    const { meter } = this.starvation;
    this.#results = new Results(config, clock, hooks);
    this.#prober = new Prober({ ...config, userAgent: `goldpinger-ts/${deps.version}`, clock, meter });
    this.#schedule = new Schedule({
      ...config,
      clock,
      random,
      probe: (target, onEnd) => this.#prober.probe(target, onEnd),
      onTimer: (lateMs) => this.starvation.timerWasLate(lateMs),
      onSample: (target, sample) => {
        this.#lastSampleMs = clock.monotonicMs();
        this.starvation.record(sample);
        // The sample makes our own report unreliable. It is no result of the link.
        if (sample.ownFault) return hooks.onOwnFault(sample.ownFault);
        hooks.onSample(target, sample);
        this.#results.record(target, sample);
      },
    });
    this.#udp = new UdpProbe({
      ...config,
      clock,
      meter,
      // Not `random`: who sees some of its numbers can compute the next ones.
      random32: () => randomInt(2 ** 32),
      onError: hooks.onUdpError,
      onOwnFault: hooks.onOwnFault,
    });
    this.#udpSchedule = new Schedule({
      ...config,
      refreshIntervalMs: config.udpEnabled ? config.refreshIntervalMs : 0,
      clock,
      random,
      probe: (target, onEnd) => void this.#udp.cycle(target).then(onEnd),
      onTimer: (lateMs) => this.starvation.timerWasLate(lateMs),
      onSample: (target, result) => {
        hooks.onUdpResult(target, result);
        this.#results.recordUdp(target, result);
      },
    });
    this.#external = new ExternalProbes(config, {
      clock,
      onResult: hooks.onExternalResult,
      onOwnFault: hooks.onOwnFault,
    });
  }

  /** The pods as of the last call of `setPods`. */
  get snapshot(): DiscoverySnapshot {
    return this.#snapshot;
  }

  /** The own pod's uid; '' while it is not known. */
  get selfUid(): string {
    return this.#selfUid;
  }

  /** Names pods in texts: see `podNamer`. */
  readonly nameOf: PodNamer = (pod) => {
    this.#nameOf ??= podNamer(this.#snapshot.pods);
    return this.#nameOf(pod);
  };

  /** The own pod's name in texts, as far as known. */
  get selfName(): string {
    return this.nameOf(this.#snapshot.pods.find((pod) => pod.uid === this.#selfUid)) || this.#config.podName;
  }

  /** Sets the pods as they are now. Returns the targets that are pinged from now on. */
  setPods(snapshot: DiscoverySnapshot): readonly Target[] {
    const { podName, podIP, hostname } = this.#config;
    const { added, removed } = listChanges(this.#snapshot.pods, snapshot.pods);
    this.#snapshot = snapshot;
    this.#nameOf = null;
    const own = { ...this.#config, localAddresses: localAddresses(this.#localAddresses) };
    const haveAddressesChanged = String(own.localAddresses) !== String(this.#localAddresses);
    this.#localAddresses = own.localAddresses;
    if (haveAddressesChanged || [...added, ...removed].some((pod) => mayBeSelf(pod, own)))
      this.#selfUid = findSelf(snapshot.pods, own);
    const selfUid = this.#selfUid || podName || podIP || hostname;
    const targets = this.#targets.update(snapshot.pods, { ...this.#config, selfUid });
    // Time without targets is not time without pings: see `livenessFailure`.
    if (this.#targetCount === 0) this.#lastSampleMs = this.#clock.monotonicMs();
    this.#targetCount = targets.length;
    this.#schedule.setTargets(targets);
    this.#prober.kept.setTargets(targets);
    this.#udpSchedule.setTargets(targets);
    this.#udp.setTargets(targets);
    this.#results.setTargets(targets);
    return targets;
  }

  /** The own report, with statistics over `windowMs` (0 = none). */
  async report(windowMs: number): Promise<PodReport> {
    const head = this.#reportHead();
    const probes = this.probes();
    const starvation = { ...this.starvation.status(), times: this.#starvedTimes(0, externalRangeMs(this.#config)) };
    const results = await this.#results.report(this.#snapshot.pods, windowMs);
    return { ...head, ...results, past: null, probes, starvation };
  }

  /** The own report of a time range of the past. It has no results of external probes: they are not kept so long. */
  async reportOf(range: AgeRange): Promise<PodReport> {
    const stoodStill = isWithin(this.starvation.standstills, this.#clock.monotonicMs() - range.toAgeMs);
    const report = await this.#results.reportOf(range);
    const past = { ...report.past, ...(stoodStill && { stoodStill }) };
    const starvation = { ...report.starvation, times: this.#starvedTimes(range.toAgeMs) };
    return { ...this.#reportHead(), ...report, starvation, past, probes: [] };
  }

  /**
   * When this process was starved in the time before `ageMs` ago in which the results were measured that stood then for its links and
   * for links to it. This time is at least `lengthMs` long.
   */
  #starvedTimes(ageMs: number, lengthMs = 0): PodReport['starvation']['times'] & object {
    const toMs = this.#clock.monotonicMs() - ageMs;
    const fromMs = toMs - Math.max(lengthMs, shortestRangeMs(this.#config));
    return starvedTimesIn(this.starvation.starvedTimes, { fromMs, toMs });
  }

  /** The last result of each external probe. */
  probes(): ProbeResult[] {
    return this.#external.results();
  }

  /** The history of this pod's links, and what a keeper lacks of it. */
  get past(): Pick<Results, 'podHistory' | 'resolutionMs' | 'copySince'> {
    return this.#results;
  }

  /** The history of the link to pod `to` in a time range, in steps of `stepMs`. */
  linkHistory(to: string, range: AgeRange, stepMs: number): LinkHistory {
    return { from: this.#selfUid, to, error: '', ...this.#results.linkHistory(to, range, stepMs) };
  }

  #reportHead(): Pick<PodReport, 'pod' | 'atMs' | 'bootTimeMs' | 'discovery'> {
    const { phase, sinceMs, lastGoodMs } = this.#hooks.discoveryStatus();
    const self = this.#snapshot.pods.find((pod) => pod.uid === this.#selfUid);
    const namespace = self?.namespace ?? this.#config.namespace ?? '';
    return {
      pod: { uid: this.#selfUid, name: self?.name ?? this.#config.podName, namespace },
      atMs: this.#clock.nowMs(),
      bootTimeMs: this.#bootTimeMs,
      discovery: { phase, sinceMs, lastGoodMs },
    };
  }

  /** Goldpinger's `/check` as JSON in pieces. */
  check(): Iterable<string> {
    const { displayNodeName } = this.#config;
    return checkAnswer({ links: this.#results.probedLinks(), probes: this.probes(), displayNodeName });
  }

  /** The recent samples of the link to pod `to`. */
  samples(to: string): LinkSamples {
    return { from: this.#selfUid, to, error: '', ...this.#results.linkSamples(to) };
  }

  /** Whether the link to a target works; null without a result. */
  isUp(target: Target): boolean | null {
    const judged = this.#results.judgedOf(target);
    return judged === null ? null : judged.outcome === 'ok';
  }

  /** The health of the cluster as this pod alone sees it. */
  health(): OwnHealth {
    const { pods, status } = this.#snapshot;
    // A pod that is left out of health accuses nobody, and has nobody to be unhealthy with.
    if (pods.find(({ uid }) => uid === this.#selfUid)?.cordon === 'ignored') {
      return { isHealthy: status.phase === 'synced', healthyNodes: 0, unhealthyNodes: 0 };
    }
    const links = this.#results
      .probedLinks()
      .map(({ target: { uid }, judged }) => ({ uid, outcome: judged?.outcome ?? null }));
    return ownHealthOf(pods, status, links, this.#config.refreshIntervalMs > 0);
  }

  /**
   * Why this process should be restarted: it has targets, but no ping has ended for a long time. '' = it is alive. The time in
   * which it stood still does not count, as when its machine was paused.
   */
  livenessFailure(): string {
    if (this.#targetCount === 0 || this.#config.refreshIntervalMs === 0) return '';
    const longestMs = LIVENESS_ROUNDS * roundMsOf(this.#config) + LIVENESS_SLACK_MS;
    let silentMs = this.#clock.monotonicMs() - this.#lastSampleMs;
    for (const { fromMs, toMs } of this.starvation.standstills)
      silentMs -= Math.max(0, toMs - Math.max(fromMs, this.#lastSampleMs));
    return silentMs <= longestMs ? '' : `no ping has ended for ${Math.round(silentMs / 1000)} s`;
  }

  /** A function that gives the boot time of a pod as it last answered it, ms since the epoch; -1 if it never did. */
  bootTimes(): (uid: string) => number {
    // Reports have boot times, so most answers need none of these.
    let known: Map<string, number> | null = null;
    return (uid) => {
      known ??= this.#knownBootTimes();
      return known.get(uid) ?? -1;
    };
  }

  #knownBootTimes(): Map<string, number> {
    const known = new Map<string, number>();
    for (const { target, judged } of this.#results.probedLinks()) {
      if (judged !== null && judged.bootTimeMs >= 0) known.set(target.uid, judged.bootTimeMs);
    }
    return known;
  }

  /** Ends every timer and probe. Resolves when all probes have ended, which takes no timeout. They have no result. */
  async stop(): Promise<void> {
    this.starvation.stop();
    this.#external.stop();
    // First the schedules, which from then on take no results.
    const stopped = [this.#schedule.stop(), this.#udpSchedule.stop()];
    this.#prober.stop();
    this.#udp.stop();
    await Promise.all(stopped);
  }
}

/** The time in which the last results of all external probes were measured, ms. */
function externalRangeMs({ refreshIntervalMs, dnsTimeoutMs, tcpTimeoutMs, httpTimeoutMs }: Config): number {
  const timeoutMs = Math.max(dnsTimeoutMs, tcpTimeoutMs, httpTimeoutMs);
  // A last result is at most as old as a round and a timeout, and its measurement took another timeout.
  return intervalWithoutPingsMs(refreshIntervalMs) + 2 * timeoutMs;
}

/** Addresses of this machine's interfaces, without loopback; `before` if the system cannot tell, for lack of files. */
function localAddresses(before: string[]): string[] {
  try {
    const interfaces = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
    return interfaces.filter((entry) => !entry.internal).map((entry) => entry.address);
  } catch {
    return before;
  }
}
