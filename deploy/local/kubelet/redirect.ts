import { createServer, type Server, type Socket } from 'node:net';
import type { Container, PodSpec } from '../api/objects.ts';
import { forward } from '../control/service-address.ts';

/** A rule that sends what comes to a pod on one port to another port of it. */
interface Redirect {
  fromPort: number;
  toPort: number;
}

const RULE = /--dport\s+(\d{1,5})\b[^&;|]*?-j\s+REDIRECT\s+--to-ports?\s+(\d{1,5})\b/g;

/** The rules that a pod's init containers set up by iptables, as PowerfulSeal's clones do. */
export function redirectsOf(spec: PodSpec): Redirect[] {
  return (spec.initContainers ?? []).flatMap((container) =>
    [...scriptOf(container).matchAll(RULE)].map(([, from, to]) => ({ fromPort: Number(from), toPort: Number(to) })),
  );
}

/** The image of the first init container that does something else, which this machine cannot; '' if there is none. */
export function unknownInitImage({ initContainers = [] }: PodSpec): string {
  return (
    initContainers.find((container) => redirectsOf({ containers: [], initContainers: [container] }).length === 0)
      ?.image ?? ''
  );
}

function scriptOf({ command = [], args = [] }: Container): string {
  return [...command, ...args].join(' ');
}

/** Carries out a pod's redirections on its address. */
export class Redirector {
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();

  /** Listens on each redirected port of `podIP`. Rejects with the system's error. */
  async open(podIP: string, redirects: readonly Redirect[]): Promise<void> {
    for (const { fromPort, toPort } of redirects) {
      const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
        for (const socket of [client, forward(client, { host: podIP, port: toPort })]) {
          this.#sockets.add(socket);
          socket.on('close', () => this.#sockets.delete(socket));
        }
      });
      this.#servers.push(server);
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host: podIP, port: fromPort, exclusive: true }, resolve);
      });
    }
  }

  /** Ends it, with all connections. */
  close(): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
