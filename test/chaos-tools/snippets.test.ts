import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KUBECTL } from '../deploy/tools.ts';
import { eventually } from '../support/eventually.ts';
import { CHAOS, Experiment, MANIFEST } from '../support/experiment.ts';
import { saidBy } from '../support/server-process.ts';
import { Clone, proxyTo, snippet } from '../support/snippets.ts';
import { chaosToolkit, NO_CLOUD, powerfulSeal } from './programs.ts';

/*
 * The experiments and policies of the documentation are run as they are printed, by the tools that they are for, on a local
 * cluster. The tests run in their order: the last ones kill pods.
 */

/** Installs PowerfulSeal 3.1 and runs experiment 1b. */
const INSTALLATION = snippet('docs/experiments.md', 'python3 -m venv');

let experiment: Experiment;
let chaos: string;
let seal: string;
beforeAll(async () => {
  [chaos, seal] = await Promise.all([chaosToolkit(), powerfulSeal()]);
  experiment = await Experiment.start();
}, 400_000);
afterAll(() => experiment?.stop());

/** The options of PowerfulSeal that docs/experiments.md prints for the local cluster. */
function sealOptions(policyFile: string): string[] {
  const command = INSTALLATION.replace(/\\\n/g, ' ').match(/powerfulseal (autonomous .*)/)?.[1] ?? '';
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
  const said = saidBy(child);
  const endIt = () =>
    /(Scenario finished|Finishing scenario early)[\s\S]*Sleeping for/.test(said()) && child.kill('SIGKILL');
  for (const stream of [child.stdout, child.stderr]) stream.on('data', endIt);
  await once(child, 'close');
  return said();
}

it('Chaos Toolkit: the experiment of docs/verdicts.md is valid, and its hypotheses are met', async () => {
  const file = experiment.file('experiment.json', snippet('docs/verdicts.md', '{'));
  const proxy = await proxyTo(() => `http://${experiment.witness.ip}:8080`);
  const env = { ...process.env, http_proxy: proxy.url, no_proxy: '' };
  const options = { env, cwd: dirname(file), timeout: 60_000 };
  const command = (word: string) =>
    new Promise<string>((resolve, reject) => {
      execFile(chaos, ['--no-version-check', word, file], options, (error, out, err) => {
        if (error) reject(new Error(`${out}${err}`));
        else resolve(`${out}${err}`);
      });
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
  const policyOf = (text: string) => {
    // Port 8080 may be in use on this machine.
    const { port } = new URL(experiment.cluster.serviceUrl);
    const policy = text
      .replace('port: 8080', `port: ${port}`)
      .replace('REPLACE-WITH-THE-TOKEN', 'token-of-an-experiment');
    return experiment.file('policy.yml', policy);
  };

  it('the policy of docs/verdicts.md finds 250 ms into goldpinger-chaos', async () => {
    await experiment.command('apply', '-f', MANIFEST);
    try {
      await eventually(() => expect(experiment.pod(CHAOS).ready || experiment.pod(CHAOS).ip).toBeTruthy());
      for (const [, line = ''] of readFileSync(MANIFEST, 'utf8').matchAll(/toxiproxy-cli -h \$TOXIPROXY_URL (.*)/g)) {
        await eventually(() => experiment.command('toxic', ...line.split(' ')));
      }
      const policy = policyOf(snippet('docs/verdicts.md', 'scenarios:'));
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
    // The fourth pod of the test before may still be leaving, and be the one that is killed.
    await eventually(() => expect(experiment.cluster.pods()).toHaveLength(3));
    const before = experiment.ready().map(({ name }) => name);
    expect(await playPolicy(policyOf(snippet('docs/annotations.md', 'scenarios:')))).toContain('Scenario finished');
    await eventually(() => {
      const gone = before.filter((name) => !experiment.ready().some((pod) => pod.name === name));
      expect(gone).toHaveLength(1);
    });
    const answer = await fetch(`http://${experiment.witness.ip}:8080/api/v1/annotations`);
    expect(await answer.text()).toContain('PowerfulSeal kills one pod');
  }, 100_000);

  it('installed and run as docs/experiments.md says, kills pods in experiment 1b', async () => {
    await eventually(() => expect(experiment.ready()).toHaveLength(3));
    const before = experiment.ready().map(({ name }) => name);
    const clone = new Clone();
    try {
      // Packages that are installed already are not installed again.
      symlinkSync(join(dirname(seal), '..'), clone.path('.venv'));
      mkdirSync(clone.path('.local'));
      symlinkSync(experiment.cluster.kubeconfigPath, clone.path('.local/kubeconfig'));
      const played = await clone.start(INSTALLATION, /(Scenario finished|Finishing scenario early)/);
      await played.stop();
      expect(played.match[0]).toBe('Scenario finished');
    } finally {
      clone.remove();
    }
    await eventually(() => expect(experiment.ready().some(({ name }) => !before.includes(name))).toBe(true));
  }, 100_000);

  const hasKubectl = spawnSync(KUBECTL.name, KUBECTL.version).status === 0;
  it.skipIf(!hasKubectl)(
    'experiment 3 is met: a new pod serves within 30 seconds (needs kubectl, which it calls)',
    async () => {
      const [, file = ''] =
        /--policy-file (\S+)$/m.exec(
          snippet('docs/experiments.md', 'powerfulseal autonomous --policy-file deploy/experiments/experiment3.yml'),
        ) ?? [];
      const text = await playPolicy(file);
      expect(text).toContain('Scenario finished');
      expect(text).not.toContain('Step returned failure');
    },
    100_000,
  );
});
