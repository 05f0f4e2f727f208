import type { ReportPast } from '../protocol/history.ts';
import { UNRELIABLE } from '../protocol/link-state.ts';
import { MAX_LINKS } from '../protocol/links.ts';
import { type PeerRef, peersHashOf } from '../protocol/pod.ts';
import type { Starvation } from '../protocol/pod-report.ts';
import type { TimeSlice } from '../runtime/concurrency.ts';
import type { TimeRange } from '../runtime/time-range.ts';
import type { LinkJudgement } from './judgement.ts';
import type { Link } from './links.ts';
import { LinkWriter, type ReportParts, type SuspectRule, sortByUid } from './pod-report.ts';
import type { RangeResult, RangeStatistics } from './range-statistics.ts';

/** The part of the report of a past range that comes from the results. */
export type PastReportParts = ReportParts & { past: ReportPast; starvation: Starvation };

/** A link of the report. */
interface Entry {
  link: Link;
  result: RangeResult;
}

/**
 * Makes the report of a past time range (monotonic ms): for each link its state at the end of the range (`judgementAt`), and
 * statistics over the range. Links of which nothing is known in the range are left out, as are links beyond `MAX_LINKS`. The peers
 * are the pods of the remaining links. A bucket whose period is not over counts as ending at `nowMs`.
 */
export async function pastReport(
  links: readonly Link[],
  range: TimeRange,
  nowMs: number,
  rangeStatistics: RangeStatistics,
  suspectRule: SuspectRule,
  timeSlice: TimeSlice,
): Promise<Omit<PastReportParts, 'past'> & { resolutionMs: number }> {
  const entries: Entry[] = [];
  for (const link of links) {
    const result = rangeStatistics.of(link.record, range, nowMs);
    if (timeSlice.isOver()) await timeSlice.next();
    if (result.summary.count > 0 && entries.length < MAX_LINKS) entries.push({ link, result });
  }
  const peers = peersOf(entries);
  const indexOf = new Map(peers.map((peer, i) => [peer.uid, i]));
  const writer = new LinkWriter(entries.length, suspectRule, rangeStatistics, true);
  for (const [i, { link, result }] of entries.entries()) {
    const { record, target } = link;
    const past = rangeStatistics.judgementAt(record, range, nowMs, suspectRule.slowUs);
    const judged = { ...past, ...timesOf(link, past.judgement, range.toMs) };
    writer.write(i, indexOf.get(target.uid) ?? 0, target.family, judged, range.toMs);
    writer.writeDetail(i, detailOf(link, past.judgement, range.toMs));
    writer.writeCycle(i, rangeStatistics.newestUdpOf(record, range, nowMs), range.toMs);
    writer.writeRange(i, record, range, nowMs, result);
    if (timeSlice.isOver()) await timeSlice.next();
  }
  return {
    peersHash: peersHashOf(peers),
    peers,
    gonePeers: [],
    ...writer.parts(),
    windowMs: range.toMs - range.fromMs,
    resolutionMs: entries.reduce((max, { result }) => Math.max(max, result.resolutionMs), 0),
    starvation: starvationOf(entries),
  };
}

function peersOf(entries: readonly Entry[]): PeerRef[] {
  const refs = new Map<string, PeerRef>();
  for (const { link } of entries) {
    const { uid, name, namespace, podIP } = link.target;
    refs.set(uid, { uid, name, namespace, podIP });
  }
  return sortByUid([...refs.values()]);
}

/**
 * Since when the link had had its state, and had been slow, at `toMs`. If it has been so until now, its present judgement has the time,
 * although the samples of then are no longer kept.
 */
function timesOf({ judgement: now }: Link, then: LinkJudgement, toMs: number) {
  const [judgedNow, judgedThen] = [now.judged, then.judged];
  const isKnown = judgedNow !== null && judgedThen !== null;
  const isSame = isKnown && (judgedNow.outcome === 'ok') === (judgedThen.outcome === 'ok') && now.sinceMs <= toMs;
  const isSlowSinceThen = then.slowSinceMs >= 0 && now.slowSinceMs >= 0 && now.slowSinceMs <= toMs;
  return {
    sinceMs: isSame ? now.sinceMs : then.sinceMs,
    slowSinceMs: isSlowSinceThen ? now.slowSinceMs : then.slowSinceMs,
  };
}

/** The error text, if the failure at `toMs` lasts until now; else ''. Texts of earlier failures are not kept. */
function detailOf({ judgement: { judged, sinceMs } }: Link, then: LinkJudgement, toMs: number): string {
  const lastsUntilNow = judged !== null && sinceMs <= toMs && judged.outcome === then.judged?.outcome;
  return lastsUntilNow ? judged.detail : '';
}

/**
 * Whether the report is reliable, by the share of suspect samples in the range. The delay of the event loop is not kept and is given
 * as 0. Where the journal knows more, its answer replaces this one (`KeptJournal.starvedAt`).
 */
function starvationOf(entries: readonly Entry[]): Starvation {
  const samples = entries.reduce((sum, { result }) => sum + result.summary.count, 0);
  const suspect = entries.reduce((sum, { result }) => sum + result.summary.suspect, 0);
  const suspectShare = samples === 0 ? 0 : suspect / samples;
  const unreliable = samples >= UNRELIABLE.samples && suspectShare > UNRELIABLE.suspectShare;
  return { loopDelayP99Us: 0, suspectShare, unreliable, sinceMs: 0 };
}
