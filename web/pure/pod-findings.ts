import { type Finding, MAX_FINDINGS } from '../../server/protocol/finding.ts';
import type { Mesh } from '../../server/protocol/mesh.ts';
import { isJudged } from '../../server/protocol/pod.ts';

/** Which pods the server's findings are about: it alone judges, the page places its words. All lists are by pod index. */
export interface PodFindings {
  /** The gravest finding about links into the pod; null = none. */
  into: (Finding | null)[];
  /** The gravest finding about what it reaches, or about its own measurements. */
  outOf: (Finding | null)[];
  /** That it does not reach itself. */
  itself: (Finding | null)[];
  /** There may be more findings than the server could tell. */
  isFull: boolean;
}

/** Where a finding is seen in the mesh: the pods whose rows (links into them) or columns it is about. */
export interface FindingPlace {
  axis: 'row' | 'column';
  pods: number[];
}

/** Whose findings are whose. O(pods) for each node that is found, else O(findings). */
export function findingsByPod(mesh: Pick<Mesh, 'findings' | 'pods'>): PodFindings {
  const n = mesh.pods.length;
  const nobody = () => new Array<Finding | null>(n).fill(null);
  const [into, outOf, itself] = [nobody(), nobody(), nobody()];
  for (const finding of mesh.findings) {
    if (isAboutSelfLink(finding)) note(itself, finding.pods, finding);
    // What lies between two zones is no fault of their pods.
    if (finding.kind === 'zone-block') continue;
    const place = findingPlace(finding, mesh.pods);
    note(place?.axis === 'row' ? into : outOf, place?.pods ?? [], finding);
  }
  return { into, outOf, itself, isFull: mesh.findings.length >= MAX_FINDINGS };
}

function note(list: (Finding | null)[], pods: readonly number[], finding: Finding): void {
  for (const pod of pods) if (pod < list.length) list[pod] ??= finding;
}

/** Whether a finding says that a pod does not reach itself. */
export function isAboutSelfLink({ kind, pods, from }: Finding): boolean {
  return kind === 'link' && pods.length === 1 && from.length === 1 && pods[0] === from[0];
}

/** Where a finding is seen as whole rows or columns; null where it is about single links, or about no pod. */
export function findingPlace(finding: Finding, all: Mesh['pods']): FindingPlace | null {
  const { kind, pods, from } = finding;
  switch (kind) {
    case 'pod-unreachable':
    case 'pod-slow':
      return { axis: 'row', pods };
    case 'pod-reaches-nobody':
    case 'pod-slow-out':
    case 'cpu-starved':
    case 'report-missing':
      return { axis: 'column', pods };
    case 'node': {
      // Those who say so are elsewhere, unless what it is about is what the node's own pods reach.
      const nodes = new Set(pods.map((pod) => all[pod]?.node));
      const isOut = from.some((pod) => nodes.has(all[pod]?.node));
      return { axis: isOut ? 'column' : 'row', pods: judgedOf(all, nodes, 'node') };
    }
    case 'zone-block':
      return { axis: 'row', pods: judgedOf(all, new Set(pods.map((pod) => all[pod]?.zone)), 'zone') };
    default:
      return null;
  }
}

/** The findings that say something of a pod: of it as a whole, or of one of its links. */
export function findingsOfPod({ findings, pods }: Pick<Mesh, 'findings' | 'pods'>, pod: number): Finding[] {
  return findings.filter((finding) => {
    const place = findingPlace(finding, pods);
    return place === null ? [...finding.pods, ...finding.from].includes(pod) : place.pods.includes(pod);
  });
}

/** The findings that explain why the link from one pod to another is bad. */
export function findingsOfLink(mesh: Pick<Mesh, 'findings' | 'pods'>, from: number, to: number): Finding[] {
  return mesh.findings.filter((finding) => {
    const place = findingPlace(finding, mesh.pods);
    if (place === null) {
      const isThere = finding.from.includes(from) && finding.pods.includes(to);
      // Where both directions are bad it is one finding, and names both pods.
      return isThere || (finding.kind !== 'one-way' && finding.from.includes(to) && finding.pods.includes(from));
    }
    const [own, other] = place.axis === 'row' ? [to, from] : [from, to];
    if (!place.pods.includes(own)) return false;
    if (finding.kind === 'node') return mesh.pods[own]?.node !== mesh.pods[other]?.node;
    if (finding.kind !== 'zone-block') return own !== other || finding.kind === 'cpu-starved';
    const zones = finding.from.map((pod) => mesh.pods[pod]?.zone);
    return mesh.pods[own]?.zone !== mesh.pods[other]?.zone && zones.includes(mesh.pods[other]?.zone);
  });
}

/** A finding names twenty pods at most: all that are judged of those places. Other pods are not judged. */
function judgedOf(all: Mesh['pods'], places: ReadonlySet<string | undefined>, of: 'node' | 'zone'): number[] {
  return all.flatMap((pod, index) => (isJudged(pod) && pod[of] !== '' && places.has(pod[of]) ? [index] : []));
}
