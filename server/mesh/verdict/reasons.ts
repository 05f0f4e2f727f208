import type { Mesh } from '../../contract/mesh.ts';
import type { VerdictAnswer } from '../../contract/verdict.ts';
import type { ClauseTally, NameOf } from './clause-tally.ts';

type Verdict = VerdictAnswer['verdict'];

/** The verdict of one clause: a link that violates it is certain, whatever else is not known; a gap is never a pass. */
export function verdictOf(tally: ClauseTally, mesh: Mesh): Verdict {
  if (mesh.discovery.phase === 'waiting') return 'unknown';
  if (tally.violated > 0) return 'fail';
  if (tally.held === 0 || tally.short > 0 || tally.missing.length > 0) return 'unknown';
  if (tally.differing >= 0 || isListOld(mesh)) return 'unknown';
  if (tally.isOfSelvesAlone && presentCount(mesh) > 1) return 'unknown';
  return 'pass';
}

/** Why the verdict is what it is, by the first clause that has it. */
export function reasonOf(
  tallies: readonly ClauseTally[],
  verdicts: readonly Verdict[],
  mesh: Mesh,
  name: NameOf,
): string {
  const failed = tallies[verdicts.indexOf('fail')];
  if (failed !== undefined) return failedWords(failed);
  const unknown = tallies[verdicts.indexOf('unknown')];
  return unknown === undefined ? '' : `${unknown.text}: ${unknownWords(unknown, mesh, name)}`;
}

function failedWords({ text, violations, violated, held }: ClauseTally): string {
  const [first] = violations;
  if (first === undefined) return text;
  const all = violated + held;
  return `${text}: ${first.from} → ${first.to} ${first.found}; so ${violated} of ${all} link${all === 1 ? '' : 's'}`;
}

function unknownWords(tally: ClauseTally, mesh: Mesh, name: NameOf): string {
  const { selection, missing, short, held } = tally;
  if (mesh.discovery.phase === 'waiting') return 'the list of pods has not come yet';
  if (selection.fromCount === 0) return `no pod is as from= says${ofStages(tally)}`;
  if (selection.toCount === 0) return `no pod is as to= says${ofStages(tally)}`;
  if (missing.length > 0) {
    const [first = 0] = missing;
    const row = mesh.rows.find(({ pod }) => pod === first);
    const more = missing.length > 1 ? ` and ${missing.length - 1} more` : '';
    if (row?.missing === '' && row.missingDetail !== '') {
      return `${name(first)}${more} did not report all of it (${row.missingDetail}), what it reached before is not known`;
    }
    const why = row?.missing === '' ? 'starved' : `${row?.missing}`;
    return `${name(first)}${more} did not report (${why}), what it reaches is not known`;
  }
  if (short > 0) return `too few samples of ${short} link${short === 1 ? '' : 's'}: ${tally.firstShort}${advice(mesh)}`;
  if (tally.isOfSelvesAlone && presentCount(mesh) > 1) {
    return `${tally.selection.fromCount} of ${presentCount(mesh)} pods have been ready, and nothing but links of pods to themselves to look at`;
  }
  if (held === 0) return 'no link is as from=, to= and self= say';
  if (tally.differing >= 0) {
    return `${name(tally.differing)} knows other pods than ${mesh.servedBy.name} does, and so there may be links that are not looked at`;
  }
  return 'the list of pods could not be refreshed, and may be out of date';
}

/** Pods that are not gone. */
function presentCount({ pods }: Mesh): number {
  return pods.reduce((count, { lifecycle }) => count + (lifecycle === 'gone' ? 0 : 1), 0);
}

function ofStages({ clause }: ClauseTally): string {
  return clause.from === null && clause.to === null ? ': no pod has been ready' : ', among those that have been ready';
}

function advice({ windowMs, settings }: Mesh): string {
  const intervalMs = settings.refreshIntervalMs;
  if (intervalMs === 0) return '; pinging is switched off';
  if (windowMs >= 2 * intervalMs) return '';
  return `; pings come each ${intervalMs / 1000} s, so take a window of ${Math.ceil((2.2 * intervalMs) / 1000)}s`;
}

/**
 * As for `/cluster_health`: a list that could not be refreshed for two intervals may hide anything; at the end of a stretch
 * of the past as well as now.
 */
function isListOld({ atMs, discovery, settings, past }: Mesh): boolean {
  const intervalMs = settings.refreshIntervalMs > 0 ? settings.refreshIntervalMs : 30_000;
  return discovery.phase === 'stale' && (past?.toMs ?? atMs) - discovery.sinceMs > 2 * intervalMs;
}
