import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Pod } from '../../../server/protocol/pod.ts';
import { keyOf, readExposition } from './exposition-reader.ts';
import { figureOf, metricsOf, podOf, read, sampleOf, scrape, select, targetOf } from './scene.ts';

const recorded = readExposition(readFileSync('test/fixtures/goldpinger/healthy-metrics.txt', 'utf8'));
const pods: Pod[] = [1, 2, 3].map((n) => podOf(n, { podIPs: [`127.0.1.${n}`], hostIPs: [`10.0.0.${n}`] }));

/** As the recorded instance: it has pinged and checked all three. */
function usedMetrics() {
  const metrics = metricsOf(pods);
  for (const pod of pods) {
    metrics.pingSample(targetOf(pod), sampleOf());
    metrics.peerCall(pod, 2000, true);
  }
  return metrics;
}

describe('what dashboards made for Goldpinger query', () => {
  it('is there: every recorded name and label set, with the recorded type', async () => {
    const ours = await read(usedMetrics());
    for (const [name, family] of recorded) {
      expect(ours.get(name)?.type, name).toBe(family.type);
      const keys = new Set(ours.get(name)?.series.map(keyOf));
      for (const series of family.series) expect(keys, name).toContain(keyOf(series));
    }
    expect(recorded.size).toBe(5);
  });

  it('has every call counted from 0, whoever makes it', async () => {
    const stats = (await read(metricsOf([]))).get('goldpinger_stats_total');
    expect(stats?.series).toHaveLength(10);
    for (const action of ['ping', 'check', 'check_all', 'cluster_health', 'healthz']) {
      for (const group of ['received', 'made']) expect(figureOf(stats, { group, action })).toBe(0);
    }
  });

  it('has every kind of error counted from 0, and the external targets that are configured', async () => {
    const metrics = metricsOf([], {
      probes: [
        { protocol: 'dns', target: 'example.org' },
        { protocol: 'tcp', target: '10.0.0.1:53' },
        { protocol: 'http', target: 'https://example.org/x' },
      ],
    });
    metrics.probeError('http', 'https://example.org/x');
    metrics.error('kubernetes_api');
    const ours = await read(metrics);
    expect(figureOf(ours.get('goldpinger_errors_total'), { type: 'ping' })).toBe(0);
    expect(figureOf(ours.get('goldpinger_errors_total'), { type: 'checkAll' })).toBe(0);
    expect(figureOf(ours.get('goldpinger_errors_total'), { type: 'kubernetes_api' })).toBe(1);
    expect(figureOf(ours.get('goldpinger_dns_errors_total'), { host: 'example.org' })).toBe(0);
    expect(figureOf(ours.get('goldpinger_tcp_errors_total'), { host: '10.0.0.1:53' })).toBe(0);
    expect(figureOf(ours.get('goldpinger_http_errors_total'), { host: 'https://example.org/x' })).toBe(1);
  });

  it('labels every series with the instance', async () => {
    for (const family of (await read(usedMetrics())).values()) {
      for (const series of family.series) expect(series.labels['goldpinger_instance']).toBe('node-001');
    }
  });

  it('counts calls made by their ends', async () => {
    const metrics = usedMetrics();
    metrics.peerCall(podOf(1), 1000, false);
    metrics.pingSample(targetOf(podOf(1)), sampleOf({ outcome: 'refused', phase: 'connect' }));
    metrics.pingSample(targetOf(podOf(1)), sampleOf({ outcome: 'no-address' }));
    metrics.received('check_all');
    metrics.made('healthz');
    const ours = await read(metrics);
    const stats = ours.get('goldpinger_stats_total');
    expect(figureOf(stats, { group: 'made', action: 'ping' })).toBe(4);
    expect(figureOf(stats, { group: 'made', action: 'check' })).toBe(4);
    expect(figureOf(stats, { group: 'made', action: 'healthz' })).toBe(1);
    expect(figureOf(stats, { group: 'received', action: 'check_all' })).toBe(1);
    expect(figureOf(ours.get('goldpinger_errors_total'), { type: 'ping' })).toBe(2);
    expect(figureOf(ours.get('goldpinger_errors_total'), { type: 'checkAll' })).toBe(1);
  });

  it('does not take a failure for a latency', async () => {
    const metrics = metricsOf(pods);
    metrics.pingSample(targetOf(pods[0]!), sampleOf({ outcome: 'timeout', phase: 'connect', totalUs: 300_000 }));
    metrics.peerCall(pods[0]!, 1_000_000, false);
    const ours = await read(metrics);
    expect(select(ours.get('goldpinger_peers_response_time_s'))).toEqual([]);
  });

  it('puts the Kubernetes API into the same buckets', async () => {
    const metrics = metricsOf([]);
    metrics.kubeRequest(7);
    metrics.kubeRequest(Number.NaN);
    const family = (await read(metrics)).get('goldpinger_kube_master_response_time_s');
    expect(select(family, { le: '0.005' })[0]?.value).toBe(0);
    expect(select(family, { le: '0.01' })[0]?.value).toBe(1);
    expect(family?.series.find((series) => series.name.endsWith('_sum'))?.value).toBeCloseTo(0.007);
    expect(family?.series.find((series) => series.name.endsWith('_count'))?.value).toBe(1);
  });

  it('follows the naming rules of promtool where Goldpinger has not fixed the name', async () => {
    for (const [name, { type, help }] of await read(usedMetrics())) {
      expect(help.length).toBeGreaterThan(10);
      if (recorded.has(name)) continue;
      expect(name.endsWith('_total'), name).toBe(type === 'counter');
      expect(name).not.toMatch(/_(s|ms|us|milliseconds|microseconds|bucket|count|sum|gauge|counter)$/);
    }
    expect(await scrape(usedMetrics())).not.toMatch(/quantile=/);
  });
});
