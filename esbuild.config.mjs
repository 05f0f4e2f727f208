// Builds the product: dist/goldpinger-ts.cjs (the server, one file), dist/start.cjs and dist/goldpinger-ts.cache (a faster
// start of it, on the Node that runs this build), dist/local.cjs (the local cluster),
// dist/fault-proxy.cjs (what runs there as Toxiproxy), dist/own-address.cjs (loaded into pods that redirect a port),
// dist/bench.cjs and dist/bench-web.cjs (the benches), dist/pictures.cjs (takes pictures of the page) and dist/web/ (the
// page). `--if-needed` skips it when no source is newer than dist/; `--product` builds the server and the page alone, as the
// image needs them.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { chmod, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { build as buildWeb } from 'vite';
import { slimKubernetesClient } from './deploy/slim-bundle.mjs';

const SOURCES = [
  'server',
  'web',
  'deploy/local',
  'deploy/slim-bundle.mjs',
  'deploy/process.json',
  'deploy/start.cjs',
  'deploy/code-cache.cjs',
  'test/bench',
  'test/e2e/browser.ts',
  'test/support',
  'test/soak',
  'test/pictures',
  'package-lock.json',
  'esbuild.config.mjs',
  'vite.config.ts',
];
const PROGRAMS = [
  'goldpinger-ts',
  'start',
  'local',
  'fault-proxy',
  'own-address',
  'bench',
  'bench-web',
  'pictures',
  'soak-proxy',
  'soak-attack',
];
const OUTPUTS = [...PROGRAMS.map((name) => `dist/${name}.cjs`), 'dist/web/index.html'];

/**
 * How a process of the server is run: by name, by the image, by the npm command and in the local cluster. A small young
 * generation and heap cost a little time and save 30 MiB at 1000 peers; one arena that is trimmed gives back what a large
 * matrix took: blocks of 12 KiB and more, as a report of 1000 links has, go back to the system one by one.
 */
const { env: SERVER_ENV, nodeFlags: SERVER_FLAGS } = JSON.parse(readFileSync('deploy/process.json', 'utf8'));
const SERVER_VARIABLES = Object.entries(SERVER_ENV).map(([name, value]) => `${name}=${value}`);
const SERVER_SHEBANG = `#!/usr/bin/env -S ${[...SERVER_VARIABLES, 'node', ...SERVER_FLAGS].join(' ')}`;

/** The newest modification time (ms since the epoch) of a file or of anything below a folder. */
function newest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}

function isFresh() {
  if (!OUTPUTS.every((path) => existsSync(path))) return false;
  const built = Math.min(...OUTPUTS.map((path) => statSync(path).mtimeMs));
  return SOURCES.every((path) => newest(path) <= built);
}

async function bundle(entry, outfile, { plugins = [], packages = 'bundle', shebang = '#!/usr/bin/env node' } = {}) {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    // CommonJS because it starts faster than ESM in one file and leaves lazily imported parts unevaluated.
    format: 'cjs',
    target: 'node20',
    banner: { js: shebang },
    define: { __VERSION__: JSON.stringify(version) },
    legalComments: 'linked',
    minifySyntax: true,
    minifyWhitespace: true,
    logLevel: 'warning',
    plugins,
    packages,
  });
  writeFileSync(outfile, asciiOf(readFileSync(outfile, 'utf8')));
  await chmod(outfile, 0o755);
}

/**
 * The same program in ASCII. V8 keeps a text with any other character with two bytes for each. esbuild escapes those of
 * strings; the rest are in regular expressions and templates, where the same escape means the same.
 */
function asciiOf(code) {
  return code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Makes dist/start.cjs. It is run as the server itself. */
async function makeStart() {
  const code = readFileSync('deploy/start.cjs', 'utf8');
  writeFileSync('dist/start.cjs', `${SERVER_SHEBANG}\n${code}`);
  await chmod('dist/start.cjs', 0o755);
}

if (process.argv.includes('--if-needed') && isFresh()) process.exit(0);
const start = Date.now();
await rm('dist', { recursive: true, force: true });
await buildWeb({ configFile: 'vite.config.ts', logLevel: 'warn' });
// The server sends NAME.br or NAME.gz to clients that accept it: the best compression takes too long for a pod.
for (const name of readdirSync('dist/web/assets').filter((file) => /\.(js|css)$/.test(file))) {
  const path = `dist/web/assets/${name}`;
  writeFileSync(`${path}.br`, brotliCompressSync(readFileSync(path)));
  writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
}
await bundle('server/main.ts', 'dist/goldpinger-ts.cjs', {
  plugins: [slimKubernetesClient()],
  shebang: SERVER_SHEBANG,
});
await makeStart();
if (process.argv.includes('--product')) process.exit(0);
// The image makes its own, with its own Node: deploy/Dockerfile.
spawnSync(process.execPath, [...SERVER_FLAGS, 'deploy/code-cache.cjs'], { stdio: 'inherit' });
await bundle('deploy/local/main.ts', 'dist/local.cjs');
await bundle('deploy/local/toxic/main.ts', 'dist/fault-proxy.cjs');
await bundle('deploy/local/kubelet/own-address.ts', 'dist/own-address.cjs');
await bundle('test/bench/main.ts', 'dist/bench.cjs');
await bundle('test/soak/main.ts', 'dist/soak-proxy.cjs');
await bundle('test/soak/attack.ts', 'dist/soak-attack.cjs');
// These drive a browser, whose driver does not work from within a bundle; they run only where node_modules is.
await bundle('test/bench/web.ts', 'dist/bench-web.cjs', { packages: 'external' });
await bundle('test/pictures/main.ts', 'dist/pictures.cjs', { packages: 'external' });
console.log(`built dist/ in ${Date.now() - start} ms`);
