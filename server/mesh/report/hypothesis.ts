import type { Mesh } from '../../contract/mesh.ts';
import type { Clock } from '../../contract/seams.ts';
import { inSlices } from '../in-slices.ts';
import type { Clause } from '../verdict/clause.ts';
import { judge } from '../verdict/judge.ts';
import type { ParseDuration } from '../verdict/parse-clause.ts';
import { select } from '../verdict/selection.ts';
import { clausesOf } from '../verdict/verdicts.ts';
import type { Hypothesis } from './reporter.ts';

/** Reads the clauses of a hypothesis as a verdict does; the mistake in words instead if there is one. */
export function hypothesisOf(
  expect: readonly string[],
  { clock, parseDuration }: { clock: Clock; parseDuration: ParseDuration },
): Hypothesis | string {
  const clauses = clausesOf(expect, parseDuration);
  if (typeof clauses === 'string') return clauses;
  return {
    judge: (mesh) => inSlices(judge(mesh, clauses, lengthOf(mesh)), clock),
    named: (mesh) => namedBy(clauses, mesh),
  };
}

function lengthOf({ past, windowMs }: Mesh): number {
  return past === null ? windowMs : past.toMs - past.fromMs;
}

/**
 * The pods that clauses name, as indexes in `Mesh.pods`: first those of clauses that expect a fault (failed, or a latency
 * of at least so much), as that is where it is aimed; else those of the others. Of one clause the pods that links lead to,
 * or else those they come from; a clause that means all pods names none.
 */
function namedBy(clauses: readonly Clause[], mesh: Mesh): number[] {
  const aimed = clauses.filter(expectsFault).flatMap((clause) => podsOf(clause, mesh));
  const named = aimed.length > 0 ? aimed : clauses.flatMap((clause) => podsOf(clause, mesh));
  return [...new Set(named)];
}

function expectsFault({ condition }: Clause): boolean {
  return condition.kind === 'failed' || (condition.kind === 'latency' && condition.operator.startsWith('>'));
}

function podsOf(clause: Clause, { pods }: Mesh): number[] {
  const { from, to } = select(clause, pods);
  const mask = clause.to !== null ? to : clause.from !== null ? from : null;
  if (mask === null) return [];
  const named = [...mask.keys()].filter((pod) => mask[pod] === 1);
  const alive = pods.filter(({ lifecycle }) => lifecycle !== 'gone').length;
  return named.length < alive ? named : [];
}
