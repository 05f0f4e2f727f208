import type { Container, PodSpec } from './api/objects.ts';

/** The addresses of a pod. All pods of a local cluster share one loopback interface. */
export interface PodNetwork {
  /** '' = outside of a pod. */
  podIP: string;
  /** Where the pod's programs listen on redirected ports; '' while no port is redirected. */
  innerIP: string;
  /** Ports of the pod that are redirected to other ports; [] in most pods. */
  redirected: readonly number[];
}

/** Hosts that mean "every address" or "this machine" to a program in a pod. */
const OWN_HOSTS = ['', '0.0.0.0', '::', '[::]', 'localhost', '127.0.0.1', '::1'];

/**
 * Returns the address that a program in a pod means by `host`. "Every address" and "localhost" are the pod's own address,
 * or its inner one for a redirected port. Outside of a pod an address keeps its meaning.
 */
export function addressInPod(host: string, port: number, { podIP, innerIP, redirected }: PodNetwork): string {
  if (podIP === '' || !OWN_HOSTS.includes(host)) return host;
  return redirected.includes(port) ? innerIP : podIP;
}

/** The network of a program outside of a pod. */
export const NO_NETWORK: PodNetwork = { podIP: '', innerIP: '', redirected: [] };

/** Returns the environment variable that tells our programs their pod's network. */
export function networkEnv({ podIP, innerIP, redirected }: PodNetwork): Record<string, string> {
  return { POD_NETWORK_HERE: JSON.stringify({ podIP, innerIP, redirected }) };
}

/** Reads the variable of `networkEnv`. */
export function networkFromEnv({ POD_NETWORK_HERE: text }: NodeJS.ProcessEnv): PodNetwork {
  return text === undefined ? NO_NETWORK : JSON.parse(text);
}

/** An iptables command that redirects a port: `--dport FROM ... -j REDIRECT --to-ports TO`. */
const RULE = /--dport\s+(\d{1,5})\b[^&;|]*?-j\s+REDIRECT\s+--to-ports?\s+(\d{1,5})\b/g;

/**
 * Returns which ports of a pod are redirected to others by iptables rules of its init containers, as PowerfulSeal's clones have
 * them.
 */
export function redirectsOf(spec: PodSpec) {
  return (spec.initContainers ?? []).flatMap((container) =>
    rulesOf(container).map(([, from, to]) => ({ fromPort: Number(from), toPort: Number(to) })),
  );
}

/** Returns the image of the first init container without such a rule, which this machine cannot run; '' if none. */
export function unknownInitImage({ initContainers = [] }: PodSpec): string {
  return initContainers.find((container) => rulesOf(container).length === 0)?.image ?? '';
}

function rulesOf({ command = [], args = [] }: Container): RegExpExecArray[] {
  return [...[...command, ...args].join(' ').matchAll(RULE)];
}
