import type { Mesh } from '../protocol/mesh.ts';
import type { Pod } from '../protocol/pod.ts';

/** Goldpinger's `/cluster_health` without its times, and ours besides: why. */
interface ClusterHealth {
  OK: boolean;
  /** Host IPs, sorted; null when there are none, as Go's JSON has it. */
  nodesHealthy: string[] | null;
  nodesUnhealthy: string[] | null;
  nodesTotal: number;
  /** Why a node is unhealthy, by host IP. */
  reasons: Record<string, string[]>;
  /** Why the whole is, apart from any node. */
  general: string[];
}

/** The most sentences a node, whatever the number of its pods. */
const MAX_WHY = 10;

/** Health by node: a node is unhealthy if any ready pod on it is. Nodes without a ready pod are not judged. */
export function clusterHealthOf(mesh: Pick<Mesh, 'health' | 'pods'>): ClusterHealth {
  const why = new Map<string, string[]>();
  for (const pod of mesh.pods) if (pod.lifecycle === 'ready') why.set(nodeOf(pod), []);
  for (const reason of mesh.health.reasons) {
    const pod = mesh.pods[reason.pod];
    if (pod === undefined) continue;
    const sentences = reason.why.map((sentence) => `${pod.name} ${sentence}`);
    why.set(nodeOf(pod), [...(why.get(nodeOf(pod)) ?? []), ...sentences].slice(0, MAX_WHY));
  }
  const nodes = [...why.keys()].sort();
  const unhealthy = nodes.filter((node) => why.get(node)?.length !== 0);
  const healthy = nodes.filter((node) => why.get(node)?.length === 0);
  return {
    OK: mesh.health.ok,
    nodesHealthy: healthy.length === 0 ? null : healthy,
    nodesUnhealthy: unhealthy.length === 0 ? null : unhealthy,
    nodesTotal: nodes.length,
    reasons: Object.fromEntries(unhealthy.map((node) => [node, why.get(node) ?? []])),
    general: mesh.health.general,
  };
}

/** Goldpinger names a node by its host's IP; without one, the next best name. */
function nodeOf(pod: Pod): string {
  return pod.hostIPs[0] ?? (pod.node === '' ? pod.name : pod.node);
}
