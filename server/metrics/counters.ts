import type { Registry } from 'prom-client';
import Counter from 'prom-client/lib/counter.js';
import Histogram from 'prom-client/lib/histogram.js';
import type { ProbeProtocol } from '../contract/probe.ts';
import { bounded } from './labels.ts';
import { BOUNDS_S } from './latencies.ts';
import { failureIndex, failureLabels } from './pairs.ts';

/** Calls that are counted, by Goldpinger's names. */
export const ACTIONS = ['ping', 'check', 'check_all', 'cluster_health', 'healthz'] as const;

/** A counted call; see `ACTIONS`. */
export type Action = (typeof ACTIONS)[number];

/** Errors that are counted, by Goldpinger's names. */
export const ERROR_TYPES = ['ping', 'checkAll', 'kubernetes_api'] as const;

/** A counted kind of error; see `ERROR_TYPES`. */
export type ErrorType = (typeof ERROR_TYPES)[number];

/** The failures of `goldpinger_ping_failures_total` that stand at 0 from the start. */
const USUAL_FAILURES = [
  failureIndex('refused', 'connect'),
  failureIndex('reset', 'first-byte'),
  failureIndex('timeout', 'connect'),
  failureIndex('timeout', 'first-byte'),
  failureIndex('unreachable', 'connect'),
];

/** The counters that stand in number apart from the cluster's size, all registered and set to 0. */
export function createCounters(registry: Registry, probes: readonly { protocol: ProbeProtocol; target: string }[]) {
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new Counter({ name, help, labelNames, registers });
  const counters = {
    calls: counter('goldpinger_stats_total', 'Calls received from and made to others, by what they ask for.', [
      'group',
      'action',
    ]),
    errors: counter('goldpinger_errors_total', 'Errors by what was being done.', ['type']),
    failures: counter('goldpinger_ping_failures_total', 'Failed pings by outcome and phase, whoever the peer.', [
      'outcome',
      'phase',
    ]),
    suspects: counter('goldpinger_suspect_samples_total', 'Pings that our own busy process may have distorted.', []),
    probes: {
      dns: counter('goldpinger_dns_errors_total', 'Names that could not be resolved, by name.', ['host']),
      tcp: counter('goldpinger_tcp_errors_total', 'TCP targets that could not be reached, by target.', ['host']),
      http: counter('goldpinger_http_errors_total', 'HTTP targets that did not answer with 200, by target.', ['host']),
    },
    kube: new Histogram({
      name: 'goldpinger_kube_master_response_time_s',
      help: 'Response times of the Kubernetes API in seconds, when listing the other instances.',
      buckets: [...BOUNDS_S],
      registers,
    }),
  };
  for (const action of ACTIONS) for (const group of ['received', 'made']) counters.calls.inc({ group, action }, 0);
  for (const type of ERROR_TYPES) counters.errors.inc({ type }, 0);
  for (const index of USUAL_FAILURES) counters.failures.inc(failureLabels(index), 0);
  for (const probe of probes) counters.probes[probe.protocol].inc({ host: bounded(probe.target) }, 0);
  return counters;
}
