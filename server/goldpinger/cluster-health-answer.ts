import { silentSide } from '../analysis/sides.ts';
import type { Mesh } from '../protocol/mesh.ts';
import { isJudgedReady, type Pod } from '../protocol/pod.ts';
import { podNamer } from '../protocol/pod-names.ts';

/** Goldpinger's `/cluster_health` without its times, with two fields of our own that say why. */
interface ClusterHealth {
  OK: boolean;
  /** Host IPs, sorted; null instead of an empty list, as in Go's JSON. */
  nodesHealthy: string[] | null;
  nodesUnhealthy: string[] | null;
  nodesTotal: number;
  /** Why each unhealthy node is unhealthy, by host IP. Our own field. */
  reasons: Record<string, string[]>;
  /** Why the cluster as a whole is unhealthy, apart from any node. Our own field. */
  general: string[];
  /** Host IPs of cordoned nodes that IGNORE_CORDONED leaves out, sorted; absent if there are none. Our own field. */
  ignored?: string[];
}

const MAX_REASONS = 10;

/**
 * Turns the health of the pods (decided in peers/cluster-health.ts) into health by node, as Goldpinger's `/cluster_health`
 * gives it. A node is unhealthy if any of its pods is. Nodes without a ready or an unhealthy pod are left out. If the network is cut
 * in two halves, so are the nodes of the half that no report comes from (`silentSide`).
 */
export function clusterHealthAnswer(mesh: Pick<Mesh, 'health' | 'pods' | 'reports'>): ClusterHealth {
  const reasons = new Map<string, string[]>();
  const unjudged = silentSide(mesh.pods, mesh.reports);
  const nameOf = podNamer(mesh.pods);
  for (const [i, pod] of mesh.pods.entries()) {
    if (isJudgedReady(pod) && !unjudged.has(i)) reasons.set(nodeOf(pod), []);
  }
  for (const { pod: index, why } of mesh.health.reasons) {
    const pod = mesh.pods[index];
    if (pod === undefined) continue;
    const sentences = why.map((sentence) => `${nameOf(pod)} ${sentence}`);
    reasons.set(nodeOf(pod), [...(reasons.get(nodeOf(pod)) ?? []), ...sentences].slice(0, MAX_REASONS));
  }
  const ignored = [...new Set(mesh.pods.flatMap((pod) => (pod.cordon === 'ignored' ? [nodeOf(pod)] : [])))].sort();
  const nodes = [...reasons.keys()].sort();
  const healthy = nodes.filter((node) => reasons.get(node)?.length === 0);
  const unhealthy = nodes.filter((node) => reasons.get(node)?.length !== 0);
  return {
    OK: mesh.health.ok,
    nodesHealthy: healthy.length === 0 ? null : healthy,
    nodesUnhealthy: unhealthy.length === 0 ? null : unhealthy,
    nodesTotal: nodes.length,
    reasons: Object.fromEntries(unhealthy.map((node) => [node, reasons.get(node) ?? []])),
    general: mesh.health.general,
    ...(ignored.length === 0 ? {} : { ignored }),
  };
}

/** The name of a pod's node in Goldpinger: the host's IP. Without one, the node's or the pod's name. */
function nodeOf(pod: Pod): string {
  return pod.hostIPs[0] ?? (pod.node === '' ? pod.name : pod.node);
}
