import type { Format } from '../../../server/metrics/exposition.ts';
import type { MetricsSources } from '../../../server/metrics/gauges.ts';
import { createMetrics, type Metrics, type MetricsSettings } from '../../../server/metrics/metrics.ts';
import type { DiscoveryStatus, Pod, Target } from '../../../server/protocol/pod.ts';
import type { Sample } from '../../../server/protocol/sample.ts';
import { type ReadFamily, type ReadSeries, readExposition } from './exposition-reader.ts';

/** A ready pod number `n` with an address of its own. */
export function podOf(n: number, change: Partial<Pod> = {}): Pod {
  return {
    uid: `uid-${n}`,
    name: `pod-${n}`,
    namespace: 'default',
    node: `node-${n}`,
    zone: '',
    podIPs: [`127.0.${n >> 8}.${n & 255}`],
    hostIPs: [`10.0.${n >> 8}.${n & 255}`],
    lifecycle: 'ready',
    sinceMs: 0,
    createdMs: 0,
    owner: '',
    labels: '',
    replacedBy: '',
    ...change,
  };
}

/** The target that pinging makes of a pod. */
export function targetOf(pod: Pod): Target {
  const { uid, name, namespace, node } = pod;
  const podIP = pod.podIPs[0] ?? '';
  const hostIP = pod.hostIPs[0] ?? '';
  return { id: `${uid}/4`, uid, name, namespace, node, hostIP, podIP, family: 4, address: podIP, port: 8080 };
}

/** A sample of a ping that took 1 ms and was fine. */
export function sampleOf(change: Partial<Sample> = {}): Sample {
  return {
    atMs: 1,
    outcome: 'ok',
    phase: null,
    connectUs: 400,
    firstByteUs: 500,
    totalUs: 1000,
    starvedUs: 0,
    suspect: false,
    bootTimeMs: 1,
    statusCode: 200,
    detail: '',
    ...change,
  };
}

/** What a healthy, idle instance looks up. */
export function sourcesOf(
  change: Partial<MetricsSources> = {},
  discovery: Partial<DiscoveryStatus> = {},
): MetricsSources {
  return {
    nowMs: () => 100_000,
    pods: () => [],
    discovery: () => ({
      phase: 'synced',
      sinceMs: 50_000,
      mode: 'watch',
      lastGoodMs: 90_000,
      attempts: 0,
      nextAttemptMs: 0,
      lastError: null,
      namespace: 'default',
      labelSelector: 'app=goldpinger',
      ...discovery,
    }),
    starvation: () => ({ loopDelayP99Us: 1500, suspectShare: 0, unreliable: false, sinceMs: 0 }),
    health: () => ({ isHealthy: true, healthyNodes: 3, unhealthyNodes: 0 }),
    ...change,
  };
}

/** Metrics of instance `node-001` that know the pods and ping each of them. */
export function metricsOf(
  pods: readonly Pod[],
  settings: Partial<MetricsSettings> = {},
  sources: MetricsSources = sourcesOf({ pods: () => pods }),
): Metrics {
  const metrics = createMetrics(
    { instance: 'node-001', perPeer: true, version: '1.2.3', probes: [], ...settings },
    sources,
  );
  metrics.setPeers(pods, pods.map(targetOf));
  return metrics;
}

/** The whole answer to a scrape. */
export async function scrape(metrics: Metrics, format: Format = 'text'): Promise<string> {
  let text = '';
  for await (const slice of metrics.render(format)) text += slice;
  return text;
}

/** The answer to a scrape, read back. */
export async function read(metrics: Metrics, format: Format = 'text'): Promise<Map<string, ReadFamily>> {
  return readExposition(await scrape(metrics, format), format);
}

/** The series of a family that have at least these labels. */
export function select(family: ReadFamily | undefined, labels: Record<string, string> = {}): ReadSeries[] {
  const wanted = Object.entries(labels);
  return (family?.series ?? []).filter((series) => wanted.every(([name, value]) => series.labels[name] === value));
}

/** The value of the one series with at least these labels. */
export function figureOf(family: ReadFamily | undefined, labels: Record<string, string> = {}): number {
  const found = select(family, labels);
  if (found.length !== 1) throw new Error(`${found.length} series with ${JSON.stringify(labels)}`);
  return found[0]!.value;
}
