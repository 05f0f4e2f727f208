import type { Pod } from './pod.ts';

type NamedPod = Pick<Pod, 'namespace' | 'name'>;

/** Names a pod in texts for people; '' without a pod. */
export type PodNamer = (pod: NamedPod | null | undefined) => string;

/**
 * The one rule by which texts name pods: by the name, and `namespace/name` if one of `pods` has the same name in another
 * namespace, as can be where NAMESPACE is empty. Returns a function for pods of the list and others.
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
