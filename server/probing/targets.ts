import { isIP } from 'node:net';
import type { Pod, Target } from '../protocol/pod.ts';
import { pickPeers } from './pick.ts';

/** Who is to be pinged, and where. */
interface TargetOptions {
  families: readonly (4 | 6)[];
  /** Connect to the host's address instead of the pod's (USE_HOST_IP). */
  useHostIP: boolean;
  port: number;
  /** PING_NUMBER; 0 = all. */
  pingNumber: number;
  /** Our own uid, or any text that is ours alone. */
  selfUid: string;
}

/**
 * The targets among pods: whoever is not gone, has been ready and has an address of its own, in each wanted family in
 * which it has one. A starting pod has an address before it listens: pinging it would tell of every rollout as refused
 * links, which would stand until it is pinged again, long after it is ready. It takes part in the choice of PING_NUMBER
 * all the same, so that being ready moves no pair.
 * A pod that has addresses, but in none of the wanted families, gives one target without address, because that is a fault
 * to be seen and not a reason to leave it out.
 */
export function targetsOf(pods: readonly Pod[], options: TargetOptions): Target[] {
  const reachable = pods.filter((pod) => pod.lifecycle !== 'gone' && pod.podIPs.length > 0);
  const picked = new Set(pickPeers(options.selfUid, reachable, options.pingNumber));
  const wanted = reachable.filter((pod) => picked.has(pod.uid) && pod.lifecycle !== 'starting');
  return wanted.flatMap((pod) => targetsOfPod(pod, options));
}

function targetsOfPod(pod: Pod, options: TargetOptions): Target[] {
  const all = options.families.map((family) => targetIn(pod, family, options));
  const addressed = all.filter((target) => target.address !== '');
  return addressed.length > 0 ? addressed : all.slice(0, 1);
}

function targetIn(pod: Pod, family: 4 | 6, { useHostIP, port }: TargetOptions): Target {
  const { uid, name, namespace, node } = pod;
  const podIP = addressIn(pod.podIPs, family);
  const hostIP = addressIn(pod.hostIPs, family);
  return {
    id: `${uid}/${family}`,
    ...{ uid, name, namespace, node, family, port },
    address: useHostIP ? hostIP : podIP,
    podIP: podIP || (pod.podIPs[0] ?? ''),
    hostIP: hostIP || (pod.hostIPs[0] ?? ''),
  };
}

/** The first address of a family; '' if there is none. */
function addressIn(ips: readonly string[], family: 4 | 6): string {
  return ips.find((ip) => isIP(ip) === family) ?? '';
}

/** What a process knows of itself; '' where it does not. */
interface OwnFacts {
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
