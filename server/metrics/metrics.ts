import { setImmediate as nextTurn } from 'node:timers/promises';
import Counter from 'prom-client/lib/counter.js';
import Histogram from 'prom-client/lib/histogram.js';
import Registry from 'prom-client/lib/registry.js';
import type { Pod, Target } from '../protocol/pod.ts';
import type { ProbeResult, Sample } from '../protocol/sample.ts';
import { type MetricsSources, registerGauges, registerIdentity } from './gauges.ts';
import { BOUNDS_S } from './latencies.ts';
import { FAILURES_FROM_THE_START, PeerMetrics } from './peers.ts';
import { registerProcessMetrics } from './process.ts';
import { bounded, END_MARK, type Format, labelText } from './text-format.ts';

/** What the metrics must know from the start. */
export interface MetricsSettings {
  /** The label `goldpinger_instance` of every series. */
  instance: string;
  /** METRICS_PER_PEER: false keeps only the series whose number does not grow with the cluster. */
  perPeer: boolean;
  version: string;
  /** The external probes, so that their series start at 0. */
  probes: readonly Pick<ProbeResult, 'protocol' | 'target' | 'path'>[];
}

/** Calls and errors that are counted, by Goldpinger's names. The last two types of errors are ours: see README.md. */
const ACTIONS = ['ping', 'check', 'check_all', 'cluster_health', 'healthz'] as const;
const ERROR_TYPES = ['ping', 'checkAll', 'kubernetes_api', 'own_resources', 'peer_elements'] as const;

/** The metrics of this process: counts events, and renders the answer to a scrape. No counting method throws. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #counters: ReturnType<typeof createCounters>;
  /** The series of single peers. */
  readonly peers: PeerMetrics;
  readonly #instance: string;

  constructor(settings: MetricsSettings, sources: MetricsSources) {
    this.#counters = createCounters(this.#registry, settings.probes);
    registerGauges(this.#registry, settings.version, sources);
    registerProcessMetrics(this.#registry);
    this.peers = new PeerMetrics(settings.perPeer);
    this.#instance = labelText({ goldpinger_instance: settings.instance });
    this.#registry.setDefaultLabels({ goldpinger_instance: bounded(settings.instance) });
  }

  /** Counts a request that came in. */
  received(action: (typeof ACTIONS)[number]): void {
    this.#counters.calls.inc({ group: 'received', action });
  }

  /** Counts a request that we sent, unless `pingSample` or `peerCall` counts it. */
  made(action: (typeof ACTIONS)[number]): void {
    this.#counters.calls.inc({ group: 'made', action });
  }

  /** Counts a ping that ended. A ping of a target that has left counts only in the totals. */
  pingSample(target: Target, sample: Sample): void {
    const { outcome, phase, suspect } = sample;
    if (outcome !== 'no-address') this.made('ping');
    if (suspect) this.#counters.suspects.inc();
    if (outcome === 'ok') {
      this.peers.countPing(target, sample);
      return;
    }
    this.error('ping');
    this.#counters.failures.inc({ outcome, phase: phase ?? 'none' });
    // A timeout may be caused by our own busy process; a refused connection is a fact, however busy we are.
    if (!suspect || outcome !== 'timeout') this.peers.countFailure(target, outcome, phase);
  }

  /** Counts a call for a peer's report that ended. */
  peerCall(pod: Pod, durationUs: number, ok: boolean): void {
    this.made('check');
    if (ok) this.peers.countCheck(pod, durationUs);
    else this.error('checkAll');
  }

  /** Counts a request to the Kubernetes API that was answered. */
  kubeRequest(durationMs: number): void {
    if (durationMs >= 0) this.#counters.kube.observe(durationMs / 1000);
  }

  /** Counts an error, or several of one type. */
  error(type: (typeof ERROR_TYPES)[number], count = 1): void {
    this.#counters.errors.inc({ type }, count);
  }

  /** Counts an external probe or the check of a path that ended. As with pings, only successes count in the histogram. */
  externalProbe(probe: Pick<ProbeResult, 'protocol' | 'target' | 'path' | 'error' | 'durationUs'>): void {
    const { errors, durations, labels } = seriesOf(this.#counters, probe);
    if (probe.error === '') durations.observe(labels, Math.max(0, probe.durationUs) / 1e6);
    else errors.inc(labels);
  }

  /** Renders all metrics in slices of at most about 1 ms of work, with a turn of the event loop after each. */
  async *render(format: Format): AsyncGenerator<string> {
    yield await registryText(this.#registry, format);
    for (const slice of this.peers.render(this.#instance, format)) {
      yield slice;
      await nextTurn();
    }
    if (format === 'openmetrics') yield END_MARK;
  }
}

/** The metrics of a passive pod: its mode and version, and those of its process. It measures nothing and counts nothing. */
export function passiveMetrics(instance: string, version: string): Pick<Metrics, 'received' | 'render'> {
  const registry = new Registry();
  registry.setDefaultLabels({ goldpinger_instance: bounded(instance) });
  registerIdentity(registry, version, false);
  registerProcessMetrics(registry);
  return {
    received: () => {},
    async *render(format) {
      yield await registryText(registry, format);
      if (format === 'openmetrics') yield END_MARK;
    },
  };
}

/**
 * Renders everything in prom-client's registry that has a series. The library is never asked for OpenMetrics: it writes the bounds of
 * buckets without the decimal point of that format, and would rename the counters for ever.
 */
async function registryText(registry: Registry, format: Format): Promise<string> {
  const families = (await registry.metrics()).trimEnd().split('\n\n');
  const text = families.map((family) => (/^[^#]/m.test(family) ? `${family}\n` : '')).join('');
  if (format === 'text') return text;
  return text
    .replace(/^# HELP (\w+)_total (.*)\n# TYPE \1_total counter$/gm, '# HELP $1 $2\n# TYPE $1 counter')
    .replace(/\ble="(\d+)"/g, 'le="$1.0"');
}

/** Makes the counters whose number does not depend on the size of the cluster, registers them and sets them to 0. */
function createCounters(registry: Registry, probes: MetricsSettings['probes']) {
  const registers = [registry];
  const histogram = <L extends string>(name: string, labelNames: L[], help: string) =>
    new Histogram({ name, help, labelNames, registers, buckets: [...BOUNDS_S] });
  const counter = <L extends string>(name: string, labelNames: L[], help: string) =>
    new Counter({ name, help, labelNames, registers });
  const probeSeries = (failed: [name: string, help: string], done: [name: string, help: string], label = 'host') => ({
    errors: counter(failed[0], [label], failed[1]),
    durations: histogram(done[0], [label], `${done[1]} Failures are not in it.`),
  });
  const counters = {
    calls: counter(
      'goldpinger_stats_total',
      ['group', 'action'],
      'Calls that this instance received and made, by what they ask for.',
    ),
    errors: counter('goldpinger_errors_total', ['type'], 'Errors by what was being done.'),
    failures: counter(
      'goldpinger_ping_failures_total',
      ['outcome', 'phase'],
      'Failed pings of all peers by outcome and phase.',
    ),
    suspects: counter('goldpinger_suspect_samples_total', [], 'Pings that our own busy process may have distorted.'),
    probes: {
      // The names are Goldpinger's; `_s` is no base unit for promtool.
      dns: probeSeries(
        ['goldpinger_dns_errors_total', 'Names that could not be resolved, by name.'],
        ['goldpinger_dns_duration_s', 'Time to resolve a name in seconds, by name.'],
      ),
      tcp: probeSeries(
        ['goldpinger_tcp_errors_total', 'TCP targets that could not be reached, by target.'],
        ['goldpinger_tcp_duration_s', 'Time to connect to a TCP target in seconds, by target.'],
      ),
      http: probeSeries(
        ['goldpinger_http_errors_total', 'HTTP targets that did not answer with 200, by target.'],
        ['goldpinger_http_duration_s', 'Time to the head of the last answer of an HTTP target in seconds, by target.'],
      ),
    },
    paths: probeSeries(
      ['goldpinger_path_errors_total', 'Checks of paths of the cluster (PATH_CHECKS) that failed, by path.'],
      ['goldpinger_path_duration_seconds', 'Time that the check of a path of the cluster took, by path.'],
      'path',
    ),
    kube: histogram(
      'goldpinger_kube_master_response_time_s',
      [],
      'Response times of the Kubernetes API in seconds, when listing the other instances.',
    ),
  };
  for (const action of ACTIONS) for (const group of ['received', 'made']) counters.calls.inc({ group, action }, 0);
  for (const type of ERROR_TYPES) counters.errors.inc({ type }, 0);
  for (const { outcome, phase } of FAILURES_FROM_THE_START) counters.failures.inc({ outcome, phase }, 0);
  for (const probe of probes) {
    const { errors, durations, labels } = seriesOf(counters, probe);
    errors.inc(labels, 0);
    durations.zero(labels);
  }
  return counters;
}

/** The counter and the histogram of a probe. Paths have their own, so that those of Goldpinger contain external targets only. */
function seriesOf(
  { probes, paths }: Pick<ReturnType<typeof createCounters>, 'probes' | 'paths'>,
  { protocol, target, path }: Pick<ProbeResult, 'protocol' | 'target' | 'path'>,
): { errors: Counter; durations: Histogram; labels: Record<string, string> } {
  if (path !== undefined) return { ...paths, labels: { path } };
  return { ...probes[protocol], labels: { host: bounded(target) } };
}
