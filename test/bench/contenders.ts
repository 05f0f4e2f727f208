import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { SERVER_PROGRAM } from '../support/server-process.ts';

/** What is compared: ours and a bare Node program with kept connections and with a new one for each ping; Goldpinger. */
export const CONTENDERS = ['ours', 'oursFresh', 'goldpinger', 'bareKept', 'bareFresh'] as const;
export type Contender = (typeof CONTENDERS)[number];

/** A pod that a process plays. */
export interface Place {
  host: string;
  port: number;
  podName: string;
  node: string;
  kubeconfig: string;
  intervalS: number;
  /** The addresses of all other pods. Only the bare program needs them; the others ask the Kubernetes API. */
  peers: readonly string[];
}

/** The programs that are no part of ours. */
export interface Programs {
  goldpinger: string;
  bareNode: string;
  /** Variables and flags of Node with which our server is run, and the bare program too. */
  server: { env: Record<string, string>; nodeFlags: readonly string[] };
  /** Whether our server also sends datagrams (UDP_ENABLED). The others never do. */
  isUdp: boolean;
}

/** A program with its arguments and its environment. */
interface Command {
  program: string;
  args: string[];
  env: Record<string, string>;
}

/**
 * The command of one process of a contender. Ours takes Goldpinger's settings, so all get the same environment. An interval
 * is of whole seconds, as Goldpinger wants it. It serves its page from STATIC_FILE_PATH, which nobody asks for.
 */
function commandOf(contender: Contender, place: Place, programs: Programs): Command {
  const isFresh = contender === 'oursFresh' || contender === 'bareFresh';
  const env = {
    HOST: place.host,
    PORT: String(place.port),
    POD_IP: place.host,
    POD_NAME: place.podName,
    HOSTNAME: place.node,
    NAMESPACE: 'default',
    KUBECONFIG: place.kubeconfig,
    REFRESH_INTERVAL: String(place.intervalS),
  };
  if (contender === 'goldpinger') return { program: programs.goldpinger, args: [], env };
  const isOurs = contender === 'ours' || contender === 'oursFresh';
  return {
    program: process.execPath,
    args: [...programs.server.nodeFlags, isOurs ? SERVER_PROGRAM : programs.bareNode],
    env: {
      ...env,
      ...programs.server.env,
      ...(isFresh ? { FRESH_CONNECTION_INTERVAL: '0s' } : {}),
      ...(isOurs && programs.isUdp ? { UDP_ENABLED: 'true' } : {}),
      ...(isOurs ? { SHUTDOWN_GRACE: '0s' } : { PEERS: place.peers.join(',') }),
    },
  };
}

/** A process of a contender. */
export class ContenderProcess {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  constructor(contender: Contender, place: Place, programs: Programs) {
    const { program, args, env } = commandOf(contender, place, programs);
    this.url = `http://${place.host}:${place.port}`;
    const path = process.env['PATH'] ?? '';
    this.#child = spawn(program, args, { env: { PATH: path, ...env }, stdio: 'ignore' });
    this.#child.once('error', () => {});
    this.#ended = once(this.#child, 'exit').catch(() => {});
  }

  /** 0 if it could not be started. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Whether it has ended, or could not be started. */
  get hasEnded(): boolean {
    return this.pid === 0 || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Ends it at once. */
  async stop(): Promise<void> {
    if (this.hasEnded) return;
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}
