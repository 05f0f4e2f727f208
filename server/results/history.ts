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
  BucketLog,
  bucketWidthMs,
  type Chunk,
  failuresOf,
  isFull,
  newestOf,
  startOf,
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
  windowMs: number;
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
  ring: RecordRing | null;
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

/** Receives a sample. Return false to see no more samples. */
type SampleVisitor = (sample: StoredSample) => boolean | undefined;

/** Receives bucket `i` of `chunk`, whose period is `startMs` to `endMs`. Return false to see no more buckets. */
type BucketVisitor = (chunk: Chunk, i: number, startMs: number, endMs: number) => boolean | undefined;

/** The number of shares is this, doubled as often as needed: so the rings seldom change their length. */
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
  readonly buckets: BucketLog;
  readonly #settings: HistorySettings;
  readonly #statistics = new Statistics();
  /** The links whose recent samples are kept. */
  readonly #withSamples = new Set<LinkRecord>();
  /** The memory for recent samples is divided among so many links. */
  #shares = MIN_SHARES;
  /** How many records each of them keeps. */
  #samplesPerLink: number;
  #cyclesPerLink: number;
  #widthMs: number = BUCKET_WIDTHS_MS[0];

  constructor(settings: HistorySettings) {
    this.#settings = settings;
    this.buckets = new BucketLog(settings.bucketBytes, settings.udpBytes > 0);
    this.#samplesPerLink = this.#recordsPerLink(SAMPLE_RECORD);
    this.#cyclesPerLink = this.#recordsPerLink(CYCLE_RECORD);
    this.setLinkCount(1);
  }

  /** Bytes that samples and buckets take. */
  get bytes(): number {
    let bytes = this.buckets.bytes;
    for (const { ring, udp } of this.#withSamples) bytes += (ring?.view.byteLength ?? 0) + (udp?.view.byteLength ?? 0);
    return bytes;
  }

  /** How many recent samples of each link are kept. */
  get samplesPerLink(): number {
    return this.#samplesPerLink;
  }

  /** Whether there are results of the UDP probe (UDP_ENABLED). */
  get hasUdp(): boolean {
    return this.#settings.udpBytes > 0;
  }

  /** How often a link gets a sample (REFRESH_INTERVAL), ms; 0 = never. */
  get intervalMs(): number {
    return this.#settings.intervalMs;
  }

  /** The width of the buckets that begin now. */
  get widthMs(): number {
    return this.#widthMs;
  }

  /** Chooses the width of new buckets for this many probed links. */
  setLinkCount(links: number): void {
    const { windowMs, intervalMs } = this.#settings;
    const buckets = this.buckets.capacity;
    this.#widthMs = bucketWidthMs({ links: Math.max(1, links), buckets, windowMs, intervalMs });
  }

  /** Makes the record of a link. */
  newRecord(): LinkRecord {
    const nothingYet = { ring: null, lastBucket: -1, pendingSamples: 0, udp: null };
    const noDatagrams = { pendingUdpSent: 0, pendingUdpLost: 0, failedPings: 0 };
    const record: LinkRecord = { ...nothingYet, ...noDatagrams };
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
    this.#share();
  }

  /** Keeps recent samples again for a link whose samples were dropped. */
  reopen(record: LinkRecord): void {
    if (record.ring !== null) return;
    // What was before is known by buckets only.
    const droppedUntilMs = this.newestMs(record);
    this.#withSamples.add(record);
    this.#share();
    record.ring = new RecordRing(SAMPLE_RECORD, this.#samplesPerLink, droppedUntilMs);
    if (this.hasUdp) record.udp = new UdpRing(this.#cyclesPerLink, droppedUntilMs);
  }

  /** When the newest sample of a link was taken, as its buckets say; -Infinity if it has none. */
  newestMs({ lastBucket }: LinkRecord): number {
    const chunk = this.buckets.chunkOf(lastBucket);
    return chunk === null ? Number.NEGATIVE_INFINITY : newestOf(chunk, this.buckets.indexOf(lastBucket));
  }

  /** Divides the memory for recent samples anew if many more links need a share, or far fewer. */
  #share(): void {
    const before = this.#shares;
    const links = this.#withSamples.size;
    if (links > before) this.#shares *= 2;
    else if (links < before / 4 && before > MIN_SHARES) this.#shares /= 2;
    if (this.#shares === before) return;
    this.#samplesPerLink = this.#recordsPerLink(SAMPLE_RECORD);
    this.#cyclesPerLink = this.#recordsPerLink(CYCLE_RECORD);
    for (const { ring, udp } of this.#withSamples) {
      ring?.resize(this.#samplesPerLink);
      udp?.resize(this.#cyclesPerLink);
    }
  }

  #recordsPerLink(format: typeof SAMPLE_RECORD | typeof CYCLE_RECORD): number {
    const { sampleBytes, udpBytes } = this.#settings;
    const bytes = format === CYCLE_RECORD ? udpBytes : sampleBytes - udpBytes;
    return Math.max(1, Math.min(MAX_SAMPLES, Math.floor(bytes / this.#shares / format.bytes)));
  }

  /** The recent samples of a link, oldest first. Their times are monotonic. */
  recentSamples(record: LinkRecord): RecentSample[] {
    const newestFirst: RecentSample[] = [];
    this.visitSamples(record, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, (stored) => {
      const { atMs, outcome, phase, connectUs, firstByteUs, totalUs, suspect } = sampleOfStored(stored);
      newestFirst.push({ atMs, outcome, phase, connectUs, firstByteUs, totalUs, suspect });
      return true;
    });
    return newestFirst.reverse();
  }

  /** Adds the newest sample of a link, taken at `nowMs`. Does nothing while the samples of the link are dropped. */
  add(record: LinkRecord, nowMs: number, sample: Sample): void {
    const { ring } = record;
    if (ring === null) return;
    const stored = storedSampleOf(sample, nowMs);
    // The ring is about to overwrite a sample that is not part of the percentiles yet.
    if (record.pendingSamples >= this.#samplesPerLink) this.#updatePercentiles(record);
    let chunk = this.buckets.chunkOf(record.lastBucket);
    let i = this.buckets.indexOf(record.lastBucket);
    if (chunk === null || nowMs >= startOf(chunk, i) + chunk.widthMs || isFull(chunk, i)) {
      this.#updatePercentiles(record);
      this.buckets.expire(nowMs - this.#settings.windowMs);
      record.lastBucket = this.buckets.open(record.lastBucket, this.#widthMs, nowMs);
      chunk = this.buckets.chunkOf(record.lastBucket);
      i = this.buckets.indexOf(record.lastBucket);
    }
    // The bucket discarded its suspect samples, so they are not pending any more.
    if (chunk !== null && addToBucket(chunk, i, stored)) record.pendingSamples = 0;
    record.pendingSamples += 1;
    if (this.hasUdp) this.#settleUdp(record, chunk, i, sample.outcome !== 'ok');
    SAMPLE_RECORD.write(ring.view, ring.add(nowMs), stored);
  }

  /**
   * Adds the newest cycle of the UDP probe of a link; its `atMs` is monotonic. Not every cycle counts: see
   * `UdpRing.visitCounted`.
   */
  addUdp(record: LinkRecord, result: UdpResult): void {
    if (record.udp === null) return;
    const isBesideFailure = record.failedPings !== 0;
    record.udp.addCycle(result, isBesideFailure);
    if (result.suspect || isBesideFailure) return;
    record.pendingUdpSent += result.sent;
    record.pendingUdpLost += result.lost;
  }

  /**
   * A ping has ended: bucket `i` of `chunk`, which is that of the ping, counts the datagrams since the last ping unless it
   * failed.
   */
  #settleUdp(record: LinkRecord, chunk: Chunk | null, i: number, failed: boolean): void {
    if (failed) {
      let lastPingMs = Number.NEGATIVE_INFINITY;
      record.ring?.visit(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, (_at, atMs) => {
        lastPingMs = atMs;
        return false;
      });
      record.udp?.markBesideFailure(lastPingMs);
    } else if (chunk !== null && record.pendingUdpSent > 0) {
      addUdpToBucket(chunk, i, record.pendingUdpSent, record.pendingUdpLost);
    }
    record.pendingUdpSent = 0;
    record.pendingUdpLost = 0;
    record.failedPings = ((record.failedPings << 1) | (failed ? 1 : 0)) & 3;
  }

  /**
   * When the link's newest sample was taken that is not kept as it is (in buckets only); -Infinity: all are kept; Infinity:
   * none is.
   */
  droppedUntilMs(record: LinkRecord): number {
    return record.ring?.droppedUntilMs ?? Number.POSITIVE_INFINITY;
  }

  /** Calls `visitor` for the recent samples of a link from `fromMs` to `toMs` (both included), newest first. */
  visitSamples({ ring }: LinkRecord, fromMs: number, toMs: number, visitor: SampleVisitor): void {
    ring?.visit(fromMs, toMs, (at, atMs) => visitor(SAMPLE_RECORD.read(ring.view, at, atMs)));
  }

  /** Calls `visitor` for the buckets of a link whose periods end after `fromMs`, newest first, with percentiles up to date. */
  visitBuckets(record: LinkRecord, fromMs: number, visitor: BucketVisitor): void {
    this.#updatePercentiles(record);
    this.#walkBuckets(record.lastBucket, fromMs, visitor);
  }

  /**
   * Calls `visitor` for all buckets of a link but the newest one, which may still take samples, newest first. It does not merge
   * pending samples, and so may be called at any time without a loss of precision.
   */
  visitClosedBuckets({ lastBucket }: LinkRecord, visitor: BucketVisitor): void {
    let isNewest = true;
    this.#walkBuckets(lastBucket, Number.NEGATIVE_INFINITY, (...bucket) => {
      if (!isNewest) return visitor(...bucket);
      isNewest = false;
      return true;
    });
  }

  /** As `visitClosedBuckets`, with the newest bucket: for the datagrams, which do not depend on pending samples. */
  visitUdpBuckets({ lastBucket }: LinkRecord, fromMs: number, visitor: BucketVisitor): void {
    this.#walkBuckets(lastBucket, fromMs, visitor);
  }

  #walkBuckets(newest: number, fromMs: number, visitor: BucketVisitor): void {
    let number = newest;
    for (let chunk = this.buckets.chunkOf(number); chunk !== null; chunk = this.buckets.chunkOf(number)) {
      const i = this.buckets.indexOf(number);
      const startMs = startOf(chunk, i);
      const endMs = startMs + chunk.widthMs;
      if (endMs <= fromMs || visitor(chunk, i, startMs, endMs) === false) return;
      const back = chunk.back[i] ?? 0;
      if (back === 0) return;
      number -= back;
    }
  }

  /** Merges the pending samples into the percentiles of the newest bucket. */
  #updatePercentiles(record: LinkRecord): void {
    const chunk = this.buckets.chunkOf(record.lastBucket);
    let left = record.pendingSamples;
    record.pendingSamples = 0;
    if (chunk === null || left === 0) return;
    const i = this.buckets.indexOf(record.lastBucket);
    // Suspect samples count only if the bucket has no others.
    const hasTrusted = trustedOf(chunk, i) > 0;
    this.#statistics.clear();
    this.visitSamples(record, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, (sample) => {
      if (isSuspect(sample.code) !== hasTrusted) this.#statistics.addSample(sample);
      left -= 1;
      return left > 0;
    });
    addPercentiles(chunk, i, this.#statistics.summary());
  }
}

/** Merges percentiles of further samples into bucket `i`, approximately: the mean of old and new, weighted by ok samples. */
function addPercentiles(chunk: Chunk, i: number, added: Summary): void {
  const ok = added.count - added.failures;
  if (ok === 0) return;
  const counted = trustedOf(chunk, i) > 0 ? trustedOf(chunk, i) : (chunk.samples[i] ?? 0);
  const okBefore = Math.max(0, counted - failuresOf(chunk, i) - ok);
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
