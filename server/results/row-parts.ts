import { NONE16, pack16 } from '../contract/bytes16.ts';
import {
  emptyLinks,
  emptyStats,
  FLAG_IPV6,
  FLAG_NOT_YET,
  FLAG_SUSPECT,
  type LinkColumns,
  MAX_LINKS,
  phaseFlag,
  type StatColumns,
} from '../contract/links.ts';
import { OUTCOMES } from '../contract/outcome.ts';
import { MAX_DETAILS, type PeerRef, type Row } from '../contract/row.ts';
import type { Link } from './link.ts';
import type { PeerTable } from './peers.ts';
import type { Summaries, Summary } from './summary.ts';

/** What results contribute to a row. */
export type RowParts = Pick<Row, 'peersHash' | 'peers' | 'gonePeers' | 'links' | 'details' | 'stats' | 'windowMs'>;

/**
 * Puts links into columns. A link that is probed counts if its pod is among the peers; one that no longer is counts only
 * if its pod is gone: what was last known of it is still to be seen. `nowMs` is monotonic, as the links' own times are;
 * `windowMs` 0 = no stats.
 */
export function rowParts(
  links: Iterable<Link>,
  table: PeerTable,
  nowMs: number,
  windowMs: number,
  summaries: Summaries,
): RowParts {
  const { gonePeers, entries } = place(links, table);
  const columns = emptyLinks(entries.length);
  const stats = windowMs > 0 ? emptyStats(entries.length) : null;
  const details: [number, string][] = [];
  for (const [i, { link, to }] of entries.entries()) {
    columns.to[i] = to;
    fill(columns, i, link, nowMs);
    if (stats !== null) fillStats(stats, i, summaries.of(link.ring, nowMs - windowMs));
    const detail = link.verdict.judged?.detail ?? '';
    if (detail !== '' && details.length < MAX_DETAILS) details.push([i, detail.slice(0, 300)]);
  }
  return { peersHash: table.hash, peers: table.peers, gonePeers, links: columns, details, stats, windowMs };
}

/** Which links are in the row, and to which place in `peers`, then `gonePeers`, each leads. */
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
  const { judged, newest } = link.verdict;
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

function fillStats(stats: StatColumns, i: number, summary: Summary): void {
  stats.samples[i] = summary.count;
  stats.failures[i] = summary.failures;
  stats.p50Us[i] = pack16(summary.p50Us);
  stats.p95Us[i] = pack16(summary.p95Us);
  stats.maxUs[i] = pack16(summary.maxUs);
}
