import { Evidence } from './evidence.ts';
import type { Explained } from './explained.ts';
import { increase, isApart, type Layer, SPIKE, STANDS } from './layer.ts';
import type { Told } from './told.ts';

/** A bad pair that no general cause explains. */
export interface Single {
  from: number;
  to: number;
  link: number;
  families: number;
  /** At least two samples say so, or one against the others; neither: one, and nothing is known of others. */
  stands: boolean;
  isSpike: boolean;
}

/** What the bad pairs of one measure came to: evidence by cause, and what is left. */
export interface Causes {
  /** Links into a bad node from elsewhere, and out of it. */
  nodesIn: Map<number, Evidence>;
  nodesOut: Map<number, Evidence>;
  zonePairs: Map<number, Evidence>;
  into: Map<number, Evidence>;
  outOf: Map<number, Evidence>;
  /** Bad pairs that another cause explains, by probed and by probing pod. */
  excusedIn: Uint32Array;
  excusedOut: Uint32Array;
  singles: Single[];
}

/** So many pairs are looked at between two looks at the clock. */
const SLICE = 256;
/** The most singles that are kept to choose from. */
const MAX_SINGLES = 20_000;

/** Gives every bad pair to the most general cause that explains it. O(bad pairs); yields after each row. */
export function* causesOf(layer: Layer, explained: Explained, told: Told): Generator<void, Causes> {
  const n = layer.places.pods.length;
  const causes: Causes = {
    ...{ nodesIn: new Map(), nodesOut: new Map(), zonePairs: new Map(), into: new Map(), outOf: new Map() },
    ...{ excusedIn: new Uint32Array(n), excusedOut: new Uint32Array(n), singles: [] },
  };
  for (const bad of layer.rows) {
    const row = told.rows.get(bad.from);
    if (row === undefined) continue;
    for (let k = 0; k < bad.to.length; k++) {
      const to = bad.to[k] ?? 0;
      const pair = { from: bad.from, to, link: bad.link[k] ?? 0, families: bad.families[k] ?? 0 };
      const place = placeOf(pair.from, to, explained, layer, causes);
      if (place !== null) {
        evidenceAt(place.map, place.key).add(row, pair.link, pair.families);
        if (place.map !== causes.into) increase(causes.excusedIn, to);
        if (place.map !== causes.outOf) increase(causes.excusedOut, pair.from);
      } else if (explained.covers(pair.from, to)) {
        increase(causes.excusedIn, to);
        increase(causes.excusedOut, pair.from);
      } else if (causes.singles.length < MAX_SINGLES) {
        causes.singles.push({ ...pair, stands: bad.weight[k] === STANDS, isSpike: bad.weight[k] === SPIKE });
      }
      if (k % SLICE === SLICE - 1) yield;
    }
    yield;
  }
  return causes;
}

function placeOf(from: number, to: number, explained: Explained, { places }: Layer, causes: Causes) {
  const { nodeOf, zoneOf, zones } = places;
  if (explained.coversBefore(from, to)) return null;
  if (isApart(nodeOf, from, to)) {
    if (explained.isOnNode(to)) return { map: causes.nodesIn, key: nodeOf[to] ?? -1 };
    if (explained.isOnNode(from)) return { map: causes.nodesOut, key: nodeOf[from] ?? -1 };
  }
  if (explained.isBlocked(from, to)) {
    return { map: causes.zonePairs, key: (zoneOf[from] ?? 0) * zones.length + (zoneOf[to] ?? 0) };
  }
  if (explained.into[to] === 1) return { map: causes.into, key: to };
  if (explained.outOf[from] === 1) return { map: causes.outOf, key: from };
  return null;
}

function evidenceAt(map: Map<number, Evidence>, key: number): Evidence {
  let evidence = map.get(key);
  if (evidence === undefined) {
    evidence = new Evidence();
    map.set(key, evidence);
  }
  return evidence;
}
