import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { demand } from '../deploy/tools.ts';

const VERSION = '3.10.2';
const MODULE = `github.com/bloomberg/goldpinger/v3/cmd/goldpinger@v${VERSION}`;
const GO = {
  name: 'go',
  version: ['version'],
  install: 'see https://go.dev/doc/install, or set GOLDPINGER_BIN to the path of a Goldpinger',
};

/** Path of the real Goldpinger: GOLDPINGER_BIN, or 3.10.2, which Go builds once. Throws an Error that says how to get it. */
export async function goldpingerProgram(): Promise<string> {
  const given = process.env['GOLDPINGER_BIN'] ?? '';
  if (given !== '') return resolve(given);
  const folder = resolve('node_modules/.cache/goldpinger', VERSION);
  const path = join(folder, 'goldpinger');
  if (existsSync(path)) return path;
  demand(GO);
  mkdirSync(folder, { recursive: true });
  await promisify(execFile)('nice', ['go', 'install', MODULE], {
    env: { ...process.env, GOBIN: folder },
    timeout: 580_000,
  });
  return path;
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
