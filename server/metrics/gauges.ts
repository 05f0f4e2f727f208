import type { Registry } from 'prom-client';
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
  registerValues(registry, {
    goldpinger_cluster_health_total: [
      'Whether every check passes (1) or not (0).',
      () => {
        // Read once for both gauges: it takes a millisecond with 1000 pods. A scrape reads gauges in the order of their registration.
        const { isHealthy, healthyNodes, unhealthyNodes } = health();
        nodesHealth.set({ status: 'healthy' }, healthyNodes);
        nodesHealth.set({ status: 'unhealthy' }, unhealthyNodes);
        return +isHealthy;
      },
    ],
    goldpinger_discovery_up: [
      'Whether the list of peers is current (1), or missing or stale (0).',
      () => +(discovery().phase === 'synced'),
    ],
    goldpinger_discovery_age_seconds: [
      'Time since something was last heard from the Kubernetes API that keeps the list of peers right, or since start-up.',
      () => Math.max(0, nowMs() - (discovery().lastGoodMs || discovery().sinceMs)) / 1000,
    ],
    goldpinger_discovery_failed_attempts: [
      'Attempts to list peers that failed since the last successful one.',
      () => discovery().attempts,
    ],
    goldpinger_event_loop_delay_p99_seconds: [
      'How late this process handled a timer or an event at most in the last seconds.',
      () => starvation().loopDelayP99Us / 1e6,
    ],
    goldpinger_row_unreliable: [
      'Whether this instance has too little CPU for its measurements to be trusted (1).',
      () => +starvation().unreliable,
    ],
  });
  const nodesHealth = new Gauge({
    name: 'goldpinger_nodes_health_total',
    help: 'Nodes that this instance sees as healthy and as unhealthy.',
    labelNames: ['status'],
    registers: [registry],
  });
  new Gauge({
    name: 'goldpinger_peers',
    help: 'Pods of the mesh, this one included, by stage of life.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      for (const state of LIFECYCLES) this.set({ state }, pods().filter(({ lifecycle }) => lifecycle === state).length);
    },
  });
  registerIdentity(registry, version, true);
}

/** Registers the gauges that say what this process is: version and mode. */
export function registerIdentity(registry: Registry, version: string, isActive: boolean): void {
  const build = new Gauge({
    name: 'goldpinger_build_info',
    help: 'Always 1; the labels say which program this is.',
    labelNames: ['version', 'node_version'],
    registers: [registry],
  });
  build.set({ version, node_version: process.versions.node }, 1);
  registerValues(registry, {
    goldpinger_node_mode: [
      'Whether this instance measures (1), or only answers because its node is passive (0).',
      () => +isActive,
    ],
  });
}

/** Registers gauges without labels of their own, by name, whose values are read at each scrape. */
export function registerValues(registry: Registry, gauges: Record<string, [help: string, value: () => number]>): void {
  for (const [name, [help, value]] of Object.entries(gauges)) {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(value());
      },
    });
  }
}
