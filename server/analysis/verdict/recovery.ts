import { roundMsOf } from '../../protocol/link-state.ts';
import type { UnjudgedMesh } from '../../protocol/mesh.ts';
import { MAX_REASON_LENGTH, MAX_VIOLATIONS } from '../../protocol/verdict.ts';
import { countText, plural } from '../../runtime/count-text.ts';
import { durationText } from '../../runtime/measure-text.ts';
import { type LostPod, lostPodsOf } from '../lost-pods.ts';
import {
  type ClauseEvaluation,
  type ClauseVerdict,
  listReason,
  missingReason,
  type NameOf,
  passUnless,
  unknown,
  type Violation,
} from './evaluate-clause.ts';
import { type Clause, meetsLimit } from './parse-clause.ts';

/** Judges a clause `recovered<LIMIT`, as docs/verdicts.md says under "Recovery". Yields after each report. */
export function* judgeRecovery(
  { clause, text, selection, differing, nameOf }: ClauseEvaluation,
  mesh: UnjudgedMesh,
  windowMs: number,
): Generator<void, ClauseVerdict> {
  const nowMs = mesh.past?.toMs ?? mesh.atMs;
  const isSource = (pod: number) => selection.from.pods[pod] === 1;
  const all = yield* lostPodsOf(mesh, { fromMs: nowMs - windowMs, toMs: nowMs }, isSource);
  const lost = all.filter(({ pod, needsReplacement }) => needsReplacement && selection.to.pods[pod] === 1);
  if (lost.length === 0)
    return unknown(
      `no pod that has to be replaced ${clause.to === null ? '' : 'and matches to= '}was lost in the window`,
    );
  const violations: Violation[] = [];
  let undecided: LostPod | null = null;
  for (const one of lost) {
    const recovery = recoveryOf(one, clause, mesh, nowMs);
    if (recovery === 'undecided') undecided ??= one;
    if (recovery !== 'too-late') continue;
    const found = violationText(one, nameOf).slice(0, MAX_REASON_LENGTH);
    violations.push({ clause: text, from: '', to: nameOf(one.pod), found, samples: 0 });
  }
  const [first] = violations;
  if (first !== undefined) {
    const reason = `violated by ${countText(violations.length)} of ${plural(lost.length, 'lost pod')}, for example ${first.to}: ${first.found}`;
    return { verdict: 'fail', reason, violations: violations.slice(0, MAX_VIOLATIONS), missing: [] };
  }
  // If the replacement may be ready, the list of pods is stale, so this does not pass: `listReason` says so.
  if (undecided === null || mayBeReady(undecided, mesh)) return passUnless(listReason(differing, mesh, nameOf));
  const { failing, unreported } = undecided.links;
  if (failing < 0 && unreported >= 0) return unknown(missingReason([unreported], mesh, nameOf), [unreported]);
  return unknown(undecidedReason(undecided, { clause, nameOf }, mesh, nowMs, windowMs));
}

/**
 * Whether a lost pod recovered within the limit. Undecided: the limit has not passed; or it lies between the last ping that was not
 * ok and the first one that was; or the pod recovered in time counted from when its loss was noticed (`lostMs`), but not from when
 * it may have happened (`earliestMs`).
 */
function recoveryOf(
  lost: LostPod,
  { condition }: Clause,
  mesh: UnjudgedMesh,
  nowMs: number,
): 'in-time' | 'too-late' | 'undecided' {
  const { earliestMs, lostMs, readyMs, healthyMs, unhealthyMs } = lost;
  if (healthyMs !== null && meetsLimit(healthyMs - earliestMs, condition)) return 'in-time';
  const isNotReady = readyMs === null && !mayBeReady(lost, mesh);
  // `unhealthyMs` is null only without a ready replacement: here the Kubernetes API is silent, so nothing is known since the loss.
  const notRecoveredUntilMs = isNotReady ? nowMs : (unhealthyMs ?? lostMs);
  return meetsLimit(notRecoveredUntilMs - lostMs, condition) ? 'undecided' : 'too-late';
}

/** Whether a lost pod may have a ready replacement that we do not know, because the Kubernetes API is silent. */
function mayBeReady({ readyMs }: LostPod, { discovery }: UnjudgedMesh): boolean {
  return readyMs === null && discovery.phase === 'stale';
}

/** Why it is not decided whether a lost pod recovered in time, and what to do. */
function undecidedReason(
  lost: LostPod,
  { clause, nameOf }: Pick<ClauseEvaluation, 'clause' | 'nameOf'>,
  mesh: UnjudgedMesh,
  nowMs: number,
  windowMs: number,
): string {
  const { pod, earliestMs, lostMs, healthyMs } = lost;
  const { condition } = clause;
  const since = `${nameOf(pod)} was lost ${durationText(nowMs - lostMs)} ago`;
  if (healthyMs !== null && meetsLimit(healthyMs - lostMs, condition)) {
    const earlier = `or up to ${durationText(lostMs - earliestMs)} earlier, because the Kubernetes API was silent then`;
    return `${since}, ${earlier}: ${describe(lost, nameOf)}`;
  }
  // A loss leaves such a window before the clause can fail.
  const tooShort =
    windowMs > condition.limit ? '' : '; the window must be longer than the limit, or the clause can never fail';
  const advice = meetsLimit(nowMs - lostMs, condition) ? tooShort : pingAdvice(lost, mesh);
  return `${since}: ${describe(lost, nameOf)}${advice}`;
}

/** What became of a lost pod: `not replaced`, `replaced by b, which is not ready`, `replaced by b, healthy after 31 s`. */
function describe({ lostMs, replacement, readyMs, healthyMs, links }: LostPod, nameOf: NameOf): string {
  const { failing, unpinged } = links;
  if (replacement < 0) return 'not replaced';
  const by = `replaced by ${nameOf(replacement)}`;
  if (readyMs === null) return `${by}, which is not ready`;
  if (healthyMs !== null) return `${by}, healthy after ${durationText(healthyMs - lostMs)}`;
  if (failing >= 0) return `${by}, and the link from ${nameOf(failing)} is not ok`;
  return unpinged < 0 ? `${by}, to which no link is known` : `${by}, which ${nameOf(unpinged)} has not pinged yet`;
}

/** For a violation. Where it is not known whether the replacement is healthy by now: `not healthy within 31 s`. */
function violationText(lost: LostPod, nameOf: NameOf): string {
  const { lostMs, replacement, healthyMs, unhealthyMs, links } = lost;
  if (unhealthyMs === null || healthyMs !== null || links.failing >= 0) return describe(lost, nameOf);
  return `replaced by ${nameOf(replacement)}, not healthy within ${durationText(unhealthyMs - lostMs)}`;
}

/** Why it is not known although the limit has passed: how often pods are pinged. */
function pingAdvice({ healthyMs, unhealthyMs }: LostPod, { settings }: UnjudgedMesh): string {
  if (settings.refreshIntervalMs === 0) return '; pinging is switched off (REFRESH_INTERVAL=0)';
  if (healthyMs !== null) {
    return ` or up to ${durationText(healthyMs - (unhealthyMs ?? healthyMs))} sooner, because it was not pinged in between`;
  }
  return `; a round of pings takes ${durationText(roundMsOf(settings))}`;
}
