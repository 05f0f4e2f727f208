import { roundMsOf } from '../../protocol/link-state.ts';
import type { Mesh } from '../../protocol/mesh.ts';
import { MAX_VIOLATIONS } from '../../protocol/verdict.ts';
import { countText, plural } from '../../runtime/count-text.ts';
import { durationText } from '../../runtime/measure-text.ts';
import { type LostPod, lostPodsOf } from '../lost-pods.ts';
import { nameIn } from '../text.ts';
import {
  type ClauseEvaluation,
  type ClauseVerdict,
  listReason,
  missingReason,
  type Violation,
  withoutViolation,
} from './evaluate-clause.ts';
import { type Clause, compares } from './parse-clause.ts';

/**
 * Judges a clause `recovered<LIMIT`: each pod that was lost in the window must have been replaced, and its replacement must
 * have been ready, and every link to it ok, within the limit since the loss. Only pods whose owner still has pods count:
 * nobody replaces the others. Unknown: no pod was lost; one has not recovered and the limit has not passed; the last bad and
 * the first good ping lie on either side of the limit; or it recovered in time counted from when its loss was noticed, but not
 * from when it may have happened.
 */
export function* judgeRecovery(
  { clause, text, selection, differing }: ClauseEvaluation,
  mesh: Mesh,
  windowMs: number,
): Generator<void, ClauseVerdict> {
  const nameOf = (pod: number) => nameIn(mesh, pod);
  const nowMs = mesh.past?.toMs ?? mesh.atMs;
  const isSource = (pod: number) => selection.from.pods[pod] === 1;
  const all = yield* lostPodsOf(mesh, { fromMs: nowMs - windowMs, toMs: nowMs }, isSource);
  const lost = all.filter(({ pod, needsReplacement }) => needsReplacement && selection.to.pods[pod] === 1);
  if (lost.length === 0)
    return withoutViolation(`no pod ${clause.to === null ? '' : 'that matches to= '}was lost in the window`);
  const violations: Violation[] = [];
  let open: LostPod | null = null;
  for (const one of lost) {
    const isWithin = (ms: number | null, sinceMs = one.lostMs) =>
      ms !== null && compares(ms - sinceMs, clause.condition);
    if (isWithin(one.healthyMs, one.earliestMs)) continue;
    // While the API is silent, a ready replacement may exist that we do not know.
    const isSurelyNotReady = one.readyMs === null && mesh.discovery.phase !== 'stale';
    // Open while the last moment of certain ill health is within the limit; else violated.
    if (isWithin(isSurelyNotReady ? nowMs : (one.unhealthyMs ?? one.lostMs))) open ??= one;
    else violations.push({ clause: text, from: '', to: nameOf(one.pod), found: violationText(one, mesh), samples: 0 });
  }
  const [first] = violations;
  if (first !== undefined) {
    const reason = `violated by ${countText(violations.length)} of ${plural(lost.length, 'lost pod')}, for example ${first.to}: ${first.found}`;
    return { verdict: 'fail', reason, violations: violations.slice(0, MAX_VIOLATIONS), missing: [] };
  }
  const ofList = listReason(differing, mesh);
  if (open === null || (open.readyMs === null && mesh.discovery.phase === 'stale')) return withoutViolation(ofList);
  const { pod, earliestMs, lostMs, healthyMs, links } = open;
  const { failing, unreported } = links;
  if (failing < 0 && unreported >= 0) return withoutViolation(missingReason([unreported], mesh), [unreported]);
  const since = durationText(nowMs - lostMs);
  if (healthyMs !== null && compares(healthyMs - lostMs, clause.condition)) {
    const earlier = `or up to ${durationText(lostMs - earliestMs)} earlier, because the Kubernetes API was silent then`;
    return withoutViolation(`${nameOf(pod)} was lost ${since} ago, ${earlier}: ${describe(open, mesh)}`);
  }
  const advice = compares(nowMs - lostMs, clause.condition) ? windowAdvice(clause, windowMs) : pingAdvice(open, mesh);
  return withoutViolation(`${nameOf(pod)} was lost ${since} ago: ${describe(open, mesh)}${advice}`);
}

/** What became of a lost pod: `not replaced`, `replaced by b, which is not ready`, `replaced by b, healthy after 31 s`. */
function describe({ lostMs, replacement, readyMs, healthyMs, links }: LostPod, mesh: Mesh): string {
  const { failing, unpinged } = links;
  if (replacement < 0) return 'not replaced';
  const by = `replaced by ${nameIn(mesh, replacement)}`;
  if (readyMs === null) return `${by}, which is not ready`;
  if (healthyMs !== null) return `${by}, healthy after ${durationText(healthyMs - lostMs)}`;
  if (failing >= 0) return `${by}, and the link from ${nameIn(mesh, failing)} is not ok`;
  return unpinged < 0
    ? `${by}, to which no link is known`
    : `${by}, which ${nameIn(mesh, unpinged)} has not pinged yet`;
}

/** For a violation. Where it is not known whether the replacement is healthy by now: `not healthy within 31 s`. */
function violationText(lost: LostPod, mesh: Mesh): string {
  const { lostMs, replacement, healthyMs, unhealthyMs, links } = lost;
  if (unhealthyMs === null || healthyMs !== null || links.failing >= 0) return describe(lost, mesh);
  return `replaced by ${nameIn(mesh, replacement)}, not healthy within ${durationText(unhealthyMs - lostMs)}`;
}

/** Says that the window is not longer than the limit, so a loss leaves it before the clause can fail; '' if it is longer. */
function windowAdvice({ condition: { limit } }: Clause, windowMs: number): string {
  return windowMs > limit ? '' : '; the window must be longer than the limit, or the clause can never fail';
}

/** Why it is not known although the limit has passed: how often pods are pinged. */
function pingAdvice({ healthyMs, unhealthyMs }: LostPod, { settings }: Mesh): string {
  if (settings.refreshIntervalMs === 0) return '; pinging is switched off (REFRESH_INTERVAL=0)';
  if (healthyMs !== null) {
    return ` or up to ${durationText(healthyMs - (unhealthyMs ?? healthyMs))} sooner, because it was not pinged in between`;
  }
  return `; a round of pings takes ${durationText(roundMsOf(settings))}`;
}
