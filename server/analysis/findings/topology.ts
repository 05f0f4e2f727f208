import { isJudged, type Pod } from '../../protocol/pod.ts';

/**
 * At most this many zones are told apart, because every pair of them is counted. Pods of further zones count as pods of no
 * known zone. Clusters have three zones, seldom ten.
 */
const MAX_ZONES = 32;
/** The most characters of a name of a pod, a node or a zone. */
const MAX_NAME = 120;

/** A node or a zone. */
interface Place {
  name: string;
  /** Its judged pods, as indexes in `Mesh.pods`. */
  pods: number[];
}

/** The nodes and zones of the judged pods (see `isJudged`). Pods are indexes in `Mesh.pods`. */
export class Topology {
  readonly pods: readonly Pod[];
  /** By pod: 1 = judged. */
  readonly judged: Uint8Array;
  readonly judgedCount: number;
  readonly nodes: Place[] = [];
  readonly zones: Place[] = [];
  /** By pod: index in `nodes`, -1 = not known. */
  readonly nodeOf: Int32Array;
  /** By pod: index in `zones`, -1 = not known. */
  readonly zoneOf: Int32Array;

  constructor(pods: readonly Pod[]) {
    this.pods = pods;
    this.judged = Uint8Array.from(pods, (pod) => (isJudged(pod) ? 1 : 0));
    this.judgedCount = this.judged.reduce((sum, one) => sum + one, 0);
    this.nodeOf = this.#group(this.nodes, pods.length, ({ node }) => node);
    this.zoneOf = this.#group(this.zones, MAX_ZONES, ({ zone }) => zone);
  }

  /** The name of a pod in messages, bounded. */
  name(pod: number): string {
    return this.pods[pod]?.name.slice(0, MAX_NAME) ?? '';
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

  /**
   * Fills `places` with at most `maxPlaces` places of the judged pods, and returns by pod: the index in `places`, or -1.
   * `nameOf` is the name of the pod's place; '' = not known.
   */
  #group(places: Place[], maxPlaces: number, nameOf: (pod: Pod) => string): Int32Array {
    const indexes = new Map<string, number>();
    return Int32Array.from(this.pods, (pod, i) => {
      const name = nameOf(pod);
      if (name === '' || this.judged[i] !== 1) return -1;
      const index = indexes.get(name) ?? indexes.size;
      if (index >= maxPlaces) return -1;
      indexes.set(name, index);
      places[index] ??= { name: name.slice(0, MAX_NAME), pods: [] };
      places[index].pods.push(i);
      return index;
    });
  }
}
