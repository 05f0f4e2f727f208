import type { Finding } from '../../contract/finding.ts';
import type { ReportData } from '../../contract/report.ts';
import { namesOf } from './names.ts';
import type { PodTable } from './pod-table.ts';

/** Where the fault was aimed, as far as can be told. */
export interface Targets {
  by: ReportData['targets']['by'];
  /** Numbers of the pods. */
  pods: ReadonlySet<number>;
}

/** What targets are told by. */
export interface TargetSigns {
  /** Numbers of the pods that the hypothesis names. */
  named: readonly number[];
  /** Findings of the range "during" that the range before does not have, the gravest first. */
  findings: readonly Finding[];
  /** Numbers of the pods of the matrix that the findings are from. */
  numbers: Int32Array;
  /** By number of a pod: affected links that lead to it or from it. */
  touching: Uint32Array;
}

/** More pods than this that are equally affected are no target, but everybody. */
const MOST_TIED = 3;

/**
 * The pods that the hypothesis names; else those of the gravest finding about links that is new; else those with the
 * most affected links.
 */
export function targetsOf({ named, findings, numbers, touching }: TargetSigns): Targets {
  if (named.length > 0) return { by: 'hypothesis', pods: new Set(named) };
  const isAboutLinks = ({ severity, pods }: Finding) =>
    (severity === 'failed' || severity === 'slow') && pods.length > 0;
  const gravest = findings.find(isAboutLinks);
  if (gravest !== undefined) {
    return { by: 'finding', pods: new Set(gravest.pods.map((pod) => numbers[pod] ?? -1).filter((pod) => pod >= 0)) };
  }
  const most = touching.reduce((largest, links) => Math.max(largest, links), 0);
  const tied = most === 0 ? [] : [...touching.keys()].filter((pod) => touching[pod] === most);
  if (tied.length === 0 || tied.length > MOST_TIED) return { by: 'none', pods: new Set() };
  return { by: 'most-affected', pods: new Set(tied) };
}

/** Targets by name. */
export function toldTargets({ by, pods }: Targets, table: PodTable): ReportData['targets'] {
  return { by, ...namesOf([...pods].map((pod) => table.name(pod))) };
}
