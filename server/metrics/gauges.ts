import type { Registry } from 'prom-client';
import Gauge from 'prom-client/lib/gauge.js';
import type { DiscoveryStatus } from '../contract/discovery.ts';
import { LIFECYCLES, type Pod } from '../contract/pod.ts';
import type { Starvation } from '../contract/row.ts';

/** How the cluster looks from this instance. */
export interface HealthView {
  /** Whether all is well, as `/cluster_health` would say it. */
  isHealthy: boolean;
  healthyNodes: number;
  unhealthyNodes: number;
}

/** Where a scrape looks up what is true at that moment. None of these may throw or wait. */
export interface MetricsSources {
  /** Wall time, ms since the epoch. */
  nowMs(): number;
  pods(): readonly Pod[];
  discovery(): DiscoveryStatus;
  starvation(): Starvation;
  health(): HealthView;
}

/** A gauge without labels of its own that is looked up at each scrape. */
export function lookedUp(registry: Registry, name: string, help: string, value: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(value());
    },
  });
}

/** Registers the gauges that are looked up at each scrape. */
export function registerGauges(registry: Registry, version: string, sources: MetricsSources): void {
  registerHealth(registry, sources);
  registerPeers(registry, sources);
  registerDiscovery(registry, sources);
  lookedUp(
    registry,
    'goldpinger_event_loop_delay_p99_seconds',
    'How late timers of this process were in the last seconds, 99th percentile.',
    () => Math.max(0, sources.starvation().loopDelayP99Us) / 1e6,
  );
  lookedUp(
    registry,
    'goldpinger_row_unreliable',
    'Whether this instance is too starved for its figures to be trusted (1).',
    () => (sources.starvation().unreliable ? 1 : 0),
  );
  new Gauge({
    name: 'goldpinger_build_info',
    help: 'Always 1; the labels say which program this is.',
    labelNames: ['version', 'node_version'],
    registers: [registry],
  }).set({ version, node_version: process.versions.node }, 1);
}

function registerHealth(registry: Registry, sources: MetricsSources): void {
  lookedUp(registry, 'goldpinger_cluster_health_total', 'Whether every check passes (1) or not (0).', () =>
    sources.health().isHealthy ? 1 : 0,
  );
  new Gauge({
    name: 'goldpinger_nodes_health_total',
    help: 'Nodes that this instance sees as healthy and as unhealthy.',
    labelNames: ['status'],
    registers: [registry],
    collect() {
      const { healthyNodes, unhealthyNodes } = sources.health();
      this.set({ status: 'healthy' }, healthyNodes);
      this.set({ status: 'unhealthy' }, unhealthyNodes);
    },
  });
}

function registerPeers(registry: Registry, sources: MetricsSources): void {
  new Gauge({
    name: 'goldpinger_peers',
    help: 'Pods of the mesh, this one included, by stage of life.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      const counts = new Map<string, number>(LIFECYCLES.map((state) => [state, 0]));
      for (const pod of sources.pods()) counts.set(pod.lifecycle, (counts.get(pod.lifecycle) ?? 0) + 1);
      for (const [state, count] of counts) this.set({ state }, count);
    },
  });
}

function registerDiscovery(registry: Registry, sources: MetricsSources): void {
  lookedUp(
    registry,
    'goldpinger_discovery_up',
    'Whether the list of peers is current (1) or waited for or stale (0).',
    () => (sources.discovery().phase === 'synced' ? 1 : 0),
  );
  lookedUp(
    registry,
    'goldpinger_discovery_age_seconds',
    'Time since the list of peers was last known to be right, or since start-up if it never was.',
    () => discoveryAgeS(sources),
  );
  lookedUp(
    registry,
    'goldpinger_discovery_failed_attempts',
    'Attempts to list peers that failed since the last good one.',
    () => Math.max(0, sources.discovery().attempts),
  );
}

function discoveryAgeS(sources: MetricsSources): number {
  const { phase, mode, lastGoodMs, sinceMs } = sources.discovery();
  // A watch that is quiet because nothing happens is right all the same.
  if (phase === 'synced' && mode === 'watch') return 0;
  return Math.max(0, sources.nowMs() - (lastGoodMs > 0 ? lastGoodMs : sinceMs)) / 1000;
}
