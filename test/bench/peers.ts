import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { encodePodReport, type PodReport } from '../../server/protocol/pod-report.ts';

/** A request to the process that plays the peers. */
type Request =
  | { kind: 'listen'; addresses: string[]; port: number }
  /**
   * The peers answer with these reports, the n-th peer with the n-th, and begin again after the last: `full`, or `known` (without
   * the peers) if the request names `hash`.
   */
  | { kind: 'serve'; hash: string; reports: { full: string; known: string }[] }
  | { kind: 'stamps' };

/** By address, for each ping: when it was answered (ms since the epoch) and how long the peer took (us). */
type Stamps = Record<string, [atMs: number, tookUs: number][]>;

/** The answer to every request. */
interface Reply {
  /** The error of the request; '' = none. */
  error: string;
  /** Pings answered since the start. */
  pings: number;
  /** Empty unless the request asked for them. */
  stamps: Stamps;
}

/** This many stamps are kept for each peer. */
const MAX_STAMPS = 64;
const NOT_FOUND = 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';

/** The simulated peers: one process that listens on all their addresses. */
export class Peers {
  readonly #child: ChildProcess;

  private constructor(program: string) {
    this.#child = fork(program, ['peers'], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  }

  /** Starts them. `program` calls `playPeers` if its argument is `peers`. Rejects if an address cannot be used. */
  static async start(program: string, addresses: string[], port: number): Promise<Peers> {
    const peers = new Peers(program);
    try {
      await peers.#ask({ kind: 'listen', addresses, port });
      return peers;
    } catch (error) {
      await peers.stop();
      throw error;
    }
  }

  /** Lets the n-th of them answer with the n-th of these reports of the same pods, and again from the first after the last. */
  async serve(reports: PodReport[]): Promise<void> {
    const hash = reports[0]?.peersHash ?? '';
    const textsOf = (report: PodReport) => ({
      full: encodePodReport(report),
      known: encodePodReport(report, hash),
    });
    await this.#ask({ kind: 'serve', hash, reports: reports.map(textsOf) });
  }

  /** The pings that they have answered. */
  async stamps(): Promise<{ pings: number; stamps: Stamps }> {
    return this.#ask({ kind: 'stamps' });
  }

  /** Ends the process. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  async #ask(request: Request): Promise<Reply> {
    const answered = once(this.#child, 'message');
    const ended = once(this.#child, 'exit').then(() => {
      throw new Error('the simulated peers ended');
    });
    ended.catch(() => {});
    this.#child.send(request);
    const [reply] = (await Promise.race([answered, ended])) as [Reply];
    if (reply.error !== '') throw new Error(`simulated peers: ${reply.error}`);
    return reply;
  }
}

/**
 * Body of the process that plays all peers. It answers with texts that were made beforehand, and measures each ping by
 * its own clock, from the accepted connection until the answer has been handed to the kernel. Ends with its parent.
 */
export function playPeers(): void {
  const ping = http(JSON.stringify({ boot_time: new Date().toISOString() }));
  const stamps: Stamps = {};
  let pings = 0;
  let served: { hash: string; reports: { full: string; known: string }[] } = { hash: '', reports: [] };

  const respond = (socket: Socket, n: number, address: string, acceptedMs: number, head: string) => {
    if (head.startsWith('GET /ping')) {
      socket.end(ping);
      const tookUs = (performance.now() - acceptedMs) * 1000;
      pings++;
      stamps[address] ??= [];
      stamps[address].push([Date.now(), tookUs]);
      if (stamps[address].length > MAX_STAMPS) stamps[address].shift();
    } else if (head.startsWith('GET /api/v1/pod-report')) {
      const report = served.reports[n % served.reports.length];
      const isKnown = head.includes(`peers=${served.hash}`);
      socket.end((isKnown ? report?.known : report?.full) ?? NOT_FOUND);
    } else {
      socket.end(NOT_FOUND);
    }
  };

  const listen = (address: string, n: number, port: number) =>
    new Promise<void>((resolve, reject) => {
      const server = createServer({ noDelay: true }, (socket) => {
        const acceptedMs = performance.now();
        socket.on('error', () => socket.destroy());
        socket.once('data', (data) => respond(socket, n, address, acceptedMs, data.toString('latin1', 0, 400)));
      });
      server.once('error', reject);
      server.listen(port, address, resolve);
    });

  process.on('disconnect', () => process.exit(0));
  process.on('message', async (request: Request) => {
    const reply: Reply = { error: '', pings, stamps: request.kind === 'stamps' ? stamps : {} };
    if (request.kind === 'listen') {
      const listening = request.addresses.map((address, n) => listen(address, n, request.port));
      await Promise.all(listening).catch((error) => {
        reply.error = String(error);
      });
    }
    if (request.kind === 'serve') {
      const reports = request.reports.map(({ full, known }) => ({ full: http(full), known: http(known) }));
      served = { hash: request.hash, reports };
    }
    process.send?.(reply);
  });
}

function http(body: string): string {
  const length = Buffer.byteLength(body);
  return `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n${body}`;
}
