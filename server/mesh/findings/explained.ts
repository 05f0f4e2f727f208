import type { Places } from './places.ts';

/** Pods (1) all of whose links out of them or into them are explained, and whether any pair of zones is. */
interface Cover {
  from: Uint8Array;
  to: Uint8Array;
  hasZones: boolean;
}

/** What general causes have been found by one measure, and so which bad pairs need no finding of their own. */
export class Explained {
  /** 1 = all its pods, both directions. By index in `Places.nodes`. */
  readonly nodes: Uint8Array;
  /** 1 = from one zone to another: `from * zones + to`. */
  readonly zonePairs: Uint8Array;
  /** 1 = most others find this pod bad. */
  readonly into: Uint8Array;
  /** 1 = this pod finds most others bad. */
  readonly outOf: Uint8Array;
  readonly #places: Places;
  readonly #before: Explained | null;

  /** `before`: causes found by a graver measure, which explain bad pairs of this one too. */
  constructor(places: Places, before: Explained | null) {
    this.#places = places;
    this.#before = before;
    this.nodes = new Uint8Array(places.nodes.length);
    this.zonePairs = new Uint8Array(places.zones.length ** 2);
    this.into = new Uint8Array(places.pods.length);
    this.outOf = new Uint8Array(places.pods.length);
  }

  /** Whether a pair needs no finding of its own. */
  covers(from: number, to: number): boolean {
    return (
      this.into[to] === 1 ||
      this.outOf[from] === 1 ||
      this.isOnNode(to) ||
      this.isOnNode(from) ||
      this.isBlocked(from, to) ||
      this.coversBefore(from, to)
    );
  }

  /** What `covers` says, laid out for asking it a million times. */
  cover(): Cover {
    const before = this.#before?.cover();
    const mask = (own: Uint8Array, rest: Uint8Array | undefined) =>
      own.map((one, pod) => (one === 1 || this.isOnNode(pod) || rest?.[pod] === 1 ? 1 : 0));
    const hasZones = before?.hasZones === true || this.zonePairs.includes(1);
    return { from: mask(this.outOf, before?.from), to: mask(this.into, before?.to), hasZones };
  }

  /** Whether a graver measure's cause explains the pair. */
  coversBefore(from: number, to: number): boolean {
    return this.#before?.covers(from, to) === true;
  }

  /** Whether the pod's whole node is bad. */
  isOnNode(pod: number): boolean {
    const node = this.#places.nodeOf[pod] ?? -1;
    return node >= 0 && this.nodes[node] === 1;
  }

  /** Whether the pair leads from one zone to another that it does not reach. */
  isBlocked(from: number, to: number): boolean {
    const { zoneOf, zones } = this.#places;
    const [a, b] = [zoneOf[from] ?? -1, zoneOf[to] ?? -1];
    return a >= 0 && b >= 0 && this.zonePairs[a * zones.length + b] === 1;
  }
}
