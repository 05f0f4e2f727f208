import type { Mesh } from '../../protocol/mesh.ts';
import type { VerdictAnswer } from '../../protocol/verdict.ts';
import type { Clock } from '../../runtime/clock.ts';
import { runSliced } from '../../runtime/concurrency.ts';
import { selectPods } from '../verdict/evaluate-clause.ts';
import { type Clause, parseClauses } from '../verdict/parse-clause.ts';
import { judge } from '../verdict/verdict.ts';

/** The hypothesis of a report. */
export interface Hypothesis {
  /** Whether it holds in a mesh. */
  judge(mesh: Mesh): Promise<VerdictAnswer>;
  /** The pods that it names, as indexes in `Mesh.pods`; see `namedPods`. */
  namedPods(mesh: Mesh): Promise<number[]>;
}

/** Reads the clauses of a hypothesis as for a verdict. Throws a ValidationError. */
export function hypothesisOf(expect: readonly string[], clock: Clock): Hypothesis {
  const clauses = parseClauses(expect);
  return {
    judge: (mesh) => runSliced(judge(mesh, clauses, lengthMs(mesh)), clock),
    namedPods: (mesh) => runSliced(namedPods(clauses, mesh), clock),
  };
}

function lengthMs({ past, windowMs }: Mesh): number {
  return past === null ? windowMs : past.toMs - past.fromMs;
}

/**
 * The pods that clauses name. Clauses that expect a fault (`failed`, or a latency of at least some value) come first,
 * because the fault is aimed at their pods; the other clauses count only if those name no pod. In a clause the pods of
 * `to` count, or else those of `from`. A clause about all pods names none. Yields after each clause.
 */
function* namedPods(clauses: readonly Clause[], mesh: Mesh): Generator<void, number[]> {
  const faulty = yield* podsOfClauses(clauses.filter(expectsFault), mesh);
  const pods = faulty.size > 0 ? faulty : yield* podsOfClauses(clauses, mesh);
  return [...pods];
}

function* podsOfClauses(clauses: readonly Clause[], { pods }: Mesh): Generator<void, Set<number>> {
  const all = new Set<number>();
  const alive = pods.filter(({ lifecycle }) => lifecycle !== 'gone').length;
  for (const { clause, selection } of yield* selectPods(clauses, pods)) {
    const mask = clause.to !== null ? selection.to : clause.from !== null ? selection.from : null;
    if (mask === null) continue;
    const named = [...mask.keys()].filter((pod) => mask[pod] === 1);
    if (named.length < alive) for (const pod of named) all.add(pod);
    yield;
  }
  return all;
}

function expectsFault({ condition }: Clause): boolean {
  return condition.kind === 'failed' || (condition.kind === 'latency' && condition.operator.startsWith('>'));
}
