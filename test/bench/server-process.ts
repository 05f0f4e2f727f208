import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { call, isListening, pause } from './calls.ts';
import type { LoopReport } from './loop-watch.ts';

const START_TIMEOUT_MS = 15_000;
const LAST_WORDS = 2000;

/** The built server as a process of its own, and what the system says of it. */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly url: string;
  /** From starting the process to the first 200 of `/healthz`. */
  startMs = Number.NaN;
  #words = '';

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
    child.stderr?.on('data', (data) => {
      this.#words = (this.#words + data).slice(-LAST_WORDS);
    });
  }

  /** Starts it and waits until it answers. `flags` are Node's. */
  static async start(
    program: string,
    flags: string[],
    variables: Record<string, string>,
    where: { address: string; port: number },
  ): Promise<ServerProcess> {
    const began = performance.now();
    const child = spawn(process.execPath, [...flags, program], {
      env: { PATH: process.env['PATH'], ...variables },
      stdio: ['ignore', 'ignore', 'pipe', flags.includes('--require') ? 'ipc' : 'ignore'],
    });
    // Whatever way the bench ends, the server does not outlive it.
    const kill = () => child.kill('SIGKILL');
    process.once('exit', kill);
    child.once('exit', () => process.removeListener('exit', kill));
    const server = new ServerProcess(child, `http://${where.address}:${where.port}`);
    while (!(await isListening(where.address, where.port))) {
      if (child.exitCode !== null) throw new Error(`the server ended: ${server.#words}`);
      if (performance.now() - began > START_TIMEOUT_MS) {
        await server.stop();
        throw new Error(`the server does not listen: ${server.#words}`);
      }
      await pause(2);
    }
    await call(`${server.url}/healthz`);
    server.startMs = performance.now() - began;
    return server;
  }

  /** Memory in RAM, MiB. */
  rssMiB(): number {
    return this.#statusMiB('VmRSS') ?? Number(execFileSync('ps', ['-o', 'rss=', '-p', String(this.#child.pid)])) / 1024;
  }

  /** Forgets the peak so far; false where the system cannot. */
  forgetPeak(): boolean {
    try {
      writeFileSync(`/proc/${this.#child.pid}/clear_refs`, '5');
      return true;
    } catch {
      return false;
    }
  }

  /** The most memory it had in RAM since `forgetPeak`, MiB; NaN where the system does not say. */
  peakMiB(): number {
    return this.#statusMiB('VmHWM') ?? Number.NaN;
  }

  /** CPU time so far, ms, in steps of 10; NaN without /proc. */
  cpuMs(): number {
    try {
      const stat = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return (Number(fields[11]) + Number(fields[12])) * 10;
    } catch {
      return Number.NaN;
    }
  }

  /** What its event loop does while `work` goes on. */
  async watchLoop(work: () => Promise<unknown>): Promise<LoopReport> {
    this.#child.send('watch');
    await pause(5);
    await work();
    const told = once(this.#child, 'message');
    this.#child.send('report');
    const [report] = (await told) as [LoopReport];
    return report;
  }

  /** Ends it: politely, and after 2 s not. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 2000);
    await ended;
    clearTimeout(timer);
  }

  #statusMiB(field: string): number | null {
    try {
      const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
      const match = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status);
      return match === null ? null : Number(match[1]) / 1024;
    } catch {
      return null;
    }
  }
}
