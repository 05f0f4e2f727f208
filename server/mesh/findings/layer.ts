import type { Places } from './places.ts';

/** Families in which a pair is bad: bits. */
export const IPV4 = 1;
export const IPV6 = 2;

/** One sample against the others of its window. */
export const SPIKE = 0;
/** One sample, and nothing is known of others. */
export const FRESH = 1;
/** At least two samples say so: chance is no explanation. */
export const STANDS = 2;

/** What is bad in one pod's row: entry k of each column is about the same pair of pods. */
export interface BadRow {
  /** The pod that probes. */
  from: number;
  /** The probed pods. */
  to: Uint16Array;
  /** Index in the row's `LinkColumns`, of the worse where a pair has two. */
  link: Uint16Array;
  /** How far more than one sample says so: `SPIKE`, `FRESH` or `STANDS`. */
  weight: Uint8Array;
  /** `IPV4`, `IPV6` or both. */
  families: Uint8Array;
}

/**
 * What is judged and what is bad by one measure (failed, or slow), counted while rows come in. The link of a pod to
 * itself is not in it: it says nothing of others.
 */
export class Layer {
  readonly places: Places;
  /** Rows with anything bad. */
  readonly rows: BadRow[] = [];
  /** Judged pairs by probed and by probing pod. */
  readonly probedIn: Uint32Array;
  readonly probedOut: Uint32Array;
  /** The same, of pairs of pods on different nodes. */
  readonly crossIn: Uint32Array;
  readonly crossOut: Uint32Array;
  /** Judged pairs from zone to zone: `from * zones + to`. */
  readonly zonePairs: Uint32Array;
  /** All judged pairs, and all bad ones. */
  judged = 0;
  badPairs = 0;
  readonly #to: Uint16Array;
  readonly #link: Uint16Array;
  readonly #weight: Uint8Array;
  readonly #families: Uint8Array;
  #from = -1;
  #bad = 0;

  constructor(places: Places) {
    const n = places.pods.length;
    this.places = places;
    this.probedIn = new Uint32Array(n);
    this.probedOut = new Uint32Array(n);
    this.crossIn = new Uint32Array(n);
    this.crossOut = new Uint32Array(n);
    this.zonePairs = new Uint32Array(places.zones.length ** 2);
    this.#to = new Uint16Array(n);
    this.#link = new Uint16Array(n);
    this.#weight = new Uint8Array(n);
    this.#families = new Uint8Array(n);
  }

  /** Begins the row of pod `from`. */
  begin(from: number): void {
    this.#from = from;
    this.#bad = 0;
  }

  /** Counts the pairs of the row that was begun whose state is from 1 to `worst`. O(pods). */
  judge(states: Uint8Array, worst: number): void {
    const { nodeOf, zoneOf, zones } = this.places;
    const { probedIn, crossIn, zonePairs } = this;
    const from = this.#from;
    const [node, zone] = [nodeOf[from] ?? -1, zoneOf[from] ?? -1];
    let [judged, apart] = [0, 0];
    for (let to = 0; to < states.length; to++) {
      const state = states[to] ?? 0;
      if (state === 0 || state > worst || to === from) continue;
      judged += 1;
      increase(probedIn, to);
      if (node === -1 || node !== nodeOf[to]) {
        apart += 1;
        increase(crossIn, to);
      }
      const other = zoneOf[to] ?? -1;
      if (zone >= 0 && other >= 0) increase(zonePairs, zone * zones.length + other);
    }
    this.judged += judged;
    this.probedOut[from] = (this.probedOut[from] ?? 0) + judged;
    this.crossOut[from] = (this.crossOut[from] ?? 0) + apart;
  }

  /** Keeps a pair, counted by `judge`, as bad. At most once a pair. */
  keep(to: number, link: number, weight: number, families: number): void {
    const k = this.#bad++;
    this.#to[k] = to;
    this.#link[k] = link;
    this.#weight[k] = weight;
    this.#families[k] = families;
  }

  /** Ends the row. */
  end(): void {
    const count = this.#bad;
    if (count === 0) return;
    this.badPairs += count;
    this.rows.push({
      from: this.#from,
      to: this.#to.slice(0, count),
      link: this.#link.slice(0, count),
      weight: this.#weight.slice(0, count),
      families: this.#families.slice(0, count),
    });
  }
}

/** Whether two pods are on different nodes, as far as is known. */
export function isApart(nodeOf: Int32Array, a: number, b: number): boolean {
  return nodeOf[a] === -1 || nodeOf[a] !== nodeOf[b];
}

/** Adds one to a count. */
export function increase(counts: Uint32Array, i: number): void {
  counts[i] = (counts[i] ?? 0) + 1;
}
