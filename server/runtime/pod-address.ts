import { BlockList, isIP } from 'node:net';

/** An IP address that may be called; '' without one, then `why` continues a sentence that begins with the pod. */
export interface CallableAddress {
  address: string;
  why: string;
}

/** Kinds of addresses at which no pod can be: calling them would reach this host, its cloud, or everybody (RFC 6890). */
const SPECIAL: Record<string, string[]> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  unspecified: ['0.0.0.0/8', '::/128'],
  'link-local': ['169.254.0.0/16', 'fe80::/10'],
  multicast: ['224.0.0.0/4', 'ff00::/8'],
  'broadcast or reserved': ['240.0.0.0/4'],
};

const KINDS = Object.entries(SPECIAL).map(([name, networks]) => {
  const list = new BlockList();
  for (const [network = '', bits] of networks.map((text) => text.split('/')))
    list.addSubnet(network, Number(bits), versionOf(network));
  return { name, list };
});

/** Most addresses are recognized as ordinary by their first characters: the answer to `/check_all` asks a million times. */
const MAY_BE_SPECIAL = /^(?:0|127|169|2[2-5]\d)\.|^[0:]|^f[ef]/i;

/**
 * Returns the first of a pod's addresses that is of the IP family and may be called. Loopback addresses may be called if
 * `allowLoopback`: the pods of the local cluster have them.
 */
export function callableAddress(ips: readonly string[], family: 4 | 6, allowLoopback: boolean): CallableAddress {
  let why = `has no IPv${family} address${ips.length > 0 ? `, only ${ips.join(', ')}` : ''}`;
  for (const ip of ips) {
    if (isIP(ip) !== family) continue;
    const kind = kindOf(ip);
    if (kind === undefined || (kind === 'loopback' && allowLoopback)) return { address: ip, why: '' };
    why = `has the ${kind} address ${ip}, which is not called`;
  }
  return { address: '', why };
}

/** Where a pod is called in one IP family: on its own address, or on that of its host with USE_HOST_IP. */
export function calledAddress(
  { podIPs, hostIPs }: { podIPs: readonly string[]; hostIPs: readonly string[] },
  family: 4 | 6,
  { useHostIP, allowLoopback }: { useHostIP: boolean; allowLoopback: boolean },
): CallableAddress {
  const { address, why } = callableAddress(useHostIP ? hostIPs : podIPs, family, allowLoopback);
  return { address, why: useHostIP && why !== '' ? `is on a host that ${why}` : why };
}

function kindOf(ip: string): string | undefined {
  // The addresses of the local cluster and of the bench: the lists would take 1 us.
  if (ip.startsWith('127.')) return 'loopback';
  if (!MAY_BE_SPECIAL.test(ip)) return undefined;
  return KINDS.find(({ list }) => list.check(ip.split('%', 1)[0] ?? '', versionOf(ip)))?.name;
}

function versionOf(ip: string): 'ipv4' | 'ipv6' {
  return ip.includes(':') ? 'ipv6' : 'ipv4';
}
