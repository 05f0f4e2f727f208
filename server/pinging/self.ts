import type { Pod } from '../contract/pod.ts';

/** What a process knows of itself; '' where it does not. */
export interface OwnFacts {
  podName: string;
  /** '' = any. */
  namespace: string;
  podIP: string;
  hostname: string;
  /** Addresses of this machine's interfaces, without loopback. */
  localAddresses: readonly string[];
}

/**
 * The uid of the pod that we are, or '' if that cannot be told. The most telling fact that fits exactly one pod decides:
 * the pod's name, its IP, a host name that is a pod's, an address of our interfaces, a host name that is a node's
 * (Goldpinger's manifest sets HOSTNAME to the node's name, and a DaemonSet has one pod on each).
 */
export function findSelf(pods: readonly Pod[], own: OwnFacts): string {
  const { podName, namespace, podIP, hostname, localAddresses } = own;
  const candidates = pods.filter(
    (pod) => pod.lifecycle !== 'gone' && (namespace === '' || pod.namespace === namespace),
  );
  const facts: ((pod: Pod) => boolean)[] = [
    (pod) => podName !== '' && pod.name === podName,
    (pod) => podIP !== '' && pod.podIPs.includes(podIP),
    (pod) => hostname !== '' && pod.name === hostname,
    (pod) => pod.podIPs.some((ip) => localAddresses.includes(ip)),
    (pod) => hostname !== '' && pod.node === hostname,
  ];
  for (const fits of facts) {
    const [first, ...others] = candidates.filter(fits);
    if (first !== undefined && others.length === 0) return first.uid;
  }
  return '';
}
