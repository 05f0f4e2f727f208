import type { Mesh } from '../../server/protocol/mesh.ts';
import { PATH_NAMES, type Path, type ProbeProtocol, type ProbeResult } from '../../server/protocol/sample.ts';
import { countText, plural } from '../../server/runtime/count-text.ts';

/** An external target, or a path of the cluster (PATH_CHECKS), with the results of all pods. */
export interface ExternalTarget {
  /** Path, or protocol and target; unique. */
  key: string;
  /** The path of the cluster that it is; null = an external target. */
  path: Path | null;
  /** `Service by name`, or the target itself. */
  name: string;
  target: string;
  protocol: ProbeProtocol;
  /** `failed` if it fails from any pod; `not-yet` if no pod has probed it. */
  state: 'good' | 'failed' | 'not-yet';
  /** How many pods have probed it, and how many of these probes failed. */
  probing: number;
  failed: number;
  /** Indexes in `Mesh.pods` of the pods whose probe failed; in a folded picture of their groups. */
  failing: number[];
  /** The slowest success, us; -1 without one. */
  slowestUs: number;
  error: string;
}

/** Maximum number of targets, because each pod may report its own. */
const MAX_TARGETS = 500;

/** What a probe is called: its path, or its target. */
export function probeName({ path, target }: Pick<ProbeResult, 'path' | 'target'>): string {
  return path === undefined ? target : PATH_NAMES[path];
}

/** The targets of a mesh that are paths of the cluster, or those that are not, and how many of them fail. */
export function countTargets(targets: readonly ExternalTarget[], isPath: boolean): { count: number; failing: number } {
  const own = targets.filter(({ path }) => (path !== null) === isPath);
  return { count: own.length, failing: own.filter(({ state }) => state === 'failed').length };
}

/** `1 of 5 paths fails.` and the same of external targets; '' = none fails. */
export function failingTargetsText(targets: readonly ExternalTarget[]): string {
  return [true, false]
    .map((isPath) => {
      const { count, failing } = countTargets(targets, isPath);
      const noun = isPath ? 'path' : 'external target';
      return failing === 0
        ? ''
        : `${countText(failing)} of ${plural(count, noun)} ${failing === 1 ? 'fails' : 'fail'}.`;
    })
    .filter(Boolean)
    .join(' ');
}

/** `2 of 3 fail`: of the pods that have probed a target. */
export function failedProbesText({ failed, probing }: ExternalTarget): string {
  return `${countText(failed)} of ${countText(probing)} fail`;
}

/** Collects external targets and paths from all pod reports: failed ones first, then paths, then by name. */
export function externalTargets(mesh: Pick<Mesh, 'reports'>): ExternalTarget[] {
  const targets = new Map<string, ExternalTarget>();
  for (const report of mesh.reports) {
    for (const probe of report.probes) {
      const { protocol, path = null } = probe;
      const key = `${path === null ? protocol : `path-${path}`} ${probe.target}`;
      let target = targets.get(key);
      if (target === undefined) {
        if (targets.size >= MAX_TARGETS) continue;
        const unseen = { state: 'not-yet' as const, probing: 0, failed: 0, failing: [], slowestUs: -1, error: '' };
        target = { key, path, name: probeName(probe), target: probe.target, protocol, ...unseen };
        targets.set(key, target);
      }
      if (probe.atMs === 0) continue;
      target.probing++;
      if (probe.error !== '') {
        target.failed++;
        target.failing.push(report.pod);
        target.error ||= probe.error;
      } else target.slowestUs = Math.max(target.slowestUs, probe.durationUs);
      target.state = target.failed > 0 ? 'failed' : 'good';
    }
  }
  const rank = ({ state, path }: ExternalTarget) => (state === 'failed' ? 0 : 2) + (path === null ? 1 : 0);
  return [...targets.values()].sort((a, b) => rank(a) - rank(b) || (a.key < b.key ? -1 : 1));
}
