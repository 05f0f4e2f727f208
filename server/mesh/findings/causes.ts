import type { MeshRow } from '../../contract/mesh.ts';
import { Evidence } from './evidence.ts';
import type { Explained } from './explained.ts';
import { increase, isApart, type Layer } from './layer.ts';
import { Singles } from './singles.ts';
import type { Told } from './told.ts';

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
  singles: Singles;
}

/** So many pairs are looked at between two looks at the clock. */
const SLICE = 256;

/**
 * Gives every bad pair to the most general cause that explains it. `isElse`: whether something else than this measure's
 * causes explains a pair that is left. O(bad pairs); yields after each few.
 */
export function* causesOf(
  layer: Layer,
  explained: Explained,
  told: Told,
  isElse: (row: MeshRow, to: number, link: number) => boolean,
): Generator<void, Causes> {
  const n = layer.places.pods.length;
  const causes: Causes = {
    ...{ nodesIn: new Map(), nodesOut: new Map(), zonePairs: new Map(), into: new Map(), outOf: new Map() },
    ...{ excusedIn: new Uint32Array(n), excusedOut: new Uint32Array(n), singles: new Singles(n) },
  };
  const evidenceOf = evidenceFinder(layer, explained, causes);
  const { into, outOf, excusedIn, excusedOut, singles } = causes;
  for (const { from, to: probed, link: links, families, weight } of layer.rows) {
    const row = told.rows.get(from);
    if (row === undefined) continue;
    for (let k = 0; k < probed.length; k++) {
      const [to, link] = [probed[k] ?? 0, links[k] ?? 0];
      const evidence = evidenceOf(from, to);
      if (evidence !== null) {
        evidence.add(row, link, families[k] ?? 0);
        if (evidence !== into.get(to)) increase(excusedIn, to);
        if (evidence !== outOf.get(from)) increase(excusedOut, from);
      } else if (explained.covers(from, to)) {
        increase(excusedIn, to);
        increase(excusedOut, from);
      } else if (!isElse(row, to, link)) singles.add(from, to, link, families[k] ?? 0, weight[k] ?? 0);
      if (k % SLICE === SLICE - 1) yield;
    }
    yield;
  }
  return causes;
}

/** Finds the evidence of the cause that explains a pair; null where none of this measure does. */
function evidenceFinder(
  layer: Layer,
  explained: Explained,
  causes: Causes,
): (from: number, to: number) => Evidence | null {
  const { nodeOf, zoneOf, zones } = layer.places;
  return (from, to) => {
    if (explained.coversBefore(from, to)) return null;
    if (isApart(nodeOf, from, to)) {
      if (explained.isOnNode(to)) return evidenceAt(causes.nodesIn, nodeOf[to] ?? -1);
      if (explained.isOnNode(from)) return evidenceAt(causes.nodesOut, nodeOf[from] ?? -1);
    }
    if (explained.isBlocked(from, to)) {
      return evidenceAt(causes.zonePairs, (zoneOf[from] ?? 0) * zones.length + (zoneOf[to] ?? 0));
    }
    if (explained.into[to] === 1) return evidenceAt(causes.into, to);
    if (explained.outOf[from] === 1) return evidenceAt(causes.outOf, from);
    return null;
  };
}

function evidenceAt(map: Map<number, Evidence>, key: number): Evidence {
  let evidence = map.get(key);
  if (evidence === undefined) {
    evidence = new Evidence();
    map.set(key, evidence);
  }
  return evidence;
}
