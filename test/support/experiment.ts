import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { runCommand } from '../../deploy/local/client/commands.ts';
import { type LocalCluster, type LocalPod, startCluster } from '../../deploy/local/cluster.ts';
import { keepWriteToken } from '../../deploy/local/state-folder.ts';
import { outcomeOf, phaseOf, unpack16 } from '../../server/protocol/links.ts';
import { type Mesh, parseMesh } from '../../server/protocol/mesh.ts';

/** The fourth pod of docs/experiments.md, and the manifest that makes it. */
export const CHAOS = 'goldpinger-chaos';
export const MANIFEST = 'deploy/kubernetes/goldpinger-chaos.yml';

/** One link of a mesh; -1 = no duration. */
export interface SeenLink {
  outcome: string;
  phase: string | null;
  connectMs: number;
  firstByteMs: number;
  totalMs: number;
}

/** A local cluster on which the experiments of docs/experiments.md are run by its commands. */
export class Experiment {
  readonly cluster: LocalCluster;
  readonly #dir: string;

  private constructor(cluster: LocalCluster, dir: string) {
    this.cluster = cluster;
    this.#dir = dir;
  }

  /** Starts three healthy pods. */
  static async start(): Promise<Experiment> {
    const dir = mkdtempSync(join(tmpdir(), 'goldpinger-experiment-'));
    const writeToken = 'token-of-an-experiment';
    keepWriteToken(dir, writeToken);
    const serverEnv = { SHUTDOWN_GRACE: '0.2s' };
    const cluster = await startCluster({ pods: 3, intervalS: 1, dir, serverEnv, writeToken });
    favourPods(cluster);
    await cluster.ready();
    return new Experiment(cluster, dir);
  }

  /** What `npm run local -- WORDS` prints; rejects where it would fail. */
  async command(...words: string[]): Promise<string> {
    let printed = '';
    const print = (text: string) => {
      printed += text;
    };
    await runCommand([...words, '--dir', this.#dir], { print, onStop: () => {} });
    return printed;
  }

  /** A pod that is not in the experiment. */
  get witness(): LocalPod {
    const pod = this.cluster.pods().find(({ name, ready }) => ready && !name.includes('chaos'));
    if (!pod) throw new Error('no pod is ready');
    return pod;
  }

  /** All that are ready, the one in the experiment among them. */
  ready(): LocalPod[] {
    return this.cluster.pods().filter(({ ready, terminating }) => ready && !terminating);
  }

  /** Where a pod's own server listens; the fourth pod of docs/experiments.md is asked behind its proxy. */
  urlOf({ name, ip }: LocalPod): string {
    return `http://${ip}:${name === CHAOS ? 9090 : 8080}`;
  }

  /** Writes a file for a command; gives its path. */
  file(name: string, text: string): string {
    const path = join(this.#dir, name);
    writeFileSync(path, text);
    return path;
  }

  /** The pod of that name. */
  pod(name: string): LocalPod {
    const pod = this.cluster.pods().find((one) => one.name === name);
    if (!pod) throw new Error(`there is no pod ${name}`);
    return pod;
  }

  /** The mesh that a server answers with; by default the witness. */
  async mesh(url = `http://${this.witness.ip}:8080`): Promise<Mesh> {
    return parseMesh(await (await fetch(`${url}/api/v1/mesh`)).json());
  }

  /** The witness' newest ping to a pod, by phase. */
  async phasesInto(name: string): Promise<SeenLink> {
    const link = linksOf(await this.mesh()).get(`${this.witness.name}>${name}`);
    if (!link) throw new Error(`${this.witness.name} has not pinged ${name}`);
    return link;
  }

  /** Status of the witness' `/cluster_health`. */
  async health(): Promise<number> {
    return (await fetch(`http://${this.witness.ip}:8080/cluster_health`)).status;
  }

  async stop(): Promise<void> {
    await this.cluster.stop();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

/** Gives pods a higher priority than tests and browsers, where this is allowed, so that those do not starve them. */
export function favourPods(cluster: LocalCluster): void {
  const favour = () => {
    for (const { pid } of cluster.pods()) {
      try {
        if (pid > 0) setPriority(pid, -15);
      } catch {
        // Only root may.
      }
    }
  };
  favour();
  cluster.onEvent(favour);
}

/** The file that PowerfulSeal hands to kubectl in a round of experiment 3, with another image if one is named. */
export function roundPayload(image?: string): { file: string; remove(): void } {
  const policy = parse(readFileSync('deploy/experiments/experiment3.yml', 'utf8')) as {
    scenarios: { steps: { kubectl?: { payload: string } }[] }[];
  };
  const text = policy.scenarios[0]?.steps.find(({ kubectl }) => kubectl)?.kubectl?.payload ?? '';
  const dir = mkdtempSync(join(tmpdir(), 'goldpinger-round-'));
  const file = join(dir, 'payload.yml');
  writeFileSync(file, image === undefined ? text : text.replace(/image: .*/, `image: ${image}`));
  return { file, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** Every link of a mesh by `from>to`, without pods that are gone. */
export function linksOf(mesh: Mesh): Map<string, SeenLink> {
  const links = new Map<string, SeenLink>();
  for (const { pod, links: columns } of mesh.reports) {
    for (let i = 0; i < columns.length; i++) {
      const [from, to] = [mesh.pods[pod], mesh.pods[columns.to[i] ?? -1]];
      if (!from || !to || from.lifecycle === 'gone' || to.lifecycle === 'gone') continue;
      links.set(`${from.name}>${to.name}`, {
        outcome: outcomeOf(columns, i),
        phase: phaseOf(columns, i),
        connectMs: inMs(columns.connectUs[i]),
        firstByteMs: inMs(columns.firstByteUs[i]),
        totalMs: inMs(columns.totalUs[i]),
      });
    }
  }
  return links;
}

/** The links of a mesh into the target pods, and into all others. */
export function linksInto(mesh: Mesh, isTarget: (pod: string) => boolean): { into: SeenLink[]; others: SeenLink[] } {
  const all = [...linksOf(mesh)].map(([pair, link]) => ({ to: pair.split('>')[1] ?? '', link }));
  return {
    into: all.filter(({ to }) => isTarget(to)).map(({ link }) => link),
    others: all.filter(({ to }) => !isTarget(to)).map(({ link }) => link),
  };
}

function inMs(packed: number | undefined): number {
  const us = packed === undefined ? -1 : unpack16(packed);
  return us < 0 ? -1 : us / 1000;
}
