import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { close, listen } from '../../deploy/local/sockets.ts';

/** The built server: the image runs it, and the command of the npm package. */
export const SERVER_PROGRAM = resolve('dist/start.cjs');

/** One line of the server's log. */
export interface LogLine {
  level: number;
  msg: string;
  [field: string]: unknown;
}

/** Further options of a server process. */
export interface ServerOptions {
  /** Arguments of the server. */
  args?: readonly string[];
  /** Flags of Node. */
  nodeFlags?: readonly string[];
  /** Whether messages can be sent to the process. */
  ipc?: boolean;
  /** A command that starts the program after it, e.g. in a network namespace. */
  within?: readonly string[];
}

/** A port of `host` that is free now. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  const server = createServer();
  const port = await listen(server, host, 0);
  await close(server);
  return port;
}

/** What a process says, on both of its streams, up to now. */
export function saidBy({ stdout, stderr }: ChildProcess): () => string {
  let text = '';
  for (const stream of [stdout, stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
  }
  return () => text;
}

/** Kills a process; resolves when it has ended. */
export async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** A real server process, with its log and its exit code. */
export class ServerProcess {
  readonly url: string;
  readonly log: LogLine[] = [];
  readonly child: ChildProcess;
  stderr = '';
  /** Resolves with the exit code; with null after a signal. */
  readonly ended: Promise<number | null>;
  readonly #isListening: Promise<void>;

  /** Starts the server on `host` with `env`; of our own environment it inherits only PATH. */
  constructor(host: string, env: Record<string, string>, options: ServerOptions = {}) {
    const { args = [], nodeFlags = [], ipc = false, within = [] } = options;
    this.url = `http://${host}:${env['PORT'] ?? '8080'}`;
    const [program = '', ...rest] = [...within, process.execPath, ...nodeFlags, SERVER_PROGRAM, ...args];
    this.child = spawn(program, rest, {
      env: { PATH: process.env['PATH'] ?? '', HOST: host, ...env },
      stdio: ['ignore', 'pipe', 'pipe', ipc ? 'ipc' : 'ignore'],
    });
    this.ended = once(this.child, 'close').then(([code]) => code as number | null);
    this.child.stderr?.on('data', (data) => {
      this.stderr += data;
    });
    this.#isListening = new Promise((listening) => {
      if (this.child.stdout === null) return;
      createInterface(this.child.stdout).on('line', (text) => {
        if (!text.startsWith('{')) return;
        const line = JSON.parse(text) as LogLine;
        this.log.push(line);
        if (line.msg === 'listening') listening();
      });
    });
  }

  /** Waits until it listens. Rejects with its log if it ends before that. */
  async listening(): Promise<this> {
    const failed = this.ended.then(() => {
      throw new Error(`the server ended: ${this.stderr}${JSON.stringify(this.log)}`);
    });
    await Promise.race([this.#isListening, failed]);
    return this;
  }

  /** The JSON that a path answers with, whatever the status. */
  async json<T = Record<string, unknown>>(path: string): Promise<T> {
    return (await (await fetch(this.url + path)).json()) as T;
  }

  /** The text that a path answers with. */
  async text(path: string): Promise<string> {
    return (await fetch(this.url + path)).text();
  }

  /** Status of `/cluster_health`: 200 = healthy, 418 = not. */
  async health(): Promise<number> {
    return (await fetch(`${this.url}/cluster_health`)).status;
  }

  /** The sum of all series of a metric whose labels contain these texts, e.g. `action="ping"`; 0 if there are none. */
  async metric(name: string, ...labels: string[]): Promise<number> {
    const lines = (await this.text('/metrics')).split('\n');
    const series = lines.filter((line) => line.startsWith(name) && labels.every((label) => line.includes(label)));
    return series.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  }

  /** Log lines with this message. */
  said(message: string): LogLine[] {
    return this.log.filter(({ msg }) => msg === message);
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}
