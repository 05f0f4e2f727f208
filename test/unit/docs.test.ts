import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseClauses } from '../../server/analysis/verdict/parse-clause.ts';
import OPENAPI from '../../server/http/openapi.json';
import { readAnnotationRequest } from '../../server/protocol/annotation.ts';
import { parseMoment } from '../../server/runtime/time.ts';

const NOW_MS = Date.now();
const TOKEN = 'a-token-of-16-characters';

/** The fenced blocks of a page of the documentation, by language. */
function blocksOf(page: string): { language: string; body: string }[] {
  const text = readFileSync(join('docs', page), 'utf8');
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language = '', body = '']) => ({ language, body }));
}

/** Runs a script by sh with stand-ins for the programs it calls; gives what each was called with. */
function callsOf(script: string): string[][] {
  const dir = mkdtempSync(join(tmpdir(), 'goldpinger-docs-'));
  const calls = join(dir, 'calls');
  writeFileSync(calls, '');
  for (const program of ['curl', 'kubectl', 'openssl', 'toxiproxy-cli', 'sleep']) {
    const says = program === 'openssl' ? `echo ${'0f'.repeat(16)}\n` : '';
    writeFileSync(
      join(dir, program),
      `#!/bin/sh\n{ printf '%s\\037' ${program} "$@"; printf '\\036'; } >> "$CALLS"\n${says}`,
    );
    chmodSync(join(dir, program), 0o755);
  }
  const env = { PATH: `${dir}:${process.env['PATH']}`, CALLS: calls, GOLDPINGER: 'http://goldpinger:8080', TOKEN };
  const { status, stderr } = spawnSync('sh', ['-eu', '-c', script], { env, encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
  const all = readFileSync(calls, 'utf8').split('\u001e').slice(0, -1);
  rmSync(dir, { recursive: true });
  return all.map((call) => call.split('\u001f').slice(0, -1));
}

/** What curl would ask for. */
function requestOf([program, ...args]: string[]): { method: string; url: URL; headers: string[]; body: string } {
  expect(program).toBe('curl');
  const [headers, data]: [string[], string[]] = [[], []];
  let [method, address, isQuery] = ['', '', false];
  for (let arg = args.shift(); arg !== undefined; arg = args.shift()) {
    if (arg === '-X') method = args.shift() ?? '';
    else if (arg === '-H') headers.push(args.shift() ?? '');
    else if (arg === '-d' || arg === '--data') data.push(args.shift() ?? '');
    else if (arg === '--data-urlencode') {
      const [, name = '', value = ''] = /^([^=]+)=(.*)$/s.exec(args.shift() ?? '') ?? [];
      data.push(`${name}=${encodeURIComponent(value)}`);
    } else if (arg === '-o') args.shift();
    else if (arg === '--get') isQuery = true;
    else if (!['-fsS', '--fail'].includes(arg)) {
      expect([address, arg.slice(0, 7)]).toEqual(['', 'http://']);
      address = arg;
    }
  }
  const url = new URL(isQuery ? `${address}?${data.join('&')}` : address);
  return { method: method || 'GET', url, headers, body: isQuery ? '' : data.join('&') };
}

/** That a route of ours answers it, and takes what it says. */
function expectTaken({ method, url, headers, body }: ReturnType<typeof requestOf>): void {
  const paths: Record<string, object> = OPENAPI.paths;
  expect(paths).toHaveProperty([url.pathname, method.toLowerCase()]);
  if (method === 'POST') {
    expect(headers.map((header) => header.toLowerCase())).toContain('content-type: application/json');
    expect(headers.some((header) => /^Authorization: Bearer \S+$/.test(header))).toBe(true);
    expect(readAnnotationRequest(JSON.parse(body), NOW_MS).text).not.toBe('');
  }
  const known = (OPENAPI.paths as Record<string, { get?: { parameters: { name: string }[] } }>)[url.pathname];
  for (const name of url.searchParams.keys()) expect(known?.get?.parameters.map((one) => one.name)).toContain(name);
  expect(parseClauses(url.searchParams.getAll('expect'))).toBeInstanceOf(Array);
  const [from, to] = ['from', 'to'].map((name) => url.searchParams.get(name));
  if (typeof from === 'string') expect(parseMoment(from)).toBeGreaterThan(0);
  if (typeof to === 'string') expect(parseMoment(to)).toBeGreaterThan(parseMoment(from ?? ''));
}

/** The blocks that a shell runs: those of no language are commands, too, where curl is in them. */
const scripts = ['annotations.md', 'reports.md', 'verdicts.md'].flatMap((page) =>
  blocksOf(page)
    .filter(({ language, body }) => language === 'sh' || (language === '' && body.includes('curl ')))
    .map(({ body }, i) => [page, i + 1, body] as const),
);

describe('the commands of the documentation', () => {
  it.each(scripts)('%s, %i', (page, _i, body) => {
    const calls = callsOf(body);
    for (const call of calls.filter(([program]) => program === 'curl')) expectTaken(requestOf(call));
    for (const [program, ...args] of calls) {
      if (program !== 'kubectl') continue;
      expect([page, args.slice(0, 4)]).toEqual([page, ['create', 'secret', 'generic', 'goldpinger-write']]);
      expect(args[4]).toMatch(/^--from-literal=token=\w{16,}$/);
      expect(readFileSync('deploy/kubernetes/goldpinger.yml', 'utf8')).toMatch(/name: goldpinger-write\n\s+key: token/);
    }
    expect(calls.length).toBeGreaterThan(0);
  });

  it('mark a latency with one id, its end with no other beginning', () => {
    const [, , toxiproxy = ''] = scripts.find(([, , body]) => body.includes('toxiproxy-cli')) ?? [];
    const marks = callsOf(toxiproxy).filter(([program]) => program === 'curl');
    const [begin, end] = marks.map((call) => readAnnotationRequest(JSON.parse(requestOf(call).body), Date.now()));
    expect(end?.id).toBe(begin?.id);
    expect([begin?.toMs, end?.fromMs]).toEqual([null, null]);
    expect(end?.toMs).toBeGreaterThan(NOW_MS - 60_000);
  });
});

describe('the policies of docs/annotations.md', () => {
  const policies = blocksOf('annotations.md').filter(({ language }) => language === 'yaml');

  it.each(policies.map(({ body }, i) => [i + 1, body] as const))('%i', (_i, body) => {
    const { scenarios } = parse(body) as { scenarios: { steps: Record<string, Probe>[] }[] };
    const probes = scenarios.flatMap(({ steps }) => steps.flatMap(({ probeHTTP }) => probeHTTP ?? []));
    expect(probes.length).toBeGreaterThan(0);
    for (const { endpoint, method, headers, body: sent, code } of probes) {
      const said = headers.map(({ name, value }) => `${name}: ${value}`);
      const url = new URL(endpoint, 'http://goldpinger:8080');
      expectTaken({ method: method.toUpperCase(), url, headers: said, body: sent });
      expect(code).toBe(201);
    }
  });

  it('there are some', () => expect(policies.length).toBeGreaterThan(0));
});

it('the policy of docs/verdicts.md waits for its window, and tries once: some versions of PowerfulSeal crash on retries', () => {
  const [policy] = blocksOf('verdicts.md').filter(({ body }) => body.startsWith('scenarios:'));
  const [{ steps }] = (parse(policy?.body ?? '') as { scenarios: [{ steps: object[] }] }).scenarios;
  expect(steps).toMatchObject([
    { wait: { seconds: 31 } },
    { probeHTTP: { endpoint: expect.stringContaining('window=30s') } },
  ]);
  expect(JSON.stringify(steps)).not.toContain('retries');
});

it.each(
  blocksOf('verdicts.md').flatMap(({ body }) => [...body.matchAll(/\/api\/v1\/[^\s"']+/g)].map(([path]) => [path])),
)('%s of docs/verdicts.md is understood', (path) => {
  expectTaken({ method: 'GET', url: new URL(path, 'http://goldpinger:8080'), headers: [], body: '' });
});

interface Probe {
  endpoint: string;
  method: string;
  headers: { name: string; value: string }[];
  body: string;
  code: number;
}

it.each(readdirSync('docs').filter((name) => name.endsWith('.md')))('%s names only paths that are there', (page) => {
  const text = readFileSync(join('docs', page), 'utf8');
  for (const [path] of text.matchAll(/\/api\/v1\/[a-z-]+(?![\w/{])/g)) expect(OPENAPI.paths).toHaveProperty([path]);
});
