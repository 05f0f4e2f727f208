import type { MissingReason } from '../protocol/mesh.ts';
import type { Pod } from '../protocol/pod.ts';
import { calledAddress } from '../runtime/pod-address.ts';

/** Which address of a pod is called. */
export interface Addressing {
  /** IP families in order of preference (IP_VERSIONS). */
  families: readonly (4 | 6)[];
  /** Whether pods are called on the address of their host (USE_HOST_IP). */
  useHostIP: boolean;
  /** Whether pods may have loopback addresses, as in the local cluster. */
  allowLoopback: boolean;
}

/** The IP address to call `pod` on: of the first family in `families` that it has; '' without one. Never a host name. */
export function addressOf(pod: Pod, addressing: Addressing): string {
  const found = addressing.families.map((family) => calledAddress(pod, family, addressing).address);
  return found.find((address) => address !== '') ?? '';
}

/** Why `addressOf` returned '' for `pod`. `detail` continues a sentence that begins with the pod's name. */
export function whyNoAddress(pod: Pod, addressing: Addressing): { reason: MissingReason; detail: string } {
  if (pod.podIPs.length === 0) return { reason: 'not-asked', detail: 'it has no address yet' };
  const whys = addressing.families.map((family) => calledAddress(pod, family, addressing).why);
  return { reason: 'no-address', detail: `it ${whys.join(' and ')}` };
}
