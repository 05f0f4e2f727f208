import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const ROOTS = ['server', 'web', 'deploy', 'test'];

interface Report {
  modules: { source: string }[];
  summary: { totalCruised: number; violations: { rule: { name: string }; from: string }[] };
}

/** What dependency-cruiser says of the tree in `folder`. */
function cruise(folder: string): Promise<Report> {
  const cruiser = resolve('node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const args = [cruiser, '--config', '.dependency-cruiser.cjs', '--output-type', 'json', ...ROOTS];
  return new Promise((done, failed) => {
    // It exits with the number of violations, which is no failure here.
    execFile(process.execPath, args, { cwd: folder, maxBuffer: 2 ** 26 }, (_error, stdout, stderr) => {
      try {
        done(JSON.parse(stdout));
      } catch {
        failed(new Error(stderr || stdout));
      }
    });
  });
}

/** A forbidden import of each kind, by the rule that must find it. */
const PLANTS: Record<string, { folder: string; text: string }> = {
  'contract-imports-nothing-of-ours': { folder: 'server/contract', text: "import '../config/duration.ts';" },
  'contract-runs-in-a-browser': { folder: 'server/contract', text: "import 'node:fs';" },
  'config-imports-nothing-of-ours': { folder: 'server/config', text: "import '../contract/pod.ts';" },
  'domain-pinging-imports-only-contract': { folder: 'server/pinging', text: "import '../config/duration.ts';" },
  'http-sees-domains-as-types': { folder: 'server/http', text: "import '../service.ts';" },
  'web-sees-only-contract': { folder: 'web/data', text: "import '../../server/config/duration.ts';" },
  'web-pure-is-pure': { folder: 'web/pure', text: "import 'react';" },
  'nobody-imports-test': { folder: 'server/mesh', text: "import '../../test/fake-clock.ts';" },
  'only-server-discovery-uses-client-node': { folder: 'server/mesh', text: "import '@kubernetes/client-node';" },
  'only-server-metrics-uses-prom-client': { folder: 'server/http', text: "import 'prom-client';" },
  'only-http-uses-express': { folder: 'server/mesh', text: "import 'express';" },
  'local-cluster-imports-only-contract': { folder: 'deploy/local', text: "import '../../server/clock.ts';" },
  'no-rooms-nobody-owns': { folder: 'server/mesh/utils', text: 'export {};' },
};

const copies: string[] = [];
afterAll(() => Promise.all(copies.map((copy) => rm(copy, { recursive: true, force: true }))));

/** A copy of the sources with every plant in it: one run of the cruiser must notice them all. */
async function plantedCopy(): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'boundaries-'));
  copies.push(copy);
  for (const path of [...ROOTS, '.dependency-cruiser.cjs', 'tsconfig.json', 'package.json']) {
    await cp(path, join(copy, path), { recursive: true });
  }
  await symlink(resolve('node_modules'), join(copy, 'node_modules'));
  const texts = new Map<string, string>();
  for (const { folder, text } of Object.values(PLANTS)) texts.set(folder, `${texts.get(folder) ?? ''}${text}\n`);
  for (const [folder, text] of texts) {
    const path = join(copy, folder, 'planted.ts');
    await mkdir(dirname(path), { recursive: true });
    // A rule about a room needs someone who enters it.
    await writeFile(path, folder.endsWith('/utils') ? text : `${text}\n`);
  }
  await writeFile(join(copy, 'server/mesh/enters-room.ts'), "import './utils/planted.ts';\n");
  return copy;
}

describe('the rules of the house', () => {
  it('hold, and every source file was read', async () => {
    const report = await cruise('.');
    const cruised = new Set(report.modules.map(({ source }) => source));
    const sources = ROOTS.flatMap((root) =>
      readdirSync(root, { recursive: true, encoding: 'utf8' }).map((path) => join(root, path)),
    ).filter((path) => /\.tsx?$/.test(path) && !path.endsWith('.d.ts'));
    expect(sources.filter((path) => !cruised.has(path))).toEqual([]);
    expect(report.summary.totalCruised).toBeGreaterThan(50);
    expect(report.summary.violations).toEqual([]);
  }, 120_000);

  it('are each noticed when broken', async () => {
    const report = await cruise(await plantedCopy());
    const noticed = new Set(report.summary.violations.map(({ rule }) => rule.name));
    expect(Object.keys(PLANTS).filter((rule) => !noticed.has(rule))).toEqual([]);
  }, 120_000);
});
