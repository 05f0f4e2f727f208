import { readdirSync, readFileSync } from 'node:fs';
import type { Registry } from 'prom-client';
import Counter from 'prom-client/lib/counter.js';
import Gauge from 'prom-client/lib/gauge.js';
import { type DiscoveryStatus, LIFECYCLES, type Pod } from '../protocol/pod.ts';
import type { Starvation } from '../protocol/pod-report.ts';

/** How the cluster looks from this instance. */
interface HealthView {
  /** Whether every check passes, as in `/cluster_health`. */
  isHealthy: boolean;
  healthyNodes: number;
  unhealthyNodes: number;
}

/** Functions that a scrape calls for current values. None of them may throw or wait. */
export interface MetricsSources {
  /** Wall time, ms since the epoch. */
  nowMs(): number;
  pods(): readonly Pod[];
  discovery(): DiscoveryStatus;
  starvation(): Starvation;
  health(): HealthView;
}

/** Registers the gauges whose values are read at each scrape. */
export function registerGauges(registry: Registry, version: string, sources: MetricsSources): void {
  const registers = [registry];
  const gauge = (name: string, help: string, value: () => number) => registerGauge(registry, name, help, value);
  gauge('goldpinger_cluster_health_total', 'Whether every check passes (1) or not (0).', () =>
    sources.health().isHealthy ? 1 : 0,
  );
  new Gauge({
    name: 'goldpinger_nodes_health_total',
    help: 'Nodes that this instance sees as healthy and as unhealthy.',
    labelNames: ['status'],
    registers,
    collect() {
      const { healthyNodes, unhealthyNodes } = sources.health();
      this.set({ status: 'healthy' }, healthyNodes);
      this.set({ status: 'unhealthy' }, unhealthyNodes);
    },
  });
  new Gauge({
    name: 'goldpinger_peers',
    help: 'Pods of the mesh, this one included, by stage of life.',
    labelNames: ['state'],
    registers,
    collect() {
      const counts = new Map<string, number>(LIFECYCLES.map((state) => [state, 0]));
      for (const pod of sources.pods()) counts.set(pod.lifecycle, (counts.get(pod.lifecycle) ?? 0) + 1);
      for (const [state, count] of counts) this.set({ state }, count);
    },
  });
  gauge('goldpinger_discovery_up', 'Whether the list of peers is current (1), or missing or stale (0).', () =>
    sources.discovery().phase === 'synced' ? 1 : 0,
  );
  gauge(
    'goldpinger_discovery_age_seconds',
    'Time since the list of peers was last known to be right, or since start-up if it never was.',
    () => discoveryAgeS(sources.discovery(), sources.nowMs()),
  );
  gauge(
    'goldpinger_discovery_failed_attempts',
    'Attempts to list peers that failed since the last successful one.',
    () => Math.max(0, sources.discovery().attempts),
  );
  gauge(
    'goldpinger_event_loop_delay_p99_seconds',
    'How late timers of this process were in the last seconds, 99th percentile.',
    () => Math.max(0, sources.starvation().loopDelayP99Us) / 1e6,
  );
  gauge(
    'goldpinger_row_unreliable',
    'Whether this instance has too little CPU for its measurements to be trusted (1).',
    () => (sources.starvation().unreliable ? 1 : 0),
  );
  new Gauge({
    name: 'goldpinger_build_info',
    help: 'Always 1; the labels say which program this is.',
    labelNames: ['version', 'node_version'],
    registers,
  }).set({ version, node_version: process.versions.node }, 1);
}

/** Registers a gauge without labels of its own whose value is read at each scrape. */
function registerGauge(registry: Registry, name: string, help: string, value: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(value());
    },
  });
}

function discoveryAgeS({ phase, mode, lastGoodMs, sinceMs }: DiscoveryStatus, nowMs: number): number {
  // A watch without events is current: nothing has changed.
  if (phase === 'synced' && mode === 'watch') return 0;
  return Math.max(0, nowMs - (lastGoodMs > 0 ? lastGoodMs : sinceMs)) / 1000;
}

/**
 * Registers metrics of our own process, with the names that client libraries agree on
 * (https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics). prom-client's own set is not used,
 * because it also watches the garbage collector and every handle, which costs more than it tells.
 */
export function registerProcessMetrics(registry: Registry): void {
  const gauge = (name: string, help: string, value: () => number) => registerGauge(registry, name, help, value);
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
  gauge('process_start_time_seconds', 'When this process started, seconds since the epoch.', () => startS);
  gauge('process_resident_memory_bytes', 'Memory of this process that is in RAM.', () => process.memoryUsage.rss());
  gauge('nodejs_heap_size_used_bytes', 'JavaScript heap in use.', () => process.memoryUsage().heapUsed);
  gauge('nodejs_heap_size_total_bytes', 'JavaScript heap reserved.', () => process.memoryUsage().heapTotal);
  gauge('nodejs_external_memory_bytes', 'Memory outside the heap that JavaScript objects hold.', () => {
    return process.memoryUsage().external;
  });
  const maxFds = readMaxFds();
  if (maxFds < 0) return;
  gauge('process_open_fds', 'Open file descriptors.', countOpenFds);
  gauge('process_max_fds', 'The largest number of file descriptors that may be open.', () => maxFds);
}

/** Counts the open file descriptors, without the one that reads the folder. */
function countOpenFds(): number {
  try {
    return readdirSync('/proc/self/fd').length - 1;
  } catch {
    return 0;
  }
}

/** Reads the soft limit of file descriptors; -1 if there is no /proc, as on macOS. */
function readMaxFds(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? -1);
  } catch {
    return -1;
  }
}
