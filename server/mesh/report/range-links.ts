import { NONE16, unpack16 } from '../../contract/bytes16.ts';
import { FLAG_IPV6, FLAG_NOT_YET } from '../../contract/links.ts';
import type { Mesh, MeshRow } from '../../contract/mesh.ts';

/** What one link came to in a range. Durations as `pack16` packs them, `NONE16` without an ok sample. */
export interface LinkFigures {
  samples: number;
  failures: number;
  p50Us16: number;
  p95Us16: number;
  maxUs16: number;
  /** Whether it failed or was slow at the end of the range. */
  isBadAtEnd: boolean;
}

/** One pod's links in a range, entry by entry. */
export interface RangeRow {
  /** The probed pod and the family: `keyOf`. */
  keys: Int32Array;
  samples: Uint16Array;
  failures: Uint16Array;
  p50Us16: Uint16Array;
  p95Us16: Uint16Array;
  maxUs16: Uint16Array;
  isBadAtEnd: Uint8Array;
}

/** All links of one range, by the number of the probing pod. */
export type RangeLinks = ReadonlyMap<number, RangeRow>;

/** Names a link within its row: one to the same pod over IPv6 is another one. */
export function keyOf(to: number, ipv6: boolean): number {
  return to * 2 + (ipv6 ? 1 : 0);
}

/** The probed pod's number and the family of a key. */
export function linkOf(key: number): { to: number; ipv6: boolean } {
  return { to: key >> 1, ipv6: (key & 1) === 1 };
}

/**
 * Takes out of a matrix of the past what a report needs, 15 bytes a link, so that the matrix itself can go. `numbers`
 * are the numbers of its pods (`PodTable.take`). Yields after each row.
 */
export function* rangeLinksOf(mesh: Mesh, numbers: Int32Array): Generator<void, RangeLinks> {
  const rows = new Map<number, RangeRow>();
  const slowUs = mesh.settings.slowLinkMs * 1000;
  for (const row of mesh.rows) {
    const from = numbers[row.pod];
    if (from !== undefined && row.missing === '') rows.set(from, rangeRowOf(row, numbers, slowUs));
    yield;
  }
  return rows;
}

function rangeRowOf({ links, stats }: MeshRow, numbers: Int32Array, slowUs: number): RangeRow {
  const seen = new Int32Array(links.length);
  let length = 0;
  for (let i = 0; i < links.length; i++) {
    const isNotYet = ((links.flags[i] ?? 0) & FLAG_NOT_YET) !== 0;
    if (!isNotYet && (stats?.samples[i] ?? 0) > 0) seen[length++] = i;
  }
  // Loops: `from` with a function takes ten times as long, and there are a million links.
  const pick = (column: Uint16Array | undefined) => {
    const picked = new Uint16Array(length).fill(NONE16);
    if (column !== undefined) for (let k = 0; k < length; k++) picked[k] = column[seen[k] ?? 0] ?? NONE16;
    return picked;
  };
  const keys = new Int32Array(length);
  const isBadAtEnd = new Uint8Array(length);
  for (let k = 0; k < length; k++) {
    const i = seen[k] ?? 0;
    keys[k] = keyOf(numbers[links.to[i] ?? 0] ?? 0, ((links.flags[i] ?? 0) & FLAG_IPV6) !== 0);
    if (links.outcome[i] !== 0 || unpack16(links.totalUs[i] ?? 0) >= slowUs) isBadAtEnd[k] = 1;
  }
  return {
    ...{ keys, isBadAtEnd, samples: pick(stats?.samples), failures: pick(stats?.failures) },
    ...{ p50Us16: pick(stats?.p50Us), p95Us16: pick(stats?.p95Us), maxUs16: pick(stats?.maxUs) },
  };
}

/** Reads entry `i` of a row into `figures`, which is used again and again: a matrix has a million links. */
export function readLink(row: RangeRow, i: number, figures: LinkFigures): LinkFigures {
  figures.samples = row.samples[i] ?? 0;
  figures.failures = row.failures[i] ?? 0;
  figures.p50Us16 = row.p50Us16[i] ?? NONE16;
  figures.p95Us16 = row.p95Us16[i] ?? NONE16;
  figures.maxUs16 = row.maxUs16[i] ?? NONE16;
  figures.isBadAtEnd = row.isBadAtEnd[i] === 1;
  return figures;
}

/** A place to read links into. */
export function emptyFigures(): LinkFigures {
  return { samples: 0, failures: 0, p50Us16: NONE16, p95Us16: NONE16, maxUs16: NONE16, isBadAtEnd: false };
}
