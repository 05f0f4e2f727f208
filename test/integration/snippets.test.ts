import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseAnnotations } from '../../server/protocol/annotation.ts';
import { parseReport } from '../../server/protocol/comparison.ts';
import { parseMesh } from '../../server/protocol/mesh.ts';
import { parseVerdict } from '../../server/protocol/verdict.ts';
import { eventually } from '../support/eventually.ts';
import { CHAOS, linksInto } from '../support/experiment.ts';
import { freePort } from '../support/server-process.ts';
import { Clone, proxyTo, snippet } from '../support/snippets.ts';

/*
 * The shell blocks of the documentation that need Node and curl alone are run as they are printed, on one local cluster.
 * Only the port of the cluster is another one, because 8080 may be in use on this machine. The tests run in their order.
 */

const clone = new Clone();
let cluster: Awaited<ReturnType<Clone['start']>>;
let proxy: Awaited<ReturnType<typeof proxyTo>>;
let serviceUrl = '';

beforeAll(async () => {
  const port = await freePort();
  // npm ci has run; toxiproxy-cli is what docs/annotations.md names in its place.
  clone.standIn(
    'npm',
    `case $1 in
  ci) ;;
  start) exec "$REAL" start -- --port ${port} --interval 1 ;;
  *) exec "$REAL" "$@" ;;
esac`,
  );
  clone.standIn('toxiproxy-cli', 'exec npm run -s local -- toxic "$@"');
  proxy = await proxyTo(() => serviceUrl);
  Object.assign(clone.env, { http_proxy: proxy.url, no_proxy: '' });
  cluster = await clone.start(snippet('README.md', 'npm ci && npm start'), /^ready {2}(http:\S+)/m);
  serviceUrl = cluster.match[1] ?? '';
});

afterAll(async () => {
  await cluster?.stop();
  proxy?.stop();
  clone.remove();
});

const json = async (path: string): Promise<unknown> => (await fetch(new URL(path, serviceUrl))).json();
const podNames = async () =>
  (await clone.run('npm run -s local -- get pods')).match(/^goldpinger-\w+-\w+(?=.* Running )/gm) ?? [];

describe('README.md', () => {
  it('npm start runs three pods, and a deleted one is replaced', async () => {
    const [victim = '', ...others] = await podNames();
    expect(others).toHaveLength(2);
    const block = snippet('README.md', 'npm run local -- get pods ').replace('goldpinger-...', victim);
    expect(await clone.run(block)).toContain(`pod "${victim}" deleted`);
    await eventually(async () => {
      const names = await podNames();
      expect(names).toHaveLength(3);
      expect(names).not.toContain(victim);
    });
  });

  it('the server runs outside of a cluster with a kubeconfig', async () => {
    const port = await freePort();
    Object.assign(clone.env, { PORT: String(port), CLIENT_PORT_OVERRIDE: '8080' });
    mkdirSync(clone.path('home/.kube'));
    copyFileSync(clone.path('.local/kubeconfig'), clone.path('home/.kube/config'));
    const server = await clone.start(snippet('README.md', 'HOST=0.0.0.0'), /"listening"|listening/i);
    try {
      await eventually(async () => {
        const mesh = parseMesh(await (await fetch(`http://127.0.0.1:${port}/api/v1/mesh`)).json());
        expect(mesh.discovery.phase).toBe('synced');
        expect(mesh.pods.filter(({ lifecycle }) => lifecycle === 'ready')).toHaveLength(3);
      });
    } finally {
      await server.stop();
    }
  });
});

describe('docs/experiments.md', () => {
  // npm takes a second for each command. The commands of README.md have gone through it.
  beforeAll(() =>
    clone.standIn('npm', 'while [ "$1" != local ]; do shift; done; shift 2; exec node dist/local.cjs "$@"'),
  );

  it('npm start is what README.md starts', () => {
    expect(snippet('README.md', 'npm ci && npm start')).toBe(
      `npm ci && ${snippet('docs/experiments.md', 'npm start')}`,
    );
  });

  it('1b kills a pod', async () => {
    const [victim = ''] = await podNames();
    const block = snippet('docs/experiments.md', 'npm run local -- get pods').replace('NAME', victim);
    expect(await clone.run(block)).toContain(`pod "${victim}" deleted`);
  });

  it('2 makes the links into goldpinger-chaos slow', async () => {
    await clone.run(snippet('docs/experiments.md', 'npm run local -- apply'));
    // Its API answers a moment after the pod was created.
    await eventually(() => clone.run(snippet('docs/experiments.md', 'npm run local -- toxic create')), 20_000);
    await clone.run(snippet('docs/experiments.md', 'npm run local -- toxic add'));
    await eventually(async () => {
      const { into } = linksInto(parseMesh(await json('/api/v1/mesh')), (pod) => pod === CHAOS);
      expect(into.some(({ outcome, totalMs }) => outcome === 'ok' && totalMs >= 200)).toBe(true);
    }, 50_000);
  });

  it('the rounds are listed', async () => {
    expect(JSON.parse(await clone.run(snippet('docs/experiments.md', 'curl ')))).toMatchObject({
      rounds: [{ name: 'goldpinger-chaos' }],
    });
  });
});

/** What k6 gives a script, by curl: it goes through the proxy. */
const K6 = `import { spawnSync } from 'node:child_process';
export const sleep = (seconds) => console.log('sleep', seconds);
export const check = (answer, checks) => {
  for (const [name, holds] of Object.entries(checks)) console.log(name, holds(answer));
};
export const get = (url, { timeout }) => {
  const curl = ['-s', '-o', 'body', '-w', '%{http_code}', '-m', String(parseFloat(timeout)), url];
  return { status: Number(spawnSync('curl', curl, { encoding: 'utf8' }).stdout) };
};
export default { get };
`;

describe('docs/verdicts.md', () => {
  it('curl gets a verdict on both clauses', async () => {
    const answer = parseVerdict(JSON.parse(await clone.run(snippet('docs/verdicts.md', 'curl '))));
    expect(answer.clauses).toHaveLength(2);
  });

  it.each([
    ['PowerfulSeal', snippet('docs/verdicts.md', 'scenarios:')],
    ['Chaos Toolkit', snippet('docs/verdicts.md', '{')],
    ['Litmus', snippet('docs/verdicts.md', 'probe:')],
    ['Chaos Mesh', snippet('docs/verdicts.md', 'apiVersion: chaos-mesh.org')],
    ['Argo Rollouts', snippet('docs/verdicts.md', 'apiVersion: argoproj.io')],
  ])('the question of %s is answered', async (_tool, text) => {
    const paths = [...JSON.stringify(parse(text)).matchAll(/\/api\/v1\/verdict[^\s"']*/g)].map(([path]) => path);
    expect(paths.length).toBeGreaterThan(0);
    for (const path of paths) expect(parseVerdict(await json(path)).expect.length).toBeGreaterThan(0);
  });

  it('the script of k6 gets a verdict, run by Node with stand-ins for its modules', async () => {
    writeFileSync(clone.path('k6.mjs'), K6);
    const script = snippet('docs/verdicts.md', 'import http').replace(/'k6(\/http)?'/g, "'./k6.mjs'");
    writeFileSync(clone.path('script.mjs'), script);
    const said = await clone.run(`node -e "import('./script.mjs').then((script) => script.default())"; cat body`);
    const [, isHealthy, body = ''] = /^the mesh is healthy (true|false)\nsleep 1\n(.*)$/s.exec(said) ?? [];
    expect(String(parseVerdict(JSON.parse(body)).ok)).toBe(isHealthy);
  });
});

describe('docs/annotations.md', () => {
  const VARIABLES = snippet('docs/annotations.md', 'GOLDPINGER=http://127.0.0.1:8080\nTOKEN=$(cat');
  const marks = async () => parseAnnotations(await json('/api/v1/annotations')).annotations;

  it('curl writes one', async () => {
    const variables = VARIABLES.replace('http://127.0.0.1:8080', new URL(serviceUrl).origin);
    await clone.run(`${variables}\n${snippet('docs/annotations.md', 'curl ')}`);
    expect(await marks()).toMatchObject([{ text: 'latency 250 ms', tags: ['toxiproxy'], toMs: null }]);
  });

  it('the script marks a latency from its beginning to its end', async () => {
    const variables = VARIABLES.replace('http://127.0.0.1:8080', new URL(serviceUrl).origin);
    clone.standIn('sleep', `[ "$1" = 60 ] && npm run -s local -- toxic inspect chaos >slept`);
    await clone.run(`${variables}\n${snippet('docs/annotations.md', 'annotate()')}`);
    expect(readFileSync(clone.path('slept'), 'utf8')).toContain('slow');
    const mark = (await marks()).find(({ text }) => text.includes('goldpinger-chaos'));
    expect((mark?.toMs ?? 0) - (mark?.fromMs ?? 0)).toBeGreaterThan(0);
  });
});

describe('docs/reports.md', () => {
  it('curl gets the report of a range as HTML and as JSON', async () => {
    const at = (agoMs: number) => new Date(Date.now() - agoMs).toISOString();
    const block = snippet('docs/reports.md', 'curl ')
      .replaceAll('2026-11-22T15:10:00Z', at(5000))
      .replaceAll('2026-11-22T15:12:00Z', at(1000));
    const printed = await clone.run(block);
    expect(readFileSync(clone.path('report.html'), 'utf8')).toMatch(/^<!doctype html>/i);
    expect(parseReport(JSON.parse(printed)).affected.of).toBeGreaterThan(0);
  });

  it('a script keeps the report of an experiment', async () => {
    // Two seconds long at least: a report has a range of one second or more.
    const experiment = 'while [ "$(date +%s)" -lt "$((START / 1000 + 2))" ]; do npm run -s local -- get pods; done';
    const block = snippet('docs/reports.md', 'START=').replace('# ... the experiment ...', experiment);
    await clone.run(`${block}\nmv "report-$START.html" kept.html`);
    expect(readFileSync(clone.path('kept.html'), 'utf8')).toContain('goldpinger-chaos');
  });
});

it('docs/experiments.md: further toxics, and the clean-up', async () => {
  await clone.run(snippet('docs/experiments.md', 'npm run local -- toxic update'));
  expect(await clone.run('npm run -s local -- get pods')).not.toMatch(/goldpinger-chaos .*Running/);
});
