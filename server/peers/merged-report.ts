import { emptyLinks, FLAG_NOT_YET, type LinkColumns, NONE16, type StatColumns, unpack16 } from '../protocol/links.ts';
import type { MergedReport, MissingReason } from '../protocol/mesh.ts';
import type { PodReport } from '../protocol/pod-report.ts';
import type { PodIndex } from './pod-index.ts';

/** When and how a report came in. */
export interface Arrival {
  /** Index in `Mesh.pods` of the pod that was asked; what the answer claims to be does not count. */
  pod: number;
  atMs: number;
  fetchUs: number;
}

/** The report of a pod that did not give one. */
export function missingReport(arrival: Arrival, missing: MissingReason, missingDetail: string): MergedReport {
  return {
    ...arrival,
    missing,
    missingDetail: missingDetail.slice(0, 300),
    via: 'report',
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
 * A pod's own report as a report of the mesh: links lead to `Mesh.pods` instead of the report's own table, those to pods that
 * we do not know are dropped. `report` is left as it is. `toleranceMs` as in PodIndex: a link to a stranger that has been
 * there for longer shows that the lists differ for good.
 */
export function mergedReportOf(
  report: PodReport,
  arrival: Arrival,
  index: PodIndex,
  toleranceMs: number,
): MergedReport {
  const peers = report.peers ?? [];
  const table = index.ofTable(peers);
  const placed = placedLinks(report.links, table.to, index.ofGone(report.gonePeers));
  const kept = placed.unknown === 0 ? null : keptOf(placed.to);
  return {
    ...arrival,
    missing: '',
    missingDetail: '',
    via: 'report',
    bootTimeMs: report.bootTimeMs,
    samePeers: !table.lacks && !hasSettledStranger(report.links, table.strangers, toleranceMs),
    links: { ...picked({ ...report.links, to: placed.to }, kept), length: report.links.length - placed.unknown },
    details: pickDetails(report.details, report.links.length, kept),
    ...(report.slow === undefined ? {} : { slow: pickDetails(report.slow, report.links.length, kept) }),
    stats: report.stats === null ? null : picked(report.stats, kept),
    probes: report.probes,
    starvation: report.starvation,
  };
}

/** Marks a link to a pod that we do not know; no index of a pod, as there are at most 65535. */
const UNKNOWN = 0xffff;

/** Where the links lead in `Mesh.pods`, and how many lead to pods that we do not know. */
function placedLinks({ to, length }: LinkColumns, peers: Int32Array, gone: Int32Array) {
  const placed = new Uint16Array(length);
  let unknown = 0;
  for (let i = 0; i < length; i++) {
    const ref = to[i] ?? 0;
    const pod = (ref < peers.length ? peers[ref] : gone[ref - peers.length]) ?? -1;
    if (pod === -1) unknown += 1;
    placed[i] = pod === -1 ? UNKNOWN : pod;
  }
  return { to: placed, unknown };
}

function keptOf(to: Uint16Array): number[] {
  const kept: number[] = [];
  for (let i = 0; i < to.length; i++) if (to[i] !== UNKNOWN) kept.push(i);
  return kept;
}

/** Whether a link to a stranger has been there for longer than news take. */
function hasSettledStranger(links: LinkColumns, strangers: readonly number[], toleranceMs: number): boolean {
  if (strangers.length === 0) return false;
  const strange = new Set(strangers);
  for (let i = 0; i < links.length; i++) {
    const since = links.sinceMs[i] ?? NONE16;
    if (((links.flags[i] ?? 0) & FLAG_NOT_YET) !== 0 || since === NONE16) continue;
    if (strange.has(links.to[i] ?? -1) && unpack16(since) > toleranceMs) return true;
  }
  return false;
}

/** The columns with the entries `kept` only; null = all. */
function picked<T extends LinkColumns | StatColumns>(columns: T, kept: readonly number[] | null): T {
  if (kept === null) return columns;
  const result: Record<string, unknown> = { ...columns };
  for (const [name, column] of Object.entries(columns)) {
    if (typeof column === 'number') continue;
    const values = column instanceof Uint8Array ? new Uint8Array(kept.length) : new Uint16Array(kept.length);
    for (const [i, old] of kept.entries()) values[i] = column[old] ?? 0;
    result[name] = values;
  }
  return result as unknown as T;
}

/** What is told of links that there are, by their new indexes. */
function pickDetails<T>(
  details: readonly [link: number, told: T][],
  length: number,
  kept: readonly number[] | null,
): [link: number, told: T][] {
  if (details.length === 0) return [];
  if (kept === null) return details.filter(([link]) => link >= 0 && link < length);
  const newIndex = new Map(kept.map((old, i) => [old, i]));
  const picked: [number, T][] = [];
  for (const [link, told] of details) {
    const i = newIndex.get(link);
    if (i !== undefined) picked.push([i, told]);
  }
  return picked;
}
