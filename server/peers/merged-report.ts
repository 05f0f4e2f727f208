import { outcomeOfGoError } from '../protocol/go-errors.ts';
import type { GoldpingerCheck, GoldpingerPodResult } from '../protocol/goldpinger.ts';
import {
  emptyLinks,
  FLAG_IPV6,
  FLAG_NOT_YET,
  type LinkColumns,
  NONE16,
  pack16,
  phaseFlag,
  type StatColumns,
  unpack16,
} from '../protocol/links.ts';
import type { MergedReport, MissingReason } from '../protocol/mesh.ts';
import { MAX_DETAIL_LENGTH, MAX_DETAILS, MAX_PROBES, type PodReport } from '../protocol/pod-report.ts';
import { OUTCOMES, type ProbeProtocol, type ProbeResult } from '../protocol/sample.ts';
import type { UdpColumns } from '../protocol/udp.ts';
import type { PodIndex } from './pod-index.ts';

/** The arrival of a pod's answer. */
export interface Arrival {
  /** Index in `Mesh.pods` of the pod that was asked. The pod that the report itself names is not trusted. */
  pod: number;
  /** When it came, ms since the epoch by our clock. */
  atMs: number;
  /** How long the call took; 0 if there was none. */
  fetchUs: number;
}

/** A report with these links and nothing else; the callers add the rest. */
function reportWith(links: LinkColumns, arrival: Arrival): MergedReport {
  return {
    ...arrival,
    missing: '',
    missingDetail: '',
    via: 'report',
    bootTimeMs: -1,
    samePeers: false,
    links,
    details: [],
    stats: null,
    udp: null,
    probes: [],
    starvation: null,
  };
}

/** A smaller difference between two clocks is not told: the report took some ms to come. */
const MIN_CLOCK_OFFSET_MS = 1000;

/** The report of a pod that did not give one. `detail`: why, as a text for people. */
export function missingReport(arrival: Arrival, missing: MissingReason, detail: string): MergedReport {
  return { ...reportWith(emptyLinks(0), arrival), missing, missingDetail: detail.slice(0, 300) };
}

/**
 * Turns a pod's own report into a report of the mesh: links lead to `Mesh.pods` instead of the report's own table of peers, and
 * links to pods that we do not know are dropped. It changes `report` and takes over its columns, because copies of them would take
 * 2 MB in a mesh of 1000 pods. So do not use `report` after it.
 */
export function mergedReportOf(report: PodReport, arrival: Arrival, index: PodIndex): MergedReport {
  const { links } = report;
  const { to: toPeer, lacks, strangers } = index.ofTable(report.peers ?? []);
  const samePeers = !lacks && !hasSettledStranger(links, strangers, index.toleranceMs);
  pointToMesh(links, toPeer, index.ofRefs(report.gonePeers));
  const isComplete = !links.to.includes(UNKNOWN);
  const kept = isComplete ? null : [...links.to.keys()].filter((i) => links.to[i] !== UNKNOWN);
  // The time that the report took to come is part of the offset: it is a few ms.
  const offsetMs = arrival.atMs - report.atMs;
  /** A time by the pod's clock as one by ours; 0 = never. */
  const byOurClock = (atMs: number) => (atMs === 0 ? 0 : atMs + offsetMs);
  return {
    ...reportWith({ ...pickColumns(links, kept), length: kept?.length ?? links.length }, arrival),
    bootTimeMs: report.bootTimeMs,
    ...(Math.abs(offsetMs) >= MIN_CLOCK_OFFSET_MS && { clockOffsetMs: offsetMs }),
    samePeers,
    details: pickDetails(report.details, links.length, kept),
    ...(report.slow && { slow: pickDetails(report.slow, links.length, kept) }),
    ...(report.recent && { recent: pickDetails(report.recent, links.length, kept) }),
    ...(report.failsOnly && { failsOnly: pickDetails(report.failsOnly, links.length, kept) }),
    stats: report.stats === null ? null : pickColumns(report.stats, kept),
    udp: report.udp === null ? null : pickColumns(report.udp, kept),
    probes: report.probes.map(({ sinceMs, ...probe }) => {
      return { ...probe, atMs: byOurClock(probe.atMs), ...(sinceMs !== undefined && { sinceMs: byOurClock(sinceMs) }) };
    }),
    starvation: { ...report.starvation, sinceMs: byOurClock(report.starvation.sinceMs) },
  };
}

/** In place of the index of a pod that we do not know. It can't be an index itself, because a mesh has at most 65535 pods. */
const UNKNOWN = 0xffff;

/**
 * Overwrites `to` of each link by the index of the pod in `Mesh.pods`, or by UNKNOWN. Before, it is a position in the report's peers,
 * which its gone peers follow; `peers` and `gone` have the index in `Mesh.pods` of each, -1 = unknown.
 */
function pointToMesh({ to, length }: LinkColumns, peers: Int32Array, gone: Int32Array): void {
  for (let i = 0; i < length; i++) {
    const ref = to[i] ?? 0;
    const pod = (ref < peers.length ? peers[ref] : gone[ref - peers.length]) ?? -1;
    to[i] = pod === -1 ? UNKNOWN : pod;
  }
}

/** Whether a link to one of `strangers` (indexes in the table of peers) has had its state for longer than `toleranceMs`. */
function hasSettledStranger(links: LinkColumns, strangers: ReadonlySet<number>, toleranceMs: number): boolean {
  if (strangers.size === 0) return false;
  for (let i = 0; i < links.length; i++) {
    const since = links.sinceMs[i] ?? NONE16;
    if (((links.flags[i] ?? 0) & FLAG_NOT_YET) !== 0 || since === NONE16) continue;
    if (strangers.has(links.to[i] ?? -1) && unpack16(since) > toleranceMs) return true;
  }
  return false;
}

/** The columns with only the entries `kept`; null = all. */
function pickColumns<T extends LinkColumns | StatColumns | UdpColumns>(columns: T, kept: readonly number[] | null): T {
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

/** Details of the links that are kept, by the new index of each link. `length`: the number of links before. null = all are kept. */
function pickDetails<T extends unknown[]>(
  details: readonly [link: number, ...T][],
  length: number,
  kept: readonly number[] | null,
): [link: number, ...T][] {
  if (kept === null) return details.filter(([link]) => link >= 0 && link < length);
  const newIndex = new Map(kept.map((old, i) => [old, i]));
  return details
    .map(([link, ...detail]): [number, ...T] => [newIndex.get(link) ?? -1, ...detail])
    .filter(([link]) => link !== -1);
}

/** The greatest age that a ping can have: the clock of the other node may be wrong by any amount. */
const MAX_AGE_MS = 3_600_000;

/**
 * Turns Goldpinger's `/check` into a report of the mesh. It has latencies in whole milliseconds. It has no phases, and no time since
 * when a link has had its state. Ages are computed from `PingTime`, which is by the other node's clock. `pingNumber`:
 * PING_NUMBER, 0 = all; with a limit, a pod may be missing in `/check` because it is not pinged.
 */
export function mergedReportOfCheck(
  check: GoldpingerCheck,
  arrival: Arrival,
  index: PodIndex,
  pingNumber: number,
): MergedReport {
  const placed: { to: number; result: GoldpingerPodResult }[] = [];
  let unknown = 0;
  for (const [key, result] of check.podResults) {
    const to = index.ofKey(key, result.podIP);
    if (to === -1) unknown += 1;
    else placed.push({ to, result });
  }
  const links = emptyLinks(placed.length);
  const details: MergedReport['details'] = [];
  let bootTimeMs = -1;
  for (const [i, { to, result }] of placed.entries()) {
    links.to[i] = to;
    fillLink(links, i, result, arrival.atMs);
    if (!result.OK && details.length < MAX_DETAILS) details.push([i, result.error.slice(0, MAX_DETAIL_LENGTH)]);
    // A pod's boot time is only in its answer to its own ping.
    if (to === arrival.pod) bootTimeMs = timeOf(result.bootTime);
  }
  const lacks = pingNumber === 0 && index.lacks(new Set(placed.map(({ to }) => to)));
  return {
    ...reportWith(links, arrival),
    via: 'check',
    bootTimeMs,
    samePeers: unknown === 0 && !lacks,
    details,
    probes: probesOf(check.probeResults, arrival.atMs),
  };
}

/** Writes a result of `/check` as link `i`. `nowMs`: when the check came, ms since the epoch. */
function fillLink(links: MergedReport['links'], i: number, result: GoldpingerPodResult, nowMs: number): void {
  // The text of the error is the only source for the kind of a failure.
  const failure = result.OK ? null : outcomeOfGoError(result.error, result.podIP !== '');
  const pingMs = timeOf(result.pingTime);
  links.flags[i] = (result.podIP.includes(':') ? FLAG_IPV6 : 0) | phaseFlag(failure?.phase ?? null);
  links.outcome[i] = OUTCOMES.indexOf(failure?.outcome ?? 'ok');
  links.connectUs[i] = NONE16;
  links.firstByteUs[i] = NONE16;
  links.totalUs[i] = pack16(result.responseTimeMs * 1000);
  links.ageMs[i] = pingMs < 0 ? NONE16 : pack16(Math.min(Math.max(0, nowMs - pingMs), MAX_AGE_MS));
  links.sinceMs[i] = NONE16;
}

/** ms since the epoch of an RFC 3339 time; -1 if it is none. */
function timeOf(text: string): number {
  const ms = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? -1 : ms;
}

function probesOf(results: GoldpingerCheck['probeResults'], atMs: number): ProbeResult[] {
  const probes: ProbeResult[] = [];
  for (const [target, list] of results) {
    for (const { protocol, error, responseTimeMs } of list) {
      if (!isProtocol(protocol) || probes.length >= MAX_PROBES) continue;
      probes.push({ target, protocol, atMs, durationUs: responseTimeMs * 1000, error: error.slice(0, 300) });
    }
  }
  return probes;
}

const isProtocol = (name: string): name is ProbeProtocol => ['dns', 'tcp', 'http'].includes(name);
