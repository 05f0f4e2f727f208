import { SLOW_RUN, SUSPECT_RUN } from '../protocol/link-state.ts';
import { NONE16 } from '../protocol/links.ts';
import type { Sample, UdpResult } from '../protocol/sample.ts';
import { isOk, isSuspect, sampleOfStored } from '../protocol/stored-results.ts';
import { type Datagrams, lossWindowMs } from '../protocol/udp.ts';
import type { TimeRange } from '../runtime/time-range.ts';
import { type Bucket, failuresOf, trustedOf } from './buckets.ts';
import type { History, LinkRecord } from './history.ts';
import { LinkJudgement } from './judgement.ts';
import { Statistics, type Summary } from './statistics.ts';
import { addDatagrams, datagramsOf, noDatagrams, type TimedDatagrams } from './udp-ring.ts';
import { UsualLatencies } from './usual.ts';

/** What is known of a link in a time range. */
export interface RangeResult {
  summary: Summary;
  /** The usual latency of the link over all that is kept, us; -1 = not known. See `USUAL`. */
  usualUs: number;
  /** The largest width of the buckets that were used; 0 if samples were used. */
  resolutionMs: number;
}

/**
 * Computes statistics of links in time ranges: from samples and, for the time of which not all samples are kept, from the buckets that
 * belong to the range (`belongs`). Uses the same working memory for one link after another.
 */
export class RangeStatistics {
  readonly history: History;
  readonly #statistics = new Statistics();
  readonly usual: UsualLatencies;

  constructor(history: History) {
    this.history = history;
    this.usual = new UsualLatencies(history);
  }

  /** The result of one link. For all methods, `nowMs` is taken as the end of a bucket whose period is not over. */
  of(record: LinkRecord, range: TimeRange, nowMs: number): RangeResult {
    const { buckets, results } = this.history.pings(record, range);
    let resolutionMs = 0;
    this.#statistics.clear();
    for (const sample of results) this.#statistics.addSample(sample);
    for (const bucket of buckets) {
      if (!belongs(range, bucket, nowMs)) continue;
      resolutionMs = Math.max(resolutionMs, bucket.endMs - bucket.startMs);
      this.#statistics.addBucket(bucket);
    }
    const usualUs = this.usual.usualUsOf(record, range.toMs - range.fromMs, nowMs);
    return { summary: this.#statistics.summary(), usualUs, resolutionMs };
  }

  /**
   * What was believed about a link at the end of a range: all that is kept until then is judged again, so that the past does not
   * contradict what was shown live. Where samples are not kept, each bucket is judged as a few samples: see `samplesLike`.
   * `hasSamples`: whether the newest of all these were real samples.
   */
  judgementAt(record: LinkRecord, range: TimeRange, nowMs: number, slowUs: number) {
    const { buckets, results } = this.history.pings(record, { fromMs: Number.NEGATIVE_INFINITY, toMs: range.toMs });
    const judgement = new LinkJudgement();
    for (const bucket of buckets.reverse()) {
      const isLater = (bucket.startMs + bucket.endMs) / 2 >= range.toMs;
      if (isLater && !belongs(range, bucket, nowMs)) continue;
      for (const sample of samplesLike(bucket)) judgement.take(sample, Math.min(sample.atMs, range.toMs), slowUs);
    }
    for (const sample of results.reverse()) judgement.take(sampleOfStored(sample), sample.atMs, slowUs);
    return { judgement, hasSamples: results.length > 0 };
  }

  /** How many datagrams of one link in a range count, and how many of them were lost: the sum of `datagrams`. */
  udpOf(record: LinkRecord, range: TimeRange, nowMs: number): Datagrams {
    const sum = noDatagrams();
    for (const datagrams of this.datagrams(record, range, nowMs)) addDatagrams(sum, datagrams);
    return sum;
  }

  /** The range whose datagrams decide at `atMs` (monotonic) whether a link is lossy. */
  lossRange(atMs: number): TimeRange {
    return { fromMs: atMs - lossWindowMs(this.history.settings.refreshIntervalMs), toMs: atMs };
  }

  /** The datagrams of one link in a range that count, newest first: of single cycles as far as they are kept, else of buckets. */
  datagrams(record: LinkRecord, range: TimeRange, nowMs: number): TimedDatagrams[] {
    const { buckets, results } = this.history.cycles(record, range);
    const older = buckets.filter((bucket) => bucket.udpSent > 0 && belongs(range, bucket, nowMs));
    return [...results, ...older.map(datagramsOf)];
  }

  /**
   * The newest cycle of one link in a range that is not suspect. If not all cycles are kept: the newest bucket. null without
   * any.
   */
  newestUdpOf(record: LinkRecord, range: TimeRange, nowMs: number): UdpResult | null {
    const newest = record.udp?.results(range.fromMs, range.toMs).find(({ suspect }) => !suspect);
    if (newest !== undefined) return newest;
    const [bucket] = this.datagrams(record, range, nowMs);
    if (bucket === undefined) return null;
    const { atMs, sent, lost } = bucket;
    return { atMs, sent, lost, rttUs: -1, duplicates: 0, outOfOrder: 0, hops: -1, suspect: false };
  }
}

/**
 * Samples that stand for a bucket. If all its samples failed, or all are ok, these are as many as it takes to change the state of a link
 * (SUSPECT_RUN, SLOW_RUN), or fewer if it had fewer: all at its beginning but the last one, which is as it was. If some failed and others
 * are ok, their order is not known, and only the last one stands for the bucket.
 */
function samplesLike(bucket: Bucket): Sample[] {
  const { code, startMs, newestMs, median16, lastTotal16, min16 } = bucket;
  const isMixed = failuresOf(bucket) > 0 && min16 !== NONE16;
  const alike = isMixed ? 1 : Math.min(trustedOf(bucket) || bucket.samples, Math.max(SUSPECT_RUN, SLOW_RUN));
  const durations = isOk(code)
    ? { connect16: bucket.connect16, firstByte16: bucket.firstByte16, total16: median16 }
    : { connect16: NONE16, firstByte16: NONE16, total16: lastTotal16 };
  // Whether the samples below are suspect: only if all in the bucket are. The mark in `code` is that of the newest one alone.
  const suspect = trustedOf(bucket) === 0;
  const earlier = { ...sampleOfStored({ atMs: startMs, code, ...durations }), suspect };
  const last = { ...sampleOfStored({ atMs: newestMs, code, ...durations, total16: lastTotal16 }), suspect };
  const samples = [...new Array<Sample>(alike - 1).fill(earlier), last];
  return isSuspect(code) && !suspect ? [...samples, { ...last, suspect: true }] : samples;
}

/**
 * Whether a bucket belongs to a time range: whether the middle of its period lies in the range or, if the range is shorter,
 * whether the period contains the middle of the range. A period that is not over ends at `nowMs`.
 */
function belongs({ fromMs, toMs }: TimeRange, { startMs, endMs }: Bucket, nowMs: number): boolean {
  const untilMs = Math.min(endMs, Math.max(nowMs, startMs + 1));
  if (toMs - fromMs >= untilMs - startMs) {
    const middleMs = (startMs + untilMs) / 2;
    return middleMs >= fromMs && middleMs < toMs;
  }
  const middleMs = (fromMs + toMs) / 2;
  return startMs <= middleMs && middleMs < untilMs;
}
