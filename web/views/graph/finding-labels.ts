import { countsPods, type Finding, isAboutNode } from '../../../server/protocol/finding.ts';
import { countText, plural } from '../../../server/runtime/count-text.ts';
import { findingTone, findingWords } from '../../model/finding-words.ts';
import { findingPlace, isAboutSelfLink } from '../../model/findings.ts';
import { isAboutWhole } from '../../model/levels.ts';
import type { Tone } from '../../model/links.ts';
import type { Picture, PodView } from '../../model/mesh-view.ts';
import { shownName } from '../../model/names.ts';

/** The label of a finding about whole pods, shown at one of them. */
export interface FindingLabel {
  /** Index in `Mesh.pods` of the pod at which it is shown. */
  anchor: number;
  /** "gp-1", "gp-1 and 30 more", or "worker-05, 10 pods". */
  title: string;
  /** The node, or the group in which the pods are drawn; '' if the title already names it. */
  node: string;
  note: string;
  tone: Tone;
}

/** Whether something is wrong with a pod as a whole, not only with one of its links. */
export function isUnhealthy(view: PodView): boolean {
  return view.slowToReach || view.health === 'failing' || view.health === 'unknown' || view.starved;
}

/** Labels of the findings about whole pods, the most severe first. Each pod is only in its most severe one. */
export function findingLabels(picture: Picture): FindingLabel[] {
  const { mesh, pods } = picture;
  const labelled = new Set<number>();
  const labels: FindingLabel[] = [];
  for (const finding of mesh.findings) {
    const found = podsOf(finding, pods).filter((index) => !labelled.has(index));
    for (const index of found) labelled.add(index);
    // The label of a node stands at the middle one of its pods.
    const anchorAt = isAboutNode(finding.kind) ? Math.floor(found.length / 2) : 0;
    const anchor = pods[found[anchorAt] ?? -1];
    if (anchor === undefined) continue;
    const label = labelOf(finding, found, anchor);
    labels.push(
      isAboutWhole(picture, finding, anchor.index)
        ? label
        : { ...label, title: findingWords(finding).subject, node: anchor.name },
    );
  }
  return labels;
}

/** The pods that a finding is about as a whole; empty if it is about links between pods or zones. */
function podsOf(finding: Finding, pods: readonly PodView[]): number[] {
  if (isAboutSelfLink(finding)) return finding.pods;
  return (
    findingPlace(
      finding,
      pods.map(({ pod }) => pod),
    )?.pods ?? []
  );
}

function labelOf(finding: Finding, pods: number[], anchor: PodView): FindingLabel {
  const node = shownName(anchor.pod.node);
  const base = { anchor: anchor.index, note: findingWords(finding).what, tone: findingTone(finding) };
  if (isAboutNode(finding.kind)) {
    return { ...base, title: `${node}, ${plural(pods.length, 'pod')}`, node: '' };
  }
  // One finding can stand for many CPU-starved or silent pods: `finding.pods` has only the first of them.
  const unnamed = countsPods(finding.kind) ? finding.affected - finding.pods.length : 0;
  const count = pods.length > 1 ? pods.length + unnamed : 1;
  const more = count > 1 ? ` and ${countText(count - 1)} more` : '';
  // A pod may be shown under the name of its node.
  return { ...base, title: `${anchor.name}${more}`, node: anchor.name === node ? '' : node };
}
