import { FLAG_NOT_YET, outcomeOf, phaseOf } from '../protocol/links.ts';
import type { MergedReport } from '../protocol/mesh.ts';
import { isJudged, type Pod } from '../protocol/pod.ts';
import type { Outcome } from '../protocol/sample.ts';

/* Judgements that findings and health share, so that the two agree. */

/** A single pod is no side: if it alone is silent, it is the one to name. */
const MIN_SILENT = 2;

/**
 * The silent side of a mesh: the judged pods that are silent (see `SILENCE`), if there are at least as many of them as of judged
 * pods that report, at least `MIN_SILENT`, and no failed link from a pod that reports was answered there (see `isAnswered`). Nobody
 * on this side can tell which of the two sides is cut off, so no pod of the silent side is accused.
 */
export function silentSide(pods: readonly Pod[], reports: Iterable<MergedReport>): Set<number> {
  const silent = new Set<number>();
  const present: MergedReport[] = [];
  for (const report of reports) {
    const pod = pods[report.pod];
    if (pod === undefined || !isJudged(pod)) continue;
    if (report.missing === '') present.push(report);
    else if (SILENCE.has(report.missing)) silent.add(report.pod);
  }
  if (present.length === 0 || silent.size < present.length || silent.size < MIN_SILENT) return new Set();
  return present.some((report) => hasAnswerFrom(report, silent)) ? new Set() : silent;
}

/** `not-asked` is among them: across a cut, calls without an answer leave no time to ask all. */
const SILENCE: ReadonlySet<string> = new Set(['timeout', 'unreachable', 'not-asked']);

/**
 * Whether a failed link to one of `pods` got an answer of some kind: then the network reaches it. A link that is ok proves
 * nothing: its last ping may be from before the cut. Nor does a link without a present state (`FLAG_NOT_YET`).
 */
function hasAnswerFrom({ links }: MergedReport, pods: ReadonlySet<number>): boolean {
  return links.to.some((to, i) => {
    return pods.has(to) && ((links.flags[i] ?? 0) & FLAG_NOT_YET) === 0 && isAnswered({ links }, i);
  });
}

/** The outcomes of failed pings, other than timeouts, that something on the other side has answered. */
const ANSWERS: ReadonlySet<Outcome> = new Set(['refused', 'reset', 'http-status', 'malformed']);

/** Whether a link failed and something answered on its other side, or accepted the connection before the timeout. */
export function isAnswered({ links }: Pick<MergedReport, 'links'>, link: number): boolean {
  const outcome = outcomeOf(links, link);
  if (outcome !== 'timeout') return ANSWERS.has(outcome);
  const phase = phaseOf(links, link);
  return phase !== null && phase !== 'connect';
}

/** A single pod that knows other pods than the serving pod does may be wrong itself; this many are believed. */
const MIN_DIFFERING = 2;

/**
 * The pods whose list of pods is out of date. The lists of the pods that report are compared with that of the serving pod
 * (`servedBy`, -1 = none). If more than half of them differ, and at least `MIN_DIFFERING`, it is the serving pod's list that is
 * out of date; else it is each list that differs.
 */
export function podsWithOldList(reports: Iterable<MergedReport>, servedBy: number): number[] {
  const present = [...reports].filter(({ pod, missing }) => missing === '' && pod !== servedBy);
  const differing = present.filter(({ samePeers }) => !samePeers).map(({ pod }) => pod);
  const isOurs = servedBy >= 0 && differing.length >= MIN_DIFFERING && differing.length * 2 > present.length;
  return isOurs ? [servedBy] : differing.sort((a, b) => a - b);
}
