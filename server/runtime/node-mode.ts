/** Which nodes are active: ACTIVE_NODE_PERCENTAGE and ACTIVE_NODES. */
export interface ActiveNodes {
  activeNodePercentage: number;
  activeNodes: readonly string[];
}

/** Why an answer is refused by a pod on a passive node. Goldpinger's text has the same first words; see `saysPassive`. */
export const PASSIVE_MESSAGE =
  'this node is in passive mode (ACTIVE_NODE_PERCENTAGE): its pod answers pings and measures nothing; ask a pod on an active node';

/** Whether the body of an answer 503 says that the pod is passive. Goldpinger and we write the same words. */
export function saysPassive(body: string): boolean {
  return body.includes('this node is in passive mode');
}

/** The bucket of a node name, 0 to 99, as Goldpinger computes it: FNV-1a with 32 bits over the name in UTF-8, modulo 100. */
export function nodeBucket(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0) % 100;
}

/**
 * Whether the pod on this node is active: it lists and pings the others, and reports. A passive one only answers. A node
 * without a name is active, so that a pod with wrong settings is not silent.
 */
export function isActiveNode(name: string, { activeNodePercentage, activeNodes }: ActiveNodes): boolean {
  if (name === '' || activeNodePercentage >= 100 || activeNodes.includes(name)) return true;
  return nodeBucket(name) < activeNodePercentage;
}
