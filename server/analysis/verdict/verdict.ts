import type { MergedReport, UnjudgedMesh } from '../../protocol/mesh.ts';
import { MAX_REASON_LENGTH, MAX_VIOLATIONS, type VerdictAnswer } from '../../protocol/verdict.ts';
import { namesIn } from '../text.ts';
import { ClauseEvaluation, type ClauseVerdict, unknown } from './evaluate-clause.ts';
import type { Clause } from './parse-clause.ts';
import { judgeRecovery } from './recovery.ts';
import { LinkSummary, windowOf } from './report-window.ts';
import { selectPods } from './select-pods.ts';

/**
 * Judges whether clauses hold in a mesh, in one pass over all links. `windowMs`: the length of the time range that `mesh` has
 * statistics for. Yields after each report, and each clause that looked at it.
 *
 * The verdict of one clause is `fail` if any link violates it, whatever else is not known. `success` and `loss` are about a
 * share: they are `fail` if the share over all links is not as wanted, whatever is missing. A clause that is not `fail` is
 * `unknown` if a link, a report or the pod list is not known well enough, or if it selects nothing. Else it is `pass`.
 */
export function* judge(
  mesh: UnjudgedMesh,
  clauses: readonly Clause[],
  windowMs: number,
): Generator<void, VerdictAnswer> {
  const nameOf = namesIn(mesh);
  const selections = yield* selectPods(clauses, mesh.pods);
  const evaluations = selections.map(({ clause, selection }) => new ClauseEvaluation(clause, selection, mesh, nameOf));
  const { summary, oldestMs } = yield* evaluateMesh(mesh, evaluations, windowMs);
  const results: ClauseVerdict[] = [];
  for (const one of evaluations) {
    if (mesh.discovery.phase === 'waiting') results.push(unknown('the pod list has not been received yet'));
    else results.push(one.isOfLinks ? one.verdict() : yield* judgeRecovery(one, mesh, windowMs));
  }
  const verdicts = results.map(({ verdict }) => verdict);
  const verdict = verdicts.includes('fail') ? 'fail' : verdicts.includes('unknown') ? 'unknown' : 'pass';
  const decisive = verdicts.indexOf(verdict);
  const reason = verdict === 'pass' ? '' : `${evaluations[decisive]?.text}: ${results[decisive]?.reason}`;
  const missing = new Set(results.flatMap((result) => result.missing.slice(0, MAX_VIOLATIONS)));
  const ignored = [...mesh.pods.keys()].filter((pod) => mesh.pods[pod]?.cordon === 'ignored');
  return {
    ok: verdict === 'pass',
    verdict,
    reason: reason.slice(0, MAX_REASON_LENGTH),
    expect: evaluations.map(({ text }) => text),
    clauses: verdicts,
    window_s: windowMs / 1000,
    resolution_s: mesh.past === null ? null : mesh.past.resolutionMs / 1000,
    ...summary.fields(),
    violations: results.flatMap(({ violations }) => violations).slice(0, MAX_VIOLATIONS),
    missing_reports: [...missing].slice(0, MAX_VIOLATIONS).map(nameOf),
    ...(ignored.length === 0 ? {} : { ignored_pods: ignored.slice(0, MAX_VIOLATIONS).map(nameOf) }),
    generated_at: new Date(Math.round(oldestMs)).toISOString(),
    served_by: mesh.servedBy.name,
  };
}

/** `oldestMs`: when the oldest report arrived that any clause needs; of a mesh of the past when it was collected. */
function* evaluateMesh(
  mesh: UnjudgedMesh,
  evaluations: readonly ClauseEvaluation[],
  windowMs: number,
): Generator<void, { summary: LinkSummary; oldestMs: number }> {
  const summary = new LinkSummary();
  const reports = new Map(mesh.reports.map((report) => [report.pod, report]));
  // With PING_NUMBER, pairs that are not probed are not expected either.
  const isFullMesh = mesh.settings.pingNumber === 0 && mesh.settings.refreshIntervalMs > 0;
  const rounds = mostRounds(mesh, windowMs);
  let oldestMs = mesh.atMs;
  for (const [pod, { lifecycle }] of mesh.pods.entries()) {
    const report = reports.get(pod);
    const isHere = report?.missing === '';
    // The list of pods of a pod that is not ready need not be complete yet.
    if (isHere && !report.samePeers && lifecycle === 'ready') for (const one of evaluations) one.addDifferingPeers(pod);
    const concerned = evaluations.filter((one) => one.isOfLinks && one.selection.from.pods[pod] === 1);
    if (concerned.length === 0) continue;
    if (isHere && mesh.past === null) oldestMs = Math.min(oldestMs, report.atMs);
    const isTrusted = isHere && report.starvation?.unreliable !== true;
    // A report that lacks a part of the window (`missingDetail` says which) can prove some violations, but not that there was none.
    if (report?.missing !== 'passive' && (!isTrusted || report.missingDetail !== ''))
      for (const one of concerned) one.addMissingReport(pod, rounds);
    if (!isTrusted) continue;
    const window = windowOf(report, windowMs);
    const unlisted = isFullMesh ? podsNotListed(report, mesh.pods.length) : [];
    for (const one of concerned) {
      one.evaluate(window, unlisted);
      yield;
    }
    summary.add(window);
    yield;
  }
  return { summary, oldestMs };
}

/**
 * How often a link is pinged in a window at most. Jitter only lengthens the intervals, but a new link has its second ping
 * early. In a time range of the past, half a bucket more may be counted at either end (`resolutionMs` is the width of a bucket).
 */
function mostRounds({ past, settings: { refreshIntervalMs } }: UnjudgedMesh, windowMs: number): number {
  if (refreshIntervalMs === 0) return 0;
  return Math.floor((windowMs + (past?.resolutionMs ?? 0)) / refreshIntervalMs) + 2;
}

/** The pods to which a report has no link. */
function podsNotListed({ links }: MergedReport, podCount: number): number[] {
  const isListed = new Uint8Array(podCount);
  for (const to of links.to) isListed[to] = 1;
  const pods: number[] = [];
  for (let pod = 0; pod < podCount; pod++) if (isListed[pod] === 0) pods.push(pod);
  return pods;
}
