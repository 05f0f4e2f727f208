import type { Mesh } from '../../protocol/mesh.ts';
import { MAX_VIOLATIONS } from '../../protocol/verdict.ts';
import { countText, plural } from '../../runtime/count-text.ts';
import { type LostPod, lostPodsOf, momentOf } from '../lost-pods.ts';
import { durationText } from '../text.ts';
import { type ClauseVerdict, missingReason, withoutViolation } from './clause-verdict.ts';
import type { ClauseEvaluation, Violation } from './evaluate-clause.ts';
import { compares } from './parse-clause.ts';

/**
 * Judges a clause `recovered<LIMIT`: each pod that was lost in the window must have been replaced, and its replacement must
 * have been ready, and every link to it ok, within the limit since the loss. Only pods whose owner still has pods count:
 * nobody replaces the others. It is not known before the limit has passed, nor if no pod was lost.
 */
export function* judgeRecovery(
  { clause, text, selection }: ClauseEvaluation,
  mesh: Mesh,
  windowMs: number,
  nameOf: (pod: number) => string,
): Generator<void, ClauseVerdict> {
  const nowMs = momentOf(mesh);
  const isSource = (pod: number) => selection.from.pods[pod] === 1;
  const all = yield* lostPodsOf(mesh, { fromMs: nowMs - windowMs, toMs: nowMs }, isSource);
  const lost = all.filter(({ pod, needsReplacement }) => needsReplacement && selection.to.pods[pod] === 1);
  if (lost.length === 0)
    return withoutViolation(`no pod ${clause.to === null ? '' : 'that matches to= '}was lost in the window`);
  const violations: Violation[] = [];
  let waiting: LostPod | null = null;
  for (const one of lost) {
    const { lostMs, healthyMs, silent } = one;
    if (healthyMs !== null && compares(healthyMs - lostMs, clause.condition)) continue;
    if (healthyMs === null && (silent >= 0 || compares(nowMs - lostMs, clause.condition))) waiting ??= one;
    else violations.push({ clause: text, from: '', to: nameOf(one.pod), found: describe(one, nameOf), samples: 0 });
  }
  const [first] = violations;
  if (first !== undefined) {
    const reason = `violated by ${countText(violations.length)} of ${plural(lost.length, 'lost pod')}, for example ${first.to}: ${first.found}`;
    return { verdict: 'fail', reason, violations: violations.slice(0, MAX_VIOLATIONS), missing: [] };
  }
  if (waiting === null) return withoutViolation('');
  if (waiting.silent >= 0) return withoutViolation(missingReason([waiting.silent], mesh, nameOf), [waiting.silent]);
  const since = durationText(nowMs - waiting.lostMs);
  return withoutViolation(`${nameOf(waiting.pod)} was lost ${since} ago: ${describe(waiting, nameOf)}`);
}

/** What became of a lost pod: `not replaced`, `replaced by b, which is not ready`, `replaced by b, healthy after 31 s`. */
function describe(
  { lostMs, replacement, readyMs, healthyMs, failing }: LostPod,
  nameOf: (pod: number) => string,
): string {
  if (replacement < 0) return 'not replaced';
  const by = `replaced by ${nameOf(replacement)}`;
  if (readyMs === null) return `${by}, which is not ready`;
  if (healthyMs !== null) return `${by}, healthy after ${durationText(healthyMs - lostMs)}`;
  return failing < 0 ? `${by}, to which no link is known` : `${by}, and the link from ${nameOf(failing)} is not ok`;
}
