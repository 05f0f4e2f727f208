import { readdirSync, readFileSync } from 'node:fs';
import type { Registry } from 'prom-client';
import Counter from 'prom-client/lib/counter.js';
import Gauge from 'prom-client/lib/gauge.js';
import { type DiscoveryStatus, LIFECYCLES, type Pod } from '../protocol/pod.ts';
import type { Starvation } from '../protocol/pod-report.ts';

/** How the cluster looks from this instance. */
interface HealthView {
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
function lookedUp(registry: Registry, name: string, help: string, value: () => number): void {
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

/**
 * Registers figures about our own process, by the names that client libraries agree on
 * (https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics). prom-client's own set watches the
 * garbage collector and every handle, which costs more than it tells.
 */
export function registerProcess(registry: Registry): void {
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'CPU time of this process, user and system.',
    registers: [registry],
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  const startS = Date.now() / 1000 - process.uptime();
  lookedUp(registry, 'process_start_time_seconds', 'When this process started, seconds since the epoch.', () => startS);
  lookedUp(registry, 'process_resident_memory_bytes', 'Memory of this process that is in RAM.', () =>
    process.memoryUsage.rss(),
  );
  lookedUp(registry, 'nodejs_heap_size_used_bytes', 'JavaScript heap in use.', () => process.memoryUsage().heapUsed);
  lookedUp(
    registry,
    'nodejs_heap_size_total_bytes',
    'JavaScript heap reserved.',
    () => process.memoryUsage().heapTotal,
  );
  lookedUp(registry, 'nodejs_external_memory_bytes', 'Memory outside the heap that JavaScript objects hold.', () => {
    return process.memoryUsage().external;
  });
  const maxFds = maxFdsOf();
  if (maxFds < 0) return;
  lookedUp(registry, 'process_open_fds', 'Open file descriptors.', openFds);
  lookedUp(registry, 'process_max_fds', 'The most file descriptors that may be open.', () => maxFds);
}

/** The one that reads the folder is not counted. */
function openFds(): number {
  try {
    return readdirSync('/proc/self/fd').length - 1;
  } catch {
    return 0;
  }
}

/** The soft limit; -1 where there is no /proc, as on macOS. */
function maxFdsOf(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? -1);
  } catch {
    return -1;
  }
}
