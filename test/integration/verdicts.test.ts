import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { parseVerdict, type VerdictAnswer } from '../../server/protocol/verdict.ts';
import { eventually } from '../support/eventually.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { Clone, snippet } from '../support/snippets.ts';
import { meshOf, StubMesh } from '../support/stub-mesh.ts';

// What pods of an experiment answer: experiment-2.test.ts.
let mesh: StubMesh;
let server: ServerProcess;
beforeAll(async () => {
  mesh = await StubMesh.start();
  mesh.addPod(1);
  server = await mesh.serve(1);
  await eventually(async () => expect((await meshOf(server)).discovery.phase).toBe('synced'));
});
afterAll(() => mesh?.stop());

describe('a question', () => {
  const get = (query: string) => fetch(`${server.url}/api/v1/verdict${query}`);

  it('that is not valid is 400, with its place', async () => {
    const answer = await get('?expect=healthy&expect=latency>200');
    const message = 'expect 2 in query, character 9: expected a duration such as 300ms, 1.5s or 1m30s, not "200"';
    expect([answer.status, await answer.json()]).toEqual([400, { code: 400, message }]);
    expect((await get('?status=200')).status).toBe(400);
  });

  it('of those who read JSON only, or a body only', async () => {
    const json = await get('?expect=healthy,to=nobody&status=always200');
    expect([json.status, ((await json.json()) as VerdictAnswer).verdict]).toEqual([200, 'unknown']);
    const bool = await get('?expect=healthy,to=nobody&format=bool');
    expect([bool.status, bool.headers.get('content-type'), await bool.text()]).toEqual([425, 'text/plain', 'false']);
  });

  it('of the past', async () => {
    // A process that is held up for a second says that this took too long.
    await eventually(async () => {
      const answer = parseVerdict(await (await get(`?start=${Date.now() - 3_000}&expect=healthy,from=nobody`)).json());
      expect(answer).toMatchObject({ verdict: 'unknown' });
      expect(answer.reason).toContain('no pod that is or was ready matches from=');
    });
  });

  it.each([
    ['PowerfulSeal', snippet('docs/verdicts.md', 'scenarios:')],
    ['Chaos Toolkit', snippet('docs/verdicts.md', '{')],
    ['Litmus', snippet('docs/verdicts.md', 'probe:')],
    ['Chaos Mesh', snippet('docs/verdicts.md', 'apiVersion: chaos-mesh.org')],
    ['Argo Rollouts', snippet('docs/verdicts.md', 'apiVersion: argoproj.io')],
  ])('as the documentation writes it for %s', async (_tool, text) => {
    const urls = [...JSON.stringify(parse(text)).matchAll(/\/api\/v1\/verdict[^\s"']*/g)].map(([path]) => path);
    expect(urls.length).toBeGreaterThan(0);
    for (const path of urls) {
      const answer = await fetch(`${server.url}${path}`);
      expect(parseVerdict(await answer.json()).expect.length).toBeGreaterThan(0);
    }
  });

  it('as the documentation writes it for k6, run by Node with stand-ins for its modules', async () => {
    const clone = new Clone();
    onTestFinished(() => clone.remove());
    const { host } = new URL(server.url);
    writeFileSync(
      clone.path('k6.mjs'),
      `import { spawnSync } from 'node:child_process';
export const sleep = (seconds) => console.log('sleep', seconds);
export const check = (answer, checks) => {
  for (const [name, holds] of Object.entries(checks)) console.log(name, holds(answer));
};
export const get = (url, { timeout }) => {
  const curl = ['-s', '-o', 'body', '-w', '%{http_code}', '-m', String(parseFloat(timeout))];
  const { stdout } = spawnSync('curl', [...curl, url.replace('goldpinger.default:8080', '${host}')], { encoding: 'utf8' });
  return { status: Number(stdout) };
};
export default { get };
`,
    );
    const script = snippet('docs/verdicts.md', 'import http').replace(/'k6(\/http)?'/g, "'./k6.mjs'");
    writeFileSync(clone.path('script.mjs'), script);
    // A pod alone has no link to another one: the verdict may be unknown or pass, but it is an answer.
    const said = await clone.run(`node -e "import('./script.mjs').then((script) => script.default())"; cat body`);
    const [, isHealthy, body = ''] = /^the mesh is healthy (true|false)\nsleep 1\n(.*)$/s.exec(said) ?? [];
    expect(String(parseVerdict(JSON.parse(body)).ok)).toBe(isHealthy);
  });
});
