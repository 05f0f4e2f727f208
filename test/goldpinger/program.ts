import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { findGoldpinger } from '../support/find-goldpinger.ts';
import { killed } from '../support/server-process.ts';

/** Path of the real Goldpinger: see `findGoldpinger`. Throws an Error that says why there is none. */
export async function goldpingerProgram(): Promise<string> {
  try {
    return resolve(await findGoldpinger(process.env['GOLDPINGER_BIN'] ?? ''));
  } catch (error) {
    const advice = 'install Go (https://go.dev/doc/install), or set GOLDPINGER_BIN to the path of a Goldpinger';
    throw new Error(`${(error as Error).message}; ${advice}`, { cause: error });
  }
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

  kill(): Promise<void> {
    return killed(this.child);
  }
}
