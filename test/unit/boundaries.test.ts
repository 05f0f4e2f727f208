import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { appendFile, cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOTS = ['server', 'web', 'deploy', 'test'];

interface Report {
  modules: { source: string }[];
  summary: { violations: { rule: { name: string }; from: string }[] };
}

/** The report of dependency-cruiser about the tree in `folder`. */
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

/** One forbidden import for each rule: the line `text` is added to `file`, which is made where there is none. */
const PLANTS: Record<string, { file: string; text: string }> = {
  'server-runtime': { file: 'server/runtime/planted.ts', text: "import '../protocol/pod.ts';" },
  'server-config': { file: 'server/config/planted.ts', text: "import '../protocol/pod.ts';" },
  'server-protocol': { file: 'server/protocol/planted.ts', text: "import '../config/parse.ts';" },
  'protocol-runs-in-a-browser': { file: 'server/protocol/planted.ts', text: "import 'node:fs';" },
  'server-discovery': { file: 'server/discovery/planted.ts', text: "import '../config/parse.ts';" },
  'server-probing': { file: 'server/probing/planted.ts', text: "import '../results/results.ts';" },
  'server-results': { file: 'server/results/planted.ts', text: "import '../probing/probe.ts';" },
  'server-events': { file: 'server/events/planted.ts', text: "import '../probing/probe.ts';" },
  'server-metrics': { file: 'server/metrics/planted.ts', text: "import '../results/results.ts';" },
  'server-heatmap-png': { file: 'server/heatmap-png/planted.ts', text: "import '../peers/merged-report.ts';" },
  'server-analysis': { file: 'server/analysis/findings/planted.ts', text: "import '../../peers/merged-report.ts';" },
  'server-peers': { file: 'server/peers/planted.ts', text: "import '../goldpinger/check.ts';" },
  'server-goldpinger': { file: 'server/goldpinger/planted.ts', text: "import '../metrics/metrics.ts';" },
  'server-http': { file: 'server/http/planted.ts', text: "import '../discovery/discovery.ts';" },
  'folders-do-not-know-the-wiring': { file: 'server/http/planted.ts', text: "import '../service.ts';" },
  'service-is-below-main': { file: 'server/planted.ts', text: "import './main.ts';" },
  'monitor-is-below-service': { file: 'server/monitor.ts', text: "import './http/app.ts';" },
  'web-sees-only-protocol': { file: 'web/data/planted.ts', text: "import '../../server/config/parse.ts';" },
  'web-analysis-is-that-of-the-server': {
    file: 'web/model/findings-at.ts',
    text: "import '../../server/analysis/verdict/verdict.ts';",
  },
  'web-model-is-pure': { file: 'web/model/planted.ts', text: "import 'react';" },
  'web-data-has-no-react': { file: 'web/data/planted.ts', text: "import 'react';" },
  'web-views-are-apart': { file: 'web/views/graph/planted.ts', text: "import '../heatmap/paint.ts';" },
  'web-components-are-below-views': { file: 'web/components/planted.ts', text: "import '../views/heatmap/paint.ts';" },
  'web-views-are-below-app': { file: 'web/views/graph/planted.ts', text: "import '../../app/notices.ts';" },
  'server-does-not-know-the-local-cluster': {
    file: 'server/http/planted.ts',
    text: "import '../../deploy/local/usage.ts';",
  },
  'deploy-imports-only-what-is-shared': {
    file: 'deploy/local/planted.ts',
    text: "import '../../server/config/parse.ts';",
  },
  'nobody-imports-test': { file: 'server/peers/planted.ts', text: "import '../../test/support/fake-clock.ts';" },
  'only-server-discovery-uses-client-node': {
    file: 'server/peers/planted.ts',
    text: "import '@kubernetes/client-node';",
  },
  'only-server-metrics-uses-prom-client': { file: 'server/http/planted.ts', text: "import 'prom-client';" },
  'only-http-uses-express': { file: 'server/peers/planted.ts', text: "import 'express';" },
  'no-circular': { file: 'server/results/planted.ts', text: "import './planted-circle.ts';" },
  'no-folder-without-a-subject': { file: 'server/peers/planted.ts', text: "import './utils/planted.ts';" },
  resolvable: { file: 'server/results/planted.ts', text: "import './nowhere.ts';" },
};

/** Files that a planted import needs at its other end. */
const OTHER_ENDS: Record<string, string> = {
  'server/results/planted-circle.ts': "import './planted.ts';\n",
  'server/peers/utils/planted.ts': 'export {};\n',
};

/** A copy of the sources with every plant in it: one run of the cruiser must notice them all. */
async function plantedCopy(): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'boundaries-'));
  for (const path of [...ROOTS, '.dependency-cruiser.cjs', 'tsconfig.json', 'package.json']) {
    await cp(path, join(copy, path), { recursive: true });
  }
  await symlink(resolve('node_modules'), join(copy, 'node_modules'));
  for (const { file, text } of Object.values(PLANTS)) await addTo(join(copy, file), `${text}\n`);
  for (const [file, text] of Object.entries(OTHER_ENDS)) await addTo(join(copy, file), text);
  return copy;
}

async function addTo(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await appendFile(file, text);
}

describe('the rules of the house', () => {
  let copy: string;
  let report: Report;
  beforeAll(async () => {
    copy = await plantedCopy();
    report = await cruise(copy);
  }, 120_000);
  afterAll(() => rm(copy, { recursive: true, force: true }));

  it('have a planted violation each', () => {
    const { forbidden } = createRequire(import.meta.url)('../../.dependency-cruiser.cjs');
    expect(Object.keys(PLANTS).sort()).toEqual(forbidden.map(({ name }: { name: string }) => name).sort());
  });

  it('are each noticed when broken', () => {
    const noticed = new Set(report.summary.violations.map(({ rule }) => rule.name));
    expect(Object.keys(PLANTS).filter((rule) => !noticed.has(rule))).toEqual([]);
  });

  it('are broken by nothing that was not planted', () => {
    const planted = new Set([...Object.values(PLANTS).map(({ file }) => file), ...Object.keys(OTHER_ENDS)]);
    expect(report.summary.violations.filter(({ from }) => !planted.has(from))).toEqual([]);
  });

  it('are checked in every source file', () => {
    const cruised = new Set(report.modules.map(({ source }) => source));
    const sources = ROOTS.flatMap((root) =>
      readdirSync(root, { recursive: true, encoding: 'utf8' }).map((path) => join(root, path)),
    ).filter((path) => /\.tsx?$/.test(path) && !path.endsWith('.d.ts'));
    expect(sources.length).toBeGreaterThan(50);
    expect(sources.filter((path) => !cruised.has(path))).toEqual([]);
  });
});
