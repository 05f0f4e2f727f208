import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KUBECTL } from '../deploy/tools.ts';
import { eventually } from '../support/eventually.ts';
import { CHAOS, Experiment, MANIFEST } from '../support/experiment.ts';
import { chaosToolkit, NO_CLOUD, powerfulSeal } from './programs.ts';

/*
 * The experiments and policies of the documentation are run as they are printed, by the tools that they are for, on a local
 * cluster. The tests run in their order: the last ones kill pods.
 */

let experiment: Experiment;
let chaos: string;
let seal: string;
beforeAll(async () => {
  [chaos, seal] = await Promise.all([chaosToolkit(), powerfulSeal()]);
  experiment = await Experiment.start();
}, 400_000);
afterAll(() => experiment?.stop());

/** The blocks of a page in a language that contain a text. */
function blocksOf(page: string, language: string, text: string): string[] {
  const blocks = readFileSync(`docs/${page}`, 'utf8').matchAll(/^```(\w*)\n(.*?)^```$/gms);
  return [...blocks]
    .filter(([, of, body = '']) => of === language && body.includes(text))
    .map(([, , body = '']) => body);
}

/** The options of PowerfulSeal that docs/experiments.md prints for the local cluster. */
function sealOptions(policyFile: string): string[] {
  const [block = ''] = blocksOf('experiments.md', '', 'powerfulseal autonomous --kubeconfig');
  const command = block.replace(/\\\n/g, ' ').match(/powerfulseal (autonomous .*)/)?.[1] ?? '';
  const { kubeconfigPath } = experiment.cluster;
  return command
    .trim()
    .split(/\s+/)
    .map((word) => word.replace('.local/kubeconfig', kubeconfigPath).replace(/^deploy\/experiments\/.*/, policyFile));
}

/** No policy of the documentation takes longer. */
const POLICY_MS = 75_000;

/**
 * Runs a policy once: until its scenario has ended, then PowerfulSeal would sleep. Gives what it says; it is ended after
 * `POLICY_MS`, whatever it does.
 */
async function playPolicy(policyFile: string): Promise<string> {
  const env = { ...process.env, ...NO_CLOUD, KUBECONFIG: experiment.cluster.kubeconfigPath };
  const child = spawn(seal, sealOptions(policyFile), { env, timeout: POLICY_MS, killSignal: 'SIGKILL' });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (/(Scenario finished|Finishing scenario early)[\s\S]*Sleeping for/.test(text)) child.kill('SIGKILL');
    });
  }
  await once(child, 'close');
  return text;
}

/** Sends what is meant for a host of a real cluster to the local one. */
async function startForwardProxy(): Promise<{ url: string; stop(): void }> {
  const server = createServer((incoming, response) => {
    const { pathname, search } = new URL(incoming.url ?? '', 'http://goldpinger.default:8080');
    const { method = 'GET', headers } = incoming;
    const { ip } = experiment.witness;
    const outgoing = request({
      host: ip,
      port: 8080,
      path: pathname + search,
      method,
      headers: { ...headers, host: ip },
    });
    outgoing.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    outgoing.on('error', () => response.destroy());
    incoming.pipe(outgoing);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop: () => server.close() };
}

it('Chaos Toolkit: the experiment of docs/verdicts.md is valid, and its hypotheses are met', async () => {
  const [text = ''] = blocksOf('verdicts.md', 'json', 'steady-state-hypothesis');
  const file = experiment.file('experiment.json', text);
  const proxy = await startForwardProxy();
  const env = { ...process.env, http_proxy: proxy.url, no_proxy: '' };
  const command = (word: string) =>
    new Promise<string>((resolve, reject) => {
      execFile(
        chaos,
        ['--no-version-check', word, file],
        { env, cwd: dirname(file), timeout: 60_000 },
        (error, out, err) => (error ? reject(new Error(`${out}${err}`)) : resolve(`${out}${err}`)),
      );
    });
  try {
    await command('validate');
    // The verdict needs 30 s of samples first.
    const said = await eventually(() => command('run'), 90_000, 2000);
    expect(said).toMatch(/completed/);
  } finally {
    proxy.stop();
  }
}, 200_000);

describe('PowerfulSeal 3.1', () => {
  const policyOf = (page: string) => {
    const [text = ''] = blocksOf(page, 'yaml', 'probeHTTP');
    // Port 8080 may be in use on this machine.
    const { port } = new URL(experiment.cluster.serviceUrl);
    const policy = text
      .replace('port: 8080', `port: ${port}`)
      .replace('REPLACE-WITH-THE-TOKEN', 'token-of-an-experiment');
    return experiment.file(`${page}.yml`, policy);
  };

  it('the policy of docs/verdicts.md finds 250 ms into goldpinger-chaos', async () => {
    await experiment.command('apply', '-f', MANIFEST);
    try {
      await eventually(() => expect(experiment.pod(CHAOS).ready || experiment.pod(CHAOS).ip).toBeTruthy());
      for (const [, line = ''] of readFileSync(MANIFEST, 'utf8').matchAll(/toxiproxy-cli -h \$TOXIPROXY_URL (.*)/g)) {
        await eventually(() => experiment.command('toxic', ...line.split(' ')));
      }
      const policy = policyOf('verdicts.md');
      const [path = ''] = readFileSync(policy, 'utf8').match(/\/api\/v1\/verdict[^\s"']*/) ?? [];
      await eventually(async () => {
        const text = await playPolicy(policy);
        // PowerfulSeal does not say what the answer was.
        const answer = await (await fetch(new URL(path, experiment.cluster.serviceUrl))).text();
        expect(text, answer).toContain('Scenario finished');
      }, 100_000);
    } finally {
      await experiment.command('delete', '-f', MANIFEST);
    }
  }, 250_000);

  it('the policy of docs/annotations.md leaves its mark and kills a pod', async () => {
    const before = experiment.ready().map(({ name }) => name);
    expect(await playPolicy(policyOf('annotations.md'))).toContain('Scenario finished');
    await eventually(() => {
      const gone = before.filter((name) => !experiment.ready().some((pod) => pod.name === name));
      expect(gone).toHaveLength(1);
    });
    const answer = await fetch(`http://${experiment.witness.ip}:8080/api/v1/annotations`);
    expect(await answer.text()).toContain('PowerfulSeal kills one pod');
  }, 100_000);

  it('experiment 1b kills pods', async () => {
    await eventually(() => expect(experiment.ready()).toHaveLength(3));
    const before = experiment.ready().map(({ name }) => name);
    expect(await playPolicy('deploy/experiments/experiment1b.yml')).toContain('Scenario finished');
    await eventually(() => expect(experiment.ready().some(({ name }) => !before.includes(name))).toBe(true));
  }, 100_000);

  const hasKubectl = spawnSync(KUBECTL.name, KUBECTL.version).status === 0;
  it.skipIf(!hasKubectl)(
    'experiment 3 is met: a new pod serves within 30 seconds (needs kubectl, which it calls)',
    async () => {
      const text = await playPolicy('deploy/experiments/experiment3.yml');
      expect(text).toContain('Scenario finished');
      expect(text).not.toContain('Step returned failure');
    },
    100_000,
  );
});
