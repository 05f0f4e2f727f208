import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { eventually } from './eventually.ts';
import { saidBy } from './server-process.ts';

/*
 * The fenced blocks of the documentation, and what tests need to run them as they are printed. A test takes a block by
 * `snippet('PAGE', 'BEGINNING')`. test/unit/docs.test.ts searches the tests for these calls: a block without one fails it.
 */

/** The pages whose blocks are run. */
export const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** All fenced blocks of a page, in their order. */
export function blocksOf(page: string): { language: string; body: string }[] {
  const blocks = readFileSync(page, 'utf8').matchAll(/^```(\w*)\n(.*?)^```$/gms);
  return [...blocks].map(([, language = '', body = '']) => ({ language, body }));
}

/** The only block of a page that begins with a text. Throws an Error if there are none or several. */
export function snippet(page: string, beginning: string): string {
  const [block, ...others] = blocksOf(page).filter(({ body }) => body.startsWith(beginning));
  if (block === undefined || others.length > 0) {
    throw new Error(`${page}: ${block ? 'several blocks begin' : 'no block begins'} with: ${beginning}`);
  }
  return block.body;
}

/** The longest that a script may take to print what a test waits for. */
const START_MS = 90_000;

/** A folder that looks like a clone in which `npm ci` has run, and programs in PATH that stand in for others. */
export class Clone {
  readonly folder = mkdtempSync(join(tmpdir(), 'goldpinger-clone-'));
  readonly env: NodeJS.ProcessEnv;
  readonly #bin = join(this.folder, '.bin');

  constructor(env: Record<string, string> = {}) {
    for (const name of readdirSync('.')) {
      if (!['.git', '.local', '.venv', 'test-results'].includes(name)) symlinkSync(resolve(name), this.path(name));
    }
    mkdirSync(this.#bin);
    mkdirSync(this.path('home'));
    const PATH = `${this.#bin}:${process.env['PATH']}`;
    this.env = { ...process.env, PATH, HOME: this.path('home'), ...env };
    // npm writes its logs and its cache there.
    this.env['npm_config_cache'] = this.path('home/.npm');
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Puts a program into PATH: a script of sh. In it `$REAL` is the path of the program that it hides. */
  standIn(program: string, script: string): void {
    const { stdout } = spawnSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' });
    const text = `#!/bin/sh\nREAL='${stdout.trim()}'\n${script}\n`;
    writeFileSync(join(this.#bin, program), text, { mode: 0o755 });
  }

  /** Runs a script by sh, which ends at its first error; gives what it prints. Rejects with all that it said. */
  run(script: string, timeoutMs = 60_000): Promise<string> {
    return new Promise((resolve, reject) => {
      const options = { cwd: this.folder, env: this.env, timeout: timeoutMs };
      execFile('sh', ['-eu', '-c', script], options, (error, out, err) => {
        if (error) reject(new Error(`${script}\n${out}${err}${error.signal ?? ''}`));
        else resolve(out);
      });
    });
  }

  /** Starts a script that runs until it is stopped; resolves when it has printed a text. Rejects if it ends before. */
  async start(script: string, text: RegExp): Promise<{ match: RegExpMatchArray; stop(): Promise<void> }> {
    const child = spawn('sh', ['-eu', '-c', script], { cwd: this.folder, env: this.env, detached: true });
    const closed = once(child, 'close');
    // As Ctrl-C does: the signal goes to all processes of the terminal.
    const signal = (name: NodeJS.Signals) => {
      try {
        process.kill(-(child.pid ?? 0), name);
      } catch {
        // All of them have ended.
      }
    };
    const stop = async () => {
      signal('SIGINT');
      const timer = setTimeout(signal, 10_000, 'SIGKILL');
      await closed;
      clearTimeout(timer);
    };
    const said = saidBy(child);
    const found = eventually(() => {
      const match = said().match(text);
      if (!match) throw new Error(`${script}\nhas not printed ${text}: ${said()}`);
      return match;
    }, START_MS);
    const ended = closed.then(() => Promise.reject(new Error(`${script}\nended: ${said()}`)));
    ended.catch(() => {});
    return { match: await Promise.race([found, ended]), stop };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** An HTTP proxy (for the variable http_proxy) that sends every request to one server, whatever its host. */
export async function proxyTo(serverUrl: () => string): Promise<{ url: string; stop(): void }> {
  const server = createServer((incoming, response) => {
    const { pathname, search } = new URL(incoming.url ?? '', 'http://goldpinger.default:8080');
    const { method = 'GET', headers } = incoming;
    const target = new URL(pathname + search, serverUrl());
    const outgoing = request(target, { method, headers: { ...headers, host: target.host } });
    outgoing.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    outgoing.on('error', () => response.destroy());
    incoming.pipe(outgoing);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop: () => server.close() };
}
