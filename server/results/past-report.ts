import type { ReportPast } from '../protocol/history.ts';
import { UNRELIABLE } from '../protocol/link-state.ts';
import { emptyStats, MAX_LINKS, pack16 } from '../protocol/links.ts';
import { type PeerRef, peersHashOf } from '../protocol/pod.ts';
import type { Starvation } from '../protocol/pod-report.ts';
import { OUTCOMES, type Outcome } from '../protocol/sample.ts';
import { sampleOfStored } from '../protocol/stored-results.ts';
import { emptyUdp, writeLoss, writeUdp } from '../protocol/udp.ts';
import type { TimeSlice } from '../runtime/concurrency.ts';
import type { TimeRange } from '../runtime/time-range.ts';
import type { History, LinkRecord } from './history.ts';
import { LinkJudgement } from './judgement.ts';
import type { Link } from './links.ts';
import { addDetail, LinkWriter, type ReportParts, type SuspectRule, sortByUid, writeStats } from './pod-report.ts';
import type { BucketState, RangeResult, RangeStatistics } from './range-statistics.ts';

/** The part of the report of a past range that comes from the results. */
export type PastReportParts = ReportParts & { past: ReportPast; starvation: Starvation };

/** A link of the report. */
interface Entry {
  link: Link;
  result: RangeResult;
  /** Its state at the end of the range: what was believed then; what buckets say if its samples are no longer kept. */
  state: Replayed | BucketState;
}

/**
 * Makes the report of a past time range (monotonic ms): for each link its state at the end of the range, as the report of that
 * moment had it if the samples are still kept, else as the buckets say; and statistics over the range. Links of which nothing is
 * known in the range are left out, as are links beyond `MAX_LINKS`. The peers are the pods of the remaining links. A bucket that is
 * still filling counts as ending at `nowMs`.
 */
export async function pastReport(
  links: readonly Link[],
  range: TimeRange,
  nowMs: number,
  rangeStatistics: RangeStatistics,
  suspectRule: SuspectRule,
  timeSlice: TimeSlice,
): Promise<Omit<PastReportParts, 'past'> & { resolutionMs: number }> {
  const { history } = rangeStatistics;
  const entries: Entry[] = [];
  for (const link of links) {
    const { record } = link;
    const result = rangeStatistics.of(record, range, nowMs);
    if (timeSlice.isOver()) await timeSlice.next();
    if (result.summary.count === 0 || entries.length === MAX_LINKS) continue;
    const replayed = judgementAt(record, history, range.toMs, suspectRule.slowUs);
    const state = replayed ?? rangeStatistics.bucketState(record, range, nowMs, result.summary);
    if (state !== null) entries.push({ link, result, state });
  }
  const peers = peersOf(entries);
  const indexOf = new Map(peers.map((peer, i) => [peer.uid, i]));
  const writer = new LinkWriter(entries.length, suspectRule);
  const stats = emptyStats(entries.length);
  const udp = history.hasUdp ? emptyUdp(entries.length) : null;
  const details: ReportParts['details'] = [];
  for (const [i, entry] of entries.entries()) {
    const { link, result } = entry;
    const { record } = link;
    const to = indexOf.get(link.target.uid) ?? 0;
    const outcome = writeEntry(writer, i, to, entry, range.toMs, rangeStatistics);
    writeStats(stats, i, result);
    if (outcome !== null) addDetail(details, i, detailOf(link, outcome, range.toMs));
    if (udp !== null) {
      const newest = rangeStatistics.newestUdpOf(record, range, nowMs);
      if (newest !== null) writeUdp(udp, i, newest, range.toMs - newest.atMs);
      const recent = rangeStatistics.udpOf(record, rangeStatistics.lossRange(range.toMs), nowMs);
      const inRange = rangeStatistics.udpOf(record, range, nowMs);
      writeLoss(udp, i, recent, inRange);
    }
    if (timeSlice.isOver()) await timeSlice.next();
  }
  return {
    peersHash: peersHashOf(peers),
    peers,
    gonePeers: [],
    ...writer.parts(),
    details,
    stats,
    udp,
    windowMs: range.toMs - range.fromMs,
    resolutionMs: entries.reduce((max, { result }) => Math.max(max, result.resolutionMs), 0),
    starvation: starvationOf(entries),
  };
}

interface Replayed {
  judgement: LinkJudgement;
  /** Times of the judgement that are later than this do not depend on samples that are no longer kept; monotonic. */
  knownFromMs: number;
}

/**
 * What was believed about a link at `atMs` (monotonic): its samples are judged again, so that the past does not contradict what was
 * shown live. All that are kept are judged, because the first ones may tell since when the link has been slow. null if none is kept.
 */
function judgementAt(record: LinkRecord, history: History, atMs: number, slowUs: number): Replayed | null {
  const samples = history.samples(record, Number.NEGATIVE_INFINITY, atMs).reverse();
  const [first] = samples;
  if (first === undefined) return null;
  const judgement = new LinkJudgement();
  for (const sample of samples) judgement.take(sampleOfStored(sample), sample.atMs, slowUs);
  const hasAll = history.droppedUntilMs(record) === Number.NEGATIVE_INFINITY;
  return { judgement, knownFromMs: hasAll ? Number.NEGATIVE_INFINITY : first.atMs };
}

/** Writes link `i`, which leads to peer `to`, as it was at `toMs` (monotonic). Returns its outcome; null if that is not known. */
function writeEntry(
  writer: LinkWriter,
  i: number,
  to: number,
  { link, result, state }: Entry,
  toMs: number,
  rangeStatistics: RangeStatistics,
): Outcome | null {
  const { family } = link.target;
  const isReplayed = 'judgement' in state;
  if (isReplayed) writer.writeJudgement(i, to, family, state.judgement, toMs, slowSinceMsOf(link, state, toMs));
  else writer.writeBucketState(i, to, family, state, result.summary, toMs);
  const outcome = outcomeOf(state);
  if (outcome === null) return null;
  // The writer has written when the outcome was first seen in the samples or buckets. It may have been so before.
  if (!isReplayed || state.judgement.sinceMs <= state.knownFromMs) {
    const newestMs = isReplayed ? state.judgement.newestAtMs : state.newestMs;
    const sinceMs = sinceMsOf(link, outcome === 'ok', newestMs, rangeStatistics);
    writer.columns.sinceMs[i] = pack16(Math.max(0, toMs - sinceMs));
  }
  return outcome;
}

function outcomeOf(state: Entry['state']): Outcome | null {
  if ('judgement' in state) return state.judgement.judged?.outcome ?? null;
  return state.isKnown ? (OUTCOMES[state.outcome] ?? null) : null;
}

function peersOf(entries: readonly Entry[]): PeerRef[] {
  const refs = new Map<string, PeerRef>();
  for (const { link } of entries) {
    const { uid, name, namespace, podIP } = link.target;
    refs.set(uid, { uid, name, namespace, podIP });
  }
  return sortByUid([...refs.values()]);
}

/** Since when the link had been slow at `toMs`; both monotonic. -1 = it was not, or that is not known. */
function slowSinceMsOf(link: Link, { judgement, knownFromMs }: Replayed, toMs: number): number {
  if (judgement.slowSinceMs < 0 || judgement.slowSinceMs > knownFromMs) return judgement.slowSinceMs;
  // If the link has been slow until now, its present judgement has the time; -1 if it is not slow now.
  return link.judgement.slowSinceMs <= toMs ? link.judgement.slowSinceMs : -1;
}

/** Since when the link had been ok (`wasOk`), or had been failing, at `atMs`; both monotonic. */
function sinceMsOf(
  { judgement, record }: Link,
  wasOk: boolean,
  atMs: number,
  rangeStatistics: RangeStatistics,
): number {
  const { judged, sinceMs } = judgement;
  // If the link has not changed since, its present judgement has the time already.
  const isStillSame = judged !== null && (judged.outcome === 'ok') === wasOk;
  return isStillSame && sinceMs <= atMs ? sinceMs : rangeStatistics.sinceMs(record, wasOk, atMs);
}

/** The error text, if the failure at `toMs` lasts until now; else ''. Texts of earlier failures are not kept. */
function detailOf({ judgement: { judged, sinceMs } }: Link, outcome: Outcome, toMs: number): string {
  return judged === null || sinceMs > toMs || judged.outcome !== outcome ? '' : judged.detail;
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
