import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runToxiproxyCli } from '../../deploy/local/client/toxiproxy-cli.ts';
import type { FaultProxy } from '../../deploy/local/toxic/fault-proxy.ts';
import { startProxy } from '../support/fault-proxy.ts';
import { NEW, OLD, program, type RealServer, type Release, startReal } from './programs.ts';

/** What somebody may say to toxiproxy-cli in a session, right and wrong; ports are any free ones. */
const SESSION = [
  'list',
  'create -l 127.0.0.1:0 -u 127.0.0.1:9 chaos',
  'create chaos -l 127.0.0.1:0 -u 127.0.0.1:9',
  'create -l 127.0.0.1:0 -u 127.0.0.1:9 chaos',
  'create -l nonsense -u 127.0.0.1:9 other',
  'list',
  'ls',
  'inspect chaos',
  'inspect none',
  'toxic add --type latency --a latency=250 --upstream chaos',
  'toxic add --type latency -a latency=250 -a jitter=5 --upstream chaos',
  'toxic add chaos --type latency -a latency=250 --upstream',
  'toxic add -n down -t bandwidth -a rate=100 chaos',
  'toxic add -t slow_close -a delay=100 --tox 0.5 chaos',
  'toxic add -t slow_close -n second -a delay=100 --toxicity 0.5 chaos',
  'toxic add -t timeout -a timeout=100 -d chaos',
  'toxic add -t slicer -a average_size=64 -a size_variation=10 -a delay=10 chaos',
  'toxic add -t limit_data -a bytes=1000 chaos',
  'toxic add -t nonsense -a x=1 chaos',
  'toxic add -t latency -a x=1 chaos',
  'toxic add -t latency -a latency=one chaos',
  'toxic add -t latency -n fraction -a latency=1.5 chaos',
  'toxic add -t latency -a latency=100 none',
  'toxic add -t latency',
  'inspect chaos',
  'toxic update -n latency_upstream -a latency=350 chaos',
  'toxic update -n latency_upstream -a jitter=7 chaos',
  'toxic update --toxicName latency_upstream -a latency=351 chaos',
  'toxic update -n latency_upstream --toxicity 0.3 chaos',
  'toxic update -n none -a latency=350 chaos',
  'toxic u -n down -a rate=5 chaos',
  'inspect chaos',
  'toxic remove -n latency_upstream chaos',
  'toxic remove -n latency_upstream chaos',
  'toxic r -n down chaos',
  'toxic delete -n slow_close_downstream chaos',
  'toggle chaos',
  'list',
  'toggle chaos',
  'toggle none',
  'delete none',
  'delete chaos',
  'list',
];

/** The lines for toxiproxy-cli in a page of the documentation, in their order. Ours need not repeat the word "toxic". */
function documented(page: string): string[][] {
  const lines = readFileSync(page, 'utf8').matchAll(
    /^(?:# +)?(?:toxiproxy-cli(?: -h \$TOXIPROXY_URL)?|npm run local -- toxic) ([a-z].*?)(?: +#.*)?$/gm,
  );
  return [...lines].map(([, words = '']) => words.replace(/^(add|update|remove) /, 'toxic $1 ').split(' '));
}

interface Said {
  output: string;
  code: number;
}

/** Runs a program of theirs on an API; ports differ from run to run. */
function said(file: string, words: string[], apiUrl: string): Promise<Said> {
  return new Promise((resolve) => {
    execFile(file, ['-h', apiUrl, ...words], { timeout: 20_000 }, (error, stdout, stderr) => {
      resolve({ output: masked(`${stdout}${stderr}`), code: typeof error?.code === 'number' ? error.code : 0 });
    });
  });
}
/** Toxiproxy shows the message of Go's JSON decoder after "bad request body". Ours has its own. */
const masked = (text: string) => text.replace(/127\.0\.0\.1:\d+/g, 'ADDRESS').replace(/(bad request body): .*/g, '$1');

describe.each<Release>([OLD, NEW])('toxiproxy-cli $version', (release) => {
  let cli: string;
  let real: RealServer;
  let ours: FaultProxy;
  let mine: FaultProxy;
  /** As in the pod of goldpinger-chaos.yml, where port 8080 is free. */
  let pod: FaultProxy;
  beforeAll(async () => {
    cli = await program(release, 'cli');
    [real, ours, mine, pod] = await Promise.all([
      startReal(release),
      startProxy(),
      startProxy(),
      startProxy('0.0.0.0', '127.77.0.1'),
    ]);
  }, 300_000);
  afterAll(() => Promise.all([real?.stop(), ours?.stop(), mine?.stop(), pod?.stop()]));

  it('prints the same for our fault proxy as for its own server, and `npm run local -- toxic` prints it too', async () => {
    let worked = 0;
    for (const line of SESSION) {
      const words = line.split(' ');
      const expected = await said(cli, words, real.apiUrl);
      expect({ line, ...(await said(cli, words, ours.apiUrl)) }).toEqual({ line, ...expected });
      if (expected.code !== 0) continue;
      worked += 1;
      // Where Toxiproxy ignores what it does not know, ours says so.
      const more = words.includes('x=1') ? 'But latency has no x, only: latency, jitter\n' : '';
      expect({ line, output: masked(await runToxiproxyCli(words, mine.apiUrl)) }).toEqual({
        line,
        output: `${expected.output}${more}`,
      });
    }
    expect(worked).toBeGreaterThan(20);
  });

  it.each([
    ['deploy/kubernetes/goldpinger-chaos.yml', 2],
    ['docs/experiments.md', 6],
    ['docs/annotations.md', 2],
  ])('takes the lines of %s as they are printed', async (page, count) => {
    const lines = documented(page);
    expect(lines).toHaveLength(count);
    await said(cli, ['delete', 'chaos'], pod.apiUrl);
    if (!lines.some(([word]) => word === 'create')) {
      await said(cli, ['create', '-l', '0.0.0.0:8080', '-u', 'localhost:9090', 'chaos'], pod.apiUrl);
    }
    for (const words of lines) {
      const { code, output } = await said(cli, words, pod.apiUrl);
      expect({ words, code, output }).toEqual({ words, code: 0, output });
    }
  });
});
