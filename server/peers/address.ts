import type { MissingReason } from '../protocol/mesh.ts';
import type { Pod } from '../protocol/pod.ts';
import { podAddress } from '../runtime/pod-address.ts';

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
export function addressOf(pod: Pod, { families, useHostIP, allowLoopback }: Addressing): string {
  const ips = useHostIP ? pod.hostIPs : pod.podIPs;
  const found = families.map((family) => podAddress(ips, family, allowLoopback).address);
  return found.find((address) => address !== '') ?? '';
}

/** Why `addressOf` returned '' for `pod`. `detail` continues a sentence that begins with the pod's name. */
export function whyNoAddress(
  pod: Pod,
  { families, useHostIP, allowLoopback }: Addressing,
): { reason: MissingReason; detail: string } {
  if (pod.podIPs.length === 0) return { reason: 'not-asked', detail: 'it has no address yet' };
  const ips = useHostIP ? pod.hostIPs : pod.podIPs;
  const whys = families.map((family) => podAddress(ips, family, allowLoopback).why);
  return { reason: 'no-address', detail: `${useHostIP ? 'its host' : 'it'} ${whys.join(' and ')}` };
}
