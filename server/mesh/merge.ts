import { NONE16, unpack16 } from '../contract/bytes16.ts';
import { emptyLinks, FLAG_NOT_YET, LINK_COLUMNS, type LinkColumns, STAT_COLUMNS } from '../contract/links.ts';
import type { MeshRow, MissingReason } from '../contract/mesh.ts';
import type { Row } from '../contract/row.ts';
import type { PodIndex } from './pod-index.ts';

/** When and how a row came in. */
export interface Arrival {
  /** Index in `Mesh.pods` of the pod that was asked; what the answer claims to be does not count. */
  pod: number;
  atMs: number;
  fetchUs: number;
}

/** The row of a pod that did not give one. */
export function missingRow(arrival: Arrival, missing: MissingReason, missingDetail: string): MeshRow {
  return {
    ...arrival,
    missing,
    missingDetail: missingDetail.slice(0, 300),
    via: 'row',
    bootTimeMs: -1,
    samePeers: false,
    links: emptyLinks(0),
    details: [],
    stats: null,
    probes: [],
    starvation: null,
  };
}

/**
 * A pod's own row as a row of the matrix: links lead to `Mesh.pods` instead of the row's own table, those to pods that
 * we do not know are dropped. `row` is left as it is. `toleranceMs` as in PodIndex: a link to a stranger that has been
 * there for longer shows that the lists differ for good.
 */
export function meshRowOf(row: Row, arrival: Arrival, index: PodIndex, toleranceMs: number): MeshRow {
  const peers = row.peers ?? [];
  const table = index.ofTable(peers);
  const gone = index.ofGone(row.gonePeers);
  const place = (to: number) => (to < peers.length ? table.to[to] : gone[to - peers.length]) ?? -1;
  const kept: number[] = [];
  for (let i = 0; i < row.links.length; i++) if (place(row.links.to[i] ?? 0) >= 0) kept.push(i);
  const strangers = new Set(table.strangers);
  const settled = (i: number) => {
    const { to, flags, sinceMs } = row.links;
    if (!strangers.has(to[i] ?? -1) || ((flags[i] ?? 0) & FLAG_NOT_YET) !== 0) return false;
    return (sinceMs[i] ?? NONE16) !== NONE16 && unpack16(sinceMs[i] ?? 0) > toleranceMs;
  };
  const stranger = strangers.size > 0 && Array.from(row.links.to.keys()).some(settled);
  return {
    ...arrival,
    missing: '',
    missingDetail: '',
    via: 'row',
    bootTimeMs: row.bootTimeMs,
    samePeers: !table.lacks && !stranger,
    links: pickLinks(row.links, kept, place),
    details: pickDetails(row.details, kept),
    stats: row.stats === null ? null : { ...row.stats, ...pick(row.stats, Object.keys(STAT_COLUMNS), kept) },
    probes: row.probes,
    starvation: row.starvation,
  };
}

function pickLinks(links: LinkColumns, kept: readonly number[], place: (to: number) => number): LinkColumns {
  const picked = { ...links, ...pick(links, Object.keys(LINK_COLUMNS), kept), length: kept.length };
  return { ...picked, to: Uint16Array.from(kept, (i) => place(links.to[i] ?? 0)) };
}

/** The entries `kept` of the columns `names`; the columns themselves where all are kept. */
function pick<T extends object>(columns: T, names: readonly string[], kept: readonly number[]): Partial<T> {
  const picked: Record<string, unknown> = {};
  for (const name of names) {
    const column = columns[name as keyof T] as Uint8Array | Uint16Array;
    if (column.length === kept.length) return {};
    const values = column instanceof Uint8Array ? new Uint8Array(kept.length) : new Uint16Array(kept.length);
    for (const [i, old] of kept.entries()) values[i] = column[old] ?? 0;
    picked[name] = values;
  }
  return picked as Partial<T>;
}

function pickDetails(details: Row['details'], kept: readonly number[]): Row['details'] {
  const newIndex = new Map(kept.map((old, i) => [old, i]));
  const picked: Row['details'] = [];
  for (const [link, words] of details) {
    const i = newIndex.get(link);
    if (i !== undefined) picked.push([i, words]);
  }
  return picked;
}
