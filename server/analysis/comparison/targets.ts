import type { ReportData } from '../../protocol/comparison.ts';
import type { Mesh } from '../../protocol/mesh.ts';
import { isJudged } from '../../protocol/pod.ts';
import type { Clause } from '../verdict/parse-clause.ts';
import { selectPods } from '../verdict/select-pods.ts';

/** The pods at which the fault was aimed, and how that is known. */
export interface Targets {
  by: ReportData['targets']['by'];
  pods: ReadonlySet<number>;
}

/** If more pods than this share the largest number of affected links, none of them is the target. */
const MAX_TIED = 3;

/**
 * The targets: see docs/reports.md. All pods here are numbers in the `LinkTable`, not indexes of a mesh. `affectedByPod`: of how
 * many affected links each pod is source or destination.
 */
export function targetsOf(
  ofHypothesis: readonly number[],
  ofFinding: readonly number[],
  affectedByPod: Uint32Array,
): Targets {
  if (ofHypothesis.length > 0) return { by: 'hypothesis', pods: new Set(ofHypothesis) };
  if (ofFinding.length > 0) return { by: 'finding', pods: new Set(ofFinding) };
  const most = affectedByPod.reduce((max, links) => Math.max(max, links), 0);
  const tied = most === 0 ? [] : [...affectedByPod.keys()].filter((pod) => affectedByPod[pod] === most);
  if (tied.length === 0 || tied.length > MAX_TIED) return { by: 'none', pods: new Set() };
  return { by: 'most-affected', pods: new Set(tied) };
}

/**
 * The pods that the clauses of a hypothesis name, as indexes in `Mesh.pods`. Clauses that expect a fault (`failed`, at least some
 * latency or loss, at most some success) come first, because the fault is aimed at their pods; the other clauses count only if
 * those name no pod. In a clause the pods of `to` count, or, without `to`, those of `from`. If they are all judged pods, the clause
 * names none. Yields after each clause.
 */
export function* namedPods(clauses: readonly Clause[], mesh: Mesh): Generator<void, number[]> {
  const faulty = yield* podsOfClauses(clauses.filter(expectsFault), mesh);
  const pods = faulty.size > 0 ? faulty : yield* podsOfClauses(clauses, mesh);
  return [...pods];
}

function* podsOfClauses(clauses: readonly Clause[], { pods }: Mesh): Generator<void, Set<number>> {
  const all = new Set<number>();
  const judged = [...pods.entries()].flatMap(([pod, state]) => (isJudged(state) ? pod : []));
  for (const { clause, selection } of yield* selectPods(clauses, pods)) {
    const mask = clause.to !== null ? selection.to : clause.from !== null ? selection.from : null;
    if (mask === null) continue;
    const isAboutAll = judged.length > 0 && judged.every((pod) => mask.pods[pod] === 1);
    if (!isAboutAll) for (const [pod, isNamed] of mask.pods.entries()) if (isNamed === 1) all.add(pod);
    yield;
  }
  return all;
}

function expectsFault({ condition: { kind, operator } }: Clause): boolean {
  if (kind === 'success') return operator.startsWith('<');
  return kind === 'failed' || ((kind === 'latency' || kind === 'loss') && operator.startsWith('>'));
}
