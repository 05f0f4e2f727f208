import { cross, group } from 'd3';
import {
  type Finding,
  type FindingKind,
  isAboutLoss,
  isAboutNode,
  isAboutZones,
  MAX_FINDINGS,
} from '../../server/protocol/finding.ts';
import { isSlow } from '../../server/protocol/link-state.ts';
import type { Mesh } from '../../server/protocol/mesh.ts';
import { isJudged, type Pod } from '../../server/protocol/pod.ts';

/** The server's findings by pod. The page shows them but never judges itself. All lists are by pod index. */
export interface PodFindings {
  /** The most severe finding about links into the pod; null = none. */
  into: (Finding | null)[];
  /** The most severe finding about links out of the pod, or about its measurements. */
  outOf: (Finding | null)[];
  itself: (Finding | null)[];
  /** The list of findings is full, so some may be missing. */
  isFull: boolean;
}

/** The rows (links into pods) or columns (links out of pods) that a finding is about. */
export interface FindingPlace {
  axis: 'row' | 'column';
  pods: number[];
}

export interface LinkBlock {
  from: number[];
  to: number[];
}

/** Assigns the findings to pods. O(findings), and O(pods) for each finding about a node or zone. */
export function findingsByPod(mesh: Pick<Mesh, 'findings' | 'pods'>): PodFindings {
  const n = mesh.pods.length;
  const nobody = () => new Array<Finding | null>(n).fill(null);
  const [into, outOf, itself] = [nobody(), nobody(), nobody()];
  for (const finding of mesh.findings) {
    if (isAboutSelfLink(finding)) note(itself, finding.pods, finding);
    // Its pods are reached, and not slowly: loss changes the mark of no pod.
    if (isAboutLoss(finding.kind)) continue;
    const place = findingPlace(finding, mesh.pods);
    note(place?.axis === 'row' ? into : outOf, place?.pods ?? [], finding);
  }
  return { into, outOf, itself, isFull: mesh.findings.length >= MAX_FINDINGS };
}

function note(list: (Finding | null)[], pods: readonly number[], finding: Finding): void {
  for (const pod of pods) if (pod < list.length) list[pod] ??= finding;
}

export function isAboutSelfLink({ kind, pods, from }: Finding): boolean {
  return kind === 'link' && pods.length === 1 && from.length === 1 && pods[0] === from[0];
}

/** Whether a finding is about late answers. Links that fail now and then have the severity `slow` too, and their median is fast. */
export function isAboutLatency({ kind, severity, totalUs }: Pick<Finding, 'kind' | 'severity' | 'totalUs'>): boolean {
  return severity === 'slow' && totalUs >= 0 && !kind.includes('intermittent');
}

/** The findings without those about answers that are faster than `slowUs`. */
export function withoutFaster(findings: readonly Finding[], slowUs: number): Finding[] {
  return findings.filter((finding) => !isAboutLatency(finding) || isSlow(finding.totalUs, slowUs));
}

export const LINK_FINDINGS: ReadonlySet<FindingKind> = new Set([
  'link',
  'link-slow',
  'link-intermittent',
  'link-lossy',
  'one-way',
]);

/** By kind, except those about nodes: whether a finding is about rows or columns; the others are about links or no pod. */
const AXES: Partial<Record<FindingKind, FindingPlace['axis']>> = {
  'pod-unreachable': 'row',
  'pod-slow': 'row',
  'pod-lossy': 'row',
  'pod-intermittent': 'row',
  'pod-reaches-nobody': 'column',
  'pod-slow-out': 'column',
  'pod-lossy-out': 'column',
  'pod-intermittent-out': 'column',
  'list-differs': 'column',
  'pod-overdue': 'column',
  'cut-off': 'column',
  'cpu-starved': 'column',
  'report-missing': 'column',
};

/**
 * The findings that the notice counts: those about a whole pod, node, zone or path that fails; or that is slow, if not even a
 * single link fails. A failed link is told by the status sentence.
 */
export function findingsOfNotice(findings: readonly Finding[]): Finding[] {
  const wanted = findings.some(({ severity }) => severity === 'failed') ? 'failed' : 'slow';
  return findings.filter((one) => one.severity === wanted && (!LINK_FINDINGS.has(one.kind) || isAboutSelfLink(one)));
}

/** Whether a finding is about rows (links into pods) or columns (links out of pods); null: see `findingBlocks`. */
export function findingAxis(
  { kind, pods, from }: Finding,
  all: readonly Pick<Pod, 'node'>[],
): FindingPlace['axis'] | null {
  if (!isAboutNode(kind)) return AXES[kind] ?? null;
  // The sources are on other nodes, unless the finding is about links out of the node.
  const nodes = new Set(pods.map((pod) => all[pod]?.node));
  return from.some((pod) => nodes.has(all[pod]?.node)) ? 'column' : 'row';
}

/** The rows or columns of a finding; null if it is about links or no pod: see `findingBlocks`. */
export function findingPlace(finding: Finding, all: Mesh['pods']): FindingPlace | null {
  const { kind, pods } = finding;
  const axis = findingAxis(finding, all);
  return axis === null ? null : { axis, pods: isAboutNode(kind) ? judgedOf(all, pods, 'node') : pods };
}

/**
 * The links of a finding about single links, or about what lies between zones: one block for each pair of pods or zones, so two if
 * both directions are bad. None of a finding about rows, columns or no pod.
 */
export function findingBlocks(finding: Finding, all: Mesh['pods']): LinkBlock[] {
  const { kind, pods, from } = finding;
  if (findingAxis(finding, all) !== null) return [];
  const membersOf = (named: readonly number[]) => {
    if (!isAboutZones(kind)) return named.map((pod) => [pod]);
    return [...group(judgedOf(all, named, 'zone'), (pod) => all[pod]?.zone).values()];
  };
  const blocks = cross(membersOf(from), membersOf(pods)).map(([source, to]) => ({ from: source, to }));
  // If both directions are bad, each end is a source and a destination, but not of itself.
  return blocks.length === 1 ? blocks : blocks.filter((block) => block.from[0] !== block.to[0]);
}

/** All pods that a finding is about; of links both ends, of a path those that report it. */
export function podsOfFinding(finding: Finding, all: Mesh['pods']): number[] {
  const named = [...finding.pods, ...finding.from];
  if (isAboutZones(finding.kind)) return judgedOf(all, named, 'zone');
  return findingPlace(finding, all)?.pods ?? named;
}

export function findingsOfPod({ findings, pods }: Pick<Mesh, 'findings' | 'pods'>, pod: number): Finding[] {
  return findings.filter((finding) => podsOfFinding(finding, pods).includes(pod));
}

/** The findings that explain why the link from one pod to another is bad. */
export function findingsOfLink(mesh: Pick<Mesh, 'findings' | 'pods'>, from: number, to: number): Finding[] {
  return mesh.findings.filter((finding) => {
    const place = findingPlace(finding, mesh.pods);
    if (place === null) {
      return findingBlocks(finding, mesh.pods).some((block) => block.from.includes(from) && block.to.includes(to));
    }
    const [own, other] = place.axis === 'row' ? [to, from] : [from, to];
    if (!place.pods.includes(own)) return false;
    if (isAboutNode(finding.kind)) return mesh.pods[own]?.node !== mesh.pods[other]?.node;
    return own !== other || finding.kind === 'cpu-starved';
  });
}

/** All judged pods of the nodes or zones of `named`. A finding itself names only the first of them. */
function judgedOf(all: Mesh['pods'], named: readonly number[], of: 'node' | 'zone'): number[] {
  const places = new Set(named.map((pod) => all[pod]?.[of]));
  return all.flatMap((pod, index) => (isJudged(pod) && pod[of] !== '' && places.has(pod[of]) ? [index] : []));
}
