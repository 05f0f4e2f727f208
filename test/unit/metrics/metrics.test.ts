import { readFileSync } from 'node:fs';
import * as publicEntry from 'prom-client';
import Counter from 'prom-client/lib/counter.js';
import Gauge from 'prom-client/lib/gauge.js';
import Histogram from 'prom-client/lib/histogram.js';
import Registry from 'prom-client/lib/registry.js';
import { describe, expect, it } from 'vitest';
import type { Pod } from '../../../server/protocol/pod.ts';
import { podOf } from '../../support/mesh.ts';
import { figureOf, metricsOf, read, sampleOf, scrape, select, targetOf } from './scene.ts';
import { keyOf, readExposition } from './text-reader.ts';

const recorded = readExposition(readFileSync('test/fixtures/goldpinger/healthy-metrics.txt', 'utf8'));
const pods: Pod[] = [1, 2, 3].map((n) => podOf(n, { podIPs: [`127.0.1.${n}`], hostIPs: [`10.0.0.${n}`] }));

/** Metrics in the state of the recorded instance: it has pinged and checked all three pods. */
function usedMetrics() {
  const metrics = metricsOf(pods);
  for (const pod of pods) {
    metrics.pingSample(targetOf(pod), sampleOf());
    metrics.peerCall(pod, 2000, true);
  }
  return metrics;
}

describe('the metrics that dashboards for Goldpinger query', () => {
  it('exist: every recorded name and label set, with the recorded type', async () => {
    const ours = await read(usedMetrics());
    for (const [name, family] of recorded) {
      expect(ours.get(name)?.type, name).toBe(family.type);
      const keys = new Set(ours.get(name)?.series.map(keyOf));
      for (const series of family.series) expect(keys, name).toContain(keyOf(series));
    }
    expect(recorded.size).toBe(5);
  });

  it('have a counter of every kind of call, from 0', async () => {
    const stats = (await read(metricsOf([]))).get('goldpinger_stats_total');
    expect(stats?.series).toHaveLength(10);
    for (const action of ['ping', 'check', 'check_all', 'cluster_health', 'healthz']) {
      for (const group of ['received', 'made']) expect(figureOf(stats, { group, action })).toBe(0);
    }
  });

  it('have a counter of every kind of error, and a counter and a histogram of every configured external target, from 0', async () => {
    const metrics = metricsOf([], {
      probes: [
        { protocol: 'dns', target: 'example.org' },
        { protocol: 'tcp', target: '10.0.0.1:53' },
        { protocol: 'http', target: 'https://example.org/x' },
      ],
    });
    const probe = { protocol: 'http' as const, target: 'https://example.org/x', durationUs: 7_000 };
    metrics.externalProbe({ ...probe, error: 'connection refused' });
    metrics.externalProbe({ ...probe, error: '' });
    metrics.error('kubernetes_api');
    metrics.error('peer_elements', 4);
    const ours = await read(metrics);
    expect(figureOf(ours.get('goldpinger_errors_total'), { type: 'ping' })).toBe(0);
    expect(figureOf(ours.get('goldpinger_errors_total'), { type: 'checkAll' })).toBe(0);
    expect(figureOf(ours.get('goldpinger_errors_total'), { type: 'kubernetes_api' })).toBe(1);
    expect(figureOf(ours.get('goldpinger_errors_total'), { type: 'own_resources' })).toBe(0);
    expect(figureOf(ours.get('goldpinger_errors_total'), { type: 'peer_elements' })).toBe(4);
    expect(figureOf(ours.get('goldpinger_dns_errors_total'), { host: 'example.org' })).toBe(0);
    expect(figureOf(ours.get('goldpinger_tcp_errors_total'), { host: '10.0.0.1:53' })).toBe(0);
    expect(figureOf(ours.get('goldpinger_http_errors_total'), { host: 'https://example.org/x' })).toBe(1);
    const count = (protocol: string, host: string, le: string) =>
      figureOf(ours.get(`goldpinger_${protocol}_duration_s`), { host, le });
    expect(count('dns', 'example.org', '+Inf')).toBe(0);
    expect(count('tcp', '10.0.0.1:53', '30')).toBe(0);
    expect(['0.005', '0.01', '+Inf'].map((le) => count('http', 'https://example.org/x', le))).toEqual([0, 1, 1]);
  });

  it('have series of their own for paths of the cluster, from 0', async () => {
    const check = { protocol: 'http' as const, target: 'http://g/ping', path: 'service-ip' as const };
    const metrics = metricsOf([], { probes: [check] });
    const figures = async () => {
      const ours = await read(metrics);
      const path = 'service-ip';
      return [
        figureOf(ours.get('goldpinger_path_errors_total'), { path }),
        figureOf(ours.get('goldpinger_path_duration_seconds'), { path, le: '0.005' }),
        ours.get('goldpinger_http_errors_total'),
      ];
    };
    expect(await figures()).toEqual([0, 0, undefined]);
    metrics.externalProbe({ ...check, error: 'refused', durationUs: 1 });
    metrics.externalProbe({ ...check, error: '', durationUs: 1_000 });
    expect(await figures()).toEqual([1, 1, undefined]);
  });

  it('cut and escape the name of an external target', async () => {
    const target = `"} 1\n\\${'x'.repeat(300)}`;
    const metrics = metricsOf([], { probes: [{ protocol: 'tcp', target }] });
    metrics.externalProbe({ protocol: 'tcp', target, error: '', durationUs: 1_000 });
    const { series } = (await read(metrics)).get('goldpinger_tcp_duration_s')!;
    expect(new Set(series.map(({ labels }) => labels['host']))).toEqual(new Set([target.slice(0, 253)]));
    expect(series).toHaveLength(15);
  });

  it('have the label of the instance on every series', async () => {
    for (const family of (await read(usedMetrics())).values()) {
      for (const series of family.series) expect(series.labels['goldpinger_instance']).toBe('node-001');
    }
  });

  it('count calls when they end', async () => {
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

  it('do not count a failure as a latency', async () => {
    const metrics = metricsOf(pods);
    metrics.pingSample(targetOf(pods[0]!), sampleOf({ outcome: 'timeout', phase: 'connect', totalUs: 300_000 }));
    metrics.peerCall(pods[0]!, 1_000_000, false);
    const ours = await read(metrics);
    expect(select(ours.get('goldpinger_peers_response_time_s'))).toEqual([]);
  });

  it('use the same buckets for the Kubernetes API', async () => {
    const metrics = metricsOf([]);
    metrics.kubeRequest(7);
    metrics.kubeRequest(Number.NaN);
    const family = (await read(metrics)).get('goldpinger_kube_master_response_time_s');
    expect(select(family, { le: '0.005' })[0]?.value).toBe(0);
    expect(select(family, { le: '0.01' })[0]?.value).toBe(1);
    expect(family?.series.find((series) => series.name.endsWith('_sum'))?.value).toBeCloseTo(0.007);
    expect(family?.series.find((series) => series.name.endsWith('_count'))?.value).toBe(1);
  });

  it('follow the naming rules of promtool, unless Goldpinger has fixed the name', async () => {
    for (const [name, { type, help }] of await read(usedMetrics())) {
      expect(help.length).toBeGreaterThan(10);
      if (recorded.has(name)) continue;
      expect(name.endsWith('_total'), name).toBe(type === 'counter');
      expect(name).not.toMatch(/_(s|ms|us|milliseconds|microseconds|bucket|count|sum|gauge|counter)$/);
    }
    expect(await scrape(usedMetrics())).not.toMatch(/quantile=/);
  });
});

describe('a scrape of 1000 peers', () => {
  it('comes in small slices with a turn of the event loop after each', async () => {
    const pods = Array.from({ length: 1000 }, (_, n) => podOf(n));
    const metrics = metricsOf(pods);
    for (const pod of pods) {
      metrics.pingSample(targetOf(pod), sampleOf());
      metrics.peerCall(pod, 1000, true);
    }
    let turns = 0;
    let isOver = false;
    const count = () => {
      turns++;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    let slices = 0;
    let longest = 0;
    for await (const slice of metrics.render('text')) {
      slices++;
      longest = Math.max(longest, slice.length);
    }
    isOver = true;
    expect(slices).toBeGreaterThan(80);
    expect(turns).toBeGreaterThanOrEqual(slices - 2);
    expect(longest).toBeLessThan(200_000);
  });
});

it('imports the same classes from the parts of prom-client as its public entry has', () => {
  expect([Counter, Gauge, Histogram, Registry]).toEqual([
    publicEntry.Counter,
    publicEntry.Gauge,
    publicEntry.Histogram,
    publicEntry.Registry,
  ]);
});
