import { SUSPECT_RUN } from '../protocol/link-state.ts';
import {
  emptyLinks,
  emptyStats,
  FLAG_IPV6,
  FLAG_NOT_YET,
  FLAG_SUSPECT,
  type LinkColumns,
  MAX_LINKS,
  NONE16,
  pack16,
  phaseFlag,
  type StatColumns,
} from '../protocol/links.ts';
import type { PeerRef } from '../protocol/pod.ts';
import { MAX_DETAILS, type PodReport } from '../protocol/pod-report.ts';
import { OUTCOMES } from '../protocol/sample.ts';
import type { TimeSlice } from '../runtime/concurrency.ts';
import type { RangeStatistics } from './range-statistics.ts';
import type { Link, PeerTable } from './results.ts';
import type { Summary } from './statistics.ts';

/** What results contribute to a report. */
export type ReportParts = Pick<
  PodReport,
  'peersHash' | 'peers' | 'gonePeers' | 'links' | 'details' | 'slow' | 'stats' | 'windowMs'
>;

/** What the statistics of a report are made with; null = without. */
interface StatsSource {
  windowMs: number;
  ranges: RangeStatistics;
  slice: TimeSlice;
}

/**
 * Puts links into columns. A link that is probed counts if its pod is among the peers; one that no longer is counts only
 * if its pod is gone: what was last known of it is still to be seen. `nowMs` is monotonic, as the links' own times are.
 * The links are those of the moment of the call; what `stats` takes beyond a slice of time follows later.
 */
export async function reportParts(
  links: Iterable<Link>,
  table: PeerTable,
  nowMs: number,
  stats: StatsSource | null,
): Promise<ReportParts> {
  const { gonePeers, entries } = place(links, table);
  const columns = emptyLinks(entries.length);
  const details: [number, string][] = [];
  const slow: [number, number][] = [];
  for (const [i, { link, to }] of entries.entries()) {
    columns.to[i] = to;
    fill(columns, i, link, nowMs);
    const detail = link.judgement.judged?.detail ?? '';
    if (detail !== '' && details.length < MAX_DETAILS) details.push([i, detail.slice(0, 300)]);
    if (link.slowSinceMs >= 0 && slow.length < MAX_DETAILS) slow.push([i, Math.round(nowMs - link.slowSinceMs)]);
  }
  const parts = { peersHash: table.hash, peers: table.peers, gonePeers, links: columns, details };
  const told = slow.length === 0 ? parts : { ...parts, slow };
  if (stats === null) return { ...told, stats: null, windowMs: 0 };
  return { ...told, stats: await statsOf(entries, nowMs, stats), windowMs: stats.windowMs };
}

async function statsOf(entries: readonly { link: Link }[], nowMs: number, source: StatsSource): Promise<StatColumns> {
  const { windowMs, ranges, slice } = source;
  const columns = emptyStats(entries.length);
  const stretch = { fromMs: nowMs - windowMs, toMs: nowMs };
  for (const [i, { link }] of entries.entries()) {
    fillStats(columns, i, ranges.of(link, stretch, nowMs).summary);
    if (slice.isOver()) await slice.next();
  }
  return columns;
}

/** Which links are in the report, and to which place in `peers`, then `gonePeers`, each leads. */
function place(links: Iterable<Link>, table: PeerTable) {
  const known = new Map(table.gone.map((peer) => [peer.uid, peer]));
  const gonePeers: PeerRef[] = [];
  const goneIndex = new Map<string, number>();
  const entries: { link: Link; to: number }[] = [];
  for (const link of links) {
    const { uid } = link.target;
    let to = link.retiredAtMs < 0 ? table.indexOf.get(uid) : goneIndex.get(uid);
    const gone = known.get(uid);
    if (to === undefined && gone !== undefined) {
      to = goneIndex.get(uid) ?? table.peers.length + gonePeers.push(gone) - 1;
      goneIndex.set(uid, to);
    }
    if (to !== undefined && to < MAX_LINKS && entries.length < MAX_LINKS) entries.push({ link, to });
  }
  return { gonePeers, entries };
}

function fill(columns: LinkColumns, i: number, link: Link, nowMs: number): void {
  const { judged, newest } = link.judgement;
  const family = link.target.family === 6 ? FLAG_IPV6 : 0;
  const suspect = newest?.suspect === true ? FLAG_SUSPECT : 0;
  columns.flags[i] = family | suspect | (judged === null ? FLAG_NOT_YET : phaseFlag(judged.phase));
  columns.outcome[i] = judged === null ? 0 : OUTCOMES.indexOf(judged.outcome);
  columns.connectUs[i] = pack16(judged?.connectUs ?? -1);
  columns.firstByteUs[i] = pack16(judged?.firstByteUs ?? -1);
  columns.totalUs[i] = pack16(judged?.totalUs ?? -1);
  columns.ageMs[i] = link.newestAtMs < 0 ? NONE16 : pack16(nowMs - link.newestAtMs);
  columns.sinceMs[i] = link.sinceMs < 0 ? NONE16 : pack16(nowMs - link.sinceMs);
}

/** Writes what a link came to into place `i` of the columns. A starved failure or two, with nothing else, are none. */
export function fillStats(stats: StatColumns, i: number, summary: Summary): void {
  const isDoubtful = summary.suspect === summary.count && summary.count < SUSPECT_RUN;
  stats.samples[i] = Math.min(summary.count, 65_535);
  stats.suspect[i] = Math.min(summary.suspect, 65_535);
  stats.failures[i] = isDoubtful ? 0 : Math.min(summary.failures, 65_535);
  stats.minUs[i] = pack16(summary.minUs);
  stats.p50Us[i] = pack16(summary.p50Us);
  stats.p95Us[i] = pack16(summary.p95Us);
  stats.maxUs[i] = pack16(summary.maxUs);
  stats.connectP50Us[i] = pack16(summary.connectP50Us);
  stats.firstByteP50Us[i] = pack16(summary.firstByteP50Us);
}
