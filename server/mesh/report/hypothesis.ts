import type { Mesh } from '../../contract/mesh.ts';
import type { Clock } from '../../contract/seams.ts';
import { inSlices } from '../in-slices.ts';
import type { Clause } from '../verdict/clause.ts';
import { judge } from '../verdict/judge.ts';
import type { ParseDuration } from '../verdict/parse-clause.ts';
import { selecting } from '../verdict/selection.ts';
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
    named: (mesh) => inSlices(namedBy(clauses, mesh), clock),
  };
}

function lengthOf({ past, windowMs }: Mesh): number {
  return past === null ? windowMs : past.toMs - past.fromMs;
}

/**
 * The pods that clauses name, as indexes in `Mesh.pods`: first those of clauses that expect a fault (failed, or a latency
 * of at least so much), as that is where it is aimed; else those of the others. Of one clause the pods that links lead to,
 * or else those they come from; a clause that means all pods names none. Yields after each few pods (see `inSlices`).
 */
function* namedBy(clauses: readonly Clause[], mesh: Mesh): Generator<void, number[]> {
  const aimed = yield* podsOfAll(clauses.filter(expectsFault), mesh);
  const named = aimed.size > 0 ? aimed : yield* podsOfAll(clauses, mesh);
  return [...named];
}

function* podsOfAll(clauses: readonly Clause[], { pods }: Mesh): Generator<void, Set<number>> {
  const all = new Set<number>();
  const alive = pods.filter(({ lifecycle }) => lifecycle !== 'gone').length;
  for (const { clause, selection } of yield* selecting(clauses, pods)) {
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
