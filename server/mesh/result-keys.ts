/** What a key is made of; a Pod and a Target both are one. */
export interface Named {
  uid: string;
  name: string;
  namespace: string;
  node: string;
}

/**
 * The key under which each pod stands in Goldpinger's maps, by uid: its name, or its node's with DISPLAY_NODENAME.
 * Unlike in Goldpinger no two pods share one: pods of a name get `namespace/name`, pods of a node `node (name)`.
 */
export function resultKeys(pods: readonly Named[], displayNodeName: boolean): Map<string, string> {
  const keys = new Map<string, string>();
  const ways: ((pod: Named) => string)[] = [
    (pod) => pod.name,
    (pod) => `${pod.namespace}/${pod.name}`,
    (pod) => `${pod.namespace}/${pod.name} ${pod.uid}`,
  ];
  if (displayNodeName) {
    ways.unshift(
      (pod) => (pod.node === '' ? pod.name : pod.node),
      (pod) => `${pod.node} (${pod.name})`,
      (pod) => `${pod.node} (${pod.namespace}/${pod.name})`,
    );
  }
  let open = [...new Map(pods.map((pod) => [pod.uid, pod])).values()];
  const taken = new Set<string>();
  for (const keyOf of ways) {
    const wanted = new Map<string, number>();
    for (const pod of open) wanted.set(keyOf(pod), (wanted.get(keyOf(pod)) ?? 0) + 1);
    const clash = (key: string) => taken.has(key) || wanted.get(key) !== 1;
    for (const pod of open) if (!clash(keyOf(pod))) keys.set(pod.uid, keyOf(pod));
    for (const pod of open) taken.add(keyOf(pod));
    open = open.filter((pod) => !keys.has(pod.uid));
  }
  // Hostile names may still collide; a uid never does.
  for (const pod of open) keys.set(pod.uid, taken.has(pod.uid) ? `${pod.uid} of ${pod.namespace}` : pod.uid);
  return keys;
}
