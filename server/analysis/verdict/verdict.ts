import type { MergedReport, Mesh } from '../../protocol/mesh.ts';
import { isPodListOld } from '../../protocol/pod.ts';
import { MAX_VIOLATIONS, type VerdictAnswer } from '../../protocol/verdict.ts';
import { LinkSummary, LinkWindow, MAX_WINDOW_LINKS } from './counts.ts';
import { ClauseEvaluation, selectPods } from './evaluate-clause.ts';
import type { Clause } from './parse-clause.ts';

type Verdict = VerdictAnswer['verdict'];

/**
 * Judges whether clauses hold in a mesh. One pass over all links serves all clauses.
 * `windowMs`: the time range that `mesh` has statistics for. Yields after at most `STEP_LINKS` evaluations of a link by a
 * clause (see `runSliced`).
 *
 * The verdict of one clause is `fail` if any link violates it: that is certain whatever else is not known. It is `unknown`
 * if a link, a report or the pod list is not known well enough, or if the clause selects nothing. Else it is `pass`.
 */
export function* judge(mesh: Mesh, clauses: readonly Clause[], windowMs: number): Generator<void, VerdictAnswer> {
  // Names are unique within a namespace.
  const nameOf = (pod: number) => {
    const { namespace = '', name = '' } = mesh.pods[pod] ?? {};
    return mesh.discovery.namespace === '' ? `${namespace}/${name}` : name;
  };
  const selections = yield* selectPods(clauses, mesh.pods);
  const evaluations = selections.map(({ clause, selection }) => new ClauseEvaluation(clause, selection, nameOf));
  const { summary, oldestMs } = yield* evaluateMesh(mesh, evaluations, windowMs);
  const verdicts = evaluations.map((evaluation) => verdictOf(evaluation, mesh));
  const verdict = verdicts.includes('fail') ? 'fail' : verdicts.includes('unknown') ? 'unknown' : 'pass';
  const missing = new Set(evaluations.flatMap((evaluation) => evaluation.missing.slice(0, MAX_VIOLATIONS)));
  return {
    ok: verdict === 'pass',
    verdict,
    reason: reasonOf(evaluations, verdicts, mesh, nameOf).slice(0, 600),
    expect: evaluations.map(({ text }) => text),
    clauses: verdicts,
    window_s: windowMs / 1000,
    resolution_s: mesh.past === null ? null : mesh.past.resolutionMs / 1000,
    ...summary.fields(),
    violations: evaluations.flatMap(({ violations }) => violations).slice(0, MAX_VIOLATIONS),
    missing_reports: [...missing].slice(0, MAX_VIOLATIONS).map(nameOf),
    generated_at: new Date(Math.round(oldestMs)).toISOString(),
    served_by: mesh.servedBy.name,
  };
}

/** `judge` yields after this many links; a link counts once for each clause. */
const STEP_LINKS = 1024;

/**
 * Evaluates all clauses on all reports. `oldestMs`: when the oldest report arrived that any clause needs; of a mesh of the
 * past when the mesh was collected.
 */
function* evaluateMesh(
  mesh: Mesh,
  evaluations: readonly ClauseEvaluation[],
  windowMs: number,
): Generator<void, { summary: LinkSummary; oldestMs: number }> {
  const { settings } = mesh;
  const summary = new LinkSummary();
  const window = new LinkWindow();
  const reports = new Map(mesh.reports.map((report) => [report.pod, report]));
  // By pod: the last report that lists a link to it.
  const listedBy = new Int32Array(mesh.pods.length).fill(-1);
  const isFullMesh = settings.pingNumber === 0 && settings.refreshIntervalMs > 0;
  let oldestMs = mesh.atMs;
  let stepLinks = 0;

  function isStepOver(links: number): boolean {
    stepLinks += links;
    if (stepLinks < STEP_LINKS) return false;
    stepLinks = 0;
    return true;
  }

  function* evaluateReport(report: MergedReport, concerned: readonly ClauseEvaluation[]): Generator<void, void> {
    for (let start = 0; start < report.links.length; start += MAX_WINDOW_LINKS) {
      window.read(report, start, windowMs);
      markListed(listedBy, window, report.pod);
      for (const evaluation of concerned) {
        evaluation.evaluate(report, window);
        if (isStepOver(window.length)) yield;
      }
      summary.add(window);
    }
    // With PING_NUMBER, pairs that are not probed are not expected either.
    if (!isFullMesh) return;
    const unlisted = podsNotListedBy(report.pod, listedBy);
    for (const evaluation of concerned) {
      evaluation.addUnlisted(report.pod, unlisted);
      if (isStepOver(unlisted.length)) yield;
    }
  }

  for (const [pod, { lifecycle }] of mesh.pods.entries()) {
    if (isStepOver(evaluations.length)) yield;
    const report = reports.get(pod);
    const isHere = report !== undefined && report.missing === '';
    // The peers of a pod that is not ready need not be complete yet.
    if (isHere && !report.samePeers && lifecycle === 'ready') for (const one of evaluations) one.addDifferingPeers(pod);
    const concerned = evaluations.filter(({ selection }) => selection.from.pods[pod] === 1);
    if (concerned.length === 0) continue;
    if (isHere && mesh.past === null) oldestMs = Math.min(oldestMs, report.atMs);
    const isTrusted = isHere && report.starvation?.unreliable !== true;
    // A report that covers only the end of the window can prove a violation, but not that there was none.
    if (!isTrusted || report.missingDetail !== '') for (const one of concerned) one.addMissingReport(pod);
    if (isTrusted) yield* evaluateReport(report, concerned);
  }
  return { summary, oldestMs };
}

function markListed(listedBy: Int32Array, { to, length }: LinkWindow, from: number): void {
  for (let k = 0; k < length; k++) listedBy[to[k] ?? 0] = from;
}

function podsNotListedBy(from: number, listedBy: Int32Array): number[] {
  const pods: number[] = [];
  for (let pod = 0; pod < listedBy.length; pod++) if (listedBy[pod] !== from) pods.push(pod);
  return pods;
}

function verdictOf(evaluation: ClauseEvaluation, mesh: Mesh): Verdict {
  if (mesh.discovery.phase === 'waiting') return 'unknown';
  if (evaluation.violated > 0) return 'fail';
  return unknownReason(evaluation, mesh, String) === '' ? 'pass' : 'unknown';
}

/** Why the verdict is what it is: the first clause that has this verdict, and its reason; '' after `pass`. */
function reasonOf(
  evaluations: readonly ClauseEvaluation[],
  verdicts: readonly Verdict[],
  mesh: Mesh,
  nameOf: (pod: number) => string,
): string {
  const failed = evaluations[verdicts.indexOf('fail')];
  if (failed !== undefined) {
    const { text, violations, violated, held } = failed;
    const [first] = violations;
    const example = first === undefined ? '' : `, for example ${first.from} → ${first.to}: ${first.found}`;
    return `${text}: violated on ${violated} of ${links(violated + held)}${example}`;
  }
  const unknown = evaluations[verdicts.indexOf('unknown')];
  return unknown === undefined ? '' : `${unknown.text}: ${unknownReason(unknown, mesh, nameOf)}`;
}

/** Why it is not known whether a clause without violations holds; '' = it holds. */
function unknownReason(evaluation: ClauseEvaluation, mesh: Mesh, nameOf: (pod: number) => string): string {
  const { clause, selection, missing, undersampled, held, differing } = evaluation;
  if (mesh.discovery.phase === 'waiting') return 'the pod list has not been received yet';
  if (selection.from.count === 0) return nothingSelected('from', clause);
  if (selection.to.count === 0) return nothingSelected('to', clause);
  if (missing.length > 0) return missingReason(missing, mesh, nameOf);
  if (undersampled > 0) {
    return `too few samples on ${links(undersampled)}, for example ${evaluation.firstUndersampled}${windowAdvice(mesh)}`;
  }
  const present = mesh.pods.reduce((count, { lifecycle }) => count + (lifecycle === 'gone' ? 0 : 1), 0);
  if (evaluation.holdsOnlyOnSelf && present > 1) {
    return `only ${selection.from.count} of ${present} pods are or were ready, so only links of pods to themselves could be checked`;
  }
  if (held === 0) return 'no link matches from=, to= and self=';
  if (differing >= 0) {
    return `${nameOf(differing)} knows a different set of pods than ${mesh.servedBy.name}, so some links may not have been checked`;
  }
  const isOld = isPodListOld(mesh.discovery, mesh.settings.refreshIntervalMs, mesh.past?.toMs ?? mesh.atMs);
  return isOld ? 'the pod list could not be refreshed and may be out of date' : '';
}

function nothingSelected(end: 'from' | 'to', clause: Clause): string {
  return clause[end] === null ? 'no pod is or was ready' : `no pod that is or was ready matches ${end}=`;
}

function missingReason(missing: readonly number[], mesh: Mesh, nameOf: (pod: number) => string): string {
  const [first = 0] = missing;
  const report = mesh.reports.find(({ pod }) => pod === first);
  const who = `${nameOf(first)}${missing.length > 1 ? ` and ${missing.length - 1} more` : ''}`;
  if (report?.missing === '' && report.missingDetail !== '') {
    return `${who} did not report the whole window (${report.missingDetail}), the state of its links before is not known`;
  }
  const why = report === undefined ? 'not-asked' : report.missing === '' ? 'starved' : report.missing;
  return `${who} did not report (${why}), the state of its links is not known`;
}

/** What to do if there are too few samples. */
function windowAdvice({ windowMs, settings }: Mesh): string {
  const intervalMs = settings.refreshIntervalMs;
  if (intervalMs === 0) return '; pinging is switched off (REFRESH_INTERVAL=0)';
  if (windowMs >= 2 * intervalMs) return '';
  return `; pods are pinged every ${intervalMs / 1000} s, so ask for window=${Math.ceil((2.2 * intervalMs) / 1000)}s`;
}

function links(count: number): string {
  return `${count} link${count === 1 ? '' : 's'}`;
}
