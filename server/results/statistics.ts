import { Jitter } from '../protocol/link-quality.ts';
import { NONE16, pack16, unpack16 } from '../protocol/links.ts';
import { OUTCOMES } from '../protocol/sample.ts';
import { isSuspect, outcomeIndexOf, type StoredSample } from '../protocol/stored-results.ts';
import { type Bucket, failuresOf, trustedOf } from './buckets.ts';

/**
 * Statistics of the samples of one link in a time range. Durations in us, over the `ok` samples; -1 if there are none. Whether suspect
 * samples count in them: see `Statistics`.
 */
export interface Summary {
  /** Samples in the time range, suspect ones included. */
  count: number;
  /** Those of them that were taken while our own process was short of CPU. */
  suspect: number;
  /** The samples that failed, suspect ones left out. If all samples are suspect, they count. */
  failures: number;
  minUs: number;
  p50Us: number;
  p95Us: number;
  maxUs: number;
  connectP50Us: number;
  firstByteP50Us: number;
  /** See `Jitter`; -1 if a bucket was added, because it does not tell in which order its answers came. */
  jitterUs: number;
}

/**
 * How the `ok` samples of a bucket are assumed to be distributed: percent of them at its minimum, half way between its
 * minimum and its median, and so on. They add up to 100. The 50th percent lies at the median and the 95th at p95, so that one
 * bucket keeps its p50 and p95.
 */
const DISTRIBUTION = { min: 10, minToMedian: 30, median: 20, medianToP95: 30, p95: 9, max: 1 };

/** The weight of one sample. That of a sample in a bucket is divided by DISTRIBUTION, whose shares add up to it. */
const SAMPLE_WEIGHT = 100;

/**
 * Sums up samples and buckets of one link. Its memory is used again for the next link.
 *
 * Suspect samples count as samples, but neither as failures nor in the durations. If all are suspect, they count in everything.
 *
 * Counts, minimum and maximum are exact. Percentiles are exact over samples. Of a bucket only minimum, p50, p95 and
 * maximum are known, so its other samples are assumed to lie half way between two of them (`DISTRIBUTION`). Over buckets, p50 lies
 * between the smallest and the largest p50 of the buckets, and is right if they resemble each other. The same is true of p95: it
 * rises when more than a twentieth of a time range was slow, and is the p95 of that slow time when a tenth was.
 */
export class Statistics {
  readonly #trusted = new SampleGroup();
  readonly #suspect = new SampleGroup();
  #suspectCount = 0;
  #hasBuckets = false;

  /** Forgets all that was added. */
  clear(): void {
    this.#hasBuckets = false;
    this.#trusted.clear();
    this.#suspect.clear();
    this.#suspectCount = 0;
  }

  addSample({ code, connect16, firstByte16, total16 }: StoredSample): void {
    const group = isSuspect(code) ? this.#suspect : this.#trusted;
    const outcome = outcomeIndexOf(code);
    if (isSuspect(code)) this.#suspectCount += 1;
    group.addCount(outcome, 1);
    if (outcome !== 0) return;
    group.total.add(total16, SAMPLE_WEIGHT);
    group.connect.add(connect16, SAMPLE_WEIGHT);
    group.firstByte.add(firstByte16, SAMPLE_WEIGHT);
    group.jitter.add(connect16 !== NONE16, unpack16(total16));
  }

  /** Adds the samples of a bucket. Its failures and durations are of its trusted samples, if it has any. */
  addBucket(bucket: Bucket): void {
    const { samples, suspect, failures, median16 } = bucket;
    const trusted = trustedOf(bucket);
    const group = trusted > 0 ? this.#trusted : this.#suspect;
    this.#hasBuckets = true;
    this.#suspectCount += suspect;
    for (const [kind, count] of failures.entries()) group.addCount(kind + 1, count);
    const ok = (trusted > 0 ? trusted : samples) - failuresOf(bucket);
    group.addCount(0, ok);
    group.connect.add(bucket.connect16, ok * SAMPLE_WEIGHT);
    group.firstByte.add(bucket.firstByte16, ok * SAMPLE_WEIGHT);
    group.total.add(bucket.min16, ok * DISTRIBUTION.min);
    group.total.add(halfWay(bucket.min16, median16), ok * DISTRIBUTION.minToMedian);
    group.total.add(median16, ok * DISTRIBUTION.median);
    group.total.add(halfWay(median16, bucket.high16), ok * DISTRIBUTION.medianToP95);
    group.total.add(bucket.high16, ok * DISTRIBUTION.p95);
    group.total.add(bucket.max16, ok * DISTRIBUTION.max);
  }

  /** The samples that count, by index in `OUTCOMES`. The array changes when something is added. */
  get byOutcome(): Uint32Array {
    return this.#counted.byOutcome;
  }

  summary(): Summary {
    const group = this.#counted;
    return {
      count: this.#trusted.count + this.#suspectCount,
      suspect: this.#suspectCount,
      failures: group.count - (group.byOutcome[0] ?? 0),
      minUs: group.total.at(0),
      p50Us: group.total.at(0.5),
      p95Us: group.total.at(0.95),
      maxUs: group.total.at(1),
      connectP50Us: group.connect.at(0.5),
      firstByteP50Us: group.firstByte.at(0.5),
      jitterUs: this.#hasBuckets ? -1 : group.jitter.meanUs,
    };
  }

  /** The samples that count: the trusted ones, or the suspect ones if there are no others. */
  get #counted(): SampleGroup {
    return this.#trusted.count > 0 ? this.#trusted : this.#suspect;
  }
}

/** The samples that are suspect, or those that are not. */
class SampleGroup {
  count = 0;
  readonly byOutcome = new Uint32Array(OUTCOMES.length);
  readonly total = new Percentiles();
  readonly connect = new Percentiles();
  readonly firstByte = new Percentiles();
  readonly jitter = new Jitter();

  clear(): void {
    if (this.count === 0) return;
    this.count = 0;
    this.byOutcome.fill(0);
    for (const percentiles of [this.total, this.connect, this.firstByte]) percentiles.clear();
    this.jitter.clear();
  }

  addCount(outcome: number, count: number): void {
    this.count += count;
    this.byOutcome[outcome] = (this.byOutcome[outcome] ?? 0) + count;
  }
}

function halfWay(a16: number, b16: number): number {
  return a16 === b16 ? a16 : pack16((unpack16(a16) + unpack16(b16)) / 2);
}

/** A value and its weight are kept as one number, `packed value * WEIGHT_LIMIT + weight`, which sorts by value. */
const WEIGHT_LIMIT = 2 ** 32;

/**
 * Percentiles of weighted durations. It keeps every value: those of one link are no more than the link's samples, or a few for
 * each of its buckets. Its memory is used again after `clear`.
 */
export class Percentiles {
  #entries = new Float64Array(16);
  #used = 0;
  #weight = 0;
  #isSorted = true;

  clear(): void {
    this.#used = 0;
    this.#weight = 0;
    this.#isSorted = true;
  }

  /** Adds a duration packed by `pack16`. `weight` is an integer. NONE16 is ignored. */
  add(packed: number, weight: number): void {
    if (packed === NONE16 || weight <= 0) return;
    if (this.#used === this.#entries.length) {
      const larger = new Float64Array(2 * this.#used);
      larger.set(this.#entries);
      this.#entries = larger;
    }
    this.#entries[this.#used] = packed * WEIGHT_LIMIT + weight;
    this.#used += 1;
    this.#weight += weight;
    this.#isSorted = false;
  }

  /** The smallest duration that at least `share` of the weight does not exceed (nearest rank), unpacked; -1 if there is none. */
  at(share: number): number {
    if (!this.#isSorted) this.#entries.subarray(0, this.#used).sort();
    this.#isSorted = true;
    // Against rounding: share x weight may come out just above a whole number.
    let left = Math.max(1, Math.ceil(share * this.#weight - 1e-9));
    for (let i = 0; i < this.#used; i++) {
      const entry = this.#entries[i] ?? 0;
      const packed = Math.floor(entry / WEIGHT_LIMIT);
      left -= entry - packed * WEIGHT_LIMIT;
      if (left <= 0) return unpack16(packed);
    }
    return -1;
  }
}
