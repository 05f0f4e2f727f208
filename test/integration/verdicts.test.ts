import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseVerdict, type VerdictAnswer } from '../../server/protocol/verdict.ts';
import { eventually } from '../support/eventually.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { meshOf, StubMesh } from '../support/stub-mesh.ts';

// What pods of an experiment answer, asked once a second: experiment-2.test.ts.
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

  it.each(snippets())('as the documentation puts it, in %s', async (_language, text, paths) => {
    expect(typeof (text.startsWith('import') ? text : parse(text))).not.toBe('undefined');
    expect(paths.length).toBeGreaterThan(0);
    for (const path of paths) {
      const answer = await fetch(`${server.url}${path}`);
      expect(parseVerdict(await answer.json()).expect.length).toBeGreaterThan(0);
    }
  });
});

/** The snippets of the documentation: language, text, and what they ask. */
function snippets(): [string, string, string[]][] {
  const text = readFileSync('docs/verdicts.md', 'utf8');
  const blocks = [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].filter(([, language]) => language !== '');
  return blocks.map(([, language = '', body = '']) => [
    language,
    body,
    [...body.matchAll(/\/api\/v1\/verdict[^\s"']*/g)].map(([path]) => path),
  ]);
}
