import { isIP } from 'node:net';
import type { MissingReason } from '../protocol/mesh.ts';
import type { Pod } from '../protocol/pod.ts';

/** How pods are called: IP families in order of preference, and whether on their host's address (USE_HOST_IP). */
export interface Addressing {
  families: readonly (4 | 6)[];
  useHostIP: boolean;
}

/** The address to call `pod` on, of the first wanted family that it has; '' without one. Never a name to be resolved. */
export function addressOf(pod: Pod, { families, useHostIP }: Addressing): string {
  const ips = useHostIP ? pod.hostIPs : pod.podIPs;
  for (const family of families) {
    const found = ips.find((ip) => isIP(ip) === family);
    if (found !== undefined) return found;
  }
  return '';
}

/** Why `addressOf` gave '' for `pod`, in words that follow its name. */
export function whyNoAddress(pod: Pod): { reason: MissingReason; detail: string } {
  if (pod.podIPs.length === 0) return { reason: 'not-asked', detail: 'it has no address yet' };
  return { reason: 'no-address', detail: `it has no address of the wanted kind (${pod.podIPs.join(', ')})` };
}
