import type { Pod } from '../../server/protocol/pod.ts';

/** Characters that would move or hide text around them: controls, bidi marks and overrides, zero-width ones. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** A name from the cluster as it may be shown: whatever would hide or reorder text is replaced by a visible mark. */
export function shownName(name: string): string {
  return name.replace(INVISIBLE, '\ufffd');
}

/**
 * The length of the prefix that all names share, up to and including its last dash: what a narrow label may drop.
 * 0 where they share none; no name is left empty. A single name keeps what follows its first dash.
 */
export function sharedPrefix(names: readonly string[]): number {
  const first = names[0];
  if (first === undefined) return 0;
  if (names.length === 1) return first.indexOf('-') + 1 < first.length ? first.indexOf('-') + 1 : 0;
  let length = first.length;
  for (const name of names) {
    let i = 0;
    while (i < length && i < name.length && name[i] === first[i]) i++;
    length = i;
  }
  const prefix = first.slice(0, length).lastIndexOf('-') + 1;
  return names.some((name) => name.length <= prefix) ? 0 : prefix;
}

/** What pods are called on the page, in the order of the mesh; safe to show. */
export interface PodNames {
  names: readonly string[];
  /** Short, and each different: see `podLabels`. */
  labels: readonly string[];
}

/** The names of pods. They change only with the pods, and a thousand take as long as all else about pods. */
export function podNames(pods: readonly Pod[], displayNodeName: boolean): PodNames {
  return { names: pods.map(({ name }) => shownName(name)), labels: podLabels(pods, displayNodeName) };
}

/**
 * One short label a pod, each different: its name without the shared prefix, with its namespace where names repeat.
 * With `displayNodeName` (DISPLAY_NODENAME) its node's name, and the pod's behind it where a node has two.
 */
export function podLabels(
  pods: readonly Pick<Pod, 'name' | 'namespace' | 'node'>[],
  displayNodeName: boolean,
): string[] {
  const cut = sharedPrefix(pods.map((pod) => pod.name));
  const short = pods.map((pod) => shownName(pod.name.slice(cut)));
  const names = countsOf(pods.map((pod) => pod.name));
  const nodes = countsOf(pods.map((pod) => pod.node));
  return pods.map((pod, i) => {
    const own = (names.get(pod.name) ?? 0) > 1 ? `${shownName(pod.namespace)}/${short[i]}` : `${short[i]}`;
    if (!displayNodeName || pod.node === '') return own;
    return (nodes.get(pod.node) ?? 0) > 1 ? `${shownName(pod.node)} ${own}` : shownName(pod.node);
  });
}

function countsOf(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}
