import { pack16 } from '../protocol/links.ts';
import { MAX_SAMPLES, type RecentSample, type Sample, type UdpResult } from '../protocol/sample.ts';
import {
  asSuspect,
  CYCLE_RECORD,
  isSuspect,
  SAMPLE_RECORD,
  type StoredSample,
  sampleOfStored,
  storedSampleOf,
} from '../protocol/stored-results.ts';
import type { Datagrams } from '../protocol/udp.ts';
import type { TimeRange } from '../runtime/time-range.ts';
import { type Bucket, BucketLog, bucketWidthMs, isRecordable, trustedOf } from './buckets.ts';
import { RecordRing } from './ring.ts';
import { Statistics } from './statistics.ts';
import { addDatagrams, noDatagrams, type TimedDatagrams, UdpRing } from './udp-ring.ts';

/** How much to keep, and from when on a link is slow: a part of the configuration. */
export interface ResultsSettings {
  /** For the recent samples of all links. */
  resultsMemoryMiB: number;
  /** For the buckets of all links, and for copies of other pods: see COPY_SHARE. */
  historyMemoryMiB: number;
  historyWindowMs: number;
  refreshIntervalMs: number;
  /** How long the samples of a link that is no longer probed are kept. */
  goneRetentionMs: number;
  slowLinkMs: number;
  udpEnabled: boolean;
}

/** The share of HISTORY_MEMORY that is for copies of other pods; the rest is for the buckets of our own links. */
export const COPY_SHARE = 3 / 8;
/** The share of RESULTS_MEMORY that is for the UDP probe if it is on. */
const UDP_SHARE = 1 / 4;

/** What is stored of one link. Only `History` changes it. */
export interface LinkRecord {
  /** The recent samples; null while they are dropped. */
  ring: RecordRing<StoredSample> | null;
  /** The recent cycles of the UDP probe; null where it is off, and while samples are dropped. */
  udp: UdpRing | null;
  /** The number of the newest bucket; -1 = none. */
  lastBucket: number;
  /** How many of the newest samples are in no bucket yet. */
  pending: number;
  /** The end and the width of the period in which all pending samples are. */
  periodEndMs: number;
  widthMs: number;
  /** Which of the last two pings failed: bit 0 for the last one, bit 1 for the one before. */
  failedPings: number;
}

/**
 * What is kept of a link in a time range, all newest first. What is in the buckets was before the results, and what is in a bucket was
 * later than the newest sample of the bucket before it. Their periods may overlap: a wider bucket may begin before older ones end. The
 * buckets may reach beyond the range at both ends, so the caller chooses among them.
 */
interface Kept<T> {
  buckets: Bucket[];
  results: T[];
}

/**
 * The memory for recent samples is divided into 16, 32, 64, ... shares, one for each link. So the rings change their length
 * only when the number of links has about doubled, or fallen to a quarter.
 */
const MIN_SHARES = 16;
/** The most samples that are summed up at once: the record of a bucket has 8 bits for the failures of a kind (`isRecordable`). */
const MAX_PENDING = 255;

/**
 * The samples of all links: the recent ones as they were taken, and all of them summed up in buckets, for the time of which single
 * samples are not kept any more. Both kinds of memory are bounded, whatever the number of links: the more links, the shorter the
 * rings and the wider the buckets that begin from then on; older buckets keep their width. A bucket is made when the first sample
 * after its period comes, or when the ring will soon overwrite its samples; then the next ones of this period are added to it. All
 * times are monotonic.
 */
export class History {
  /** The buckets of all links. Only `History` changes them. */
  readonly bucketLog: BucketLog;
  readonly settings: ResultsSettings;
  readonly #statistics = new Statistics();
  /** The links whose recent samples are kept. */
  readonly #withSamples = new Set<LinkRecord>();
  /** Into how many shares the memory for recent samples is divided: see `MIN_SHARES`. */
  #shares = MIN_SHARES;
  /** How many recent samples and cycles of a link fit into its share. */
  samplesPerLink = 1;
  #cyclesPerLink = 1;
  /** The width of the buckets that begin now. */
  widthMs = 0;

  constructor(settings: ResultsSettings) {
    this.settings = settings;
    const bucketBytes = settings.historyMemoryMiB * 2 ** 20 * (1 - COPY_SHARE);
    this.bucketLog = new BucketLog(bucketBytes, settings.udpEnabled);
    this.#divideMemory();
    this.chooseBucketWidth(1);
  }

  /** Memory of all samples, cycles and buckets. */
  get bytes(): number {
    let bytes = this.bucketLog.bytes;
    for (const { ring, udp } of this.#withSamples) bytes += (ring?.bytes ?? 0) + (udp?.bytes ?? 0);
    return bytes;
  }

  /** Whether there are results of the UDP probe (UDP_ENABLED). */
  get hasUdp(): boolean {
    return this.settings.udpEnabled;
  }

  /** Chooses the width of the buckets that begin from now on. `links`: the number of links that are probed. */
  chooseBucketWidth(links: number): void {
    const { historyWindowMs, refreshIntervalMs: intervalMs } = this.settings;
    const buckets = this.bucketLog.capacity;
    this.widthMs = bucketWidthMs({ links: Math.max(1, links), buckets, historyWindowMs, intervalMs });
  }

  /** Makes the record of a link, whose samples are kept from now on. */
  newRecord(): LinkRecord {
    const record: LinkRecord = {
      ring: null,
      udp: null,
      lastBucket: -1,
      pending: 0,
      periodEndMs: 0,
      widthMs: 0,
      failedPings: 0,
    };
    this.reopen(record);
    return record;
  }

  /** Drops the recent samples and cycles of a link, once they are in its buckets. The buckets stay. */
  dropSamples(record: LinkRecord): void {
    if (record.ring === null) return;
    this.#sumUp(record);
    record.ring = null;
    record.udp = null;
    this.#withSamples.delete(record);
    this.#adaptShares();
  }

  /** Keeps recent samples again for a link whose samples were dropped. */
  reopen(record: LinkRecord): void {
    if (record.ring !== null) return;
    // All that was before is known from buckets only.
    const droppedUntilMs = this.newestMs(record);
    this.#withSamples.add(record);
    this.#adaptShares();
    record.ring = new RecordRing(SAMPLE_RECORD, this.samplesPerLink, droppedUntilMs);
    if (this.hasUdp) record.udp = new UdpRing(this.#cyclesPerLink, droppedUntilMs);
  }

  /** Changes the number of shares if more links need one, or far fewer. */
  #adaptShares(): void {
    const before = this.#shares;
    const links = this.#withSamples.size;
    if (links > before) this.#shares *= 2;
    else if (links < before / 4 && before > MIN_SHARES) this.#shares /= 2;
    if (this.#shares === before) return;
    this.#divideMemory();
    for (const record of this.#withSamples) {
      if (record.pending > this.#maxPending) this.#sumUp(record);
      record.ring?.resize(this.samplesPerLink);
      record.udp?.resize(this.#cyclesPerLink);
    }
  }

  #divideMemory(): void {
    const bytes = this.settings.resultsMemoryMiB * 2 ** 20;
    const udpBytes = this.hasUdp ? bytes * UDP_SHARE : 0;
    const recordsIn = (part: number, recordBytes: number) =>
      Math.max(2, Math.min(MAX_SAMPLES, Math.floor(part / this.#shares / recordBytes)));
    this.samplesPerLink = recordsIn(bytes - udpBytes, SAMPLE_RECORD.bytes);
    this.#cyclesPerLink = recordsIn(udpBytes, CYCLE_RECORD.bytes);
  }

  /**
   * At most this many samples may be pending, so that the ring of samples and that of cycles still hold all of them. One place in the
   * ring of cycles is for a cycle after the last of these samples.
   */
  get #maxPending(): number {
    return Math.min(MAX_PENDING, this.samplesPerLink, this.hasUdp ? this.#cyclesPerLink - 1 : MAX_PENDING);
  }

  /** Adds the newest sample of a link, taken at `nowMs`. Does nothing while the samples of the link are dropped. */
  add(record: LinkRecord, nowMs: number, sample: Sample): void {
    const { ring, udp } = record;
    if (ring === null) return;
    if (udp !== null) {
      const failed = sample.outcome !== 'ok';
      if (failed) udp.markBesideFailure(ring.results(undefined, undefined, 1)[0]?.atMs ?? Number.NEGATIVE_INFINITY);
      record.failedPings = ((record.failedPings << 1) | (failed ? 1 : 0)) & 3;
    }
    if (nowMs >= record.periodEndMs || record.pending >= this.#maxPending) this.#sumUp(record);
    // A new period, or the rest of one whose first samples are in a bucket already.
    if (record.pending === 0) {
      record.widthMs = this.widthMs;
      record.periodEndMs = (Math.floor(nowMs / this.widthMs) + 1) * this.widthMs;
    }
    record.pending += 1;
    ring.add(storedSampleOf(sample, nowMs));
  }

  /**
   * Adds the newest cycle of the UDP probe of a link; its `atMs` is monotonic. Not every cycle counts: see `UdpRing.counted`.
   * null: the link could not be measured, so that there is no newest cycle any more.
   */
  addUdp({ udp, failedPings }: LinkRecord, result: UdpResult | null): void {
    if (result !== null) udp?.addCycle(result, failedPings !== 0);
    else if (udp !== null) udp.newest = null;
  }

  /**
   * Samples of a link up to this time are not kept one by one, only in buckets: the time of the newest of them. -Infinity: all
   * samples are kept one by one; Infinity: none is.
   */
  droppedUntilMs(record: LinkRecord): number {
    return record.ring?.droppedUntilMs ?? Number.POSITIVE_INFINITY;
  }

  /** When the newest sample in a bucket of a link was taken; -Infinity if there is none. */
  newestMs({ lastBucket }: LinkRecord): number {
    return this.bucketLog.find(lastBucket)?.newestMs ?? Number.NEGATIVE_INFINITY;
  }

  /** The samples of a link from `fromMs` to `toMs` (both included) that are kept one by one, newest first. */
  samples({ ring }: LinkRecord, fromMs?: number, toMs?: number): StoredSample[] {
    return ring?.results(fromMs, toMs) ?? [];
  }

  /** The recent samples of a link, oldest first. Their times are monotonic. */
  recentSamples(record: LinkRecord): RecentSample[] {
    const newestFirst = this.samples(record).map((stored) => {
      const { atMs, outcome, phase, connectUs, firstByteUs, totalUs, suspect } = sampleOfStored(stored);
      return { atMs, outcome, phase, connectUs, firstByteUs, totalUs, suspect };
    });
    return newestFirst.reverse();
  }

  /** The buckets of a link whose periods end after `fromMs`, newest first. Its newest samples may be in none yet. */
  buckets({ lastBucket }: LinkRecord, fromMs: number): Bucket[] {
    return this.bucketLog.chain(lastBucket, fromMs);
  }

  /** What is kept of the pings of a link in a range: samples and, for the time of which not all are kept, buckets. */
  pings(record: LinkRecord, range: TimeRange): Kept<StoredSample> {
    const { ring } = record;
    return this.#keptOf(record, range, ring?.droppedUntilMs, (fromMs, toMs) => ring?.results(fromMs, toMs));
  }

  /** As `pings`: the cycles of the UDP probe that count. */
  cycles(record: LinkRecord, range: TimeRange): Kept<TimedDatagrams> {
    const { udp } = record;
    return this.#keptOf(record, range, udp?.droppedUntilMs, (fromMs, toMs) => udp?.counted(fromMs, toMs));
  }

  /** `droppedUntilMs` and `resultsIn`: of the ring of these results. */
  #keptOf<T extends { atMs: number }>(
    record: LinkRecord,
    { fromMs, toMs }: TimeRange,
    droppedUntilMs = Number.POSITIVE_INFINITY,
    resultsIn: (fromMs: number, toMs: number) => T[] | undefined,
  ): Kept<T> {
    if (droppedUntilMs < fromMs) return { buckets: [], results: resultsIn(fromMs, toMs) ?? [] };
    // The newest bucket that may have a dropped result, and all before it. It may also have results that are still in the ring: those
    // are not given twice.
    const all = this.buckets(record, fromMs);
    const first = all.findIndex(({ startMs }, i) => {
      const before = all[i + 1];
      return before === undefined ? startMs <= droppedUntilMs : before.newestMs < droppedUntilMs;
    });
    const buckets = first < 0 ? [] : all.slice(first);
    const afterMs = buckets[0]?.newestMs ?? Number.NEGATIVE_INFINITY;
    const results = resultsIn(Math.max(fromMs, afterMs), toMs) ?? [];
    return { buckets, results: results.filter(({ atMs }) => atMs > afterMs) };
  }

  /** Sums up the samples of a link that are in no bucket yet: in its newest bucket if that has the same period, else in a new one. */
  #sumUp(record: LinkRecord): void {
    const samples = record.ring?.results(undefined, undefined, record.pending) ?? [];
    const [newest] = samples;
    if (newest === undefined) return;
    record.pending = 0;
    const last = this.bucketLog.find(record.lastBucket);
    // The cycles since the last bucket, up to the newest ping: whether a later one counts is decided by the next ping.
    const datagrams = noDatagrams();
    for (const cycle of record.udp?.counted(last?.newestMs, newest.atMs) ?? []) {
      if (cycle.atMs !== last?.newestMs) addDatagrams(datagrams, cycle);
    }
    if (last?.endMs === record.periodEndMs && last.endMs - last.startMs === record.widthMs) {
      const joined = this.#bucketOf(record, samples, datagrams, last);
      if (isRecordable(joined)) {
        this.bucketLog.replace(record.lastBucket, joined);
        return;
      }
    }
    this.bucketLog.expire(newest.atMs - this.settings.historyWindowMs);
    record.lastBucket = this.bucketLog.add(record.lastBucket, this.#bucketOf(record, samples, datagrams, null));
  }

  /** The bucket of these samples (newest first) and datagrams and, if `before` is given, of those in it. */
  #bucketOf(
    { periodEndMs, widthMs }: LinkRecord,
    samples: readonly StoredSample[],
    { sent, lost }: Datagrams,
    before: Bucket | null,
  ): Bucket {
    this.#statistics.clear();
    for (const sample of samples) this.#statistics.addSample(sample);
    if (before !== null) this.#statistics.addBucket(before);
    const newest = samples[0] as StoredSample;
    // See `Bucket.code`.
    const trusted = samples.find(({ code }) => !isSuspect(code));
    const hasTrustedBefore = before !== null && trustedOf(before) > 0;
    const last = trusted ?? (hasTrustedBefore ? { code: before.code, total16: before.lastTotal16 } : newest);
    const { count, suspect, minUs, p50Us, p95Us, maxUs, connectP50Us, firstByteP50Us } = this.#statistics.summary();
    return {
      startMs: periodEndMs - widthMs,
      endMs: periodEndMs,
      newestMs: newest.atMs,
      samples: count,
      suspect,
      code: isSuspect(newest.code) ? asSuspect(last.code) : last.code,
      lastTotal16: last.total16,
      failures: Array.from(this.#statistics.byOutcome).slice(1),
      min16: pack16(minUs),
      median16: pack16(p50Us),
      high16: pack16(p95Us),
      max16: pack16(maxUs),
      connect16: pack16(connectP50Us),
      firstByte16: pack16(firstByteP50Us),
      udpSent: sent + (before?.udpSent ?? 0),
      udpLost: lost + (before?.udpLost ?? 0),
    };
  }
}
