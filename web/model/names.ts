import type { Pod } from '../../server/protocol/pod.ts';
import { podNamer } from '../../server/protocol/pod-names.ts';

/** Characters that move or hide other text: control characters, bidirectional marks, zero-width characters. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** Makes a text from the cluster safe to show: replaces characters that hide or reorder text by a visible one. */
export function shownName(name: string): string {
  return name.replace(INVISIBLE, '\ufffd');
}

/** Names of pods on the page, in the order of the mesh; safe to show. */
export interface PodNames {
  names: readonly string[];
  labels: readonly string[];
}

/** Computes the names of pods. They change only with the pods, so callers should cache them. */
export function podNames(pods: readonly Pod[], displayNodeName: boolean): PodNames {
  const nameOf = podNamer(pods);
  return { names: pods.map((pod) => shownName(nameOf(pod))), labels: podLabels(pods, displayNodeName) };
}

/** The parts of a pod that its short name is made of. `labels`: see `Pod.labels`. */
type NamedPod = Pick<Pod, 'name' | 'namespace' | 'node'> & { labels?: string };

/**
 * Short unique labels of pods: each name without its own template hash and without the prefix that it shares with most
 * others. A label that is not unique is lengthened, and no other: to the name as `podNamer` gives it.
 * With `displayNodeName` (DISPLAY_NODENAME) the name of the node, followed by the pod's label if the node has several pods.
 */
export function podLabels(pods: readonly NamedPod[], displayNodeName: boolean): string[] {
  const stems = pods.map(withoutTemplateHash);
  const prefix = commonPrefix(stems);
  const nameOf = podNamer(pods);
  const short = uniqueForms(
    pods.map((pod, i) => {
      const stem = stems[i] ?? pod.name;
      return [afterPrefix(stem, prefix), stem, pod.name, nameOf(pod)];
    }),
  ).map(shownName);
  if (!displayNodeName) return short;
  const nodes = countsOf(pods.map((pod) => pod.node));
  return pods.map(({ node }, i) => {
    if (node === '') return short[i] ?? '';
    return (nodes.get(node) ?? 0) > 1 ? `${shownName(node)} ${short[i]}` : shownName(node);
  });
}

/** Short unique labels of nodes or zones: without their domain. Safe to show. */
export function placeLabels(names: readonly string[]): string[] {
  // An IP address has no domain.
  const short = names.map((name) => name.replace(/^([^.]*[a-z][^.]*)\..*$/i, '$1'));
  return uniqueForms(names.map((name, i) => [short[i] ?? name, name])).map(shownName);
}

/** Kubernetes makes hashes and random endings of these characters (`k8s.io/apimachinery/pkg/util/rand`). */
const FROM_TEMPLATE = /^(.+-)[bcdfghjklmnpqrstvwxz2456789]{6,10}-([bcdfghjklmnpqrstvwxz2456789]{5})$/;

/** The name of a pod without the hash of its template: `web-7d9f8b6c5d-x7k2p` becomes `web-x7k2p`. */
function withoutTemplateHash({ name, labels = '' }: NamedPod): string {
  const [, hash = ''] = /(?:^|,)pod-template-hash=([^,]+)/.exec(labels) ?? [];
  const at = hash === '' ? -1 : name.lastIndexOf(`-${hash}-`);
  if (at > 0) return name.slice(0, at) + name.slice(at + hash.length + 1);
  return name.replace(FROM_TEMPLATE, '$1$2');
}

/** The longest prefix up to a dash that more than half of the names have; '' = none. */
function commonPrefix(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) {
    for (let dash = name.indexOf('-'); dash >= 0; dash = name.indexOf('-', dash + 1)) {
      const prefix = name.slice(0, dash + 1);
      counts.set(prefix, (counts.get(prefix) ?? 0) + 1);
    }
  }
  let longest = '';
  for (const [prefix, count] of counts) {
    if (count * 2 > names.length && prefix.length > longest.length) longest = prefix;
  }
  return longest;
}

/** A name without the part of the prefix, up to a dash, that it has. The name itself if nothing would be left. */
function afterPrefix(name: string, prefix: string): string {
  let same = 0;
  while (same < prefix.length && name[same] === prefix[same]) same++;
  const cut = name.slice(0, same).lastIndexOf('-') + 1;
  return name.length > cut ? name.slice(cut) : name;
}

/** Picks the first form of each pod that no other pod has picked. The last form stands even if it is not unique. */
function uniqueForms(forms: readonly (readonly string[])[]): string[] {
  const picked = forms.map(([first = '']) => first);
  const last = (forms[0]?.length ?? 1) - 1;
  for (let form = 1; form <= last; form++) {
    const counts = countsOf(picked);
    for (const [i, label] of picked.entries()) {
      if ((counts.get(label) ?? 0) > 1) picked[i] = forms[i]?.[form] ?? label;
    }
  }
  return picked;
}

/** Compares names by their numbers ("worker-9" before "worker-10"), the same in every browser; '' comes last. */
export function compareNames(a: string, b: string): number {
  // The collator is slow, and most neighbours have the same node.
  if (a === b) return 0;
  if (a === '' || b === '') return a === '' ? 1 : -1;
  return COLLATOR.compare(a, b) || (a < b ? -1 : 1);
}

const COLLATOR = new Intl.Collator('en', { numeric: true });

function countsOf(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}
