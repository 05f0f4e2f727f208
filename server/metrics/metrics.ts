import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Registry } from 'prom-client';
import Counter from 'prom-client/lib/counter.js';
import Histogram from 'prom-client/lib/histogram.js';
import PromRegistry from 'prom-client/lib/registry.js';
import type { Pod, Target } from '../protocol/pod.ts';
import type { ProbeProtocol, Sample } from '../protocol/sample.ts';
import { boundText, END_MARK, type FamilyType, type Format, headText, seriesText } from './exposition.ts';
import { type MetricsSources, registerGauges, registerProcess } from './gauges.ts';
import { BOUNDS_S } from './latencies.ts';
import {
  Addresses,
  addressSlices,
  bounded,
  countFailure,
  failureIndex,
  failureLabels,
  labelText,
  Pairs,
  pairSlices,
} from './peers.ts';

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
  /** A call for a peer's report that ended. */
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
  readonly #registry = new PromRegistry();
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
async function registryText(registry: Registry, instance: string, format: Format): Promise<string> {
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

/** Calls that are counted, by Goldpinger's names. */
const ACTIONS = ['ping', 'check', 'check_all', 'cluster_health', 'healthz'] as const;

/** A counted call; see `ACTIONS`. */
type Action = (typeof ACTIONS)[number];

/** Errors that are counted, by Goldpinger's names. */
const ERROR_TYPES = ['ping', 'checkAll', 'kubernetes_api'] as const;

/** A counted kind of error; see `ERROR_TYPES`. */
type ErrorType = (typeof ERROR_TYPES)[number];

/** The failures of `goldpinger_ping_failures_total` that stand at 0 from the start. */
const USUAL_FAILURES = [
  failureIndex('refused', 'connect'),
  failureIndex('reset', 'first-byte'),
  failureIndex('timeout', 'connect'),
  failureIndex('timeout', 'first-byte'),
  failureIndex('unreachable', 'connect'),
];

/** The counters that stand in number apart from the cluster's size, all registered and set to 0. */
function createCounters(registry: Registry, probes: readonly { protocol: ProbeProtocol; target: string }[]) {
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new Counter({ name, help, labelNames, registers });
  const counters = {
    calls: counter('goldpinger_stats_total', 'Calls received from and made to others, by what they ask for.', [
      'group',
      'action',
    ]),
    errors: counter('goldpinger_errors_total', 'Errors by what was being done.', ['type']),
    failures: counter('goldpinger_ping_failures_total', 'Failed pings by outcome and phase, whoever the peer.', [
      'outcome',
      'phase',
    ]),
    suspects: counter('goldpinger_suspect_samples_total', 'Pings that our own busy process may have distorted.', []),
    probes: {
      dns: counter('goldpinger_dns_errors_total', 'Names that could not be resolved, by name.', ['host']),
      tcp: counter('goldpinger_tcp_errors_total', 'TCP targets that could not be reached, by target.', ['host']),
      http: counter('goldpinger_http_errors_total', 'HTTP targets that did not answer with 200, by target.', ['host']),
    },
    kube: new Histogram({
      name: 'goldpinger_kube_master_response_time_s',
      help: 'Response times of the Kubernetes API in seconds, when listing the other instances.',
      buckets: [...BOUNDS_S],
      registers,
    }),
  };
  for (const action of ACTIONS) for (const group of ['received', 'made']) counters.calls.inc({ group, action }, 0);
  for (const type of ERROR_TYPES) counters.errors.inc({ type }, 0);
  for (const index of USUAL_FAILURES) counters.failures.inc(failureLabels(index), 0);
  for (const probe of probes) counters.probes[probe.protocol].inc({ host: bounded(probe.target) }, 0);
  return counters;
}
