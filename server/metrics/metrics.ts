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
  const registry = new Registry();
  const counters = createCounters(registry, settings.probes);
  registerGauges(registry, settings.version, sources);
  registerProcess(registry);
  const addresses = new Addresses(settings.perPeer);
  const pairs = new Pairs();
  const instance = labelText({ goldpinger_instance: settings.instance });

  const pingSample = (target: Target, sample: Sample) => {
    if (sample.outcome !== 'no-address') counters.calls.inc({ group: 'made', action: 'ping' });
    if (sample.suspect) counters.suspects.inc();
    if (sample.outcome === 'ok') {
      countSuccess(addresses, target, sample);
      return;
    }
    counters.errors.inc({ type: 'ping' });
    counters.failures.inc({ outcome: sample.outcome, phase: sample.phase ?? 'none' });
    // A refused connection is a fact however busy we are; a timeout may be our own doing.
    if (sample.suspect && sample.outcome === 'timeout') return;
    const pair = pairs.find(target.id);
    if (pair !== undefined) countFailure(pair, sample.outcome, sample.phase);
  };

  return {
    received: (action) => counters.calls.inc({ group: 'received', action }),
    made: (action) => counters.calls.inc({ group: 'made', action }),
    setPeers: (pods, targets) => {
      addresses.setPeers(pods, targets);
      if (settings.perPeer) pairs.setTargets(targets);
    },
    pingSample,
    linkState: (target, isUp) => {
      const pair = pairs.find(target.id);
      if (pair !== undefined) pair.isUp = isUp;
    },
    peerCall: (pod, durationUs, ok) => {
      counters.calls.inc({ group: 'made', action: 'check' });
      if (!ok) {
        counters.errors.inc({ type: 'checkAll' });
        return;
      }
      const series = addresses.find(pod.hostIPs[0] ?? '', pod.podIPs[0] ?? '');
      if (series !== undefined) addresses.observe(series, 'check', durationUs);
    },
    kubeRequest: (durationMs) => {
      if (durationMs >= 0) counters.kube.observe(durationMs / 1000);
    },
    error: (type) => counters.errors.inc({ type }),
    probeError: (protocol, target) => counters.probes[protocol].inc({ host: bounded(target) }),
    async *render(format) {
      yield await registryText(registry, instance, format);
      const slices = [addressSlices(addresses, instance, format), pairSlices(pairs.list(), instance, format)];
      for (const family of slices) {
        for (const slice of family) {
          yield slice;
          await nextTurn();
        }
      }
      if (format === 'openmetrics') yield END_MARK;
    },
  };
}

function countSuccess(addresses: Addresses, target: Target, sample: Sample): void {
  const series = addresses.find(target.hostIP, target.podIP);
  if (series === undefined) return;
  addresses.observe(series, 'ping', sample.totalUs);
  if (sample.connectUs < 0 || sample.firstByteUs < 0) return;
  series.connectUs += sample.connectUs;
  series.firstByteUs += sample.firstByteUs;
  series.phaseCount += 1;
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
