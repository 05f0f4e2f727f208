import { isJudged, type Pod } from '../../protocol/pod.ts';
import { type PodNamer, podNamer } from '../../protocol/pod-names.ts';

/* The nodes and zones of a mesh, and counters of pairs of pods by pod, node and pair of zones. */

/** At most this many zones are told apart, because every pair of them is counted. Pods of further zones have no known zone. */
const MAX_ZONES = 32;
const MAX_NAME = 120;

interface NamedGroup {
  name: string;
  /** Its judged pods, as indexes in `Mesh.pods`. */
  pods: number[];
}

/** The nodes and zones of the judged pods. Pods are indexes in `Mesh.pods`. */
export class Topology {
  readonly pods: readonly Pod[];
  readonly judged: Uint8Array;
  readonly judgedCount: number;
  readonly nodes: NamedGroup[] = [];
  readonly zones: NamedGroup[] = [];
  /** By pod: index in `nodes`, -1 = not known. */
  readonly nodeOf: Int32Array;
  /** By pod: index in `zones`, -1 = not known. */
  readonly zoneOf: Int32Array;
  readonly #nameOf: PodNamer;

  constructor(pods: readonly Pod[]) {
    this.pods = pods;
    this.#nameOf = podNamer(pods);
    this.judged = Uint8Array.from(pods, (pod) => (isJudged(pod) ? 1 : 0));
    this.judgedCount = this.judged.reduce((sum, one) => sum + one, 0);
    this.nodeOf = this.#group(this.nodes, pods.length, ({ node }) => node);
    this.zoneOf = this.#group(this.zones, MAX_ZONES, ({ zone }) => zone);
  }

  name(pod: number): string {
    return this.#nameOf(this.pods[pod]).slice(0, MAX_NAME);
  }

  /** Whether two pods are on different nodes, or their nodes are not known. */
  isAcrossNodes(from: number, to: number): boolean {
    return this.nodeOf[from] === -1 || this.nodeOf[from] !== this.nodeOf[to];
  }

  /** The pair of zones of two pods as one index: zone of `from` * number of zones + zone of `to`; -1 if one is not known. */
  zonePair(from: number, to: number): number {
    const fromZone = this.zoneOf[from] ?? -1;
    const toZone = this.zoneOf[to] ?? -1;
    return fromZone < 0 || toZone < 0 ? -1 : fromZone * this.zones.length + toZone;
  }

  /** The index at a place of a pair. */
  keyAt(place: Place, from: number, to: number): number {
    if (place === 'zonePair') return this.zonePair(from, to);
    const pod = place === 'outOfPod' || place === 'outOfNode' ? from : to;
    return place === 'intoNode' || place === 'outOfNode' ? (this.nodeOf[pod] ?? -1) : pod;
  }

  /** Fills `groups` with the nodes or zones of the judged pods. Returns by pod: the index in `groups`, or -1. */
  #group(groups: NamedGroup[], maxGroups: number, nameOf: (pod: Pod) => string): Int32Array {
    const indexes = new Map<string, number>();
    return Int32Array.from(this.pods, (pod, i) => {
      const name = nameOf(pod);
      if (name === '' || this.judged[i] !== 1) return -1;
      const index = indexes.get(name) ?? indexes.size;
      if (index >= maxGroups) return -1;
      indexes.set(name, index);
      groups[index] ??= { name: name.slice(0, MAX_NAME), pods: [] };
      groups[index].pods.push(i);
      return index;
    });
  }
}

/** A counter for each pod, node or pair of zones, by its index in a `Topology`. */
function countersOf({ pods, nodes, zones }: Topology) {
  return {
    intoPod: new Uint32Array(pods.length),
    outOfPod: new Uint32Array(pods.length),
    /** By destination, as `intoPod`, but only pairs from other nodes. */
    intoPodFromOtherNodes: new Uint32Array(pods.length),
    /** Pairs within a node do not count here. */
    intoNode: new Uint32Array(nodes.length),
    outOfNode: new Uint32Array(nodes.length),
    zonePair: new Uint32Array(zones.length ** 2),
  };
}

/** What bad pairs can have in common: their destination, their source, the node of either, or both zones. */
export type Place = keyof ReturnType<typeof countersOf>;

export class PairCounter {
  all = 0;
  readonly #topology: Topology;
  readonly #counters: Record<Place, Uint32Array>;

  constructor(topology: Topology, counters: Record<Place, Uint32Array> = countersOf(topology)) {
    this.#topology = topology;
    this.#counters = counters;
  }

  /** Counts the pair at all its places; `by` -1 takes it back. */
  add(from: number, to: number, by: 1 | -1 = 1): void {
    const { nodeOf } = this.#topology;
    const { intoPod, outOfPod, zonePair, intoPodFromOtherNodes, intoNode, outOfNode } = this.#counters;
    this.all += by;
    change(intoPod, to, by);
    change(outOfPod, from, by);
    change(zonePair, this.#topology.zonePair(from, to), by);
    if (!this.#topology.isAcrossNodes(from, to)) return;
    change(intoPodFromOtherNodes, to, by);
    change(intoNode, nodeOf[to] ?? -1, by);
    change(outOfNode, nodeOf[from] ?? -1, by);
  }

  /** The number of pairs at a place: `key` is the index of its pod, node or pair of zones. */
  at(place: Place, key: number): number {
    return this.#counters[place][key] ?? 0;
  }

  copy(): PairCounter {
    const counters = Object.entries(this.#counters).map(([place, counts]) => [place, counts.slice()]);
    const copy = new PairCounter(this.#topology, Object.fromEntries(counters));
    copy.all = this.all;
    return copy;
  }
}

/** Does nothing at -1: the node or the zone is not known. */
function change(counters: Uint32Array, i: number, by: number): void {
  if (i >= 0) counters[i] = (counters[i] ?? 0) + by;
}
