import type { Pod } from './pod.ts';

/** What names a pod. */
type NamedPod = Pick<Pod, 'namespace' | 'name'>;

/** Names a pod in texts for people; '' without a pod. */
export type PodNamer = (pod: NamedPod | null | undefined) => string;

/**
 * The one rule by which texts name pods: by the name, and `namespace/name` if one of `pods` has the same name in another
 * namespace, as can be where the pods of all namespaces are listed (NAMESPACE is empty). Returns a function for pods of the list
 * and others.
 */
export function podNamer(pods: Iterable<NamedPod | null>): PodNamer {
  /** The namespace in which each name occurs; '' = in several. */
  const namespaces = new Map<string, string>();
  for (const pod of pods) {
    // A pod that does not know itself has no namespace.
    if (pod === null || pod.namespace === '') continue;
    const isShared = (namespaces.get(pod.name) ?? pod.namespace) !== pod.namespace;
    namespaces.set(pod.name, isShared ? '' : pod.namespace);
  }
  return (pod) => {
    if (!pod) return '';
    const { namespace, name } = pod;
    const isOnly = namespace === '' || (namespaces.get(name) ?? namespace) === namespace;
    return isOnly ? name : `${namespace}/${name}`;
  };
}

/** As `podNamer`, of pods that change: `podsNow` returns the same list, sorted by namespace, until they do. */
export function currentPodNamer(podsNow: () => readonly NamedPod[]): PodNamer {
  let pods: readonly NamedPod[] = [];
  let nameOf: PodNamer | null = null;
  return (pod) => {
    if (pods !== podsNow()) nameOf = null;
    pods = podsNow();
    // If all are in one namespace, which is usual, not all names are looked at after each change.
    const only = pods[0]?.namespace === pods.at(-1)?.namespace ? pods[0]?.namespace : undefined;
    if (pod && pod.namespace === only) return pod.name;
    nameOf ??= podNamer(pods);
    return nameOf(pod);
  };
}
