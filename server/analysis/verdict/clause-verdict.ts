import { shortestRangeMs } from '../../protocol/link-state.ts';
import type { Mesh } from '../../protocol/mesh.ts';
import type { VerdictAnswer } from '../../protocol/verdict.ts';
import { countText, plural } from '../../runtime/count-text.ts';
import type { ClauseEvaluation, Violation } from './evaluate-clause.ts';
import type { Clause } from './parse-clause.ts';

/** The verdict of one clause. */
export interface ClauseVerdict {
  verdict: VerdictAnswer['verdict'];
  /** Why it is not `pass`; '' if it is. */
  reason: string;
  /** At most `MAX_VIOLATIONS`. */
  violations: readonly Violation[];
  /** Pods whose reports the clause needs and that are missing or not trusted. */
  missing: readonly number[];
}

/** The verdict of a clause that nothing violates for certain: `unknown` for a reason, `pass` if the reason is ''. */
export function withoutViolation(reason: string, missing: readonly number[] = []): ClauseVerdict {
  return { verdict: reason === '' ? 'pass' : 'unknown', reason, violations: [], missing };
}

/** The verdict of a clause about links. */
export function verdictOf(evaluation: ClauseEvaluation, mesh: Mesh, nameOf: (pod: number) => string): ClauseVerdict {
  const { clause, violations, violated, held, all, missing } = evaluation;
  if (!evaluation.isViolated) return withoutViolation(unknownReason(evaluation, mesh, nameOf), missing);
  const [first] = violations;
  const example = first === undefined ? '' : `, for example ${first.from} → ${first.to}: ${first.found}`;
  const { kind, operator } = clause.condition;
  // Rounded away from the limit: 1.001 % must not read as 1 % where less than 1 % is expected.
  const round = operator.startsWith('<') ? Math.ceil : Math.floor;
  const percent = round((evaluation.counted * 10_000) / all) / 100;
  let what = `violated on ${countText(violated)} of ${plural(violated + held, 'link')}`;
  if (kind === 'success') what = `${percent}% of ${plural(all, 'sample')} are ok`;
  if (kind === 'loss') what = `${percent}% of ${plural(all, 'datagram')} are lost`;
  return { verdict: 'fail', reason: `${what}${example}`, violations, missing };
}

/** Why it is not known whether a clause without violations holds; '' = it holds. */
function unknownReason(evaluation: ClauseEvaluation, mesh: Mesh, nameOf: (pod: number) => string): string {
  const { clause, selection, missing, undersampled, held, differing } = evaluation;
  if (selection.from.count === 0) return nothingSelected('from', clause);
  if (selection.to.count === 0) return nothingSelected('to', clause);
  if (missing.length > 0) return missingReason(missing, mesh, nameOf);
  if (undersampled > 0) {
    const isLoss = clause.condition.kind === 'loss';
    const isUnmeasured = isLoss && mesh.reports.every(({ udp }) => udp === null);
    const advice = isUnmeasured ? '; UDP_ENABLED=true measures it' : windowAdvice(clause, mesh);
    const what = `too few ${isLoss ? 'datagrams' : 'samples'} on ${plural(undersampled, 'link')}`;
    return `${what}, for example ${evaluation.firstUndersampled}${advice}`;
  }
  const present = mesh.pods.filter(({ lifecycle }) => lifecycle !== 'gone').length;
  if (evaluation.holdsOnlyOnSelf && present > 1) {
    return `only ${countText(selection.from.count)} of ${countText(present)} pods are or were ready, so only links of pods to themselves could be checked`;
  }
  if (held + evaluation.violated === 0) return 'no link matches from=, to= and self=';
  return listReason(differing, mesh, nameOf);
}

/** What is wrong with the lists of pods; '' = nothing. `differing`: a pod that knows other pods than the serving pod; -1 = none. */
export function listReason(differing: number, mesh: Mesh, nameOf: (pod: number) => string): string {
  if (differing >= 0) {
    return `${nameOf(differing)} knows a different set of pods than ${mesh.servedBy.name}, so some links may not have been checked`;
  }
  return mesh.discovery.phase === 'stale' ? 'the pod list could not be refreshed and may be out of date' : '';
}

function nothingSelected(end: 'from' | 'to', clause: Clause): string {
  return clause[end] === null ? 'no pod is or was ready' : `no pod that is or was ready matches ${end}=`;
}

/** What is not known because reports are missing. */
export function missingReason(missing: readonly number[], mesh: Mesh, nameOf: (pod: number) => string): string {
  const [first = 0] = missing;
  const report = mesh.reports.find(({ pod }) => pod === first);
  const who = `${nameOf(first)}${missing.length > 1 ? ` and ${countText(missing.length - 1)} more` : ''}`;
  if (report?.missing === '' && report.missingDetail !== '') {
    return `${who} did not report the whole window (${report.missingDetail}), the state of its links in the rest of it is not known`;
  }
  if (report?.missing === '')
    return `the report of ${who} is not trusted (starved), the state of its links is not known`;
  return `${who} did not report (${report?.missing ?? 'not-asked'}), the state of its links is not known`;
}

/** What to do if there are too few samples; '' if the range is long enough, so that they are few for another reason. */
function windowAdvice({ condition, min }: Clause, { windowMs, past, settings }: Mesh): string {
  const intervalMs = settings.refreshIntervalMs;
  if (intervalMs === 0) return '; pinging is switched off (REFRESH_INTERVAL=0)';
  // How many datagrams a cycle of the UDP probe has (UDP_PACKET_COUNT of each pod) the mesh does not say.
  if (condition.kind === 'loss' && min > 1) return '; ask for a longer time range or a smaller min=';
  const shortestMs = shortestRangeMs(settings, min);
  if (windowMs >= shortestMs) return '';
  const shortestS = Math.ceil(shortestMs / 1000);
  let advice = past === null ? `window=${shortestS}s` : `a time range of ${shortestS} s`;
  if (shortestMs > settings.historyWindowMs) advice = 'a smaller min= (HISTORY_WINDOW is too short for it)';
  return `; pods are pinged every ${intervalMs / 1000} s, so ask for ${advice}`;
}
