import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type LinkSamples, parseLinkSamples } from '../../server/protocol/sample.ts';
import { envOf, lastOf, stagesOf } from '../support/dockerfile.ts';
import { KubeApi } from '../support/kube-api.ts';
import { ServerProcess } from '../support/server-process.ts';
import { CLIENT_ATTACKS, HOSTILE_BODIES, startHostilePeer } from './attacks.ts';

/*
 * `npm run soak:attack`: three real pods, run as the image runs them, ping each other each second while one of them is
 * attacked: by clients, by a fourth pod that answers with hostile bodies, and by all of them at once. It prints the peak of
 * anonymous memory of each pod and the pings that failed, and fails beyond the bounds below.
 */
const HELP = `Usage: npm run soak:attack -- [--seconds 240] [--only WORDS]
  --seconds  how long all attacks take together
  --only     only attacks with these words in their name; without the mix
`;
/** Of the memory limit of 80 MiB; the rest is for what the kernel counts besides. */
const MOST_MIB = 76;
/** Pings in a row into the attacked pod that may fail. */
const MOST_IN_A_ROW = 2;
const INTERVAL_S = 1;
const HOSTS = [1, 2, 3, 4].map((i) => `127.0.78.${i}`);
const PORT = 18_080;
/** What a visitor and other pods ask for meanwhile; it makes the pods ask the hostile one. */
const QUESTIONS = [
  '/check_all',
  '/api/v1/events',
  '/api/v1/mesh?window=60000',
  '/api/v1/history',
  '/api/v1/annotations',
];

const image = stagesOf(readFileSync('deploy/Dockerfile', 'utf8')).at(-1);
if (image === undefined) throw new Error('deploy/Dockerfile has no stage');
const nodeFlags = (JSON.parse(lastOf(image, 'ENTRYPOINT')) as string[]).filter((word) => word.startsWith('--'));

/** The clients are a process of their own, so that their work does not delay the measurement. */
async function attack([name, host]: string[]): Promise<void> {
  const victim = { host: host ?? '', port: PORT };
  const attacks = Object.entries(CLIENT_ATTACKS).filter(([each]) => name === 'mix' || name === each);
  await Promise.all(attacks.map(([, run]) => run(victim)));
}

/** Starts a process that attacks the first pod, with less claim to the CPU than the pods have. */
function startAttacker(name: string) {
  const child = fork(process.argv[1] ?? '', ['--attack', name, HOSTS[0] ?? '']);
  setPriority(child.pid ?? 0, constants.priority.PRIORITY_LOW);
  const ended = once(child, 'exit');
  return {
    stop: async () => {
      if (!child.kill('SIGKILL')) console.log(`the attacker has ended by itself: ${name}`);
      await ended;
    },
  };
}

/** Memory of a process that the kernel can't drop, MiB. */
function anonymousMiB(pid: number | undefined): number {
  return Number(/RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

class Mesh {
  readonly pods: ServerProcess[] = [];
  readonly peaksMiB = [0, 0, 0];
  readonly #sampler = setInterval(() => this.sample(), 50);

  sample(): void {
    for (const [i, pod] of this.pods.entries()) {
      this.peaksMiB[i] = Math.max(this.peaksMiB[i] ?? 0, anonymousMiB(pod.child.pid));
    }
  }

  /** The pings from pod `from` to pod `to` since `sinceMs`, oldest first: whether each was ok. */
  async pings(from: number, to: number, sinceMs: number): Promise<boolean[]> {
    let answer: LinkSamples | undefined;
    for (let i = 0; answer === undefined; i++) {
      const response = await fetch(`http://${HOSTS[from]}:${PORT}/api/v1/samples?to=uid-${to}`, {
        signal: AbortSignal.timeout(2_000),
      }).catch((error) => void console.log(String(error)));
      if (response instanceof Response && response.status === 200) answer = parseLinkSamples(await response.json());
      else if (i > 30)
        throw new Error(
          `pod ${from} does not tell its samples: ${response instanceof Response ? response.status : 'no answer'}`,
        );
      else await pause(500);
    }
    return answer.samples.filter(({ atMs }) => atMs >= sinceMs).map(({ outcome }) => outcome === 'ok');
  }

  kill(): void {
    clearInterval(this.#sampler);
    for (const { child } of this.pods) child.kill('SIGKILL');
  }
}

const longestRun = (oks: boolean[]) =>
  Math.max(...oks.map((_, i) => (oks.indexOf(true, i) < 0 ? oks.length : oks.indexOf(true, i)) - i), 0);

async function main(seconds: number, only: string): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), 'goldpinger-attack-'));
  const kube = await KubeApi.start();
  const kubeconfig = kube.writeKubeconfig(join(dir, 'kubeconfig'));
  // Pods of this machine connect from its first address; so it is their node's, and they count as pods.
  const hostIP = '127.0.0.1';
  for (const [i, ip] of HOSTS.entries()) {
    kube.putPod({ name: `pod-${i}`, uid: `uid-${i}`, ip, hostIP, node: `node-${i}`, ready: true });
  }
  const hostile = await startHostilePeer(HOSTS[3] ?? '', PORT);
  const mesh = new Mesh();
  // Pods would outlive a failure.
  process.once('exit', () => mesh.kill());
  for (const host of HOSTS.slice(0, 3)) {
    const name = `pod-${mesh.pods.length}`;
    const env = { ...envOf(image!), PORT: String(PORT), POD_NAME: name, POD_IP: host, KUBECONFIG: kubeconfig };
    const own = { HOST: host, REFRESH_INTERVAL: String(INTERVAL_S) };
    mesh.pods.push(await new ServerProcess(host, { ...env, ...own }, { nodeFlags }).listening());
  }
  const names = [...Object.keys(CLIENT_ATTACKS), ...Object.keys(HOSTILE_BODIES), ...(only === '' ? ['mix'] : [])];
  const chosen = names.filter((name) => name.includes(only));
  const eachMs = (seconds * 1000) / chosen.length;
  await pause(5_000);
  mesh.sample();
  console.log(`Node ${process.version} ${nodeFlags.join(' ')}; at rest ${mesh.peaksMiB.map(Math.round).join(' ')} MiB`);
  let isGood = true;
  for (const name of chosen) {
    mesh.peaksMiB.fill(0);
    const sinceMs = Date.now();
    hostile.answerWith(
      (HOSTILE_BODIES[name] ?? (name === 'mix' ? HOSTILE_BODIES['a list of 3.9 MB of []'] : () => '{}'))!(),
    );
    const attacker = name in HOSTILE_BODIES ? null : startAttacker(name);
    const asking = setInterval(() => {
      for (const path of QUESTIONS) {
        void fetch(`http://${HOSTS[0]}:${PORT}${path}`, { signal: AbortSignal.timeout(5_000) })
          .then((answer) => answer.arrayBuffer())
          .catch(() => {});
      }
    }, 1_000);
    await pause(eachMs);
    clearInterval(asking);
    await attacker?.stop();
    const others = [...(await mesh.pings(1, 2, sinceMs)), ...(await mesh.pings(2, 1, sinceMs))];
    const into = [await mesh.pings(1, 0, sinceMs), await mesh.pings(2, 0, sinceMs)];
    const failed = others.filter((ok) => !ok).length;
    const inARow = Math.max(...into.map(longestRun));
    const intoAll = into.flat();
    const good = Math.max(...mesh.peaksMiB) <= MOST_MIB && failed === 0 && inARow <= MOST_IN_A_ROW;
    isGood &&= good;
    console.log(
      `${good ? 'ok  ' : 'FAIL'} ${mesh.peaksMiB.map((mib) => mib.toFixed(0)).join(' ')} MiB; ` +
        `failed pings: ${failed} of ${others.length} between others, ` +
        `${intoAll.filter((ok) => !ok).length} of ${intoAll.length} into the victim (${inARow} in a row)  ${name}`,
    );
    if (mesh.pods.some((pod) => pod.child.exitCode !== null || pod.child.signalCode !== null)) {
      throw new Error('a pod has ended');
    }
  }
  mesh.kill();
  hostile.stop();
  await kube.close();
  rmSync(dir, { recursive: true });
  return isGood ? 0 : 1;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '240' },
    only: { type: 'string', default: '' },
    attack: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) process.stdout.write(HELP);
else if (values.attack) void attack(positionals);
else main(Number(values.seconds), values.only).then((code) => process.exit(code));
