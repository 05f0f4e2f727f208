import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import PROCESS from '../../deploy/process.json';
import { ServerProcess } from '../support/server-process.ts';
import { call } from './http-call.ts';
import { figuresOfProcess, type ProcessFigures } from './process-figures.ts';

/** The work of an event loop while it was watched. */
export interface LoopReport {
  /** The longest turn of the event loop, ms. */
  longestMs: number;
  /** The longest pause for garbage collection, which is part of some turn, ms. */
  longestGcMs: number;
}

/**
 * A script that is loaded into the server's process before the server. It does nothing until it gets the message
 * `watch`; then it measures every turn of the event loop until it gets `report`. The length of a turn is the smaller of
 * wall time and CPU time, because wall time includes waiting for other processes, and CPU time the work of other threads.
 */
export const LOOP_WATCH_SCRIPT = `
const { PerformanceObserver } = require('node:perf_hooks');
let watching = false, longest = 0, gc = 0, wall = 0, cpu = 0;
const take = (entries) => { for (const { duration } of entries) gc = Math.max(gc, duration); };
const observer = new PerformanceObserver((list) => take(list.getEntries()));
const cpuMs = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000; };
const turn = () => {
  const nowWall = performance.now(), nowCpu = cpuMs();
  longest = Math.max(longest, Math.min(nowWall - wall, nowCpu - cpu));
  wall = nowWall; cpu = nowCpu;
  if (watching) setImmediate(turn);
};
process.on('message', (message) => {
  if (message === 'watch') {
    watching = true; longest = 0; gc = 0;
    observer.observe({ entryTypes: ['gc'] });
    setImmediate(() => { wall = performance.now(); cpu = cpuMs(); setImmediate(turn); });
  }
  if (message === 'report') {
    watching = false;
    take(observer.takeRecords());
    observer.disconnect();
    process.send({ longestMs: longest, longestGcMs: gc });
  }
});
process.channel.unref();
`;

/** The server as a process of its own, with the memory and CPU time that the system reports for it. */
export class MeasuredServer {
  readonly url: string;
  /** From starting the process to the first 200 of `/healthz`. */
  readonly startMs: number;
  readonly #process: ServerProcess;

  private constructor(process: ServerProcess, startMs: number) {
    this.#process = process;
    this.url = process.url;
    this.startMs = startMs;
  }

  /** Starts the server on `host`, and waits until it answers. With `loopWatchPath`, its event loop can be watched. */
  static async start(host: string, env: Record<string, string>, loopWatchPath: string | null): Promise<MeasuredServer> {
    const startMs = performance.now();
    const watchFlags = loopWatchPath === null ? [] : ['--require', loopWatchPath];
    const server = new ServerProcess(
      host,
      { ...env, ...PROCESS.env },
      { nodeFlags: [...PROCESS.nodeFlags, ...watchFlags], ipc: true },
    );
    // However the bench ends, the server ends with it.
    const kill = () => server.child.kill('SIGKILL');
    process.once('exit', kill);
    server.child.once('exit', () => process.removeListener('exit', kill));
    await server.listening();
    await call(`${server.url}/healthz`);
    return new MeasuredServer(server, performance.now() - startMs);
  }

  figures(): ProcessFigures {
    return figuresOfProcess(this.#pid);
  }

  /** Resets the peak of the resident memory; returns false where the system cannot. */
  resetPeak(): boolean {
    try {
      writeFileSync(`/proc/${this.#pid}/clear_refs`, '5');
      return true;
    } catch {
      return false;
    }
  }

  /** Watches the event loop until `work` has ended. */
  async watchLoop(work: () => Promise<unknown>): Promise<LoopReport> {
    const { child } = this.#process;
    child.send('watch');
    // The watch starts with the turn after the message.
    await pause(5);
    await work();
    const reported = once(child, 'message');
    child.send('report');
    const [report] = (await reported) as [LoopReport];
    return report;
  }

  /** Ends the process. */
  stop(): Promise<void> {
    return this.#process.kill();
  }

  /** 0 if it could not be started. */
  get #pid(): number {
    return this.#process.child.pid ?? 0;
  }
}
