import { createServer, type Server, type Socket } from 'node:net';
import type { Container, PodSpec } from '../api/objects.ts';
import { forward } from '../control/services.ts';

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

/** Redirects the ports of a pod's address. */
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

  /** Stops listening and closes all connections. */
  close(): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
