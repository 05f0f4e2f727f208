import type { Explained } from './explained.ts';
import { type BadRow, increase, isApart, type Layer, STANDS } from './layer.ts';
import type { Places } from './places.ts';

/** So many pairs are looked at between two looks at the clock. */
const SLICE = 512;

/**
 * The bad pairs that nothing explains yet, counted; `excused...` are the explained ones, which count neither for nor
 * against. Indexes as in `Layer`.
 */
export interface Residue {
  badIn: Uint32Array;
  badOut: Uint32Array;
  standIn: Uint32Array;
  standOut: Uint32Array;
  excusedIn: Uint32Array;
  excusedOut: Uint32Array;
  /** Of pods on different nodes. */
  crossBadIn: Uint32Array;
  crossExcusedIn: Uint32Array;
  /** Pods elsewhere that find any pod of the node bad; by node. */
  nodeReporters: Uint32Array;
  zoneBad: Uint32Array;
  zoneExcused: Uint32Array;
  /** Pods that report a bad pair, and pods that are reported; by pair of zones. */
  zoneReporters: Uint32Array;
  zoneTargets: Uint32Array;
}

/** Counts what is left. O(bad pairs); yields after each row. */
export function* residueOf(layer: Layer, explained: Explained): Generator<void, Residue> {
  const residue = emptyResidue(layer);
  const { nodes, zones, pods } = layer.places;
  const stamps = {
    nodes: new Int32Array(nodes.length).fill(-1),
    zones: new Int32Array(zones.length ** 2).fill(-1),
    targets: new Uint8Array(zones.length * pods.length),
  };
  const cover = explained.cover();
  for (const row of layer.rows) {
    for (let k = 0; k < row.to.length; k += SLICE) {
      countPart(residue, layer.places, stamps, { row, cover, explained }, k);
      yield;
    }
  }
  return residue;
}

interface Part {
  row: BadRow;
  cover: ReturnType<Explained['cover']>;
  explained: Explained;
}

/** Counts up to `SLICE` pairs of a row from entry `start` on. */
function countPart(residue: Residue, places: Places, stamps: Stamps, part: Part, start: number): void {
  const { row, cover, explained } = part;
  const { from, to: probed, weight } = row;
  const isRowCovered = cover.from[from] === 1;
  const end = Math.min(start + SLICE, probed.length);
  for (let k = start; k < end; k++) {
    const to = probed[k] ?? 0;
    if (isRowCovered || cover.to[to] === 1 || (cover.hasZones && explained.covers(from, to))) {
      excuse(residue, places, from, to);
      continue;
    }
    count(residue, places, stamps, from, to);
    if (weight[k] !== STANDS) continue;
    increase(residue.standIn, to);
    increase(residue.standOut, from);
  }
}

function excuse(residue: Residue, places: Places, from: number, to: number): void {
  increase(residue.excusedIn, to);
  increase(residue.excusedOut, from);
  if (isApart(places.nodeOf, from, to)) increase(residue.crossExcusedIn, to);
  const [a, b] = [places.zoneOf[from] ?? -1, places.zoneOf[to] ?? -1];
  if (a >= 0 && b >= 0) increase(residue.zoneExcused, a * places.zones.length + b);
}

interface Stamps {
  nodes: Int32Array;
  zones: Int32Array;
  targets: Uint8Array;
}

function count(residue: Residue, places: Places, stamps: Stamps, from: number, to: number): void {
  increase(residue.badIn, to);
  increase(residue.badOut, from);
  const { nodeOf, zoneOf, zones, pods } = places;
  const node = nodeOf[to] ?? -1;
  if (isApart(nodeOf, from, to)) {
    increase(residue.crossBadIn, to);
    if (node >= 0 && stamps.nodes[node] !== from) increase(residue.nodeReporters, node);
    if (node >= 0) stamps.nodes[node] = from;
  }
  const [a, b] = [zoneOf[from] ?? -1, zoneOf[to] ?? -1];
  if (a < 0 || b < 0) return;
  const pair = a * zones.length + b;
  increase(residue.zoneBad, pair);
  if (stamps.zones[pair] !== from) increase(residue.zoneReporters, pair);
  stamps.zones[pair] = from;
  const target = a * pods.length + to;
  if (stamps.targets[target] === 0) increase(residue.zoneTargets, pair);
  stamps.targets[target] = 1;
}

function emptyResidue({ places }: Layer): Residue {
  const pods = () => new Uint32Array(places.pods.length);
  const pairs = () => new Uint32Array(places.zones.length ** 2);
  return {
    ...{ badIn: pods(), badOut: pods(), standIn: pods(), standOut: pods(), excusedIn: pods(), excusedOut: pods() },
    ...{ crossBadIn: pods(), crossExcusedIn: pods(), nodeReporters: new Uint32Array(places.nodes.length) },
    ...{ zoneBad: pairs(), zoneExcused: pairs(), zoneReporters: pairs(), zoneTargets: pairs() },
  };
}
