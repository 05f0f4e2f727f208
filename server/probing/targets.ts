import { listChanges, orderedPlace, type Pod, type Target } from '../protocol/pod.ts';
import { callableAddress, calledAddress } from '../runtime/pod-address.ts';
import { pickPeers } from './pick.ts';

/** What decides which pods are pinged, and at which address. */
interface TargetOptions {
  families: readonly (4 | 6)[];
  /** USE_HOST_IP: connect to the address of the host instead of the pod's. */
  useHostIP: boolean;
  /** Whether pods may have loopback addresses, as in the local cluster. */
  allowLoopback: boolean;
  /** CLIENT_PORT_OVERRIDE, or else PORT. */
  clientPort: number;
  /** PING_NUMBER; 0 = all. */
  pingNumber: number;
  /** The uid of our own pod, or another text that no other pod has. */
  selfUid: string;
}

/**
 * The targets among the pods: each pod that is not gone, not starting and has an address, once in each wanted family in which
 * it has one.
 *
 * A starting pod has an address before it listens. Pings to it would be refused in every rollout, and the link would stay
 * failed until the next ping. But it already takes part in the choice by PING_NUMBER, so that the links of others don't
 * change when it becomes ready.
 *
 * A pod that has addresses, but none in the wanted families, becomes one target without an address: that is a fault which
 * must be seen. So is an address at which no pod can be.
 */
export class TargetList {
  #pods: readonly Pod[] = [];
  #targets: readonly Target[] = [];

  /**
   * Returns the targets among `pods`, which are in the order of `comparePods`. The options other than `selfUid` are always the same.
   * Only new and changed pods are looked at, unless PING_NUMBER chooses: otherwise one change among 6000 pods would take 10 ms.
   */
  update(pods: readonly Pod[], options: TargetOptions): readonly Target[] {
    const chosen = chosenOf(pods, options);
    const { added, removed } = listChanges(this.#pods, chosen);
    this.#pods = chosen;
    const targets = [...this.#targets];
    const placeOf = (pod: Pod) => orderedPlace(targets, pod, (target) => target);
    for (const pod of removed) targets.splice(placeOf(pod), targetsOfPod(pod, options).length);
    for (const pod of added) targets.splice(placeOf(pod), 0, ...targetsOfPod(pod, options));
    this.#targets = targets;
    return targets;
  }
}

/** The pods that are pinged if they can be: those that PING_NUMBER chooses, or all. */
function chosenOf(pods: readonly Pod[], { selfUid, pingNumber }: TargetOptions): readonly Pod[] {
  if (pingNumber <= 0) return pods;
  const reachable = pods.filter(({ lifecycle, podIPs }) => lifecycle !== 'gone' && podIPs.length > 0);
  const chosen = new Set(pickPeers(selfUid, reachable, pingNumber));
  return reachable.filter(({ uid }) => chosen.has(uid));
}

function targetsOfPod(pod: Pod, options: TargetOptions): Target[] {
  if (pod.lifecycle === 'gone' || pod.lifecycle === 'starting' || pod.podIPs.length === 0) return [];
  const all = options.families.map((family) => targetIn(pod, family, options));
  const addressed = all.filter((target) => target.address !== '');
  return addressed.length > 0 ? addressed : all.slice(0, 1);
}

function targetIn(pod: Pod, family: 4 | 6, options: TargetOptions): Target {
  const { allowLoopback, clientPort } = options;
  const podIP = callableAddress(pod.podIPs, family, allowLoopback);
  const hostIP = callableAddress(pod.hostIPs, family, allowLoopback);
  const { address, why } = calledAddress(pod, family, options);
  return {
    id: `${pod.uid}/${family}`,
    uid: pod.uid,
    name: pod.name,
    namespace: pod.namespace,
    node: pod.node,
    hostIP: hostIP.address || (pod.hostIPs[0] ?? ''),
    podIP: podIP.address || (pod.podIPs[0] ?? ''),
    family,
    address,
    whyNoAddress: why,
    port: clientPort,
  };
}

/** What this process knows about itself; '' = unknown. */
interface OwnFacts {
  podName: string;
  /** '' = all namespaces; null = unknown. */
  namespace: string | null;
  podIP: string;
  hostname: string;
  /** Addresses of the network interfaces, without loopback. */
  localAddresses: readonly string[];
}

/**
 * Finds our own pod among the pods and returns its uid; '' if that is undecided. The first of these facts that holds for
 * exactly one pod decides: the pod's name, its IP, a host name that equals the pod's name, an address of our network
 * interfaces, a host name that equals the node's name (Goldpinger's manifest sets HOSTNAME to the name of the node, and a
 * DaemonSet has one pod on each node). The last one is a guess: it holds for no pod that has another name or other addresses than ours,
 * for while our own pod is not listed, the only pod of our node is another one.
 */
export function findSelf(pods: readonly Pod[], own: OwnFacts): string {
  for (const fits of factsOf(own)) {
    const [first, ...others] = pods.filter(fits);
    if (first !== undefined && others.length === 0) return first.uid;
  }
  return '';
}

/** Whether a fact holds for a pod. A pod for which none holds does not change what `findSelf` returns. */
export function mayBeSelf(pod: Pod, own: OwnFacts): boolean {
  return factsOf(own).some((fits) => fits(pod));
}

function factsOf({ podName, namespace, podIP, hostname, localAddresses }: OwnFacts): ((pod: Pod) => boolean)[] {
  const facts: ((pod: Pod) => boolean)[] = [
    (pod) => podName !== '' && pod.name === podName,
    (pod) => podIP !== '' && pod.podIPs.includes(podIP),
    (pod) => hostname !== '' && pod.name === hostname,
    (pod) => pod.podIPs.some((ip) => localAddresses.includes(ip)),
    (pod) => hostname !== '' && pod.node === hostname && podName === '' && (podIP === '' || pod.podIPs.length === 0),
  ];
  const isCandidate = (pod: Pod) => pod.lifecycle !== 'gone' && (!namespace || pod.namespace === namespace);
  return facts.map((fits) => (pod) => isCandidate(pod) && fits(pod));
}
