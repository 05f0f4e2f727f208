import type { Config } from './config/config.ts';
import type { DiscoveryStatus } from './contract/discovery.ts';
import type { Clock } from './contract/seams.ts';
import { createMetrics, type Metrics } from './metrics/metrics.ts';
import type { OwnView } from './own-view.ts';

/** What the metrics are read from. */
export interface MetricsParts {
  clock: Clock;
  version: string;
  own: OwnView;
  discovery(): DiscoveryStatus;
}

/** The metrics of a service: what is counted elsewhere, they ask for when they are scraped. */
export function createServiceMetrics(config: Config, { clock, version, own, discovery }: MetricsParts): Metrics {
  const { hostname, podName, metricsPerPeer, hostsToResolve, tcpTargets, httpTargets } = config;
  return createMetrics(
    {
      instance: hostname || podName,
      perPeer: metricsPerPeer,
      version,
      probes: [
        ...hostsToResolve.map((target) => ({ protocol: 'dns' as const, target })),
        ...tcpTargets.map((target) => ({ protocol: 'tcp' as const, target })),
        ...httpTargets.map((target) => ({ protocol: 'http' as const, target })),
      ],
    },
    {
      nowMs: () => clock.nowMs(),
      pods: () => own.snapshot.pods,
      discovery,
      starvation: () => own.starvation(),
      health: () => own.health(),
    },
  );
}
