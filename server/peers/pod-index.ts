import { MAX_LINKS } from '../protocol/links.ts';
import type { PeerRef, Pod } from '../protocol/pod.ts';

/** How one table of peers maps to the mesh, and how it differs from what we know. */
interface TableMap {
  /** Index in `Mesh.pods` by index in the table; -1 = not known to us. */
  to: Int32Array;
  /** Whether a pod is missing in it that all pods should know by now. */
  lacks: boolean;
  /** Entries that we do not know, or that have been gone for long; indexes in the table. */
  strangers: ReadonlySet<number>;
}

/**
 * Finds the pods that reports name among the pods of the mesh. Made once per collection.
 * The lists of two pods may differ while a change is on its way to them. So only pods whose lifecycle has not changed for
 * `toleranceMs` count as a difference.
 */
export class PodIndex {
  readonly #pods: Pod[];
  readonly #addPeer: ((peer: PeerRef) => Pod | null) | null;
  /** How long two lists of pods may differ, ms. */
  readonly toleranceMs: number;
  /** Pods whose lifecycle has changed after this moment do not count as a difference; ms since the epoch. */
  readonly #settledMs: number;
  readonly #byUid = new Map<string, number>();
  readonly #byName = new Map<string, number[]>();
  readonly #byNode = new Map<string, number[]>();
  readonly #byIP = new Map<string, number>();
  readonly #maps = new Map<readonly PeerRef[], TableMap>();

  /** `addPeer` makes a pod, to be added to the mesh, of a peer that is not in `pods`; null = it stays unknown. */
  constructor(
    pods: readonly Pod[],
    nowMs: number,
    toleranceMs: number,
    addPeer: ((peer: PeerRef) => Pod | null) | null = null,
  ) {
    this.#pods = [...pods];
    this.#addPeer = addPeer;
    this.toleranceMs = toleranceMs;
    this.#settledMs = nowMs - toleranceMs;
    for (const [i, pod] of pods.entries()) {
      this.#byUid.set(pod.uid, i);
      push(this.#byName, pod.name, i);
      if (pod.lifecycle === 'gone') continue;
      if (pod.node !== '') push(this.#byNode, pod.node, i);
      for (const ip of pod.podIPs) if (!this.#byIP.has(ip)) this.#byIP.set(ip, i);
    }
  }

  /** The pods of the mesh; added ones are at the end. */
  get pods(): readonly Pod[] {
    return this.#pods;
  }

  /** Index of the pod with this uid; -1 without one. */
  ofUid(uid: string): number {
    return this.#byUid.get(uid) ?? -1;
  }

  /** Adds a pod at the end; returns its index. */
  add(pod: Pod): number {
    this.#byUid.set(pod.uid, this.#pods.length);
    return this.#pods.push(pod) - 1;
  }

  /** Maps a table of peers that are not gone. Computed once for all reports that share the table. */
  ofTable(peers: readonly PeerRef[]): TableMap {
    const found = this.#maps.get(peers);
    if (found !== undefined) return found;
    const to = Int32Array.from(peers, (peer) => this.#indexOrAdd(peer));
    const strangers = new Set([...to.keys()].filter((i) => this.#isStrange(to[i] ?? -1)));
    const map = { to, lacks: this.lacks(new Set(to)), strangers };
    this.#maps.set(peers, map);
    return map;
  }

  /** Indexes of peers that are gone. They do not count as a difference. */
  ofGone(peers: readonly PeerRef[]): Int32Array {
    return Int32Array.from(peers, (peer) => this.#ofRef(peer));
  }

  /** Whether a pod that has been ready for long is missing in `known` (indexes of pods). */
  lacks(known: ReadonlySet<number>): boolean {
    return this.#pods.some((pod, i) => pod.lifecycle === 'ready' && pod.sinceMs <= this.#settledMs && !known.has(i));
  }

  /**
   * Index of the pod that a key of Goldpinger's `/check` stands for: a pod's name, or its node's with DISPLAY_NODENAME. If
   * several pods or none have that name, the IP decides. -1 if we do not know the pod.
   */
  ofKey(key: string, podIP: string): number {
    const named = this.#byName.get(key) ?? this.#byNode.get(key) ?? [];
    const alive = named.filter((i) => this.#pods[i]?.lifecycle !== 'gone');
    const hasIP = (i: number) => this.#pods[i]?.podIPs.includes(podIP) === true;
    return alive.find(hasIP) ?? (alive.length === 1 ? alive[0] : this.#byIP.get(podIP)) ?? named[0] ?? -1;
  }

  /** Whether pod `i` should not be in a list of pods that are not gone: we do not know it, or it has been gone for long. */
  #isStrange(i: number): boolean {
    const pod = this.#pods[i];
    return pod === undefined || (pod.lifecycle === 'gone' && pod.sinceMs <= this.#settledMs);
  }

  #indexOrAdd(peer: PeerRef): number {
    const known = this.#ofRef(peer);
    const added = known === -1 && this.#pods.length < MAX_LINKS ? (this.#addPeer?.(peer) ?? null) : null;
    return added === null ? known : this.add(added);
  }

  /** Finds a peer by uid; by name only if it has no uid, because another uid is another pod with the same name. */
  #ofRef(peer: PeerRef): number {
    if (peer.uid !== '') return this.ofUid(peer.uid);
    return this.#byName.get(peer.name)?.find((i) => this.#pods[i]?.namespace === peer.namespace) ?? -1;
  }
}

function push(map: Map<string, number[]>, key: string, value: number): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
