import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { findGoldpinger } from '../support/find-goldpinger.ts';

/** Path of the real Goldpinger: see `findGoldpinger`. Throws an Error that says why there is none. */
export async function goldpingerProgram(): Promise<string> {
  const found = await findGoldpinger(process.env['GOLDPINGER_BIN'] ?? '');
  if (found.path === null) {
    throw new Error(
      `${found.why}; install Go (https://go.dev/doc/install), or set GOLDPINGER_BIN to the path of a Goldpinger`,
    );
  }
  return resolve(found.path);
}

/** A real Goldpinger that runs as a pod. */
export class Goldpinger {
  readonly url: string;
  readonly child: ChildProcess;
  log = '';

  /** Starts it on `host:port`; of our own environment it inherits only PATH. */
  constructor(program: string, host: string, port: number, env: Record<string, string>) {
    this.url = `http://${host}:${port}`;
    this.child = spawn(program, [`--host=${host}`, `--port=${port}`], {
      env: { PATH: process.env['PATH'] ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (data) => {
        this.log = (this.log + data).slice(-20_000);
      });
    }
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }
}
