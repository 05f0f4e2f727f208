import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, extname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copyInto, envOf, lastOf, type Stage, stagesOf } from '../support/dockerfile.ts';
import { eventually } from '../support/eventually.ts';
import { freePort, saidBy } from '../support/server-process.ts';

const stages = stagesOf(readFileSync('deploy/Dockerfile', 'utf8'));
const [build, cache, image] = stages as [Stage, Stage, Stage];
const entrypoint = JSON.parse(lastOf(image, 'ENTRYPOINT')) as string[];
const isRoot = process.getuid?.() === 0;
const folder = mkdtempSync(join(tmpdir(), 'goldpinger-image-'));
const root = join(folder, 'root');

/** Every file below a folder, as paths from it. */
const filesOf = (path: string) =>
  readdirSync(path, { recursive: true, encoding: 'utf8' }).filter((name) => statSync(join(path, name)).isFile());

beforeAll(() => {
  // The build stage: its files, the modules of `npm ci`, its command.
  const source = join(folder, 'build', lastOf(build, 'WORKDIR'));
  mkdirSync(source, { recursive: true });
  copyInto(source, build, resolve('.'));
  symlinkSync(resolve('node_modules'), join(source, 'node_modules'));
  const run = lastOf(build, 'RUN').replace('--network=none ', '').split(' ');
  expect(run[0]).toBe('node');
  // Without vitest's NODE_ENV=test, for which the page would be built with React's development half.
  const { NODE_ENV: _, ...env } = process.env;
  execFileSync(process.execPath, run.slice(1), { cwd: source, stdio: 'pipe', env });
  // The stage of the code cache: its command, on the machine's own Node as the base image's.
  const cacheRoot = join(folder, 'cache');
  mkdirSync(cacheRoot);
  copyInto(cacheRoot, cache, resolve('.'), { [build.name]: join(folder, 'build') });
  const [, ...made] = JSON.parse(lastOf(cache, 'RUN').replace('--network=none ', '')) as string[];
  const inRoot = made.map((word) => (word.startsWith('/') ? join(cacheRoot, word) : word));
  execFileSync(process.execPath, inRoot, { stdio: 'pipe', env });
  mkdirSync(root);
  copyInto(root, image, resolve('.'), { [build.name]: join(folder, 'build'), [cache.name]: cacheRoot });
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("deploy/Dockerfile's last stage", () => {
  it('holds the server, the page, the licences and nothing else, in less than 4.4 MB', () => {
    const files = filesOf(root);
    const page = files.filter((name) => name.startsWith('app/web/'));
    expect(page).toContain('app/web/index.html');
    expect(files.filter((name) => !page.includes(name)).sort()).toEqual([
      'app/LICENSE',
      'app/goldpinger-ts.cache',
      'app/goldpinger-ts.cjs',
      'app/goldpinger-ts.cjs.LEGAL.txt',
      'app/start.cjs',
    ]);
    const bytes = files.reduce((sum, name) => sum + statSync(join(root, name)).size, 0);
    expect(bytes).toBeLessThan(4.4e6);
    for (const [page, words] of [
      ['README.md', /The image adds ([\d.]+) MB/],
      ['docs/deployment.md', /our layer of ([\d.]+) MB/],
    ] as const)
      expect(Math.abs(bytes / 1e6 - Number(words.exec(readFileSync(page, 'utf8'))?.[1]))).toBeLessThan(0.25);
  });

  it('runs as a user that is known by number not to be root, on the same Node as it is built with', () => {
    expect(lastOf(image, 'USER')).toBe('1000:1000');
    expect(image.base).toContain('nodejs24');
    expect(build.base).toContain('node:24');
    expect(`${cache.base}:nonroot`).toBe(image.base);
    // The same again, on the machine's own Node and on the image's.
    expect(JSON.parse(readFileSync('package.json', 'utf8')).scripts['test:image']).toContain('--package=node@24 ');
  });

  it('starts the server as the built file itself would be started', () => {
    const [, line = ''] = /^#!\/usr\/bin\/env -S (.*)$/m.exec(readFileSync('dist/goldpinger-ts.cjs', 'utf8')) ?? [];
    const words = line.split(' ');
    const env = Object.entries(envOf(image)).map(([name, value]) => `${name}=${value}`);
    expect(env).toEqual(expect.arrayContaining(words.filter((word) => /^[A-Z]/.test(word))));
    expect(entrypoint.slice(1, -1)).toEqual(words.filter((word) => word.startsWith('--')));
  });

  it('has a code cache that its own command accepts', () => {
    const program = join(root, entrypoint.at(-1)!);
    const accepted = `
      const { PROGRAM, compile, readCache } = require(${JSON.stringify(program)});
      const source = require('node:fs').readFileSync(PROGRAM);
      const data = readCache(source);
      console.log(data !== undefined && compile(source, data).script.cachedDataRejected === false);
    `;
    const said = execFileSync(process.execPath, [...entrypoint.slice(1, -1), '-e', accepted], { encoding: 'utf8' });
    expect(said).toBe('true\n');
  });

  it('gets ready as uid 1000 with nothing that it may write to, within the memory limit', async () => {
    const server = await start();
    try {
      await eventually(async () => expect((await fetch(`${server.url}/readyz`)).status).toBe(200));
      const pageFiles = filesOf(join(root, 'app/web'));
      expect(await (await fetch(server.url)).text()).toContain('<script type="module"');
      // Each kind of file has its media type, of which the bundle has only a few.
      for (const [kind, type] of Object.entries({ html: 'text/html', js: 'text/javascript', css: 'text/css' })) {
        const name = pageFiles.find((file) => extname(file) === `.${kind}`);
        const { headers } = await fetch(`${server.url}/${name}`);
        expect([kind, headers.get('content-type')]).toEqual([kind, `${type}; charset=utf-8`]);
      }
      expect([...new Set(pageFiles.map((file) => extname(file)))].sort()).toEqual([
        '.br',
        '.css',
        '.gz',
        '.html',
        '.js',
      ]);
      const status = readFileSync(`/proc/${server.child.pid}/status`, 'utf8');
      expect(status).toMatch(isRoot ? /^Uid:\t1000\t1000/m : /^Uid:\t[1-9]/m);
      const peakKiB = Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]);
      expect(peakKiB).toBeLessThan(80 * 1024);
      server.child.kill('SIGTERM');
      expect(await server.ended).toBe('ended well');
    } finally {
      server.child.kill('SIGKILL');
      await server.ended;
    }
  });
});

/**
 * Starts the image's command. The root of the file system is the last stage's tree, owned by root and without write
 * permission for anybody, and beside it only what the base image gives: Node and the libraries that it needs.
 */
async function start(): Promise<{ url: string; child: ChildProcess; ended: Promise<string> }> {
  addBase();
  for (const name of ['.', ...readdirSync(root, { recursive: true, encoding: 'utf8' })]) {
    const path = join(root, name);
    chmodSync(path, statSync(path).isDirectory() || name.endsWith('bin/node') || name.includes('lib') ? 0o555 : 0o444);
  }
  const port = await freePort();
  const env = { ...envOf(image), HOST: '127.0.0.1', PORT: String(port), NAMESPACE: 'default', SHUTDOWN_GRACE: '0' };
  // Without root nobody can change the root of the file system; then the tree stands where it is, just as unwritable.
  const [file = '', ...words] = isRoot
    ? ['chroot', '--userspec', lastOf(image, 'USER'), root, ...entrypoint]
    : [process.execPath, ...entrypoint.slice(1, -1), join(root, entrypoint.at(-1) ?? '')];
  const child = spawn(file, words, { env: { PATH: process.env['PATH'] ?? '', ...env }, stdio: 'pipe' });
  const said = saidBy(child);
  const ended = once(child, 'close').then(([code]) => (code === 0 ? 'ended well' : `${code}: ${said()}`));
  return { url: `http://127.0.0.1:${port}`, child, ended };
}

/** Puts in place what the base image has: Node under the name that the entry point gives it, and its libraries. */
function addBase(): void {
  const node = realpathSync(process.execPath);
  const libraries = [...execFileSync('ldd', [node], { encoding: 'utf8' }).matchAll(/(\/\S+) \(0x/g)].map(
    ([, path]) => path!,
  );
  for (const [from, to] of [[node, entrypoint[0]!], ...libraries.map((path) => [path, path])] as [string, string][]) {
    mkdirSync(dirname(join(root, to)), { recursive: true });
    cpSync(realpathSync(from), join(root, to));
  }
  expect(existsSync(join(root, 'bin/sh'))).toBe(false);
}
