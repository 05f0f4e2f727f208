import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { vi } from 'vitest';

/** The built server: what the image runs and what `bin` names. */
const SERVER = resolve('dist/goldpinger-ts.cjs');

/** One line of the server's log. */
export interface LogLine {
  level: number;
  msg: string;
  [field: string]: unknown;
}

/** Waits for a condition, with room for a busy machine. */
export function soon<T>(condition: () => T | Promise<T>, timeoutMs = 20_000): Promise<T> {
  return vi.waitFor(condition, { timeout: timeoutMs, interval: 25 });
}

/** A real server process, with its log and its end. */
export class ServerProcess {
  readonly url: string;
  readonly log: LogLine[] = [];
  readonly child: ChildProcess;
  stderr = '';
  /** Resolves with the exit code, or null after a signal. */
  readonly ended: Promise<number | null>;

  /**
   * Starts the server with `env` (nothing is inherited but PATH) and `args`. `host` is where it listens, `nodeFlags` are
   * for Node itself.
   */
  constructor(host: string, env: Record<string, string>, args: string[] = [], nodeFlags: string[] = []) {
    this.url = `http://${host}:${env['PORT'] ?? '8080'}`;
    const path = process.env['PATH'] ?? '';
    this.child = spawn(process.execPath, [...nodeFlags, SERVER, ...args], {
      env: { PATH: path, HOST: host, ...env },
      stdio: 'pipe',
    });
    this.ended = once(this.child, 'close').then(([code]) => code as number | null);
    if (this.child.stdout !== null) {
      createInterface(this.child.stdout).on('line', (line) => {
        if (line.startsWith('{')) this.log.push(JSON.parse(line));
      });
    }
    this.child.stderr?.on('data', (data) => {
      this.stderr += data;
    });
  }

  /** Waits until it listens; fails with what it wrote if it ended instead. */
  async listening(): Promise<this> {
    await soon(() => {
      if (this.child.exitCode !== null) throw new Error(`the server ended: ${this.stderr}${JSON.stringify(this.log)}`);
      if (!this.log.some(({ msg }) => msg === 'listening')) throw new Error('not listening yet');
    });
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
