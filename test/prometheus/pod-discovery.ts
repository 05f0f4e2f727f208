import { createServer } from 'node:http';
import type { PodObject } from '../../deploy/local/api/objects.ts';
import { callJson } from '../../deploy/local/client/api-calls.ts';
import type { LocalCluster } from '../../deploy/local/cluster.ts';
import { close, listen } from '../../deploy/local/sockets.ts';

/** The parts of `kubernetes_sd_configs` that scrape.yml uses. */
interface PodDiscoveryConfig {
  namespaces: { names: string[] };
  selectors: { label: string }[];
}

/** Where Prometheus finds the pods by `http_sd_configs`. */
export interface PodDiscovery {
  url: string;
  stop(): Promise<void>;
}

/**
 * Stands in for Prometheus' `kubernetes_sd_configs` of role `pod`, which Debian builds without: asks the same API and hands
 * the same labels on by `http_sd_configs`, so that our relabelling works on what it would get. See "pod" in
 * https://prometheus.io/docs/prometheus/latest/configuration/configuration/#kubernetes_sd_config
 */
export async function startPodDiscovery(cluster: LocalCluster, config: PodDiscoveryConfig): Promise<PodDiscovery> {
  const server = createServer((_request, response) => {
    targetsOf(cluster, config).then(
      (targets) => response.setHeader('Content-Type', 'application/json').end(JSON.stringify(targets)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  const port = await listen(server, '127.0.0.1', 0);
  return {
    url: `http://127.0.0.1:${port}/`,
    stop() {
      server.closeAllConnections();
      return close(server);
    },
  };
}

async function targetsOf({ access }: LocalCluster, { namespaces, selectors }: PodDiscoveryConfig) {
  const label = encodeURIComponent(selectors[0]?.label ?? '');
  const path = `/api/v1/namespaces/${namespaces.names[0]}/pods?labelSelector=${label}`;
  const { items } = (await callJson(access, { method: 'GET', path })) as { items: PodObject[] };
  return items.flatMap(({ metadata, spec, status: { podIP, phase } }) =>
    spec.containers.flatMap((container) =>
      (podIP === undefined ? [] : (container.ports ?? [])).map((port) => ({
        targets: [`${podIP}:${port.containerPort}`],
        labels: {
          __meta_kubernetes_namespace: metadata.namespace,
          __meta_kubernetes_pod_name: metadata.name,
          __meta_kubernetes_pod_node_name: spec.nodeName ?? '',
          __meta_kubernetes_pod_phase: phase,
          __meta_kubernetes_pod_ip: podIP,
          __meta_kubernetes_pod_container_name: container.name,
          __meta_kubernetes_pod_container_port_name: port.name ?? '',
          __meta_kubernetes_pod_container_port_number: String(port.containerPort),
        },
      })),
    ),
  );
}
