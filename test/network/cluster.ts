import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FaultProxy } from '../../deploy/local/toxic/fault-proxy.ts';
import { OUTCOMES } from '../../server/protocol/sample.ts';
import { startProxy } from '../support/fault-proxy.ts';
import { KubeApi } from '../support/kube-api.ts';
import { BRIDGE_ADDRESS, startBridge } from './namespaces.ts';
import { type Discovery, NetworkPod, type Node, PORT } from './pod.ts';

/** Four nodes in two zones. The pods of node alpha are a1, a2 and so on. */
const NODES: [node: Node, pods: string[]][] = [
  [{ name: 'alpha', zone: 'east', hostIP: '10.0.0.1' }, ['a1', 'a2', 'a3']],
  [{ name: 'beta', zone: 'east', hostIP: '10.0.0.2' }, ['b1', 'b2', 'b3']],
  [{ name: 'gamma', zone: 'west', hostIP: '10.0.0.3' }, ['c1', 'c2']],
  [{ name: 'delta', zone: 'west', hostIP: '10.0.0.4' }, ['d1', 'd2']],
];

/** Real servers in network namespaces, and what tests do to the packets between them. */
export class NetworkCluster {
  readonly pods: NetworkPod[] = [];
  readonly #discovery: Discovery;
  readonly #folder: string;
  readonly #proxy: FaultProxy;
  /** How many pods there have been. */
  #count = 0;
  /** Stand-ins for pods, in this process. */
  readonly #standIns: Server[] = [];

  private constructor(folder: string, discovery: Discovery, proxy: FaultProxy) {
    this.#folder = folder;
    this.#discovery = discovery;
    this.#proxy = proxy;
  }

  /** Starts ten pods that know each other. */
  static async start(): Promise<NetworkCluster> {
    await startBridge();
    const folder = mkdtempSync(join(tmpdir(), 'goldpinger-network-'));
    const kube = await KubeApi.start({ host: BRIDGE_ADDRESS });
    const discovery = { kube, kubeconfig: kube.writeKubeconfig(join(folder, 'kubeconfig')) };
    const cluster = new NetworkCluster(folder, discovery, await startProxy());
    for (const [{ name, zone }] of NODES) kube.putNode(name, zone);
    for (const [node, names] of NODES) for (const name of names) await cluster.addPod(name, node);
    return cluster;
  }

  pod(name: string): NetworkPod {
    const pod = this.pods.find((one) => one.name === name);
    if (pod === undefined) throw new Error(`there is no pod ${name}`);
    return pod;
  }

  /** The names of all pods except these. */
  others(...names: string[]): string[] {
    return this.pods.map(({ name }) => name).filter((name) => !names.includes(name));
  }

  /** Starts a pod on a node. */
  async addPod(name: string, node: Node): Promise<NetworkPod> {
    this.#count += 1;
    const pod = await NetworkPod.start(this.#count, name, node, this.#discovery);
    this.pods.push(pod);
    return pod;
  }

  /** Deletes a pod as `kubectl delete pod` does. */
  async deletePod(name: string): Promise<void> {
    const pod = this.pod(name);
    await pod.delete();
    await pod.stop();
    this.pods.splice(this.pods.indexOf(pod), 1);
  }

  /** Deletes a pod and starts another one on its node. */
  async replacePod(name: string, by: string): Promise<void> {
    const { node } = this.pod(name);
    await this.deletePod(name);
    await this.addPod(by, node);
  }

  /** A set of addresses as packet filters write it: `{ 10.77.1.1, 10.77.1.2 }`. */
  addresses(names: readonly string[]): string {
    return `{ ${names.map((name) => this.pod(name).address).join(', ')} }`;
  }

  /** A rule for packets to the port of a pod, in the pod's own namespace, if they come from one of `sources`. */
  incoming(sources: readonly string[], action: string): string {
    return `ip saddr ${this.addresses(sources)} tcp dport ${PORT} ${action}`;
  }

  /** Drops all packets between two groups of pods. */
  async cut(some: readonly string[], others: readonly string[]): Promise<void> {
    const input = [`ip saddr ${this.addresses(others)} drop`];
    const output = [`ip daddr ${this.addresses(others)} drop`];
    await Promise.all(some.map((name) => this.pod(name).filter({ input, output })));
  }

  /** Drops all packets between the Kubernetes API and some pods. */
  async cutApi(names: readonly string[]): Promise<void> {
    const { port } = this.#discovery.kube;
    const input = [`ip saddr ${BRIDGE_ADDRESS} tcp sport ${port} drop`];
    const output = [`ip daddr ${BRIDGE_ADDRESS} tcp dport ${port} drop`];
    await Promise.all(names.map((name) => this.pod(name).filter({ input, output })));
  }

  /** Delays the answers that some pods get from another one. Its stand-in is a fault proxy of this process. */
  async delay(sources: readonly string[], destination: string, latencyMs: number): Promise<void> {
    const create = async (path: string, body: object) => {
      const answer = await fetch(`${this.#proxy.apiUrl}${path}`, { method: 'POST', body: JSON.stringify(body) });
      if (!answer.ok) throw new Error(`the fault proxy answers ${answer.status} to ${path}`);
      return (await answer.json()) as { listen: string };
    };
    const upstream = `${this.pod(destination).address}:${PORT}`;
    const name = `${destination}-${Date.now()}`;
    const { listen } = await create('/proxies', { name, listen: `${BRIDGE_ADDRESS}:0`, upstream });
    await create(`/proxies/${name}/toxics`, { type: 'latency', attributes: { latency: latencyMs } });
    await this.#divert(sources, destination, listen);
  }

  /** Lets a pod tell all others that none of its pings succeeds. Its own measurements stay as they are. */
  async lie(name: string): Promise<void> {
    const liar = createServer(async (request, response) => {
      const path = request.url ?? '/';
      const answer = await fetch(this.pod(name).url + path);
      const text = await answer.text();
      // No connection is kept: without the rule that diverts them its packets would get lost, which is a fault of the test.
      const headers = { 'Content-Type': answer.headers.get('Content-Type') ?? '', Connection: 'close' };
      response.writeHead(answer.status, headers);
      response.end(path.startsWith('/api/v1/pod-report') ? allFailed(text) : text);
    });
    this.#standIns.push(liar);
    await new Promise<void>((resolve) => liar.listen(0, BRIDGE_ADDRESS, resolve));
    const { port } = liar.address() as { port: number };
    await this.#divert(this.others(name), name, `${BRIDGE_ADDRESS}:${port}`);
  }

  /** Lets all packets of all pods pass. */
  async unfilter(): Promise<void> {
    await Promise.all(this.pods.map((pod) => pod.filter({})));
  }

  async stop(): Promise<void> {
    await Promise.all(this.pods.map((pod) => pod.stop()));
    for (const server of this.#standIns) server.close();
    await this.#proxy.stop();
    await this.#discovery.kube.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Sends connections from some pods to another one to a stand-in at `listen` (host:port). */
  async #divert(sources: readonly string[], destination: string, listen: string): Promise<void> {
    const divert = [`ip daddr ${this.pod(destination).address} tcp dport ${PORT} dnat ip to ${listen}`];
    await Promise.all(sources.map((name) => this.pod(name).filter({ divert })));
  }
}

/** A pod report in which every link has timed out. */
function allFailed(text: string): string {
  const report = JSON.parse(text) as { links: Record<string, unknown>; stats: Record<string, unknown> | null };
  report.links['outcome'] = OUTCOMES.indexOf('timeout');
  if (report.stats !== null) report.stats['failures'] = report.stats['samples'];
  return JSON.stringify(report);
}
