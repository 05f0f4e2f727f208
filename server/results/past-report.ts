import type { ReportPast } from '../protocol/history.ts';
import { UNRELIABLE } from '../protocol/link-state.ts';
import { emptyStats, MAX_LINKS, pack16 } from '../protocol/links.ts';
import { type PeerRef, peersHashOf } from '../protocol/pod.ts';
import type { Starvation } from '../protocol/pod-report.ts';
import { OUTCOMES } from '../protocol/sample.ts';
import { type StoredSample, sampleOfStored } from '../protocol/stored-results.ts';
import { emptyUdp, writeRecentUdp, writeUdp, writeUdpWindow } from '../protocol/udp.ts';
import type { TimeSlice } from '../runtime/concurrency.ts';
import type { TimeRange } from '../runtime/time-range.ts';
import type { History, LinkRecord } from './history.ts';
import { LinkJudgement } from './judgement.ts';
import type { Link } from './links.ts';
import {
  addDetail,
  type Doubt,
  JudgedLinks,
  type ReportParts,
  sortedByUid,
  writeState,
  writeStats,
} from './pod-report.ts';
import type { LastState, RangeResult, RangeStatistics } from './range-statistics.ts';

/** What server/results contributes to the report of a past range. */
export type PastReportParts = ReportParts & { past: ReportPast; starvation: Starvation };

interface Entry {
  link: Link;
  result: RangeResult;
  state: LastState;
}

/**
 * Makes the report of a past time range (monotonic ms): for each link its state at the end of the range, as the report of that
 * moment had it if the samples are still kept, else as the buckets say; and statistics over the range. `doubt`: see there. Links of which nothing is known in the range are left out, as are links beyond `MAX_LINKS`; the peers are the
 * pods of the remaining links. A bucket that is still filling counts as ending at `nowMs`.
 */
export async function pastReport(
  links: readonly Link[],
  range: TimeRange,
  nowMs: number,
  history: History,
  ranges: RangeStatistics,
  doubt: Doubt,
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
  const judged = new JudgedLinks(entries.length, doubt);
  const { columns } = judged;
  const stats = emptyStats(entries.length);
  const udp = ranges.hasUdp ? emptyUdp(entries.length) : null;
  const details: ReportParts['details'] = [];
  for (const [i, entry] of entries.entries()) {
    const { link, result, state } = entry;
    const to = indexOf.get(link.target.uid) ?? 0;
    const replayed = judgementAt(link.record, history, state.newestMs, doubt.slowUs);
    if (replayed === null) {
      columns.to[i] = to;
      writeState(columns, i, link.target.family, state);
      columns.ageMs[i] = pack16(Math.max(0, range.toMs - state.newestMs));
    } else judged.write(i, to, link.target.family, replayed.judgement, range.toMs);
    if (!replayed?.knowsSince) columns.sinceMs[i] = pack16(Math.max(0, range.toMs - sinceMsOf(entry, ranges)));
    writeStats(stats, i, result);
    addDetail(details, i, detailOf(entry, range.toMs));
    if (udp !== null) {
      const newest = ranges.newestUdpOf(link.record, range, nowMs);
      if (newest !== null) writeUdp(udp, i, newest, range.toMs - newest.atMs);
      const inRange = ranges.udpOf(link.record, range, nowMs);
      writeUdpWindow(udp, i, inRange.sent, inRange.lost);
      const recentRange = { fromMs: range.toMs - ranges.lossWindowMs, toMs: range.toMs };
      const recent = ranges.udpOf(link.record, recentRange, nowMs);
      writeRecentUdp(udp, i, recent.sent, recent.lost);
    }
    if (timeSlice.isOver()) await timeSlice.next();
  }
  return {
    peersHash: peersHashOf(peers),
    peers,
    gonePeers: [],
    ...judged.parts(),
    details,
    stats,
    udp,
    windowMs: range.toMs - range.fromMs,
    resolutionMs: entries.reduce((max, { result }) => Math.max(max, result.resolutionMs), 0),
    starvation: starvationOf(entries),
  };
}

/** So many of a link's last samples are judged again: far more than any rule of `LinkJudgement` looks at. */
const REPLAYED = 128;

/**
 * What was believed about a link at `atMs` (monotonic): its samples are judged again, so that the past never contradicts what
 * was shown live. `knowsSince`: since when it was so does not depend on earlier samples. null if no samples are kept any more.
 */
function judgementAt(record: LinkRecord, history: History, atMs: number, slowUs: number) {
  const samples: StoredSample[] = [];
  history.visitSamples(record, Number.NEGATIVE_INFINITY, atMs, (sample) => samples.push(sample) < REPLAYED);
  const first = samples.at(-1);
  if (first === undefined) return null;
  const judgement = new LinkJudgement();
  for (const sample of samples.reverse()) judgement.take(sampleOfStored(sample), sample.atMs, slowUs);
  const hasAll = samples.length < REPLAYED && history.samplesSinceMs(record) === Number.NEGATIVE_INFINITY;
  return { judgement, knowsSince: hasAll || judgement.sinceMs > first.atMs };
}

function peersOf(entries: readonly Entry[]): PeerRef[] {
  const refs = new Map<string, PeerRef>();
  for (const { link } of entries) {
    const { uid, name, namespace, podIP } = link.target;
    refs.set(uid, { uid, name, namespace, podIP });
  }
  return sortedByUid([...refs.values()]);
}

/** When the link became ok, or began to fail, as it was at the end of the range (monotonic ms). */
function sinceMsOf({ link, state }: Entry, ranges: RangeStatistics): number {
  const { judged, sinceMs } = link.judgement;
  const isStillSame = judged !== null && (judged.outcome === 'ok') === (state.outcome === 0);
  // The link has not changed since the range, so the current judgement already has the time.
  return isStillSame && sinceMs <= state.newestMs ? sinceMs : ranges.sinceMs(link.record, state);
}

/** The error text, if the failure at the end of the range still lasts now. Texts of earlier failures are not kept. */
function detailOf({ link, state }: Entry, toMs: number): string {
  const { judged, sinceMs } = link.judgement;
  if (judged === null || sinceMs > toMs || judged.outcome !== OUTCOMES[state.outcome]) return '';
  return judged.detail;
}

/**
 * Whether the report is reliable. For the past only the share of suspect samples is known. The delay of the event loop is
 * not known and is given as 0.
 */
function starvationOf(entries: readonly Entry[]): Starvation {
  const samples = entries.reduce((sum, { result }) => sum + result.summary.count, 0);
  const suspect = entries.reduce((sum, { result }) => sum + result.summary.suspect, 0);
  const suspectShare = samples === 0 ? 0 : suspect / samples;
  const unreliable = samples >= UNRELIABLE.samples && suspectShare > UNRELIABLE.suspectShare;
  return { loopDelayP99Us: 0, suspectShare, unreliable, sinceMs: 0 };
}
