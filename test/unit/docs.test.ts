import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readConfig } from '../../server/config/config.ts';
import { SETTINGS, type Setting } from '../../server/config/settings.ts';
import OPENAPI from '../../server/http/openapi.json';
import { blocksOf, Clone, PAGES, snippet } from '../support/snippets.ts';

/** The blocks that tests take: the arguments of their calls of `snippet`. */
const claims = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts'))
  .flatMap((file) =>
    [...readFileSync(`test/${file}`, 'utf8').matchAll(/\bsnippet\(\s*'([^']+)',\s*'([^']+)',?\s*\)/g)].map(
      ([, page = '', beginning = '']) => ({ page, beginning: beginning.replaceAll('\\n', '\n') }),
    ),
  );

describe.each(PAGES)('%s', (page) => {
  const text = readFileSync(page, 'utf8');
  const blocks = blocksOf(page);

  it('has no block that no test runs', () => {
    expect(text.match(/^\s*(```|~~~)/gm) ?? []).toHaveLength(2 * blocks.length);
    const isClaimed = (body: string) => claims.some((one) => one.page === page && body.startsWith(one.beginning));
    expect(blocks.filter(({ body }) => !isClaimed(body))).toEqual([]);
  });
});

it.each(PAGES.filter((page) => page.startsWith('docs/')))('%s names only paths of the API that are there', (page) => {
  for (const [path] of readFileSync(page, 'utf8').matchAll(/\/api\/v1\/[a-z-]+(?![\w/{])/g))
    expect(OPENAPI.paths).toHaveProperty([path]);
});

it('tests take only blocks that are there', () => {
  for (const { page, beginning } of claims) expect(snippet(page, beginning)).toBeTruthy();
});

describe('settings are taken by the server', () => {
  /** The settings after a shell has read a block. */
  async function configOf(block: string) {
    // As in a pod.
    const clone = new Clone({ KUBERNETES_SERVICE_HOST: '10.96.0.1' });
    try {
      const env = JSON.parse(await clone.run(`set -a\n${block}\nnode -p 'JSON.stringify(process.env)'`));
      const result = readConfig('1.0.0', [], env);
      return result.kind === 'run' ? result.config : expect.fail(JSON.stringify(result));
    } finally {
      clone.remove();
    }
  }

  it('LINK_TEMPLATES of docs/monitoring.md', async () => {
    const { linkTemplates } = await configOf(snippet('docs/monitoring.md', 'LINK_TEMPLATES='));
    expect(linkTemplates.map(({ name }) => name)).toEqual(['Grafana', 'Pod logs']);
  });

  it('PATH_CHECKS of docs/paths.md', async () => {
    const { pathChecks, pathIngressUrl } = await configOf(snippet('docs/paths.md', 'PATH_CHECKS='));
    expect(pathChecks).toEqual(['service', 'ingress', 'dns', 'apiserver']);
    expect(pathIngressUrl).toBe('https://goldpinger.example.com/ping');
  });
});

describe('commands that a test cannot run, with a stand-in for their program', () => {
  it('npm ci and npm test of README.md', async () => {
    const clone = new Clone();
    clone.standIn('npm', 'echo "$@"');
    const said = await clone.run(snippet('README.md', 'npm ci && npm test'));
    clone.remove();
    expect(said).toBe('ci\ntest\n');
    expect(JSON.parse(readFileSync('package.json', 'utf8')).scripts).toHaveProperty('test');
  });

  // `clone` came with PowerfulSeal 3.2, which PyPI does not have. The objects that it makes are in
  // test/fixtures/powerfulseal-clone.yml, and the test of experiment 2b uses them.
  it('PowerfulSeal 3.2 of experiment 2b: its policy clones goldpinger, with the latency of the chapter', async () => {
    const clone = new Clone();
    clone.standIn('powerfulseal', 'echo "$@"');
    const said = await clone.run(
      snippet('docs/experiments.md', 'powerfulseal autonomous --policy-file deploy/experiments/experiment2b.yml'),
    );
    clone.remove();
    const [, file = ''] = /^autonomous --policy-file (\S+)\n$/.exec(said) ?? [];
    const { scenarios } = parse(readFileSync(file, 'utf8'));
    expect(JSON.stringify(scenarios)).toMatch(/"clone":\{.*"toxicType":"latency".*250/);
  });
});

it('the policy of docs/verdicts.md waits for its window, and tries once: some versions of PowerfulSeal crash on retries', () => {
  const { scenarios } = parse(snippet('docs/verdicts.md', 'scenarios:')) as { scenarios: [{ steps: object[] }] };
  expect(scenarios[0].steps).toMatchObject([
    { wait: { seconds: 31 } },
    { probeHTTP: { endpoint: expect.stringContaining('window=30s') } },
  ]);
  expect(JSON.stringify(scenarios)).not.toContain('retries');
});

it('the drawing of CONTRIBUTING.md names folders of the server', () => {
  const folders = snippet('CONTRIBUTING.md', 'Kubernetes API').match(
    /\b(discovery|probing|results|peers|analysis|http)\b/g,
  );
  expect(folders).toHaveLength(6);
  for (const folder of folders ?? []) expect([folder, existsSync(`server/${folder}`)]).toEqual([folder, true]);
});

describe('the map of CONTRIBUTING.md, section "Where things are"', () => {
  const page = readFileSync('CONTRIBUTING.md', 'utf8');
  const map = page.slice(page.indexOf('## Where things are'), page.indexOf('## Three paths'));
  /** Its subsections: a folder, and the lines of its files. */
  const sections = map
    .split(/^### /m)
    .slice(1)
    .map((text) => ({
      folder: /^`(\S+\/)`\n/.exec(text)?.[1] ?? expect.fail(`a heading names no folder: ${text.slice(0, 40)}`),
      lines: text.match(/^- .*/gm) ?? [],
    }));
  const pathsIn = (text: string) =>
    [...text.matchAll(/`(\.?\w[\w@./-]*(?:\.[a-z]+|\/))`/gi)].map(([, path = '']) => path);
  /** What the lines are about: the names before their colon. */
  const named = sections.flatMap(({ folder, lines }) =>
    lines.flatMap((line) => pathsIn(line.slice(0, line.indexOf(': '))).map((path) => folder + path)),
  );

  it('has a line for every source file', () => {
    const sources = [
      'server',
      'deploy/local',
      'test/support',
      'test/network',
      'test/bench',
      'test/soak',
      'web',
    ].flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((file) => /\.(tsx?|mjs)$/.test(file))
        .map((file) => `${folder}/${file}`),
    );
    expect(sources.length).toBeGreaterThan(300);
    const todo = 'Add a line to CONTRIBUTING.md, under its folder: which question does the file answer?';
    expect(
      sources.filter((file) => !named.includes(file)),
      todo,
    ).toEqual([]);
  });

  it('names every file once', () => {
    const todo = 'Change the line in CONTRIBUTING.md: the file is gone, or it has moved.';
    expect(
      named.filter((file) => !existsSync(file)),
      todo,
    ).toEqual([]);
    expect(named.filter((file, i) => named.indexOf(file) !== i)).toEqual([]);
  });

  it('points only to files that are there, in the same folder, from server/ or from the root', () => {
    for (const { folder, lines } of sections)
      for (const path of lines.flatMap(pathsIn))
        expect([path, ['', 'server/', folder].some((base) => existsSync(base + path))]).toEqual([path, true]);
  });

  it('the three paths through the code begin with files that are there', () => {
    const steps = [...page.matchAll(/^\d+\. `((?:server|web)\/\S+)`/gm)].map(([, path = '']) => path);
    expect(steps.length).toBeGreaterThan(50);
    expect(steps.filter((path) => !existsSync(path))).toEqual([]);
  });
});

describe('README.md', () => {
  const readme = readFileSync('README.md', 'utf8');
  const { scripts, engines } = JSON.parse(readFileSync('package.json', 'utf8'));

  it.each(Object.values<Setting<unknown>>(SETTINGS))('explains $variable with its default', (setting) => {
    const row = readme.split('\n').find((line) => line.startsWith(`| \`${setting.variable}\` |`)) ?? '';
    expect(row).toContain(setting.defaultText ?? setting.default);
    expect(row).toContain(setting.help);
  });

  it.each(Object.keys(OPENAPI.paths))('lists %s', (path) => {
    expect(readme).toContain(`| \`${path}`);
  });

  it('names only scripts, files and pictures that exist', () => {
    for (const [, script] of (readme + readFileSync('CONTRIBUTING.md', 'utf8')).matchAll(/npm run ([\w:]+)/g))
      expect(scripts).toHaveProperty([script ?? '']);
    for (const [, path] of readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g))
      expect([path, existsSync(path ?? '')]).toEqual([path, true]);
  });

  it('names the oldest Node that package.json allows', () => {
    expect(readme).toContain(engines.node.replace('>=', ''));
  });
});
