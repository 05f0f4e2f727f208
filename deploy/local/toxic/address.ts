import { BlockList, isIP, isIPv6 } from 'node:net';
import { hostPort } from '../../../server/runtime/host-port.ts';
import { addressInPod, type PodNetwork } from '../pod-network.ts';
import { ToxiproxyError } from './toxic.ts';

/** Where a proxy listens or connects. */
export interface Address {
  host: string;
  port: number;
}

/** Hosts that mean "every address of this machine", in Toxiproxy's and Go's notation. */
const ANY_HOSTS = ['', '0.0.0.0', '::'];

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/**
 * Splits `host:port`. IPv6 addresses have brackets, and '' means any port of every address. Throws ToxiproxyError 500
 * with the message of Toxiproxy.
 */
export function parseAddress(address: string, use: 'listen' | 'dial'): Address {
  if (address === '') return { host: '', port: 0 };
  const [, bracketed, plain, digits] = /^(?:\[([^\]]*)\]|([^:]*)):([^:]*)$/.exec(address) ?? [];
  if (digits === undefined) {
    const problem = address.includes(':') ? 'too many colons in address' : 'missing port in address';
    throw new ToxiproxyError(500, `${use} tcp: address ${address}: ${problem}`);
  }
  const port = digits === '' ? 0 : Number(digits);
  if (!/^\d*$/.test(digits)) throw new ToxiproxyError(500, `${use} tcp: lookup tcp/${digits}: unknown port`);
  if (port > 65_535) throw new ToxiproxyError(500, `${use} tcp: address ${digits}: invalid port`);
  return { host: bracketed ?? plain ?? '', port };
}

/** Formats the address of a listening proxy as Toxiproxy does: "every address" is `[::]`, localhost is 127.0.0.1. */
export function shownAddress({ host }: Address, port: number): string {
  if (ANY_HOSTS.includes(host)) return hostPort('::', port);
  return hostPort(host === 'localhost' ? '127.0.0.1' : host, port);
}

/**
 * Returns where a program in the pod really listens or connects: see `addressInPod`. Outside of a pod every address is '', for which
 * Node listens on IPv6 and IPv4, and connects to localhost.
 */
export function realAddress({ host, port }: Address, network: PodNetwork): Address {
  const real = addressInPod(host, port, network);
  return { host: ANY_HOSTS.includes(real) ? '' : real, port };
}

/**
 * Whether a connection to `upstream` arrives at `listener` again, so that one would cause another without end. Both are real. Other
 * names and addresses of this machine than those of loopback are not known to be its own.
 */
export function isSameAddress(upstream: Address, listener: Address): boolean {
  const hostOf = ({ host }: Address) => (['', 'localhost'].includes(host) ? '127.0.0.1' : host);
  const isLoopback =
    isIP(hostOf(upstream)) !== 0 && LOOPBACK.check(hostOf(upstream), isIPv6(upstream.host) ? 'ipv6' : 'ipv4');
  if (upstream.port !== listener.port) return false;
  return hostOf(upstream) === hostOf(listener) || (listener.host === '' && isLoopback);
}
