import { createServer, type Server } from 'node:http';
import { Agent, get } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { LocalCluster } from '../../deploy/local/cluster.ts';

/** The parts of `kubernetes_sd_configs` that scrape.yml uses. */
export interface PodDiscoveryConfig {
  role: string;
  namespaces: { names: string[] };
  selectors: { role: string; label: string }[];
}

interface PodList {
  items: {
    metadata: { name: string; namespace: string; labels?: Record<string, string> };
    spec: { nodeName?: string; containers: { name: string; ports?: { name?: string; containerPort: number }[] }[] };
    status: { phase?: string; podIP?: string };
  }[];
}

/**
 * Stands in for Prometheus' `kubernetes_sd_configs` of role `pod`, which Debian builds without: asks the same API and hands
 * the same labels on by `http_sd_configs`, so that our relabelling works on what it would get. See "pod" in
 * https://prometheus.io/docs/prometheus/latest/configuration/configuration/#kubernetes_sd_config
 */
export class PodDiscovery {
  readonly #server: Server;
  readonly #agent: Agent;

  private constructor(cluster: LocalCluster, config: PodDiscoveryConfig) {
    this.#agent = new Agent({ ca: cluster.access.caPem, keepAlive: true });
    this.#server = createServer((_request, response) => {
      this.#targets(cluster, config).then(
        (targets) => response.setHeader('Content-Type', 'application/json').end(JSON.stringify(targets)),
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
    });
  }

  static async start(cluster: LocalCluster, config: PodDiscoveryConfig): Promise<PodDiscovery> {
    const discovery = new PodDiscovery(cluster, config);
    await new Promise<void>((done) => discovery.#server.listen(0, '127.0.0.1', done));
    return discovery;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  stop(): Promise<void> {
    this.#agent.destroy();
    this.#server.closeAllConnections();
    return new Promise((done) => this.#server.close(() => done()));
  }

  async #targets(cluster: LocalCluster, { namespaces, selectors }: PodDiscoveryConfig) {
    const label = encodeURIComponent(selectors[0]?.label ?? '');
    const path = `/api/v1/namespaces/${namespaces.names[0]}/pods?labelSelector=${label}`;
    const { items } = await this.#list(cluster, path);
    return items.flatMap(({ metadata, spec, status }) =>
      spec.containers.flatMap((container) =>
        (status.podIP === undefined ? [] : (container.ports ?? [])).map((port) => ({
          targets: [`${status.podIP}:${port.containerPort}`],
          labels: {
            __meta_kubernetes_namespace: metadata.namespace,
            __meta_kubernetes_pod_name: metadata.name,
            __meta_kubernetes_pod_node_name: spec.nodeName ?? '',
            __meta_kubernetes_pod_phase: status.phase ?? '',
            __meta_kubernetes_pod_ip: status.podIP ?? '',
            __meta_kubernetes_pod_container_name: container.name,
            __meta_kubernetes_pod_container_port_name: port.name ?? '',
            __meta_kubernetes_pod_container_port_number: String(port.containerPort),
          },
        })),
      ),
    );
  }

  #list(cluster: LocalCluster, path: string): Promise<PodList> {
    const headers = { Authorization: `Bearer ${cluster.access.token}` };
    return new Promise((resolve, reject) => {
      get(cluster.access.url + path, { agent: this.#agent, headers }, async (answer) => {
        let text = '';
        for await (const chunk of answer) text += chunk;
        if (answer.statusCode === 200) resolve(JSON.parse(text));
        else reject(new Error(`${path}: ${answer.statusCode} ${text.slice(0, 300)}`));
      }).on('error', reject);
    });
  }
}
