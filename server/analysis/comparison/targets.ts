import type { ReportData } from '../../protocol/comparison.ts';
import type { Finding } from '../../protocol/finding.ts';

/** The pods at which the fault was aimed, and how that is known. */
export interface Targets {
  by: ReportData['targets']['by'];
  /** Numbers of the pods. */
  pods: ReadonlySet<number>;
}

/** What targets are derived from. Pods are named by their number in the pod table, unless said otherwise. */
export interface TargetEvidence {
  /** Pods that the hypothesis names. */
  named: readonly number[];
  /** Findings of the range "during" that "before" does not have, the gravest first. */
  newFindings: readonly Finding[];
  /** The number of each pod of the mesh from which the findings are: findings name pods by their index there. */
  numbers: Int32Array;
  /** Affected links by pod; see `affectedByPod`. */
  affectedLinks: Uint32Array;
}

/** If more pods than this share the largest number of affected links, none of them is the target. */
const MAX_TIED = 3;

/**
 * The targets: the pods that the hypothesis names; else the pods of the gravest new finding about links; else the pods with
 * the most affected links.
 */
export function targetsOf({ named, newFindings, numbers, affectedLinks }: TargetEvidence): Targets {
  if (named.length > 0) return { by: 'hypothesis', pods: new Set(named) };
  const gravest = newFindings.find(
    ({ severity, pods }) => (severity === 'failed' || severity === 'slow') && pods.length > 0,
  );
  if (gravest !== undefined) return { by: 'finding', pods: new Set(gravest.pods.flatMap((pod) => numbers[pod] ?? [])) };
  const most = affectedLinks.reduce((max, links) => Math.max(max, links), 0);
  const tied = most === 0 ? [] : [...affectedLinks.keys()].filter((pod) => affectedLinks[pod] === most);
  if (tied.length === 0 || tied.length > MAX_TIED) return { by: 'none', pods: new Set() };
  return { by: 'most-affected', pods: new Set(tied) };
}
