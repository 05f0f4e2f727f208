import {
  FINDING_KINDS,
  type Finding,
  type FindingKind,
  MAX_FINDING_DETAIL,
  MAX_FINDING_PODS,
  MAX_FINDINGS,
} from '../../protocol/finding.ts';
import { isStarved } from '../../protocol/link-state.ts';
import type { MergedReport, Mesh } from '../../protocol/mesh.ts';
import { DEFAULT_GRACE_S, type DiscoveryStatus } from '../../protocol/pod.ts';
import { countText } from '../../runtime/count-text.ts';
import { durationText, latencyText } from '../../runtime/measure-text.ts';
import { podsWithOldList } from '../sides.ts';
import { isoText, listText, namesIn, percent } from '../text.ts';
import { CAUSE } from './attribution.ts';
import type { MeshCounts } from './counts.ts';
import { type Analysis, mostCommon } from './evidence.ts';
import { makeFinding } from './messages.ts';
import { pathFindings } from './paths.ts';
import { cutOffFindings, placeFindings } from './place-findings.ts';
import { linkFindings, selfFindings } from './single-links.ts';
import type { Topology } from './topology.ts';

/** Inputs of `findingsFrom` other than the reports. */
interface FindingsContext {
  /** The moment that the mesh is of, ms since the epoch. */
  atMs: number;
  discovery: DiscoveryStatus;
  /** The pod that collected the mesh: index in `Mesh.pods`, -1 if it is not among them. */
  servedBy: number;
}

/**
 * Describes each cause of failed, intermittent, slow and lossy links of a mesh as one finding, the gravest first. This function does
 * step 5; steps 1 to 4 are shared with health (`peers/cluster-health.ts`), so that the two agree.
 *
 * 1. Count (counts.ts). While reports arrive, `MeshCounts` sorts every pair of pods into ok, lossy, slow, intermittent and failed,
 *    and counts judged and bad pairs by pod, node and pair of zones.
 * 2. Look at the whole mesh (`silentSide`). If the pods that report reach none of the others, they accuse none of them.
 * 3. Attribute (attribution.ts). `findCauses` looks for general causes before special ones: a whole node, a pair of zones,
 *    a pod. A cause is named if nearly all pairs that could show it are bad. From then on it explains these pairs, and the
 *    following steps count only the others. Graver causes explain milder pairs too.
 * 4. Collect evidence (evidence.ts). Every bad pair goes to the most general cause that explains it. What is left are
 *    single links.
 * 5. Describe (place-findings.ts, single-links.ts; words in messages.ts). Every cause becomes one finding with its evidence.
 *
 * Example: node-b dies. All pairs into its pods fail, seen from all other nodes. Step 3 finds at least 80 % bad pairs into
 * each of its pods and at least two sources on other nodes, so node-b is a cause and explains all pairs from and to its
 * pods. Step 4 collects these pairs, step 5 makes one finding of kind `node`; the missing reports of its pods are explained
 * by it, and no pod or link of it is named again.
 *
 * O(bad pairs) for each step. Yields after each small part of the work (see `runSliced`).
 */
export function* findingsFrom(analysis: Analysis, context: FindingsContext): Generator<void, Finding[]> {
  const { servedBy } = context;
  const { failed, intermittent, slow, lossy } = analysis;
  const { mesh, causes } = failed;
  const { silent } = causes;
  const failedLinks = yield* linkFindings(failed);
  // A report is missing for a known reason if the pod that asks for it does not reach that pod, or reaches it slowly.
  const unreached = new Set(failedLinks.flatMap(({ from, pods }) => (from.includes(servedBy) ? pods : [])));
  // The causes of slow links include the graver ones.
  const isSilenceExplained = (pod: number) =>
    unreached.has(pod) || silent.has(pod) || slow.causes.explains(servedBy, pod);
  // A pod that others do not reach either is found already.
  const isSelfExplained = (pod: number) => causes.destinations[pod] === CAUSE || causes.hasNodeOf(pod);

  const failedPlaces = [...cutOffFindings(failed, silent), ...(yield* placeFindings(failed))];
  const hasUnreachablePods = failedPlaces.some(({ kind }) => kind !== 'pod-reaches-nobody');
  const failedPaths = yield* pathFindings(mesh, hasUnreachablePods);
  return bounded([
    ...discoveryFindings(mesh, context.discovery),
    ...failedPlaces,
    ...failedLinks,
    ...failedPaths,
    ...(yield* selfFindings(failed, isSelfExplained)),
    ...(yield* placeFindings(intermittent)),
    ...(yield* linkFindings(intermittent)),
    ...(yield* placeFindings(slow)),
    ...(yield* linkFindings(slow)),
    ...(yield* placeFindings(lossy)),
    ...(yield* linkFindings(lossy)),
    ...starvedFindings(mesh),
    ...oldListFindings(mesh, servedBy),
    ...overdueFindings(mesh, context.atMs),
    ...missingFindings(mesh, isSilenceExplained),
  ]);
}

/** The kinds that make the mesh unhealthy although no link of theirs fails. */
const COUNTED_BY_HEALTH: readonly FindingKind[] = ['api-away', 'list-differs', 'report-missing'];

/**
 * Keeps at most `MAX_FINDINGS`, in the order in which they are given. Kept first are those that health counts too, then the graver
 * kinds, then those with more bad links. If some are left out, the last one says so.
 */
function bounded(findings: Finding[]): Finding[] {
  const isFirst = ({ severity, kind }: Finding) => severity === 'failed' || COUNTED_BY_HEALTH.includes(kind);
  const byRank = findings.toSorted(
    (a, b) =>
      Number(isFirst(b)) - Number(isFirst(a)) ||
      FINDING_KINDS.indexOf(a.kind) - FINDING_KINDS.indexOf(b.kind) ||
      b.affected - a.affected,
  );
  const ranked = new Set(byRank.slice(0, MAX_FINDINGS));
  const kept = findings.filter((finding) => ranked.has(finding));
  const last = kept.at(-1);
  if (last === undefined || findings.length === kept.length) return kept;
  const more = ' More findings are left out.';
  const detail = `${last.detail.slice(0, MAX_FINDING_DETAIL - more.length)}${more}`.trim();
  return [...kept.slice(0, -1), { ...last, detail }];
}

/** A finding that is not about links: about the pod list, or about the reports of `pods`. */
function reportFinding(
  kind: FindingKind,
  subject: string,
  pods: number[],
  facts: Pick<Finding, 'title'> & Partial<Finding>,
): Finding {
  return makeFinding({ kind, severity: kind === 'cpu-starved' ? 'suspect' : 'unknown', subject, pods, ...facts });
}

/** Says if the pod list may be out of date, or if none has been received. */
function discoveryFindings(
  { topology }: MeshCounts,
  { phase, lastError, sinceMs, lastGoodMs }: DiscoveryStatus,
): Finding[] {
  if (phase === 'synced') return [];
  const error = lastError === null ? '' : `, ${lastError.fault}`;
  const known = topology.pods.filter(({ lifecycle }) => lifecycle !== 'gone').length;
  const still = known === 1 ? 'the one known pod is' : `the ${countText(known)} known pods are`;
  const what =
    phase === 'waiting'
      ? `no pod list since the start${error}`
      : `cannot be reached${error}: ${still} still pinged, the pod list may be out of date`;
  const title = `Kubernetes API: ${what}`;
  const facts = { sinceMs: phase === 'stale' ? lastGoodMs : sinceMs, title, detail: lastError?.message ?? '' };
  return [reportFinding('api-away', 'Kubernetes API', [], facts)];
}

/** More starved pods, or more missing reports, than this are one finding. */
const MAX_SINGLE_REPORTS = 3;

/** Starved pods whose whole report is unreliable, or because of which something is doubted. */
function starvedFindings({ starved, doubted, topology }: MeshCounts): Finding[] {
  const kind = 'cpu-starved';
  const reports = starved.filter(({ pod, starvation }) => starvation?.unreliable === true || doubted.has(pod));
  const many = 'CPU-starved, their measurements are unreliable';
  return eachOrMany(kind, reports, topology, many, ({ pod, starvation, atMs }) => {
    const name = topology.name(pod);
    const last = starvation?.times?.at(-1);
    const lastBeganMs = last === undefined ? 0 : Math.round(atMs - last[0]);
    if (last !== undefined && !isStarved(starvation)) {
      const toAgeMs = last[1];
      return reportFinding(kind, name, [pod], {
        sinceMs: lastBeganMs,
        title: `${name}: was CPU-starved a moment ago, what was measured then is unreliable`,
        detail: `It was short of CPU until ${Math.round(toAgeMs / 1000)} s ago. Timeouts and delays of that time, that it measured or that others measured into it, are not counted until the next ping.`,
      });
    }
    const delay = latencyText(starvation?.loopDelayP99Us ?? 0);
    const share = percent(starvation?.suspectShare ?? 0, 1);
    return reportFinding(kind, name, [pod], {
      // `Starvation.sinceMs` of a report that is not unreliable says since when it has been reliable.
      sinceMs: starvation?.unreliable === true ? starvation.sinceMs : lastBeganMs,
      title: `${name}: CPU-starved, its measurements are unreliable`,
      detail: `Scheduling delay p99 ${delay}, ${share} of its samples are unreliable. Timeouts and delays that it measures, or that others measure into it, are not counted.`,
    });
  });
}

/** Pods whose list of pods is out of date. */
function oldListFindings({ reports, topology }: MeshCounts, servedBy: number): Finding[] {
  return podsWithOldList(reports.values(), servedBy).map((pod) => {
    const name = topology.name(pod);
    const others = pod === servedBy ? 'most others do' : 'the serving pod does';
    const title = `${name}: knows other pods than ${others}, its list of pods is out of date: check its way to the Kubernetes API`;
    return reportFinding('list-differs', name, [pod], { title });
  });
}

/** A pod is overdue so long after the end of its grace period, ms. */
const OVERDUE_MS = 60_000;

/** Pods that should be gone by now. Health does not count them: they are no part of the mesh any more. */
function overdueFindings({ topology }: MeshCounts, atMs: number): Finding[] {
  return [...topology.pods.entries()]
    .filter(
      ([, { lifecycle, sinceMs, goneByMs }]) =>
        lifecycle === 'terminating' && atMs - (goneByMs || sinceMs + DEFAULT_GRACE_S * 1000) > OVERDUE_MS,
    )
    .slice(0, MAX_FINDINGS)
    .map(([pod, { sinceMs, node }]) => {
      const name = topology.name(pod);
      const minutes = Math.floor((atMs - sinceMs) / 60_000);
      const title = `${name}: still terminating after ${durationText(minutes * 60_000)}, its deletion is overdue: check ${node === '' ? '' : `node ${node} and `}finalizers`;
      return reportFinding('pod-overdue', name, [pod], { title, sinceMs });
    });
}

/** Pods that did not report, unless another finding explains why. */
function missingFindings({ missing, topology }: MeshCounts, isExplained: (pod: number) => boolean): Finding[] {
  const kind = 'report-missing';
  const reports = missing.filter(({ pod }) => !isExplained(pod));
  const most = mostCommon(reports.map(({ missing: reason }) => reason));
  const reason = `${reports.every((report) => report.missing === most) ? '' : 'mostly '}${most}`;
  const many = `did not report, ${reason}: outbound results unknown`;
  return eachOrMany(kind, reports, topology, many, ({ pod, missing: why, missingDetail }) => {
    const title = `${topology.name(pod)}: did not report, ${why}: outbound results unknown`;
    return reportFinding(kind, topology.name(pod), [pod], { title, detail: missingDetail });
  });
}

/** One finding for each report, or one about all if they are too many: `many` says what they have in common. */
function eachOrMany(
  kind: FindingKind,
  reports: MergedReport[],
  topology: Topology,
  many: string,
  findingOf: (report: MergedReport) => Finding,
): Finding[] {
  // Reports come in any order; findings have a fixed one.
  reports.sort((a, b) => a.pod - b.pod);
  if (reports.length <= MAX_SINGLE_REPORTS) return reports.map(findingOf);
  const pods = reports.map(({ pod }) => pod);
  const names = pods.slice(0, MAX_FINDING_PODS).map((pod) => topology.name(pod));
  const facts = {
    of: topology.judgedCount,
    title: `${countText(pods.length)} of ${countText(topology.judgedCount)} pods: ${many}`,
    detail: `${listText({ count: pods.length, names }, 4)}.`,
  };
  return [reportFinding(kind, `${countText(pods.length)} pods`, pods, facts)];
}

/** The answer of `/api/v1/findings`: findings for readers without a mesh, with names of pods and durations in ms. */
export function findingsAnswer({
  atMs,
  servedBy,
  findings,
  pods,
}: Pick<Mesh, 'atMs' | 'servedBy' | 'findings' | 'pods'>) {
  const nameOf = namesIn({ pods });
  const names = (indexes: readonly number[]) => indexes.map(nameOf);
  const milliseconds = (us: number) => (us < 0 ? null : us / 1000);
  return {
    generated_at: new Date(Math.round(atMs)).toISOString(),
    served_by: servedBy.name,
    findings: findings.map(({ connectUs, firstByteUs, totalUs, sinceMs, ...finding }) => ({
      ...finding,
      pods: names(finding.pods),
      from: names(finding.from),
      connect_ms: milliseconds(connectUs),
      first_byte_ms: milliseconds(firstByteUs),
      total_ms: milliseconds(totalUs),
      since: sinceMs === 0 ? null : isoText(sinceMs),
    })),
  };
}
