import type { MeshSettings } from '../protocol/mesh.ts';
import { intervalWithoutPingsMs, type PeerRef, type Pod } from '../protocol/pod.ts';

/**
 * How long the pod lists of two pods may differ, ms, before that counts as a difference: one and a half refresh intervals
 * (pods that may not watch list once per interval), and at least 2 s, because the Kubernetes API gives times in whole seconds.
 */
export function listToleranceMs({ refreshIntervalMs }: Pick<MeshSettings, 'refreshIntervalMs'>): number {
  return Math.max(2_000, 1.5 * intervalWithoutPingsMs(refreshIntervalMs));
}

/** How a report's table of peers maps to the mesh, and how it differs from what we know. See `PodIndex`. */
interface TableMap {
  /** Index in `Mesh.pods` by index in the table; -1 = not known to us. */
  to: Int32Array;
  /** Whether a settled ready pod is missing in it: see `PodIndex.lacks`. */
  lacks: boolean;
  /** Entries that we do not know, or that are gone and settled; indexes in the table. */
  strangers: ReadonlySet<number>;
}

/**
 * Finds the pods that reports name among the pods of the mesh. Links name them by their position in the report's *table of peers*
 * (`PodReport.peers`). Most pods send the same table, so it is mapped to the mesh once.
 *
 * It also says how a table differs from the pods of the mesh. Two pods learn of a change at different times, so a pod that we know
 * counts as a difference only if it is *settled*: its lifecycle has not changed for `toleranceMs`. To one that we do not know,
 * `mergedReportOf` applies the tolerance, by the age of its link.
 */
export class PodIndex {
  readonly pods: readonly Pod[];
  /** How long two lists of pods may differ, ms. */
  readonly toleranceMs: number;
  /** A pod is settled if its lifecycle has not changed since this moment, ms since the epoch. */
  readonly #settledMs: number;
  // Pods that are gone are found by uid and name only: their node and their IPs may have other pods by now.
  readonly #byUid = new Map<string, number>();
  readonly #byName = new Map<string, number[]>();
  readonly #byNode = new Map<string, number[]>();
  readonly #byIP = new Map<string, number>();
  readonly #maps = new Map<readonly PeerRef[], TableMap>();

  constructor(pods: readonly Pod[], nowMs: number, toleranceMs: number) {
    this.pods = pods;
    this.toleranceMs = toleranceMs;
    this.#settledMs = nowMs - toleranceMs;
    for (const [i, { uid, name, node, lifecycle, podIPs }] of pods.entries()) {
      this.#byUid.set(uid, i);
      push(this.#byName, name, i);
      if (lifecycle === 'gone') continue;
      if (node !== '') push(this.#byNode, node, i);
      for (const ip of podIPs) if (!this.#byIP.has(ip)) this.#byIP.set(ip, i);
    }
  }

  /** Index of the pod with this uid; -1 without one. */
  ofUid(uid: string): number {
    return this.#byUid.get(uid) ?? -1;
  }

  /** Maps a table of peers that are not gone. Computed once for all reports that share the table. */
  ofTable(peers: readonly PeerRef[]): TableMap {
    const found = this.#maps.get(peers);
    if (found !== undefined) return found;
    const to = this.ofRefs(peers);
    const strangers = new Set([...to.keys()].filter((i) => this.#isStrange(to[i] ?? -1)));
    const map = { to, lacks: this.lacks(new Set(to)), strangers };
    this.#maps.set(peers, map);
    return map;
  }

  /** Indexes of peers, -1 = unknown. */
  ofRefs(peers: readonly PeerRef[]): Int32Array {
    return Int32Array.from(peers, (peer) => this.#ofRef(peer));
  }

  /** Whether a settled pod that is ready is missing in `known` (indexes of pods): all pods should know it by now. */
  lacks(known: ReadonlySet<number>): boolean {
    return this.pods.some((pod, i) => pod.lifecycle === 'ready' && pod.sinceMs <= this.#settledMs && !known.has(i));
  }

  /**
   * Index of the pod that a key of Goldpinger's `/check` stands for; -1 if we do not know which. The key is a pod's name, or its
   * node's with DISPLAY_NODENAME. Pods that are gone count only if no other pod has that name. If several pods have it, the IP
   * decides among them. If none has it, the IP alone decides.
   */
  ofKey(key: string, podIP: string): number {
    const named = this.#byName.get(key) ?? this.#byNode.get(key);
    if (named === undefined) return this.#byIP.get(podIP) ?? -1;
    const alive = named.filter((i) => this.pods[i]?.lifecycle !== 'gone');
    const candidates = alive.length > 0 ? alive : named;
    const found = candidates.find((i) => this.pods[i]?.podIPs.includes(podIP));
    return found ?? (candidates.length === 1 ? candidates[0] : undefined) ?? -1;
  }

  /** Whether pod `i` should not be in a list of pods that are not gone: we do not know it, or it is gone and settled. */
  #isStrange(i: number): boolean {
    const pod = this.pods[i];
    return pod === undefined || (pod.lifecycle === 'gone' && pod.sinceMs <= this.#settledMs);
  }

  /** Finds a peer by uid, or by name if it has none: one with another uid is another pod, even of the same name. */
  #ofRef(peer: PeerRef): number {
    if (peer.uid !== '') return this.ofUid(peer.uid);
    return this.#byName.get(peer.name)?.find((i) => this.pods[i]?.namespace === peer.namespace) ?? -1;
  }
}

function push(map: Map<string, number[]>, key: string, value: number): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
