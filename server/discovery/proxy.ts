import { BlockList, isIP } from 'node:net';

/** The values of HTTPS_PROXY, HTTP_PROXY and NO_PROXY; '' = not set. */
export interface Proxies {
  https: string;
  http: string;
  none: string;
}

/**
 * The proxy to reach a URL through, as Go's golang.org/x/net/http/httpproxy chooses it; '' = none. Loopback addresses are
 * reached directly. NO_PROXY is a list of `*`, names (with their subdomains), `.names` (only the subdomains) and IP addresses, each
 * with or without a port, and of CIDR ranges.
 */
export function proxyFor(url: URL, proxies: Proxies): string {
  const proxy = url.protocol === 'https:' ? proxies.https : proxies.http;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (proxy === '' || host === 'localhost' || LOOPBACK.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4')) return '';
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  const entries = proxies.none.split(',').map((entry) => entry.trim().toLowerCase());
  if (entries.some((entry) => entry !== '' && matches(entry, host, port))) return '';
  return proxy.includes('://') ? proxy : `http://${proxy}`;
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8);
LOOPBACK.addAddress('::1', 'ipv6');

/** Whether an entry of NO_PROXY, in lower case, is about a host and port. */
function matches(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  const [, network = '', bits = ''] = /^([0-9a-f.:]+)\/(\d{1,3})$/.exec(entry) ?? [];
  if (isIP(network) !== 0) return isInRange(host, network, Number(bits));
  const [, bracketed, name, entryPort] = /^(?:\[([^\]]+)\]|([^:]*))(?::(\d+))?$/.exec(entry) ?? [];
  // An IPv6 address without brackets has colons of its own, so it has no port: the entry is the address.
  const wanted = bracketed ?? name ?? entry;
  if (entryPort !== undefined && entryPort !== port) return false;
  // One IPv6 address can be written in several ways.
  if (isIP(host) !== 0) return isIP(wanted) !== 0 && isInRange(host, wanted, isIP(wanted) === 6 ? 128 : 32);
  // `*.example.com` means the same as `.example.com`.
  if (wanted.startsWith('*.') || wanted.startsWith('.')) return host.endsWith(wanted.replace('*', ''));
  return host === wanted || host.endsWith(`.${wanted}`);
}

function isInRange(host: string, network: string, bits: number): boolean {
  const family = isIP(network) === 6 ? 'ipv6' : 'ipv4';
  if (isIP(host) !== isIP(network) || bits > (family === 'ipv6' ? 128 : 32)) return false;
  const range = new BlockList();
  range.addSubnet(network, bits, family);
  return range.check(host, family);
}
