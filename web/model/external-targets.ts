import type { Mesh } from '../../server/protocol/mesh.ts';
import type { ProbeProtocol } from '../../server/protocol/sample.ts';

/** An external target with the results of all pods. */
export interface ExternalTarget {
  /** Protocol and target; unique. */
  key: string;
  target: string;
  protocol: ProbeProtocol;
  /** `failed` if it fails from any pod; `not-yet` if no pod has probed it. */
  state: 'good' | 'failed' | 'not-yet';
  /** Pods that have probed it. */
  probing: number;
  /** Indexes in `Mesh.pods` of the pods whose probe failed. */
  failing: number[];
  /** The slowest success, us; -1 without one. */
  slowestUs: number;
  /** The first error. */
  error: string;
}

/** Maximum number of targets, because each pod may report its own. */
const MAX_TARGETS = 500;

/** Collects external targets from all pod reports: failed ones first, then by name. */
export function externalTargets(mesh: Pick<Mesh, 'reports'>): ExternalTarget[] {
  const targets: ExternalTarget[] = [];
  const byName = new Map<string, ExternalTarget[]>();
  for (const report of mesh.reports) {
    for (const probe of report.probes) {
      const { protocol } = probe;
      const named = byName.get(probe.target);
      let target = named?.find((other) => other.protocol === protocol);
      if (target === undefined) {
        if (targets.length >= MAX_TARGETS) continue;
        const key = `${protocol} ${probe.target}`;
        const unseen = { state: 'not-yet' as const, probing: 0, failing: [], slowestUs: -1, error: '' };
        target = { key, target: probe.target, protocol, ...unseen };
        targets.push(target);
        if (named === undefined) byName.set(probe.target, [target]);
        else named.push(target);
      }
      if (probe.atMs === 0) continue;
      target.probing++;
      if (probe.error !== '') {
        target.failing.push(report.pod);
        target.error ||= probe.error;
      } else target.slowestUs = Math.max(target.slowestUs, probe.durationUs);
      target.state = target.failing.length > 0 ? 'failed' : 'good';
    }
  }
  const rank = (target: ExternalTarget) => (target.state === 'failed' ? 0 : 1);
  return targets.sort((a, b) => rank(a) - rank(b) || (a.key < b.key ? -1 : 1));
}
