import type { DiscoveryStatus } from '../../contract/discovery.ts';
import { FINDING_KINDS, type Finding, MAX_FINDINGS } from '../../contract/finding.ts';
import { outcomeOf, phaseOf } from '../../contract/links.ts';
import type { MeshRow } from '../../contract/mesh.ts';
import { causesOf } from './causes.ts';
import { Explained } from './explained.ts';
import { explainNodes, explainPods, explainZones } from './general.ts';
import type { Layer } from './layer.ts';
import { podFindings } from './pod-findings.ts';
import { apiFindings, missingFindings, starvedFindings } from './row-findings.ts';
import { Scope } from './scope.ts';
import { selfFindings, singleFindings } from './single-findings.ts';
import type { Told } from './told.ts';
import { zoneFindings } from './zone-findings.ts';

/** What findings need besides rows. */
export interface FindingsHead {
  discovery: DiscoveryStatus;
  /** The pod that collected the matrix: index in `Mesh.pods`, -1 if it is not among them. */
  servedBy: number;
}

/**
 * Findings from what rows have told, the gravest first. First by failure, then by slowness: nodes, pairs of zones, pods,
 * single links; each step looks only at what the steps before do not explain. O(bad links) a step; yields after each few.
 */
export function* findingsOf(told: Told, head: FindingsHead): Generator<void, Finding[]> {
  const failed = yield* explained(told, told.failed, null, head.servedBy);
  const slow = yield* explained(told, told.slow, failed, head.servedBy);
  // A pod that is slow to answer answers some too late: that is the same cause.
  const isTooLate = ({ pod, links }: MeshRow, to: number, link: number) =>
    slow.covers(pod, to) && outcomeOf(links, link) === 'timeout';
  const failures = new Scope(told, told.failed, yield* causesOf(told.failed, failed, told, isTooLate), 'failed');
  const delays = new Scope(told, told.slow, yield* causesOf(told.slow, slow, told, () => false), 'slow');
  const isSelfExplained = (pod: number) => failed.into[pod] === 1 || failed.isOnNode(pod);
  const single = yield* singleFindings(failures);
  const singleSlow = yield* singleFindings(delays);
  const own = yield* selfFindings(failures, (pod) => !isSelfExplained(pod));
  const pods = [...(yield* podFindings(failures)), ...(yield* podFindings(delays))];
  const findings = [
    ...apiFindings(told, head.discovery),
    ...[...pods, ...zoneFindings(failures), ...zoneFindings(delays)],
    ...[...single, ...own],
    ...singleSlow,
    ...starvedFindings(told),
    ...missingFindings(told, silenceExplained(head.servedBy, single, [failed, slow])),
  ];
  return cut(findings.sort(byGravity));
}

/** What general causes explain by one measure; `before`: those by a graver one. */
function* explained(told: Told, layer: Layer, before: Explained | null, servedBy: number): Generator<void, Explained> {
  const causes = new Explained(told.places, before);
  if (layer.rows.length > 0) {
    yield* explainNodes(layer, causes, servedBy);
    yield* explainZones(layer, causes);
    yield* explainPods(layer, causes, (pod) => told.rows.has(pod));
    if (before === null) explainPair(told, causes);
  }
  return causes;
}

/**
 * Of two pods that do not reach each other nobody can tell which one it is, unless something on the other side answered:
 * then the way there is fine and the other one is not.
 */
function explainPair(told: Told, explained: Explained): void {
  if (told.places.judgedCount !== 2) return;
  for (const { from, to, link } of told.failed.rows) {
    const links = told.rows.get(from)?.links;
    if (links === undefined) continue;
    const [outcome, phase] = [outcomeOf(links, link[0] ?? 0), phaseOf(links, link[0] ?? 0)];
    const isLate = outcome === 'timeout' && phase !== null && phase !== 'connect';
    const answered = isLate || ['refused', 'reset', 'http-status', 'malformed'].includes(outcome);
    if (answered) explained.into[to[0] ?? 0] = 1;
  }
}

/** Tells of a pod whether another finding says why its row is missing: we that ask do not reach it, or it is slow. */
function silenceExplained(servedBy: number, links: readonly Finding[], explained: Explained[]) {
  const unreached = new Set(links.flatMap(({ from, pods }) => (from.includes(servedBy) ? pods : [])));
  return (pod: number) => unreached.has(pod) || explained.some((one) => one.covers(servedBy, pod));
}

function byGravity(a: Finding, b: Finding): number {
  return rank(a) - rank(b) || b.affected - a.affected || (a.subject < b.subject ? -1 : 1);
}

/** Kinds in their order; a node or a zone that is only slow comes with the slow pods. */
function rank({ kind, severity }: Finding): number {
  const isGeneral = kind === 'node' || kind === 'zone-block';
  if (isGeneral && severity === 'slow') return FINDING_KINDS.indexOf('pod-slow') - 0.5;
  return FINDING_KINDS.indexOf(kind);
}

function cut(findings: Finding[]): Finding[] {
  const kept = findings.slice(0, MAX_FINDINGS);
  const last = kept.at(-1);
  const more = findings.length - kept.length;
  if (last === undefined || more === 0) return kept;
  const detail = `${last.detail.slice(0, 500)} ${more} more are left out.`;
  return [...kept.slice(0, -1), { ...last, detail: detail.trim() }];
}
