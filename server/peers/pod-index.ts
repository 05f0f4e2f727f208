import { MAX_LINKS } from '../protocol/links.ts';
import type { PeerRef, Pod } from '../protocol/pod.ts';

/** Where one table of peers lies in the mesh, and how it differs from what we know. */
interface TableMap {
  /** Index in `Mesh.pods` by index in the table; -1 = not known to us. */
  to: Int32Array;
  /** Whether a pod that everybody should know by now is missing in it. */
  lacks: boolean;
  /** Entries that we do not know or hold for gone since long, by index in the table. */
  strangers: number[];
}

/**
 * Finds the pods that peers speak of among `pods`. Made once a collection.
 * Lists may differ while a change is on its way to everybody: only pods in their stage for more than `toleranceMs`
 * count as a difference.
 */
export class PodIndex {
  readonly #pods: Pod[];
  readonly #adopt: ((peer: PeerRef) => Pod | null) | null;
  readonly #sinceMs: number;
  readonly #byUid = new Map<string, number>();
  readonly #byName = new Map<string, number[]>();
  readonly #byNode = new Map<string, number[]>();
  readonly #byIP = new Map<string, number>();
  readonly #maps = new Map<readonly PeerRef[], TableMap>();

  /** `adopt` makes a pod of one that only a peer names; null = it stays a stranger. */
  constructor(
    pods: readonly Pod[],
    nowMs: number,
    toleranceMs: number,
    adopt: ((peer: PeerRef) => Pod | null) | null = null,
  ) {
    this.#pods = [...pods];
    this.#adopt = adopt;
    this.#sinceMs = nowMs - toleranceMs;
    for (const [i, pod] of pods.entries()) {
      this.#byUid.set(pod.uid, i);
      push(this.#byName, pod.name, i);
      if (pod.lifecycle === 'gone') continue;
      if (pod.node !== '') push(this.#byNode, pod.node, i);
      for (const ip of pod.podIPs) if (!this.#byIP.has(ip)) this.#byIP.set(ip, i);
    }
  }

  /** The pods, those adopted at the end. */
  get pods(): readonly Pod[] {
    return this.#pods;
  }

  /** Index of the pod with this uid, -1 without one. */
  ofUid(uid: string): number {
    return this.#byUid.get(uid) ?? -1;
  }

  /** The map of a table of peers that are not gone; computed once for tables that are shared. */
  ofTable(peers: readonly PeerRef[]): TableMap {
    const found = this.#maps.get(peers);
    if (found !== undefined) return found;
    const to = Int32Array.from(peers, (peer) => this.#placeOf(peer));
    const strangers = [...to.keys()].filter((i) => this.#isStrange(to[i] ?? -1));
    const map = { to, lacks: this.lacks(new Set(to)), strangers };
    this.#maps.set(peers, map);
    return map;
  }

  /** Indexes of departed peers; nothing is concluded from them. */
  ofGone(peers: readonly PeerRef[]): Int32Array {
    return Int32Array.from(peers, (peer) => this.#ofRef(peer));
  }

  /** Whether a settled ready pod is missing among `known`. */
  lacks(known: ReadonlySet<number>): boolean {
    return this.#pods.some((pod, i) => pod.lifecycle === 'ready' && pod.sinceMs <= this.#sinceMs && !known.has(i));
  }

  /**
   * The pod that a key of Goldpinger's `/check` means: a pod's name, or its node's with DISPLAY_NODENAME; where
   * several bear it, or none, the IP decides. -1 if we do not know it.
   */
  ofKey(key: string, podIP: string): number {
    const named = this.#byName.get(key) ?? this.#byNode.get(key) ?? [];
    const alive = named.filter((i) => this.#pods[i]?.lifecycle !== 'gone');
    const fits = (i: number) => this.#pods[i]?.podIPs.includes(podIP) === true;
    return alive.find(fits) ?? (alive.length === 1 ? alive[0] : this.#byIP.get(podIP)) ?? named[0] ?? -1;
  }

  /** Whether pod `i` of a peer's list of living pods should not be there: unknown to us, or gone since long. */
  #isStrange(i: number): boolean {
    const pod = this.#pods[i];
    return pod === undefined || (pod.lifecycle === 'gone' && pod.sinceMs <= this.#sinceMs);
  }

  #placeOf(peer: PeerRef): number {
    const known = this.#ofRef(peer);
    const adopted = known === -1 && this.#pods.length < MAX_LINKS ? (this.#adopt?.(peer) ?? null) : null;
    if (adopted === null) return known;
    this.#byUid.set(peer.uid, this.#pods.length);
    return this.#pods.push(adopted) - 1;
  }

  /** By uid. By name only where the peer knows no uid: a known uid that is not ours is another pod of that name. */
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
