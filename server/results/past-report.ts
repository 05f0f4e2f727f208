import type { ReportPast } from '../protocol/history.ts';
import { UNRELIABLE } from '../protocol/link-state.ts';
import { emptyLinks, emptyStats, MAX_LINKS, pack16 } from '../protocol/links.ts';
import { type PeerRef, peersHashOf } from '../protocol/pod.ts';
import type { Starvation } from '../protocol/pod-report.ts';
import { OUTCOMES } from '../protocol/sample.ts';
import type { TimeSlice } from '../runtime/concurrency.ts';
import type { TimeRange } from '../runtime/time-range.ts';
import type { Link } from './links.ts';
import { addDetail, type ReportParts, sortedByUid, writeState, writeStats } from './pod-report.ts';
import type { LastState, RangeResult, RangeStatistics } from './range-statistics.ts';

/** The part of a report of the past that comes from the results. */
export type PastReportParts = ReportParts & { past: ReportPast; starvation: Starvation };

interface Entry {
  link: Link;
  result: RangeResult;
  state: LastState;
}

/**
 * Makes the report of a time range of the past (monotonic): the state of each link at its end, and statistics over all of
 * it. A link without a sample in it was not probed then and is left out; the peers are those that were probed. `nowMs` is
 * taken as the end of a bucket whose period is not over.
 */
export async function pastReport(
  links: readonly Link[],
  range: TimeRange,
  nowMs: number,
  ranges: RangeStatistics,
  timeSlice: TimeSlice,
): Promise<Omit<PastReportParts, 'past'> & { resolutionMs: number }> {
  const entries: Entry[] = [];
  for (const link of links) {
    const result = ranges.of(link.record, range, nowMs);
    const state = result.lastState;
    if (state !== null && entries.length < MAX_LINKS) entries.push({ link, result, state });
    if (timeSlice.isOver()) await timeSlice.next();
  }
  const peers = peersOf(entries);
  const indexOf = new Map(peers.map((peer, i) => [peer.uid, i]));
  const columns = emptyLinks(entries.length);
  const stats = emptyStats(entries.length);
  const details: ReportParts['details'] = [];
  for (const [i, entry] of entries.entries()) {
    const { link, result, state } = entry;
    columns.to[i] = indexOf.get(link.target.uid) ?? 0;
    writeState(columns, i, link.target.family, state);
    columns.ageMs[i] = pack16(Math.max(0, range.toMs - state.newestMs));
    columns.sinceMs[i] = pack16(range.toMs - Math.min(range.toMs, sinceMsOf(entry, ranges)));
    writeStats(stats, i, result.summary);
    addDetail(details, i, detailOf(entry, range.toMs));
    if (timeSlice.isOver()) await timeSlice.next();
  }
  return {
    peersHash: peersHashOf(peers),
    peers,
    gonePeers: [],
    links: columns,
    details,
    stats,
    windowMs: range.toMs - range.fromMs,
    resolutionMs: entries.reduce((most, { result }) => Math.max(most, result.resolutionMs), 0),
    starvation: starvationOf(entries),
  };
}

function peersOf(entries: readonly Entry[]): PeerRef[] {
  const refs = new Map<string, PeerRef>();
  for (const { link } of entries) {
    const { uid, name, namespace, podIP } = link.target;
    refs.set(uid, { uid, name, namespace, podIP });
  }
  return sortedByUid([...refs.values()]);
}

/** Since when a link had been as it was at the end of the time range. */
function sinceMsOf({ link, state }: Entry, ranges: RangeStatistics): number {
  const { judged, sinceMs } = link.judgement;
  const isSame = judged !== null && (judged.outcome === 'ok') === (state.outcome === 0);
  // If the link has not changed since, looking at its samples one by one is not necessary.
  return isSame && sinceMs <= state.newestMs ? sinceMs : ranges.sinceMs(link.record, state);
}

/** The error text of a failure that still lasts; the texts of earlier failures are not kept. */
function detailOf({ link, state }: Entry, toMs: number): string {
  const { judged, sinceMs } = link.judgement;
  if (judged === null || sinceMs > toMs || judged.outcome !== OUTCOMES[state.outcome]) return '';
  return judged.detail;
}

/** How far the report can be trusted. Of the past only the suspect samples are known, not the delay of the event loop. */
function starvationOf(entries: readonly Entry[]): Starvation {
  const samples = entries.reduce((sum, { result }) => sum + result.summary.count, 0);
  const suspect = entries.reduce((sum, { result }) => sum + result.summary.suspect, 0);
  const suspectShare = samples === 0 ? 0 : suspect / samples;
  const unreliable = samples >= UNRELIABLE.samples && suspectShare > UNRELIABLE.suspectShare;
  return { loopDelayP99Us: 0, suspectShare, unreliable, sinceMs: 0 };
}
