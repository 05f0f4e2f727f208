import { isIP } from 'node:net';
import type { MissingReason } from '../protocol/mesh.ts';
import type { Pod } from '../protocol/pod.ts';

/** Which address of a pod is called. */
export interface Addressing {
  /** IP families in order of preference (IP_VERSIONS). */
  families: readonly (4 | 6)[];
  /** Whether pods are called on the address of their host (USE_HOST_IP). */
  useHostIP: boolean;
}

/** The IP address to call `pod` on: of the first family in `families` that it has; '' without one. Never a host name. */
export function addressOf(pod: Pod, { families, useHostIP }: Addressing): string {
  const ips = useHostIP ? pod.hostIPs : pod.podIPs;
  for (const family of families) {
    const found = ips.find((ip) => isIP(ip) === family);
    if (found !== undefined) return found;
  }
  return '';
}

/** Why `addressOf` returned '' for `pod`. `detail` continues a sentence that begins with the pod's name. */
export function whyNoAddress(pod: Pod): { reason: MissingReason; detail: string } {
  if (pod.podIPs.length === 0) return { reason: 'not-asked', detail: 'it has no address yet' };
  return { reason: 'no-address', detail: `it has no address of the configured IP family (${pod.podIPs.join(', ')})` };
}
