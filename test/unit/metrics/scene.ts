import type { MetricsSources } from '../../../server/metrics/gauges.ts';
import { Metrics, type MetricsSettings } from '../../../server/metrics/metrics.ts';
import type { Format } from '../../../server/metrics/text-format.ts';
import type { DiscoveryStatus, Pod, Target } from '../../../server/protocol/pod.ts';
import type { Sample } from '../../../server/protocol/sample.ts';
import { statusOf } from '../../support/mesh.ts';
import { sampleOf as anySample } from '../../support/samples.ts';
import { type ReadFamily, readExposition } from './text-reader.ts';

/** The target for pings to a pod. */
export function targetOf(pod: Pod): Target {
  const { uid, name, namespace, node } = pod;
  const podIP = pod.podIPs[0] ?? '';
  const hostIP = pod.hostIPs[0] ?? '';
  return { id: `${uid}/4`, uid, name, namespace, node, hostIP, podIP, family: 4, address: podIP, port: 8080 };
}

/** A sample of a ping that was answered in 1 ms. */
export function sampleOf(change: Partial<Sample> = {}): Sample {
  return anySample({ connectUs: 400, firstByteUs: 500, totalUs: 1000, ...change });
}

/** The sources of a healthy, idle instance. */
export function sourcesOf(
  change: Partial<MetricsSources> = {},
  discovery: Partial<DiscoveryStatus> = {},
): MetricsSources {
  return {
    nowMs: () => 100_000,
    pods: () => [],
    discovery: () => statusOf({ sinceMs: 50_000, lastGoodMs: 90_000, ...discovery }),
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
  const metrics = new Metrics(
    { instance: 'node-001', perPeer: true, version: '1.2.3', probes: [], ...settings },
    sources,
  );
  metrics.peers.setPeers(pods, pods.map(targetOf));
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

/** The series with this name in the next scrape: the values of these labels, then the figure. */
export async function seriesOf(metrics: Metrics, name: string, ...labels: string[]): Promise<(string | number)[][]> {
  const series = [...(await read(metrics)).values()].flatMap((family) => family.series);
  return series
    .filter((one) => one.name === name)
    .map((one) => [...labels.map((label) => one.labels[label] ?? ''), one.value]);
}

/** The values of these series of the next scrape, NaN where there is none: a name, and some of its labels (`a=b c=d`). */
export async function figuresOf(metrics: Metrics, ...wanted: [name: string, labels: string][]): Promise<number[]> {
  const families = await read(metrics);
  return wanted.map(([name, text]) => {
    const labels = text
      .split(' ')
      .filter(Boolean)
      .map((pair) => pair.split(/=(.*)/s, 2));
    const series = families.get(name)?.series ?? [];
    const found = series.find((one) => labels.every(([label = '', value]) => one.labels[label] === value));
    return found?.value ?? Number.NaN;
  });
}
