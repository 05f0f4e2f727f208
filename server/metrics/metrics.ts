import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Registry as PromRegistry } from 'prom-client';
import Registry from 'prom-client/lib/registry.js';
import type { Sample } from '../contract/outcome.ts';
import type { Pod, Target } from '../contract/pod.ts';
import type { ProbeProtocol } from '../contract/probe.ts';
import { Addresses } from './addresses.ts';
import { type Action, createCounters, type ErrorType } from './counters.ts';
import { boundText, END_MARK, type FamilyType, type Format, headText, seriesText } from './exposition.ts';
import { type MetricsSources, registerGauges } from './gauges.ts';
import { bounded, labelText } from './labels.ts';
import { countFailure, Pairs } from './pairs.ts';
import { addressSlices, pairSlices } from './peer-text.ts';
import { registerProcess } from './process.ts';

/** What metrics must know from the start. */
export interface MetricsSettings {
  /** The label `goldpinger_instance` of every series. */
  instance: string;
  /** METRICS_PER_PEER: false keeps only what does not grow with the cluster. */
  perPeer: boolean;
  version: string;
  /** The external probes, so that their error counters start at 0. */
  probes: readonly { protocol: ProbeProtocol; target: string }[];
}

/** What is counted, and what a scrape answers with. None of the counting methods throws. */
export interface Metrics {
  /** A request that came in. */
  received(action: Action): void;
  /** A request that went out and is not counted by `pingSample` or `peerCall`. */
  made(action: Action): void;
  /** Who our peers are now; series of those that are not among them disappear. */
  setPeers(pods: readonly Pod[], targets: readonly Target[]): void;
  /** A ping that ended. One of a departed target counts only in the totals. */
  pingSample(target: Target, sample: Sample): void;
  /** The judged state of a link; false = it fails. */
  linkState(target: Target, isUp: boolean): void;
  /** A call for a peer's row that ended. */
  peerCall(pod: Pod, durationUs: number, ok: boolean): void;
  /** A request to the Kubernetes API that was answered. */
  kubeRequest(durationMs: number): void;
  error(type: ErrorType): void;
  /** A failed external probe. */
  probeError(protocol: ProbeProtocol, target: string): void;
  /** The exposition in slices of at most about 1 ms work each, with a turn of the event loop after each. */
  render(format: Format): AsyncGenerator<string>;
}

/** Metrics that count from zero. Each call has a registry of its own. */
export function createMetrics(settings: MetricsSettings, sources: MetricsSources): Metrics {
  return new Exposition(settings, sources);
}

class Exposition implements Metrics {
  readonly #registry = new Registry();
  readonly #counters: ReturnType<typeof createCounters>;
  readonly #addresses: Addresses;
  readonly #pairs = new Pairs();
  readonly #perPeer: boolean;
  readonly #instance: string;

  constructor(settings: MetricsSettings, sources: MetricsSources) {
    this.#counters = createCounters(this.#registry, settings.probes);
    registerGauges(this.#registry, settings.version, sources);
    registerProcess(this.#registry);
    this.#addresses = new Addresses(settings.perPeer);
    this.#perPeer = settings.perPeer;
    this.#instance = labelText({ goldpinger_instance: settings.instance });
  }

  received(action: Action): void {
    this.#counters.calls.inc({ group: 'received', action });
  }

  made(action: Action): void {
    this.#counters.calls.inc({ group: 'made', action });
  }

  setPeers(pods: readonly Pod[], targets: readonly Target[]): void {
    this.#addresses.setPeers(pods, targets);
    if (this.#perPeer) this.#pairs.setTargets(targets);
  }

  pingSample(target: Target, sample: Sample): void {
    if (sample.outcome !== 'no-address') this.made('ping');
    if (sample.suspect) this.#counters.suspects.inc();
    if (sample.outcome === 'ok') this.#countSuccess(target, sample);
    else this.#countFailure(target, sample);
  }

  linkState(target: Target, isUp: boolean): void {
    const pair = this.#pairs.find(target.id);
    if (pair !== undefined) pair.isUp = isUp;
  }

  peerCall(pod: Pod, durationUs: number, ok: boolean): void {
    this.made('check');
    if (!ok) {
      this.error('checkAll');
      return;
    }
    const series = this.#addresses.find(pod.hostIPs[0] ?? '', pod.podIPs[0] ?? '');
    if (series !== undefined) this.#addresses.observe(series, 'check', durationUs);
  }

  kubeRequest(durationMs: number): void {
    if (durationMs >= 0) this.#counters.kube.observe(durationMs / 1000);
  }

  error(type: ErrorType): void {
    this.#counters.errors.inc({ type });
  }

  probeError(protocol: ProbeProtocol, target: string): void {
    this.#counters.probes[protocol].inc({ host: bounded(target) });
  }

  async *render(format: Format): AsyncGenerator<string> {
    yield await registryText(this.#registry, this.#instance, format);
    const byAddress = addressSlices(this.#addresses, this.#instance, format);
    const byPeer = pairSlices(this.#pairs.list(), this.#instance, format);
    for (const family of [byAddress, byPeer]) {
      for (const slice of family) {
        yield slice;
        await nextTurn();
      }
    }
    if (format === 'openmetrics') yield END_MARK;
  }

  #countSuccess(target: Target, sample: Sample): void {
    const series = this.#addresses.find(target.hostIP, target.podIP);
    if (series === undefined) return;
    this.#addresses.observe(series, 'ping', sample.totalUs);
    if (sample.connectUs < 0 || sample.firstByteUs < 0) return;
    series.connectUs += sample.connectUs;
    series.firstByteUs += sample.firstByteUs;
    series.phaseCount += 1;
  }

  #countFailure(target: Target, { outcome, phase, suspect }: Sample): void {
    this.error('ping');
    this.#counters.failures.inc({ outcome, phase: phase ?? 'none' });
    // A refused connection is a fact however busy we are; a timeout may be our own doing.
    if (suspect && outcome === 'timeout') return;
    const pair = this.#pairs.find(target.id);
    if (pair !== undefined) countFailure(pair, outcome, phase);
  }
}

/**
 * Everything in prom-client's registry. Not by its own `metrics()`: that adds no OpenMetrics bounds and, once asked for
 * OpenMetrics, renames the counters for good.
 */
async function registryText(registry: PromRegistry, instance: string, format: Format): Promise<string> {
  let text = '';
  for (const metric of await registry.getMetricsAsJSON()) {
    if (metric.values.length === 0) continue;
    // Its declaration calls the type a number, but it is the word.
    text += headText({ name: metric.name, help: metric.help, type: String(metric.type) as FamilyType }, format);
    for (const { labels, value, ...named } of metric.values) {
      const bare: Record<string, string | number> = {};
      for (const [name, label] of Object.entries(labels)) {
        if (label !== undefined) bare[name] = name === 'le' ? boundText(boundOf(label), format) : label;
      }
      const name = (named as { metricName?: string }).metricName ?? metric.name;
      const own = labelText(bare);
      text += seriesText(name, own === '' ? instance : `${instance},${own}`, value);
    }
  }
  return text;
}

function boundOf(label: string | number): number {
  return label === '+Inf' ? Number.POSITIVE_INFINITY : Number(label);
}
