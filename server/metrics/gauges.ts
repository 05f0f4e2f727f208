import { readdirSync, readFileSync } from 'node:fs';
import type { Registry } from 'prom-client';
import Counter from 'prom-client/lib/counter.js';
import Gauge from 'prom-client/lib/gauge.js';
import { type DiscoveryStatus, LIFECYCLES, type Pod } from '../protocol/pod.ts';
import type { Starvation } from '../protocol/pod-report.ts';

/** Functions that a scrape calls for current values. None of them may throw or wait. */
export interface MetricsSources {
  /** Wall time, ms since the epoch. */
  nowMs(): number;
  pods(): readonly Pod[];
  discovery(): DiscoveryStatus;
  starvation(): Starvation;
  /** How the cluster looks from this instance; see peers/cluster-health.ts. */
  health(): { isHealthy: boolean; healthyNodes: number; unhealthyNodes: number };
}

/** Registers the gauges whose values are read at each scrape. */
export function registerGauges(registry: Registry, version: string, sources: MetricsSources): void {
  const { nowMs, pods, discovery, starvation, health } = sources;
  registerValues(registry, [
    ['goldpinger_cluster_health_total', 'Whether every check passes (1) or not (0).', () => +health().isHealthy],
    [
      'goldpinger_discovery_up',
      'Whether the list of peers is current (1), or missing or stale (0).',
      () => +(discovery().phase === 'synced'),
    ],
    [
      'goldpinger_discovery_age_seconds',
      'Time since something was last heard from the Kubernetes API that keeps the list of peers right, or since start-up.',
      () => discoveryAgeS(discovery(), nowMs()),
    ],
    [
      'goldpinger_discovery_failed_attempts',
      'Attempts to list peers that failed since the last successful one.',
      () => discovery().attempts,
    ],
    [
      'goldpinger_event_loop_delay_p99_seconds',
      'How late this process handled a timer or an event at most in the last seconds.',
      () => starvation().loopDelayP99Us / 1e6,
    ],
    [
      'goldpinger_row_unreliable',
      'Whether this instance has too little CPU for its measurements to be trusted (1).',
      () => +starvation().unreliable,
    ],
  ]);
  registerGauge(registry, 'goldpinger_nodes_health_total', ['status'], {
    help: 'Nodes that this instance sees as healthy and as unhealthy.',
    collect: (gauge) => {
      const { healthyNodes, unhealthyNodes } = health();
      gauge.set({ status: 'healthy' }, healthyNodes);
      gauge.set({ status: 'unhealthy' }, unhealthyNodes);
    },
  });
  registerGauge(registry, 'goldpinger_peers', ['state'], {
    help: 'Pods of the mesh, this one included, by stage of life.',
    collect: (gauge) => {
      for (const state of LIFECYCLES) gauge.set({ state }, 0);
      for (const { lifecycle } of pods()) gauge.inc({ state: lifecycle });
    },
  });
  registerIdentity(registry, version, true);
}

/** Registers the gauges that say what this process is: version and mode. */
export function registerIdentity(registry: Registry, version: string, isActive: boolean): void {
  registerGauge(registry, 'goldpinger_build_info', ['version', 'node_version'], {
    help: 'Always 1; the labels say which program this is.',
    collect: (gauge) => gauge.set({ version, node_version: process.versions.node }, 1),
  });
  registerValues(registry, [
    [
      'goldpinger_node_mode',
      'Whether this instance measures (1), or only answers because its node is passive (0).',
      () => +isActive,
    ],
  ]);
}

/** Registers gauges without labels of their own, whose values are read at each scrape. */
function registerValues(
  registry: Registry,
  gauges: readonly [name: string, help: string, value: () => number][],
): void {
  for (const [name, help, value] of gauges) {
    registerGauge(registry, name, [], { help, collect: (gauge) => gauge.set(value()) });
  }
}

/** Registers a gauge that `collect` sets at each scrape. */
function registerGauge<L extends string>(
  registry: Registry,
  name: string,
  labelNames: L[],
  { help, collect }: { help: string; collect(gauge: Gauge<L>): void },
): void {
  new Gauge<L>({
    name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      collect(this);
    },
  });
}

function discoveryAgeS({ lastGoodMs, sinceMs }: DiscoveryStatus, nowMs: number): number {
  return Math.max(0, nowMs - (lastGoodMs > 0 ? lastGoodMs : sinceMs)) / 1000;
}

/**
 * Registers metrics of our own process, with the names that client libraries agree on
 * (https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics). prom-client's own set is not used,
 * because it also watches the garbage collector and every handle, which costs more than it tells.
 */
export function registerProcessMetrics(registry: Registry): void {
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
  registerValues(registry, [
    ['process_start_time_seconds', 'When this process started, seconds since the epoch.', () => startS],
    ['process_resident_memory_bytes', 'Memory of this process that is in RAM.', () => process.memoryUsage.rss()],
    ['nodejs_heap_size_used_bytes', 'JavaScript heap in use.', () => process.memoryUsage().heapUsed],
    ['nodejs_heap_size_total_bytes', 'JavaScript heap reserved.', () => process.memoryUsage().heapTotal],
    [
      'nodejs_external_memory_bytes',
      'Memory outside the heap that JavaScript objects hold.',
      () => process.memoryUsage().external,
    ],
  ]);
  const maxFds = readMaxFds();
  if (maxFds < 0) return;
  registerValues(registry, [
    ['process_open_fds', 'Open file descriptors.', countOpenFds],
    ['process_max_fds', 'The largest number of file descriptors that may be open.', () => maxFds],
  ]);
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
