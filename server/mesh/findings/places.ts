import { isJudged, type Pod } from '../../contract/pod.ts';

/** The most zones between which blocks are looked for; clusters have three, seldom ten. */
const MAX_ZONES = 32;

/** Pods that share a node or a zone. */
interface Place {
  name: string;
  /** Those of its pods that are judged: indexes in `Mesh.pods`. */
  pods: number[];
}

/** Where the pods are that are judged and believed: ready, or were; all others are about to come or to go. */
export class Places {
  readonly pods: readonly Pod[];
  readonly judged: Uint8Array;
  readonly judgedCount: number;
  /** By pod: index in `nodes`, -1 = not known. */
  readonly nodeOf: Int32Array;
  readonly nodes: Place[] = [];
  /** By pod: index in `zones`, -1 = not known. */
  readonly zoneOf: Int32Array;
  readonly zones: Place[] = [];

  constructor(pods: readonly Pod[]) {
    this.pods = pods;
    this.judged = Uint8Array.from(pods, (pod) => (isJudged(pod) ? 1 : 0));
    this.judgedCount = this.judged.reduce((sum, one) => sum + one, 0);
    this.nodeOf = this.#place(this.nodes, (pod) => pod.node, pods.length);
    this.zoneOf = this.#place(this.zones, (pod) => pod.zone, MAX_ZONES);
  }

  /** The pod's name, as a sentence has it. */
  name(pod: number): string {
    return this.pods[pod]?.name.slice(0, 120) ?? '';
  }

  #place(places: Place[], nameOf: (pod: Pod) => string, limit: number): Int32Array {
    const byName = new Map<string, number>();
    return Int32Array.from(this.pods, (pod, i) => {
      const name = nameOf(pod);
      if (name === '' || this.judged[i] !== 1) return -1;
      const index = byName.get(name) ?? byName.size;
      if (index >= limit) return -1;
      byName.set(name, index);
      places[index] ??= { name: name.slice(0, 120), pods: [] };
      places[index].pods.push(i);
      return index;
    });
  }
}
