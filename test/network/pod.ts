import type { KubeApi } from '../support/kube-api.ts';
import { ServerProcess } from '../support/server-process.ts';
import { PodNamespace, type Rules } from './namespaces.ts';

/** Time between two pings of a link. */
export const INTERVAL_MS = 1_000;
/** After so many intervals a link opens a new connection. */
export const FRESH_INTERVALS = 3;
/** The port of all pods. */
export const PORT = 8080;
/** The port of their datagrams (UDP_PORT). */
export const UDP_PORT = 6969;
/** How long a pod still answers after SIGTERM. */
const GRACE = '2s';

/** A node of the cluster, and the address by which `/cluster_health` names it. */
export interface Node {
  name: string;
  zone: string;
  hostIP: string;
}

/** The Kubernetes API that all pods use, and the file that tells them where it is. */
export interface Discovery {
  kube: KubeApi;
  kubeconfig: string;
}

/** A pod: an object of the Kubernetes API, a network namespace, and a server process in it. */
export class NetworkPod {
  readonly name: string;
  readonly uid: string;
  readonly node: Node;
  readonly #network: PodNamespace;
  readonly #discovery: Discovery;
  readonly #createdMs: number;
  #server: ServerProcess | null = null;

  private constructor(name: string, node: Node, network: PodNamespace, discovery: Discovery, createdMs: number) {
    this.name = name;
    this.uid = `${name}-${network.address}`;
    this.node = node;
    this.#network = network;
    this.#discovery = discovery;
    this.#createdMs = createdMs;
  }

  /** Starts a pod, and calls it ready when its server listens. `i` (1..250) is the last part of its address. */
  static async start(i: number, name: string, node: Node, discovery: Discovery): Promise<NetworkPod> {
    const pod = new NetworkPod(name, node, await PodNamespace.start(i), discovery, Date.now());
    pod.#put({ ready: false });
    await pod.run();
    pod.#put({ ready: true });
    return pod;
  }

  get address(): string {
    return this.#network.address;
  }

  get url(): string {
    return `http://${this.address}:${PORT}`;
  }

  get pid(): number {
    return this.#running().child.pid ?? 0;
  }

  /** Starts the server, and waits until it listens. */
  async run(): Promise<void> {
    const env = {
      PORT: String(PORT),
      POD_NAME: this.name,
      POD_IP: this.address,
      HOSTNAME: this.node.name,
      KUBECONFIG: this.#discovery.kubeconfig,
      REFRESH_INTERVAL: String(INTERVAL_MS / 1000),
      FRESH_CONNECTION_INTERVAL: `${FRESH_INTERVALS * INTERVAL_MS}ms`,
      SHUTDOWN_GRACE: GRACE,
      UDP_ENABLED: 'true',
    };
    this.#server = new ServerProcess(this.address, env, { within: this.#network.enter });
    await this.#server.listening();
  }

  /** Replaces the packet filter of the pod. */
  filter(rules: Rules): Promise<void> {
    return this.#network.filter(rules);
  }

  /** Sends a signal to the server. */
  signal(signal: NodeJS.Signals): void {
    this.#running().child.kill(signal);
  }

  /** Ends the server at once. The Kubernetes API does not notice. */
  kill(): Promise<void> {
    return this.#running().kill();
  }

  /** Deletes the pod as `kubectl delete pod` does: it terminates, and its object goes when its process has ended. */
  async delete(): Promise<void> {
    this.#put({ ready: true, deletedMs: Date.now() });
    this.signal('SIGTERM');
    await this.#running().ended;
    this.#discovery.kube.deletePod(this.name);
  }

  /** Ends everything at once. */
  async stop(): Promise<void> {
    await this.#server?.kill();
    await this.#network.stop();
  }

  #put(state: { ready: boolean; deletedMs?: number }): void {
    const { name, node, address } = this;
    const times = { createdMs: this.#createdMs, readySinceMs: Date.now() };
    this.#discovery.kube.putPod({
      name,
      uid: this.uid,
      ip: address,
      node: node.name,
      hostIP: node.hostIP,
      ...times,
      ...state,
    });
  }

  #running(): ServerProcess {
    if (this.#server === null) throw new Error(`pod ${this.name} has not been started`);
    return this.#server;
  }
}
