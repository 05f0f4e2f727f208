// Builds the product: dist/goldpinger-ts.cjs (the server, one file), dist/local.cjs (the local cluster),
// dist/bench.cjs (the bench) and dist/web/ (the page). `--if-needed` skips it when no source is newer than dist/.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { chmod, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { build as buildWeb } from 'vite';
import { slimKubernetesClient } from './deploy/slim-client.mjs';

const SOURCES = [
  'server',
  'web',
  'deploy/local',
  'deploy/slim-client.mjs',
  'test/bench',
  'package-lock.json',
  'esbuild.config.mjs',
  'vite.config.ts',
];
const OUTPUTS = ['dist/goldpinger-ts.cjs', 'dist/local.cjs', 'dist/bench.cjs', 'dist/web/index.html'];

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

async function bundle(entry, outfile, plugins = []) {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    // CommonJS because it starts faster than ESM in one file and leaves lazily imported parts unevaluated.
    format: 'cjs',
    target: 'node20',
    banner: { js: '#!/usr/bin/env node' },
    define: { __VERSION__: JSON.stringify(version) },
    legalComments: 'linked',
    minifySyntax: true,
    minifyWhitespace: true,
    logLevel: 'warning',
    plugins,
  });
  await chmod(outfile, 0o755);
}

if (process.argv.includes('--if-needed') && isFresh()) process.exit(0);
const start = Date.now();
await rm('dist', { recursive: true, force: true });
await buildWeb({ configFile: 'vite.config.ts', logLevel: 'warn' });
await bundle('server/main.ts', 'dist/goldpinger-ts.cjs', [slimKubernetesClient()]);
await bundle('deploy/local/main.ts', 'dist/local.cjs');
await bundle('test/bench/main.ts', 'dist/bench.cjs');
console.log(`built dist/ in ${Date.now() - start} ms`);
