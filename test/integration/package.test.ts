import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { saidBy } from '../support/server-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'goldpinger-package-'));
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
/** Runs a program in the folder that is empty but for the installed package. */
const run = (program: string, ...args: string[]) =>
  execFileSync(program, args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' });

let packed: { filename: string; files: { path: string }[] };

beforeAll(() => {
  // The suite has built dist/ already, so the package's own build is left out.
  const text = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    encoding: 'utf8',
  });
  [packed] = JSON.parse(text);
  // Offline: the package has no dependencies to download.
  run('npm', 'install', '--offline', '--no-audit', '--no-fund', join(folder, packed.filename));
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the npm package', () => {
  it('contains the programs, the page and no tests, benches or sources', () => {
    const paths = packed.files.map(({ path }) => path).filter((path) => !path.startsWith('dist/web/'));
    expect(paths.sort()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'deploy/command.cjs',
      'dist/fault-proxy.cjs',
      'dist/goldpinger-ts.cjs',
      'dist/goldpinger-ts.cjs.LEGAL.txt',
      'dist/local.cjs',
      'dist/local.cjs.LEGAL.txt',
      'dist/own-address.cjs',
      'dist/start.cjs',
      'package.json',
    ]);
    expect(packed.files.map(({ path }) => path)).toContain('dist/web/index.html');
  });

  it('shows the help of the server and of the local cluster', () => {
    expect(run('npx', '--offline', 'goldpinger-ts', '--version').trim()).toBe(version);
    expect(run('npx', '--offline', 'goldpinger-ts', '--help')).toContain('Usage: goldpinger-ts');
    const help = run('npx', '--offline', 'goldpinger-ts', 'local', '--help');
    expect(help).toContain('npx goldpinger-ts local COMMAND');
    expect(help).not.toContain('npm ');
    const withoutCluster = () => run('npx', '--offline', 'goldpinger-ts', 'local', 'get', 'pods');
    expect(withoutCluster).toThrow('start one with: npx goldpinger-ts local\n');
  });

  it('starts a whole cluster with its page, and stops it', async () => {
    const flags = ['--pods', '2', '--interval', '0.5', '--start-delay', '0', '--port', '18753', '--pod-port', '18754'];
    const child = spawn('node_modules/.bin/goldpinger-ts', ['local', ...flags], { cwd: folder, stdio: 'pipe' });
    const said = saidBy(child);
    try {
      await vi.waitFor(() => expect(said()).toContain('\nready  http://127.0.0.1:18753/'), 30_000);
      expect(await (await fetch('http://127.0.0.1:18753/')).text()).toContain('<script type="module"');
      expect(said()).toContain('npx goldpinger-ts local get pods -w');
      expect(run('npx', '--offline', 'goldpinger-ts', 'local', 'get', 'pods').match(/^goldpinger-/gm)).toHaveLength(2);
      expect(existsSync(join(folder, '.local/kubeconfig'))).toBe(true);
      child.kill('SIGTERM');
      expect(await once(child, 'exit')).toEqual([0, null]);
    } finally {
      child.kill('SIGKILL');
    }
  });
});
