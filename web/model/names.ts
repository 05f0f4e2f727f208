import type { Pod } from '../../server/protocol/pod.ts';

/** Characters that move or hide other text: control characters, bidirectional marks, zero-width characters. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** Makes a text from the cluster safe to show: replaces characters that hide or reorder text by a visible one. */
export function shownName(name: string): string {
  return name.replace(INVISIBLE, '\ufffd');
}

/**
 * The length of the prefix that all names share, up to and including its last dash. Short labels omit it. 0 if they
 * share none or a name would become empty. For a single name it is the part up to its first dash.
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

/** Names of pods on the page, in the order of the mesh; safe to show. */
export interface PodNames {
  names: readonly string[];
  /** Short unique names: see `podLabels`. */
  labels: readonly string[];
}

/** Computes the names of pods. They change only with the pods, so callers should cache them. */
export function podNames(pods: readonly Pod[], displayNodeName: boolean): PodNames {
  return { names: pods.map(({ name }) => shownName(name)), labels: podLabels(pods, displayNodeName) };
}

/**
 * Short unique labels of pods: the name without the shared prefix, with the namespace if names repeat. With
 * `displayNodeName` (DISPLAY_NODENAME) the name of the node, followed by the pod's name if the node has several pods.
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
