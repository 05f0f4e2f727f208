import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { eventually } from '../support/eventually.ts';
import { freePort, saidBy } from '../support/server-process.ts';
import { PROMETHEUS } from './programs.ts';

type Labels = Record<string, string>;

/** A real Prometheus on loopback, with its data in a temporary folder. */
export class PrometheusServer {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #said: () => string;

  private constructor(port: number, folder: string) {
    this.url = `http://127.0.0.1:${port}`;
    this.#folder = folder;
    const args = [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ];
    this.#child = spawn(PROMETHEUS.name, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#said = saidBy(this.#child);
  }

  /** Starts it with a configuration and files beside it (rules), both as objects; waits until it is ready. */
  static async start(config: object, files: Record<string, object>): Promise<PrometheusServer> {
    const folder = mkdtempSync(join(tmpdir(), 'goldpinger-prometheus-'));
    for (const [name, content] of Object.entries({ ...files, 'prometheus.yml': config })) {
      writeFileSync(join(folder, name), stringify(content));
    }
    const server = new PrometheusServer(await freePort(), folder);
    await server.#ready();
    return server;
  }

  /** The series that an expression gives now. Throws an Error with Prometheus' words if it is none. */
  async query(expression: string): Promise<{ metric: Labels; value: number }[]> {
    const { result } = await this.#get<{ result: { metric: Labels; value: [number, string] }[] }>(
      `query?query=${encodeURIComponent(expression)}`,
    );
    return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  }

  async alerts(): Promise<{ labels: Labels; annotations: Labels; state: 'pending' | 'firing' }[]> {
    return (await this.#get<{ alerts: Awaited<ReturnType<PrometheusServer['alerts']>> }>('alerts')).alerts;
  }

  /** The scrape targets. */
  async targets(): Promise<{ labels: Labels; health: 'up' | 'down' | 'unknown'; lastError: string }[]> {
    type Targets = Awaited<ReturnType<PrometheusServer['targets']>>;
    return (await this.#get<{ activeTargets: Targets }>('targets?state=active')).activeTargets;
  }

  /** What went wrong in the evaluation of rules, one line a rule. */
  async ruleFaults(): Promise<string[]> {
    const { groups } = await this.#get<{ groups: { rules: { name: string; lastError?: string }[] }[] }>('rules');
    return groups.flatMap(({ rules }) =>
      rules.filter(({ lastError }) => lastError).map((rule) => `${rule.name}: ${rule.lastError}`),
    );
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.kill('SIGTERM')) await once(this.#child, 'close');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #get<T>(path: string): Promise<T> {
    const answer = await (await fetch(`${this.url}/api/v1/${path}`)).json();
    if (answer.status !== 'success') throw new Error(`${path}: ${answer.error}`);
    return answer.data as T;
  }

  async #ready(): Promise<void> {
    const ready = eventually(async () => {
      if (!(await fetch(`${this.url}/-/ready`)).ok) throw new Error('not yet');
      return true;
    }, 60_000);
    const ended = once(this.#child, 'exit').then(() => false);
    if (await Promise.race([ready.catch(() => false), ended])) return;
    await this.stop();
    throw new Error(`prometheus did not get ready: ${this.#said().slice(-10_000)}`);
  }
}
