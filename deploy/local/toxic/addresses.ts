import { ApiFault } from './api-fault.ts';

/** A host and a port, as they stand in `host:port`. */
export interface HostPort {
  host: string;
  port: number;
}

/** Hosts that mean "every address of this machine", in Toxiproxy's and Go's notation. */
const ANY = ['', '0.0.0.0', '::'];
const OWN = [...ANY, 'localhost', '127.0.0.1', '::1'];

/** Splits `host:port`; IPv6 addresses stand in brackets, '' means any port anywhere. Throws ApiFault 500 in the words of Go's net package. */
export function hostPortOf(address: string, use: 'listen' | 'dial'): HostPort {
  if (address === '') return { host: '', port: 0 };
  const [, bracketed, plain, digits] = /^(?:\[([^\]]*)\]|([^:]*)):([^:]*)$/.exec(address) ?? [];
  if (digits === undefined) {
    const what = address.includes(':') ? 'too many colons in address' : 'missing port in address';
    throw new ApiFault(500, `${use} tcp: address ${address}: ${what}`);
  }
  const port = digits === '' ? 0 : Number(digits);
  if (!/^\d*$/.test(digits)) throw new ApiFault(500, `${use} tcp: lookup tcp/${digits}: unknown port`);
  if (port > 65_535) throw new ApiFault(500, `${use} tcp: address ${digits}: invalid port`);
  return { host: bracketed ?? plain ?? '', port };
}

/** An address as Toxiproxy shows it once it listens there: "every address" is `[::]`, localhost its address. */
export function shownAddress({ host }: HostPort, port: number): string {
  if (ANY.includes(host)) return `[::]:${port}`;
  const name = host === 'localhost' ? '127.0.0.1' : host;
  return name.includes(':') ? `[${name}]:${port}` : `${name}:${port}`;
}

/**
 * The address that a program in a pod means. All pods of a local cluster share one loopback, so "every address" and
 * "localhost" are the pod's own, or, for a port that the pod redirects, its inner one. Outside of a pod (`podIP` '')
 * an address means what it says.
 */
export function placedAddress({ host, port }: HostPort, pod: PodNetwork): HostPort {
  if (pod.podIP === '' || !OWN.includes(host)) return { host: host === '' ? '::' : host, port };
  return { host: pod.redirected.includes(port) ? pod.innerIP : pod.podIP, port };
}

/**
 * Whether what goes to `upstream` comes in at `listener` again: then one connection makes another without end. Both as
 * `placedAddress` has them. A name other than localhost is not looked up.
 */
export function isSamePlace(upstream: HostPort, listener: HostPort): boolean {
  if (upstream.port !== listener.port) return false;
  if (ANY.includes(listener.host)) return OWN.includes(upstream.host);
  const hostOf = ({ host }: HostPort) => (host === 'localhost' ? '127.0.0.1' : ANY.includes(host) ? '127.0.0.1' : host);
  return hostOf(upstream) === hostOf(listener);
}

/** Where in the local cluster this program runs. */
export interface PodNetwork {
  /** '' = in no pod. */
  podIP: string;
  /** Where the pod's own programs listen on ports that are redirected. */
  innerIP: string;
  redirected: readonly number[];
}
