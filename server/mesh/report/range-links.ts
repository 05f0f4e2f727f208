import { NONE16, unpack16 } from '../../contract/bytes16.ts';
import { FLAG_IPV6, FLAG_NOT_YET, type LinkColumns, type StatColumns } from '../../contract/links.ts';
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
  const picked = emptyRow(stats === null ? 0 : countSeen(links, stats));
  if (stats === null) return picked;
  const { keys, samples, failures, p50Us16, p95Us16, maxUs16, isBadAtEnd } = picked;
  for (let i = 0, k = 0; i < links.length; i++) {
    if (!isSeen(links, stats, i)) continue;
    keys[k] = keyOf(numbers[links.to[i] ?? 0] ?? 0, ((links.flags[i] ?? 0) & FLAG_IPV6) !== 0);
    samples[k] = stats.samples[i] ?? 0;
    failures[k] = stats.failures[i] ?? 0;
    p50Us16[k] = stats.p50Us[i] ?? NONE16;
    p95Us16[k] = stats.p95Us[i] ?? NONE16;
    maxUs16[k] = stats.maxUs[i] ?? NONE16;
    if (links.outcome[i] !== 0 || unpack16(links.totalUs[i] ?? 0) >= slowUs) isBadAtEnd[k] = 1;
    k += 1;
  }
  return picked;
}

function isSeen({ flags }: LinkColumns, { samples }: StatColumns, i: number): boolean {
  return ((flags[i] ?? 0) & FLAG_NOT_YET) === 0 && (samples[i] ?? 0) > 0;
}

function countSeen(links: LinkColumns, stats: StatColumns): number {
  let count = 0;
  for (let i = 0; i < links.length; i++) if (isSeen(links, stats, i)) count += 1;
  return count;
}

/** One buffer a row, wide columns first: a thousand rows of seven each would be work for the collector of garbage. */
function emptyRow(length: number): RangeRow {
  const buffer = new ArrayBuffer(15 * length);
  const column = (i: number) => new Uint16Array(buffer, (4 + 2 * i) * length, length);
  return {
    keys: new Int32Array(buffer, 0, length),
    samples: column(0),
    failures: column(1),
    p50Us16: column(2),
    p95Us16: column(3),
    maxUs16: column(4),
    isBadAtEnd: new Uint8Array(buffer, 14 * length, length),
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
