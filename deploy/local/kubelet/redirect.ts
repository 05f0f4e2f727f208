import type { Container, PodSpec } from '../api/objects.ts';

/** A rule that redirects connections from one port of a pod to another port of it. */
interface Redirect {
  fromPort: number;
  toPort: number;
}

const RULE = /--dport\s+(\d{1,5})\b[^&;|]*?-j\s+REDIRECT\s+--to-ports?\s+(\d{1,5})\b/g;

/** Returns the iptables rules of a pod's init containers, as PowerfulSeal's clones have them. */
export function redirectsOf(spec: PodSpec): Redirect[] {
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
