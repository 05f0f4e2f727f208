import { isSlow, SUSPECT_RUN } from '../protocol/link-state.ts';
import {
  emptyLinks,
  emptyStats,
  FLAG_INTERMITTENT,
  FLAG_IPV6,
  FLAG_NOT_YET,
  FLAG_RECOVERED,
  FLAG_SLOW,
  FLAG_SUSPECT,
  type LinkColumns,
  MAX_LINKS,
  NONE16,
  pack16,
  phaseFlag,
  type StatColumns,
} from '../protocol/links.ts';
import { type PeerRef, type Pod, peersHashOf } from '../protocol/pod.ts';
import { MAX_DETAIL_LENGTH, MAX_DETAILS, type PodReport } from '../protocol/pod-report.ts';
import { OUTCOMES, type UdpResult } from '../protocol/sample.ts';
import { emptyUdp, type UdpColumns, writeLoss, writeUdp } from '../protocol/udp.ts';
import type { TimeSlice } from '../runtime/concurrency.ts';
import type { TimeRange } from '../runtime/time-range.ts';
import type { LinkRecord } from './history.ts';
import type { LinkJudgement } from './judgement.ts';
import type { Link } from './links.ts';
import type { RangeResult, RangeStatistics } from './range-statistics.ts';

/** The part of a pod report that comes from the results. */
export type ReportParts = Pick<
  PodReport,
  | 'peersHash'
  | 'peers'
  | 'gonePeers'
  | 'links'
  | 'details'
  | 'slow'
  | 'recent'
  | 'failsOnly'
  | 'stats'
  | 'udp'
  | 'windowMs'
>;

/** The peers of a report, and the place of each among them. */
export interface PeerTable {
  /** All peers that are not gone, sorted by uid. */
  peers: PeerRef[];
  /** Those that are gone, by uid. */
  gone: ReadonlyMap<string, PeerRef>;
  /** Index in `peers`, by uid. */
  indexOf: ReadonlyMap<string, number>;
  hash: string;
}

/** The table of the pods that discovery knows. */
export function peerTableOf(pods: readonly Pod[]): PeerTable {
  const refOf = ({ uid, name, namespace, podIPs }: Pod) => ({ uid, name, namespace, podIP: podIPs[0] ?? '' });
  const peers = sortByUid(pods.filter((pod) => pod.lifecycle !== 'gone').map(refOf));
  const gone = pods.filter((pod) => pod.lifecycle === 'gone').map(refOf);
  return {
    peers,
    gone: new Map(gone.map((peer) => [peer.uid, peer])),
    indexOf: new Map(peers.map((peer, i) => [peer.uid, i])),
    hash: peersHashOf(peers),
  };
}

/** Sorts peers by uid, the order of `PodReport.peers`. Changes the array. */
export function sortByUid(peers: PeerRef[]): PeerRef[] {
  return peers.sort((a, b) => (a.uid < b.uid ? -1 : a.uid > b.uid ? 1 : 0));
}

/**
 * Makes the report of now. A link that is probed is part of it if its pod is among the peers; a link that is no longer
 * probed only if its pod is gone, so that its last state can still be seen. `nowMs` is monotonic; `windowMs` 0 = without
 * statistics. The links show the moment of the call, although the statistics may take several time slices.
 */
export async function currentReport(
  links: readonly Link[],
  table: PeerTable,
  nowMs: number,
  windowMs: number,
  rangeStatistics: RangeStatistics,
  suspectRule: SuspectRule,
  timeSlice: TimeSlice,
): Promise<ReportParts> {
  const { gonePeers, entries } = placeLinks(links, table);
  const writer = new LinkWriter(entries.length, suspectRule, rangeStatistics, windowMs > 0);
  for (const [i, { link, to }] of entries.entries()) {
    const { judgement, target, record } = link;
    const { judged, sinceMs, slowSinceMs } = judgement;
    writer.write(i, to, target.family, { judgement, hasSamples: true, sinceMs, slowSinceMs }, nowMs);
    writer.writeDetail(i, judged?.detail ?? '');
    writer.writeCycle(i, record.udp?.newest ?? null, nowMs);
  }
  const range = { fromMs: nowMs - windowMs, toMs: nowMs };
  for (const [i, { link }] of entries.entries()) {
    writer.writeRange(i, link.record, range, nowMs);
    if (timeSlice.isOver()) await timeSlice.next();
  }
  const { peers, hash: peersHash } = table;
  return { peersHash, peers, gonePeers, ...writer.parts(), windowMs };
}

/**
 * When a link is unreliable: if its newest sample is suspect, unless that sample is ok, took less than `slowUs`, and came in before
 * `startGraceEndMs` (monotonic; see START_GRACE_MS).
 */
export interface SuspectRule {
  startGraceEndMs: number;
  /** SLOW_LINK. */
  slowUs: number;
}

/** What is believed about a link. */
export interface JudgedLink {
  judgement: LinkJudgement;
  /** Whether its newest samples are kept. Buckets don't tell in which order samples failed, so such a link is not intermittent. */
  hasSamples: boolean;
  /** Since when it has its state, and since when it has been slow; monotonic, -1 = it is not, or that is not known. */
  sinceMs: number;
  slowSinceMs: number;
}

/** Writes the links of a report: columns, and lists of what only few links have. */
export class LinkWriter {
  readonly #columns: LinkColumns;
  readonly #stats: StatColumns | null;
  readonly #udp: UdpColumns | null;
  // The lists below are those of `PodReport`; the first element of an entry is the index of its link.
  readonly #slow: [number, number][] = [];
  readonly #recent: [number, number, number][] = [];
  readonly #failsOnly: [number, 'new' | 'open'][] = [];
  readonly #details: [number, string][] = [];
  readonly #rule: SuspectRule;
  readonly #ranges: RangeStatistics;

  /** `count`: how many links the report has. */
  constructor(count: number, rule: SuspectRule, ranges: RangeStatistics, hasStats: boolean) {
    this.#rule = rule;
    this.#ranges = ranges;
    this.#columns = emptyLinks(count);
    this.#stats = hasStats ? emptyStats(count) : null;
    this.#udp = ranges.history.hasUdp ? emptyUdp(count) : null;
  }

  /** Writes link `i`, which leads to peer `to`, as it is judged at `nowMs` (monotonic). */
  write(i: number, to: number, family: 4 | 6, judged: JudgedLink, nowMs: number): void {
    const columns = this.#columns;
    const { judgement, hasSamples, sinceMs, slowSinceMs } = judged;
    const { judged: sample, newestAtMs, seenAtMs } = judgement;
    const isIntermittent = hasSamples && judgement.isIntermittent;
    const hasRecovered = hasSamples && judgement.hasRecovered;
    columns.to[i] = to;
    columns.flags[i] =
      (family === 6 ? FLAG_IPV6 : 0) |
      (this.#isUnreliable(judgement) ? FLAG_SUSPECT : 0) |
      (judgement.slowSinceMs >= 0 ? FLAG_SLOW : 0) |
      (isIntermittent ? FLAG_INTERMITTENT : 0) |
      (hasRecovered ? FLAG_RECOVERED : 0) |
      (sample === null ? FLAG_NOT_YET : phaseFlag(sample.phase));
    columns.outcome[i] = sample === null ? 0 : OUTCOMES.indexOf(sample.outcome);
    columns.connectUs[i] = pack16(judgement.connectUs);
    columns.firstByteUs[i] = pack16(sample?.firstByteUs ?? -1);
    columns.totalUs[i] = pack16(sample?.totalUs ?? -1);
    // Of a link without a state: the age of its newest sample, which was not believed.
    const lastMs = sample === null ? newestAtMs : seenAtMs;
    columns.ageMs[i] = lastMs < 0 ? NONE16 : pack16(nowMs - lastMs);
    columns.sinceMs[i] = sinceMs < 0 ? NONE16 : pack16(nowMs - sinceMs);
    if ((isIntermittent || hasRecovered) && this.#recent.length < MAX_DETAILS) {
      const { failures, samples } = judgement.recent;
      this.#recent.push([i, failures, samples]);
    }
    const only = judgement.failsOnly;
    if (only !== '' && this.#failsOnly.length < MAX_DETAILS) this.#failsOnly.push([i, only]);
    if (slowSinceMs >= 0 && this.#slow.length < MAX_DETAILS) this.#slow.push([i, Math.round(nowMs - slowSinceMs)]);
  }

  /** See `SuspectRule`. */
  #isUnreliable({ newest, newestAtMs }: LinkJudgement): boolean {
    const { startGraceEndMs, slowUs } = this.#rule;
    const isExcused = newest?.outcome === 'ok' && !isSlow(newest.totalUs, slowUs) && newestAtMs < startGraceEndMs;
    return newest?.suspect === true && !isExcused;
  }

  /** Writes the error text of link `i`, if it has one and there is room for it. */
  writeDetail(i: number, detail: string): void {
    if (detail === '' || this.#details.length >= MAX_DETAILS) return;
    this.#details.push([i, detail.slice(0, MAX_DETAIL_LENGTH)]);
  }

  /** Writes the newest cycle of the UDP probe of link `i`. */
  writeCycle(i: number, cycle: UdpResult | null, nowMs: number): void {
    if (this.#udp !== null && cycle !== null) writeUdp(this.#udp, i, cycle, nowMs - cycle.atMs);
  }

  /**
   * Writes the statistics of link `i` over a range (if the report has any), the datagrams of the last `lossWindowMs`, and those of the
   * range. `result`: the statistics, if they are known already.
   */
  writeRange(i: number, record: LinkRecord, range: TimeRange, nowMs: number, result?: RangeResult): void {
    const ranges = this.#ranges;
    if (this.#stats !== null) writeStats(this.#stats, i, result ?? ranges.of(record, range, nowMs));
    if (this.#udp === null) return;
    const recent = ranges.udpOf(record, ranges.lossRange(range.toMs), nowMs);
    writeLoss(this.#udp, i, recent, this.#stats === null ? recent : ranges.udpOf(record, range, nowMs));
  }

  /** The parts of the report. Optional lists without entries are left out. */
  parts(): Pick<ReportParts, 'links' | 'slow' | 'recent' | 'failsOnly' | 'details' | 'stats' | 'udp'> {
    const [slow, recent, failsOnly] = [this.#slow, this.#recent, this.#failsOnly];
    return {
      links: this.#columns,
      details: this.#details,
      stats: this.#stats,
      udp: this.#udp,
      ...(slow.length > 0 && { slow }),
      ...(recent.length > 0 && { recent }),
      ...(failsOnly.length > 0 && { failsOnly }),
    };
  }
}

/**
 * Selects the links of the report. `to` of an entry: the index of its pod in the list of all `peers` and then all `gonePeers`, which are
 * the gone pods that have a link.
 */
function placeLinks(links: readonly Link[], table: PeerTable) {
  const gonePeers: PeerRef[] = [];
  const goneIndex = new Map<string, number>();
  const entries: { link: Link; to: number }[] = [];
  for (const link of links) {
    const { uid } = link.target;
    const isProbed = link.retiredAtMs < 0;
    const gone = table.gone.get(uid);
    if (gone !== undefined && !goneIndex.has(uid)) {
      goneIndex.set(uid, table.peers.length + gonePeers.length);
      gonePeers.push(gone);
    }
    const to = (isProbed ? table.indexOf.get(uid) : undefined) ?? goneIndex.get(uid);
    if (to !== undefined && to < MAX_LINKS && entries.length < MAX_LINKS) entries.push({ link, to });
  }
  return { gonePeers, entries };
}

/** The largest count that a column of statistics holds. */
const MAX_COUNT = 0xffff;

const SUMMARY_DURATIONS = ['minUs', 'p50Us', 'p95Us', 'maxUs', 'connectP50Us', 'firstByteP50Us', 'jitterUs'] as const;

/**
 * Writes the statistics of a link to place `i` of the columns. If its only samples are fewer than SUSPECT_RUN suspect ones, failures
 * among them are not counted, as they do not stand for a link either.
 */
function writeStats(stats: StatColumns, i: number, { summary, usualUs }: RangeResult): void {
  const isDoubtful = summary.suspect === summary.count && summary.count < SUSPECT_RUN;
  stats.samples[i] = Math.min(summary.count, MAX_COUNT);
  stats.suspect[i] = Math.min(summary.suspect, MAX_COUNT);
  stats.failures[i] = isDoubtful ? 0 : Math.min(summary.failures, MAX_COUNT);
  for (const name of SUMMARY_DURATIONS) stats[name][i] = pack16(summary[name]);
  stats.usualUs[i] = pack16(usualUs);
}
