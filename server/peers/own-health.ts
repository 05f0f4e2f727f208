import type { DiscoveryStatus, Pod } from '../protocol/pod.ts';
import type { Outcome } from '../protocol/sample.ts';

/** How the cluster looks from one pod, without asking the others. */
export interface OwnHealth {
  /** Whether the pod list is current, somebody is there, and no link to a pod that is, or was, ready fails. */
  isHealthy: boolean;
  /**
   * Nodes whose ready pods all answer. A node with a pod that does not is unhealthy, and stays so when that pod is not ready
   * any more. Nodes that have not been probed count in neither.
   */
  healthyNodes: number;
  unhealthyNodes: number;
}

/** A link from this pod: to which pod, and the outcome of its last probe; null = not probed yet. */
interface OwnLink {
  uid: string;
  outcome: Outcome | null;
}

/**
 * Decides health as this pod alone sees it: the gauges `goldpinger_nodes_health_total` and `goldpinger_cluster_health_total`,
 * because a scrape must not ask the whole cluster. `/cluster_health` judges the reports of all pods (cluster-health.ts).
 */
export function ownHealthOf(pods: readonly Pod[], status: DiscoveryStatus, links: Iterable<OwnLink>): OwnHealth {
  const byUid = new Map(pods.map((pod) => [pod.uid, pod]));
  const nodes = new Map<string, boolean>();
  for (const { uid, outcome } of links) {
    const pod = byUid.get(uid);
    if (pod === undefined || outcome === null) continue;
    if (pod.lifecycle !== 'ready' && (pod.lifecycle !== 'not-ready' || outcome === 'ok')) continue;
    const node = pod.hostIPs[0] || pod.node || pod.uid;
    nodes.set(node, (nodes.get(node) ?? true) && outcome === 'ok');
  }
  const healthyNodes = [...nodes.values()].filter(Boolean).length;
  const unhealthyNodes = nodes.size - healthyNodes;
  return {
    isHealthy: status.phase === 'synced' && nodes.size > 0 && unhealthyNodes === 0,
    healthyNodes,
    unhealthyNodes,
  };
}
