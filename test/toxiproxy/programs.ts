import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { demand } from '../deploy/tools.ts';
import { eventually } from '../support/eventually.ts';
import { freePort, killed } from '../support/server-process.ts';

const run = promisify(execFile);

/** Built once and kept: a build takes half a minute. */
const FOLDER = resolve('node_modules/.cache/toxiproxy');
const GO = { name: 'go', version: ['version'], install: 'see https://go.dev/doc/install, version 1.23 or later' };

/** A release of Toxiproxy, its module, its programs, and what else a build needs to be the same again. */
export interface Release {
  version: string;
  module: string;
  programs: { server: string; cli: string };
  requires: string[];
}

/** The chapter's, from before Go had modules: its dependencies of today, pinned. */
export const OLD: Release = {
  version: '2.1.4',
  module: 'github.com/Shopify/toxiproxy v2.1.4+incompatible',
  programs: { server: 'github.com/Shopify/toxiproxy/cmd', cli: 'github.com/Shopify/toxiproxy/cli' },
  requires: [
    'github.com/gorilla/mux v1.8.1',
    'github.com/sirupsen/logrus v1.9.3',
    'github.com/urfave/cli v1.22.17',
    'golang.org/x/crypto v0.31.0',
    'gopkg.in/tomb.v1 v1.0.0-20141024135613-dd632973f1e7',
  ],
};
export const NEW: Release = {
  version: '2.12.0',
  module: 'github.com/Shopify/toxiproxy/v2 v2.12.0',
  programs: { server: 'github.com/Shopify/toxiproxy/v2/cmd/server', cli: 'github.com/Shopify/toxiproxy/v2/cmd/cli' },
  requires: [],
};

/** Path of a release's program, built by Go from its module proxy. Throws an Error that says how to get Go without it. */
export async function program({ version, module, programs, requires }: Release, which: 'server' | 'cli') {
  const folder = join(FOLDER, version);
  const path = join(folder, which);
  if (existsSync(path)) return path;
  demand(GO);
  mkdirSync(folder, { recursive: true });
  const required = [module, ...requires].map((one) => `require ${one}\n`).join('');
  writeFileSync(join(folder, 'go.mod'), `module toxiproxy.test\n\ngo 1.23\n\n${required}`);
  await run('nice', ['go', 'build', '-mod=mod', '-o', path, programs[which]], { cwd: folder, timeout: 280_000 });
  return path;
}

/** A real Toxiproxy that runs. */
export type RealServer = Awaited<ReturnType<typeof startReal>>;

/** Starts a release's server; resolves when its API answers. */
export async function startReal(release: Release) {
  const path = await program(release, 'server');
  const port = await freePort();
  const child = spawn(path, ['-host', '127.0.0.1', '-port', String(port)], { stdio: 'ignore' });
  const apiUrl = `http://127.0.0.1:${port}`;
  await eventually(async () => (await fetch(`${apiUrl}/version`)).ok);
  return { apiUrl, stop: () => killed(child) };
}
