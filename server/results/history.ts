import { NONE16, pack16, unpack16 } from '../protocol/links.ts';
import { MAX_SAMPLES, type RecentSample, type Sample, type UdpResult } from '../protocol/sample.ts';
import {
  CYCLE_RECORD,
  isSuspect,
  SAMPLE_RECORD,
  type StoredSample,
  sampleOfStored,
  storedSampleOf,
} from '../protocol/stored-results.ts';
import {
  addToBucket,
  addUdpToBucket,
  BUCKET_WIDTHS_MS,
  type Bucket,
  BucketLog,
  bucketWidthMs,
  failuresOf,
  isFull,
  newestOf,
  trustedOf,
} from './buckets.ts';
import { RecordRing } from './ring.ts';
import { Statistics, type Summary } from './statistics.ts';
import { UdpRing } from './udp-ring.ts';

/** How much to keep of all links together. */
export interface HistorySettings {
  /** Bytes for the recent samples (RESULTS_MEMORY). */
  sampleBytes: number;
  /** The part of them that is for the cycles of the UDP probe; 0 = it is off. */
  udpBytes: number;
  /** Bytes for the buckets (HISTORY_MEMORY). */
  bucketBytes: number;
  /** How far back the buckets should reach (HISTORY_WINDOW). */
  historyWindowMs: number;
  /** How often a link gets a sample (REFRESH_INTERVAL); 0 = never. */
  intervalMs: number;
}

/** The share of HISTORY_MEMORY that is for copies of other pods; the rest is for the buckets of our own links. */
export const COPY_SHARE = 3 / 8;
/** The share of RESULTS_MEMORY that is for the UDP probe if it is on. */
const UDP_SHARE = 1 / 4;

/** Divides RESULTS_MEMORY and HISTORY_MEMORY. */
export function memoryOf(settings: {
  resultsMemoryMiB: number;
  historyMemoryMiB: number;
  udpEnabled: boolean;
}): Pick<HistorySettings, 'sampleBytes' | 'udpBytes' | 'bucketBytes'> {
  const sampleBytes = settings.resultsMemoryMiB * 2 ** 20;
  return {
    sampleBytes,
    udpBytes: settings.udpEnabled ? sampleBytes * UDP_SHARE : 0,
    bucketBytes: settings.historyMemoryMiB * 2 ** 20 * (1 - COPY_SHARE),
  };
}

/** The stored samples of one link. Only `History` changes it. */
export interface LinkRecord {
  /** The recent samples; null while they are dropped. */
  ring: RecordRing<StoredSample> | null;
  /** The number of the newest bucket, which may still take samples; -1 = none. */
  lastBucket: number;
  /** How many of the newest samples are in the ring but not yet in the percentiles of that bucket. */
  pendingSamples: number;
  /** The recent cycles of the UDP probe; null where it is off, and while samples are dropped. */
  udp: UdpRing | null;
  /** Datagrams since the last ping, and those of them that were lost: whether they count, the next ping decides. */
  pendingUdpSent: number;
  pendingUdpLost: number;
  /** Which of the last two pings failed: bit 0 for the last one, bit 1 for the one before. */
  failedPings: number;
}

/**
 * The memory for recent samples is divided into 16, 32, 64, ... shares, one for each link. So the rings change their length
 * only when the number of links has about doubled, or fallen to a quarter.
 */
const MIN_SHARES = 16;

/**
 * The samples of all links: the recent ones as they were taken, older ones summed up in buckets. Both kinds of memory are
 * bounded, whatever the number of links: the more links, the shorter the rings and the wider the buckets that begin from
 * then on; older buckets keep their width. A bucket is closed by the next sample of its link and not by a timer, so the
 * work for all links is spread out. A full bucket is closed early; then two buckets share one period. All times are
 * monotonic.
 */
export class History {
  /** The buckets of all links. Only `History` changes them. */
  readonly bucketLog: BucketLog;
  readonly settings: HistorySettings;
  readonly #statistics = new Statistics();
  /** The links whose recent samples are kept. */
  readonly #withSamples = new Set<LinkRecord>();
  /** See `MIN_SHARES`. */
  #shares = MIN_SHARES;
  /** How many recent samples and cycles of a link fit into its share. */
  samplesPerLink = 1;
  #cyclesPerLink = 1;
  /** The width of the buckets that begin now. */
  widthMs: number = BUCKET_WIDTHS_MS[0];

  constructor(settings: HistorySettings) {
    this.settings = settings;
    this.bucketLog = new BucketLog(settings.bucketBytes, settings.udpBytes > 0);
    this.#divideMemory();
    this.chooseBucketWidth(1);
  }

  get bytes(): number {
    let bytes = this.bucketLog.bytes;
    for (const { ring, udp } of this.#withSamples) bytes += (ring?.bytes ?? 0) + (udp?.bytes ?? 0);
    return bytes;
  }

  /** Whether there are results of the UDP probe (UDP_ENABLED). */
  get hasUdp(): boolean {
    return this.settings.udpBytes > 0;
  }

  /** Chooses the width of the buckets that begin from now on. `links`: the number of links that are probed. */
  chooseBucketWidth(links: number): void {
    const { historyWindowMs, intervalMs } = this.settings;
    const buckets = this.bucketLog.capacity;
    this.widthMs = bucketWidthMs({ links: Math.max(1, links), buckets, historyWindowMs, intervalMs });
  }

  /** Makes the record of a link, whose samples are kept from now on. */
  newRecord(): LinkRecord {
    const record: LinkRecord = {
      ring: null,
      lastBucket: -1,
      pendingSamples: 0,
      udp: null,
      pendingUdpSent: 0,
      pendingUdpLost: 0,
      failedPings: 0,
    };
    this.reopen(record);
    return record;
  }

  /** Drops the recent samples of a link; its buckets stay. */
  dropSamples(record: LinkRecord): void {
    if (record.ring === null) return;
    this.#updatePercentiles(record);
    record.ring = null;
    record.udp = null;
    this.#withSamples.delete(record);
    this.#adaptShares();
  }

  /** Keeps recent samples again for a link whose samples were dropped. */
  reopen(record: LinkRecord): void {
    if (record.ring !== null) return;
    // What was before is known by buckets only.
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
    for (const { ring, udp } of this.#withSamples) {
      ring?.resize(this.samplesPerLink);
      udp?.resize(this.#cyclesPerLink);
    }
  }

  #divideMemory(): void {
    const { sampleBytes, udpBytes } = this.settings;
    const recordsIn = (bytes: number, recordBytes: number) =>
      Math.max(1, Math.min(MAX_SAMPLES, Math.floor(bytes / this.#shares / recordBytes)));
    this.samplesPerLink = recordsIn(sampleBytes - udpBytes, SAMPLE_RECORD.bytes);
    this.#cyclesPerLink = recordsIn(udpBytes, CYCLE_RECORD.bytes);
  }

  /** Adds the newest sample of a link, taken at `nowMs`. Does nothing while the samples of the link are dropped. */
  add(record: LinkRecord, nowMs: number, sample: Sample): void {
    const { ring } = record;
    if (ring === null) return;
    const stored = storedSampleOf(sample, nowMs);
    // The ring is about to overwrite a sample that is not part of the percentiles yet.
    if (record.pendingSamples >= this.samplesPerLink) this.#updatePercentiles(record);
    let bucket = this.bucketLog.find(record.lastBucket);
    if (bucket === null || nowMs >= bucket.endMs || isFull(bucket)) {
      this.#updatePercentiles(record);
      this.bucketLog.expire(nowMs - this.settings.historyWindowMs);
      record.lastBucket = this.bucketLog.open(record.lastBucket, this.widthMs, nowMs);
      bucket = this.bucketLog.find(record.lastBucket);
    }
    // The bucket discarded its suspect samples, so they are not pending any more.
    if (bucket !== null && addToBucket(bucket, stored)) record.pendingSamples = 0;
    record.pendingSamples += 1;
    if (this.hasUdp) this.#settleUdp(record, bucket, sample.outcome !== 'ok');
    ring.add(stored);
  }

  /**
   * Adds the newest cycle of the UDP probe of a link; its `atMs` is monotonic. Not every cycle counts: see `UdpRing.counted`.
   * null: the link could not be measured, so that there is no newest cycle any more.
   */
  addUdp(record: LinkRecord, result: UdpResult | null): void {
    if (record.udp === null) return;
    if (result === null) {
      record.udp.newest = null;
      return;
    }
    const isBesideFailure = record.failedPings !== 0;
    record.udp.addCycle(result, isBesideFailure);
    if (result.suspect || isBesideFailure) return;
    record.pendingUdpSent += result.sent;
    record.pendingUdpLost += result.lost;
  }

  /** A ping has ended: its bucket counts the datagrams since the last ping unless it failed. */
  #settleUdp(record: LinkRecord, bucket: Bucket | null, failed: boolean): void {
    if (failed) {
      const [lastPing] = this.samples(record, undefined, undefined, 1);
      record.udp?.markBesideFailure(lastPing?.atMs ?? Number.NEGATIVE_INFINITY);
    } else if (bucket !== null && record.pendingUdpSent > 0) {
      addUdpToBucket(bucket, record.pendingUdpSent, record.pendingUdpLost);
    }
    record.pendingUdpSent = 0;
    record.pendingUdpLost = 0;
    record.failedPings = ((record.failedPings << 1) | (failed ? 1 : 0)) & 3;
  }

  /** When the newest sample of a link was taken, as its buckets say; -Infinity if it has none. */
  newestMs({ lastBucket }: LinkRecord): number {
    const bucket = this.bucketLog.find(lastBucket);
    return bucket === null ? Number.NEGATIVE_INFINITY : newestOf(bucket);
  }

  /**
   * Samples of a link up to this time are not kept one by one, only in buckets: the time of the newest of them. -Infinity: all
   * samples are kept one by one; Infinity: none is.
   */
  droppedUntilMs(record: LinkRecord): number {
    return record.ring?.droppedUntilMs ?? Number.POSITIVE_INFINITY;
  }

  /** The newest samples of a link from `fromMs` to `toMs` (both included), newest first; no more than `most`. */
  samples({ ring }: LinkRecord, fromMs?: number, toMs?: number, most?: number): StoredSample[] {
    return ring?.results(fromMs, toMs, most) ?? [];
  }

  /** The recent samples of a link, oldest first. Their times are monotonic. */
  recentSamples(record: LinkRecord): RecentSample[] {
    const newestFirst = this.samples(record).map((stored) => {
      const { atMs, outcome, phase, connectUs, firstByteUs, totalUs, suspect } = sampleOfStored(stored);
      return { atMs, outcome, phase, connectUs, firstByteUs, totalUs, suspect };
    });
    return newestFirst.reverse();
  }

  /** The buckets of a link whose periods end after `fromMs`, newest first, with percentiles up to date. */
  buckets(record: LinkRecord, fromMs: number): Bucket[] {
    this.#updatePercentiles(record);
    return this.unmergedBuckets(record, fromMs);
  }

  /**
   * As `buckets`, but the percentiles of the newest bucket, which may still take samples, lack the pending ones. So it may be
   * called at any time without a loss of precision.
   */
  unmergedBuckets({ lastBucket }: LinkRecord, fromMs: number): Bucket[] {
    return this.bucketLog.chain(lastBucket, fromMs);
  }

  /** Merges the pending samples into the percentiles of the newest bucket. */
  #updatePercentiles(record: LinkRecord): void {
    const bucket = this.bucketLog.find(record.lastBucket);
    const pending = record.pendingSamples;
    record.pendingSamples = 0;
    if (bucket === null || pending === 0) return;
    // Suspect samples count only if the bucket has no others.
    const hasTrusted = trustedOf(bucket) > 0;
    this.#statistics.clear();
    for (const sample of this.samples(record, undefined, undefined, pending)) {
      if (isSuspect(sample.code) !== hasTrusted) this.#statistics.addSample(sample);
    }
    addPercentiles(bucket, this.#statistics.summary());
  }
}

/** Merges percentiles of further samples into a bucket, approximately: the mean of old and new, weighted by ok samples. */
function addPercentiles(bucket: Bucket, added: Summary): void {
  const ok = added.count - added.failures;
  if (ok === 0) return;
  const { chunk, i } = bucket;
  const counted = trustedOf(bucket) || (chunk.samples[i] ?? 0);
  const okBefore = Math.max(0, counted - failuresOf(bucket) - ok);
  const blend = (column: Uint16Array, us: number) => {
    const oldUs = unpack16(column[i] ?? NONE16);
    const weight = oldUs < 0 ? 0 : okBefore;
    column[i] = pack16(us < 0 ? oldUs : (oldUs * weight + us * ok) / (weight + ok));
  };
  blend(chunk.p50Us, added.p50Us);
  blend(chunk.p95Us, added.p95Us);
  blend(chunk.connectP50Us, added.connectP50Us);
  blend(chunk.firstByteP50Us, added.firstByteP50Us);
}
