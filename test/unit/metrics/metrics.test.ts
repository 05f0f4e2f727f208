import fs, { readFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import * as publicEntry from 'prom-client';
import Counter from 'prom-client/lib/counter.js';
import Gauge from 'prom-client/lib/gauge.js';
import Histogram from 'prom-client/lib/histogram.js';
import Registry from 'prom-client/lib/registry.js';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Pod } from '../../../server/protocol/pod.ts';
import { podOf } from '../../support/mesh.ts';
import { figuresOf, metricsOf, read, sampleOf, scrape, seriesOf, targetOf } from './scene.ts';
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
    const actions = ['ping', 'check', 'check_all', 'cluster_health', 'healthz'];
    const expected = actions.flatMap((action) => ['received', 'made'].map((group) => [group, action, 0]));
    expect(await seriesOf(metricsOf([]), 'goldpinger_stats_total', 'group', 'action')).toEqual(expected);
  });

  it('have series of every kind of error, every external target and the Kubernetes API, from 0', async () => {
    const url = 'https://example.org/x';
    const metrics = metricsOf([], {
      probes: [
        { protocol: 'dns', target: 'example.org' },
        { protocol: 'tcp', target: '10.0.0.1:53' },
        { protocol: 'http', target: url },
        { protocol: 'http', target: 'http://g/ping', path: 'service-ip' },
      ],
    });
    metrics.externalProbe({ protocol: 'http', target: url, durationUs: 7_000, error: 'connection refused' });
    metrics.externalProbe({ protocol: 'http', target: url, durationUs: 7_000, error: '' });
    metrics.kubeRequest(7);
    metrics.kubeRequest(Number.NaN);
    metrics.error('kubernetes_api');
    metrics.error('peer_elements', 4);
    const errors = ['ping', 'checkAll', 'kubernetes_api', 'own_resources', 'peer_elements'];
    const counts = errors.map((type) => ['goldpinger_errors_total', `type=${type}`] as [string, string]);
    expect(await figuresOf(metrics, ...counts)).toEqual([0, 0, 1, 0, 4]);
    const probes = await figuresOf(
      metrics,
      ['goldpinger_dns_errors_total', 'host=example.org'],
      ['goldpinger_dns_duration_s', 'host=example.org le=+Inf'],
      ['goldpinger_tcp_errors_total', 'host=10.0.0.1:53'],
      ['goldpinger_tcp_duration_s', 'host=10.0.0.1:53 le=30'],
      ['goldpinger_http_errors_total', `host=${url}`],
      ['goldpinger_http_duration_s', `host=${url} le=0.005`],
      ['goldpinger_http_duration_s', `host=${url} le=0.01`],
      ['goldpinger_http_duration_s', `host=${url} le=+Inf`],
      // Paths of the cluster have series of their own.
      ['goldpinger_path_errors_total', 'path=service-ip'],
      ['goldpinger_path_duration_seconds', 'path=service-ip le=+Inf'],
      ['goldpinger_http_errors_total', 'host=http://g/ping'],
      ['goldpinger_kube_master_response_time_s', 'le=0.005'],
      ['goldpinger_kube_master_response_time_s', 'le=+Inf'],
    );
    expect(probes).toEqual([0, 0, 0, 0, 1, 0, 1, 1, 0, 0, Number.NaN, 0, 1]);
  });

  it('cut and escape the name of an external target', async () => {
    const target = `"} 1\n\\${'x'.repeat(300)}`;
    const metrics = metricsOf([], { probes: [{ protocol: 'tcp', target }] });
    metrics.externalProbe({ protocol: 'tcp', target, error: '', durationUs: 1_000 });
    expect(await seriesOf(metrics, 'goldpinger_tcp_duration_s_count', 'host')).toEqual([[target.slice(0, 253), 1]]);
  });

  it('count calls when they end', async () => {
    const metrics = usedMetrics();
    metrics.peerCall(podOf(1), 1000, false);
    metrics.pingSample(targetOf(podOf(1)), sampleOf({ outcome: 'refused', phase: 'connect' }));
    metrics.pingSample(targetOf(podOf(1)), sampleOf({ outcome: 'no-address' }));
    metrics.received('check_all');
    metrics.made('healthz');
    const counts = await figuresOf(
      metrics,
      ['goldpinger_stats_total', 'group=made action=ping'],
      ['goldpinger_stats_total', 'group=made action=check'],
      ['goldpinger_stats_total', 'group=made action=healthz'],
      ['goldpinger_stats_total', 'group=received action=check_all'],
      ['goldpinger_errors_total', 'type=ping'],
      ['goldpinger_errors_total', 'type=checkAll'],
    );
    expect(counts).toEqual([4, 4, 1, 1, 2, 1]);
  });

  it('do not count a failure as a latency', async () => {
    const metrics = metricsOf(pods);
    metrics.pingSample(targetOf(pods[0]!), sampleOf({ outcome: 'timeout', phase: 'connect', totalUs: 300_000 }));
    metrics.peerCall(pods[0]!, 1_000_000, false);
    expect(await seriesOf(metrics, 'goldpinger_peers_response_time_s_count')).toEqual([]);
  });

  it('have the label of the instance, and follow the naming rules of promtool unless Goldpinger has fixed the name', async () => {
    for (const [name, { type, help, series }] of await read(usedMetrics())) {
      expect(help.length).toBeGreaterThan(10);
      for (const { labels } of series) expect(labels['goldpinger_instance'], name).toBe('node-001');
      if (recorded.has(name)) continue;
      expect(name.endsWith('_total'), name).toBe(type === 'counter');
      expect(name).not.toMatch(/_(s|ms|us|milliseconds|microseconds|bucket|count|sum|gauge|counter)$/);
    }
    expect(await scrape(usedMetrics())).not.toMatch(/quantile=/);
  });
});

it('a scrape of 1000 peers comes in small slices with a turn of the event loop after each', async () => {
  const many = Array.from({ length: 1000 }, (_, n) => podOf(n));
  const metrics = metricsOf(many);
  for (const pod of many) {
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
  const lengths: number[] = [];
  for await (const slice of metrics.render('text')) lengths.push(slice.length);
  isOver = true;
  expect(lengths.length).toBeGreaterThan(80);
  expect(turns).toBeGreaterThanOrEqual(lengths.length - 2);
  expect(Math.max(...lengths)).toBeLessThan(200_000);
});

it('tells that all file descriptors are open when none is left to count them', async () => {
  const reading = vi.spyOn(fs, 'readdirSync').mockImplementation(() => {
    throw new Error('EMFILE: too many open files');
  });
  syncBuiltinESMExports();
  onTestFinished(() => {
    reading.mockRestore();
    syncBuiltinESMExports();
  });
  const [open, most] = await figuresOf(metricsOf([]), ['process_open_fds', ''], ['process_max_fds', '']);
  expect(open).toBe(most);
});

it('imports the same classes from the parts of prom-client as its public entry has', () => {
  const { Counter: counter, Gauge: gauge, Histogram: histogram, Registry: registry } = publicEntry;
  expect([Counter, Gauge, Histogram, Registry]).toEqual([counter, gauge, histogram, registry]);
});
