import { outcomeOf, phaseOf } from '../protocol/links.ts';
import type { MergedReport } from '../protocol/mesh.ts';
import type { Outcome } from '../protocol/sample.ts';

/*
 * Judgements that findings and health share, so that the two agree.
 */

/**
 * The pods that do not report, if they are half of the judged pods or more and nothing answers there; else none. Then nobody on
 * this side of the mesh can tell which side is cut off, and no pod of the other side is accused. `judged`: by
 * pod, 1 = judged.
 */
export function silentSide(judged: ArrayLike<number>, reports: Iterable<MergedReport>): Set<number> {
  const silent = new Set<number>();
  const present: MergedReport[] = [];
  for (const report of reports) {
    if (judged[report.pod] !== 1) continue;
    if (report.missing === '') present.push(report);
    else if (SILENCE.has(report.missing)) silent.add(report.pod);
  }
  if (present.length === 0 || silent.size < present.length || silent.size < 2) return new Set();
  return present.some((report) => hasAnswerFrom(report, silent)) ? new Set() : silent;
}

/** Why a report is missing if its pod does not answer at all. */
const SILENCE: ReadonlySet<string> = new Set(['timeout', 'unreachable', 'not-asked']);

/** Whether a failed link to one of `pods` got an answer of some kind: then the network reaches it. */
function hasAnswerFrom({ links }: MergedReport, pods: ReadonlySet<number>): boolean {
  for (let i = 0; i < links.length; i++) {
    if (links.outcome[i] !== 0 && pods.has(links.to[i] ?? -1) && isAnswered({ links }, i)) return true;
  }
  return false;
}

/** The outcomes of pings that something on the other side has answered. */
const ANSWERS: ReadonlySet<Outcome> = new Set(['refused', 'reset', 'http-status', 'malformed']);

/** Whether something answered on the other side of a failed link: refused, reset, or a late first byte. */
export function isAnswered({ links }: Pick<MergedReport, 'links'>, link: number): boolean {
  const outcome = outcomeOf(links, link);
  if (outcome !== 'timeout') return ANSWERS.has(outcome);
  const phase = phaseOf(links, link);
  return phase !== null && phase !== 'connect';
}

/**
 * The pods whose list of pods is out of date. If more than half of the other pods know other pods than the serving pod does, it is
 * the serving pod (`servedBy`, -1 = none).
 */
export function podsWithOldList(reports: Iterable<MergedReport>, servedBy: number): number[] {
  const present = [...reports].filter(({ pod, missing }) => missing === '' && pod !== servedBy);
  const differing = present.filter(({ samePeers }) => !samePeers).map(({ pod }) => pod);
  const isOurs = servedBy >= 0 && differing.length >= 2 && differing.length * 2 > present.length;
  return isOurs ? [servedBy] : differing.sort((a, b) => a - b);
}
