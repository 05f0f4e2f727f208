import { NONE16, pack16, unpack16 } from '../protocol/links.ts';
import { OUTCOMES } from '../protocol/sample.ts';
import { type Chunk, FAILURE_KINDS } from './buckets.ts';
import { CODE_OUTCOME, CODE_SUSPECT } from './samples.ts';

/** What the samples of a time range of time came to. Durations in us, over the ok samples; -1 if there are none. */
export interface Summary {
  /** Probes in the time range. */
  count: number;
  /** Those that were taken while our own process was starved. */
  suspect: number;
  /** Those that failed. */
  failures: number;
  minUs: number;
  p50Us: number;
  p95Us: number;
  maxUs: number;
  connectP50Us: number;
  firstByteP50Us: number;
}

/** How the ok samples of a bucket are taken to lie: shares of their number (hundredths), at its least, median, ... */
const SHARES = { min: 10, minToMedian: 30, median: 20, medianToP95: 30, p95: 9, max: 1 };

/** One half of a tally: samples that can be trusted, or those that cannot. */
class Side {
  samples = 0;
  failures = 0;
  readonly byOutcome = new Uint32Array(OUTCOMES.length);
  readonly total = new Ranks();
  readonly connect = new Ranks();
  readonly firstByte = new Ranks();
  min16 = NONE16;
  max16 = NONE16;

  clear(): void {
    this.samples = 0;
    this.failures = 0;
    this.byOutcome.fill(0);
    for (const ranks of [this.total, this.connect, this.firstByte]) ranks.clear();
    this.min16 = NONE16;
    this.max16 = NONE16;
  }

  /** Takes note of the least and the largest duration of some. */
  span(min16: number, max16: number): void {
    // Packed durations are in the order of what they stand for, and "none" is larger than all.
    this.min16 = Math.min(this.min16, min16);
    if (max16 !== NONE16) this.max16 = this.max16 === NONE16 ? max16 : Math.max(this.max16, max16);
  }
}

/**
 * Sums up samples and buckets of one link. Made once and used again.
 *
 * Samples that were taken while our own process was starved count as probes, but not as failures and not into the
 * durations; only where there are no others do they have to do.
 *
 * Counts, least and largest are exact. Percentiles are exact over samples. Of a bucket only five figures are known, so
 * the samples between them are taken to lie in the middle: a percentile over buckets lies between the smallest and the
 * largest of theirs, is right for buckets that resemble each other, and finds the slow tenth of a time range.
 */
export class Tally {
  readonly #trusted = new Side();
  readonly #suspect = new Side();
  #suspectSamples = 0;

  /** Forgets everything. */
  clear(): void {
    this.#trusted.clear();
    this.#suspect.clear();
    this.#suspectSamples = 0;
  }

  /** Whether nothing has been added. */
  get isEmpty(): boolean {
    return this.#trusted.samples + this.#suspectSamples === 0;
  }

  /** Whether a sample that can be trusted has been added. */
  get isTrusted(): boolean {
    return this.#trusted.samples > 0;
  }

  /** Adds a sample as rings keep it. */
  sample(code: number, connect16: number, firstByte16: number, total16: number): void {
    const isSuspect = (code & CODE_SUSPECT) !== 0;
    const side = isSuspect ? this.#suspect : this.#trusted;
    const outcome = code & CODE_OUTCOME;
    side.samples += 1;
    if (isSuspect) this.#suspectSamples += 1;
    side.byOutcome[outcome] = (side.byOutcome[outcome] ?? 0) + 1;
    if (outcome !== 0) {
      side.failures += 1;
      return;
    }
    side.total.add(total16, 100);
    side.connect.add(connect16, 100);
    side.firstByte.add(firstByte16, 100);
    side.span(total16, total16);
  }

  /** Adds bucket `i` of a chunk. */
  bucket(chunk: Chunk, i: number): void {
    const samples = chunk.samples[i] ?? 0;
    const suspect = chunk.suspect[i] ?? 0;
    const side = samples > suspect ? this.#trusted : this.#suspect;
    const counted = samples > suspect ? samples - suspect : samples;
    side.samples += counted;
    this.#suspectSamples += suspect;
    let failures = 0;
    for (let kind = 1; kind <= FAILURE_KINDS; kind++) {
      const count = chunk.failures[i * FAILURE_KINDS + kind - 1] ?? 0;
      side.byOutcome[kind] = (side.byOutcome[kind] ?? 0) + count;
      failures += count;
    }
    side.failures += failures;
    side.byOutcome[0] = (side.byOutcome[0] ?? 0) + counted - failures;
    addDurations(side, chunk, i, counted - failures);
  }

  /** Failures by index in `OUTCOMES` (0: those that are ok); to be read before anything else is added. */
  byOutcome(): Uint32Array {
    return this.#side().byOutcome;
  }

  /** What everything came to. */
  summary(): Summary {
    const side = this.#side();
    return {
      count: this.#trusted.samples + this.#suspectSamples,
      suspect: this.#suspectSamples,
      failures: side.failures,
      minUs: unpack16(side.min16),
      p50Us: side.total.at(0.5),
      p95Us: side.total.at(0.95),
      maxUs: unpack16(side.max16),
      connectP50Us: side.connect.at(0.5),
      firstByteP50Us: side.firstByte.at(0.5),
    };
  }

  #side(): Side {
    return this.#trusted.samples > 0 ? this.#trusted : this.#suspect;
  }
}

/** The durations of the `ok` ok samples of a bucket. */
function addDurations(side: Side, chunk: Chunk, i: number, ok: number): void {
  if (ok <= 0) return;
  const min16 = chunk.minUs[i] ?? NONE16;
  const max16 = chunk.maxUs[i] ?? NONE16;
  const median16 = chunk.p50Us[i] ?? NONE16;
  const p95 = chunk.p95Us[i] ?? NONE16;
  side.span(min16, max16);
  side.connect.add(chunk.connectP50Us[i] ?? NONE16, ok * 100);
  side.firstByte.add(chunk.firstByteP50Us[i] ?? NONE16, ok * 100);
  side.total.add(min16, ok * SHARES.min);
  side.total.add(between(min16, median16), ok * SHARES.minToMedian);
  side.total.add(median16, ok * SHARES.median);
  side.total.add(between(median16, p95), ok * SHARES.medianToP95);
  side.total.add(p95, ok * SHARES.p95);
  side.total.add(max16, ok * SHARES.max);
}

/** The duration half way between two, packed as they are. */
function between(a16: number, b16: number): number {
  return a16 === b16 ? a16 : pack16((unpack16(a16) + unpack16(b16)) / 2);
}

/** Values are kept as one number each, `packed value * WEIGHTS + weight`, which sorts by value. */
const WEIGHTS = 2 ** 32;
/** When so many are there, neighbours are joined. */
const MOST = 2_048;

/**
 * Percentiles of durations of which some weigh more than others. Exact up to 2048 values; beyond that each two
 * neighbours become one, which shifts a rank by less than 0.1 %. Made once and used again for one link after another.
 */
export class Ranks {
  readonly #entries = new Float64Array(MOST);
  #used = 0;
  #weight = 0;
  #isSorted = true;

  /** Forgets all values. */
  clear(): void {
    this.#used = 0;
    this.#weight = 0;
    this.#isSorted = true;
  }

  /** Adds a duration packed by `pack16` that counts `weight` times (a whole number); none is no value. */
  add(packed: number, weight: number): void {
    if (packed === NONE16 || weight <= 0) return;
    if (this.#used === MOST) this.#condense();
    this.#entries[this.#used] = packed * WEIGHTS + weight;
    this.#used += 1;
    this.#weight += weight;
    this.#isSorted = false;
  }

  /** The smallest duration that at least `share` of the weight does not exceed (nearest rank); -1 of none. */
  at(share: number): number {
    this.#sort();
    let left = Math.max(1, Math.ceil(share * this.#weight - 1e-9));
    for (let i = 0; i < this.#used; i++) {
      const entry = this.#entries[i] ?? 0;
      const packed = Math.floor(entry / WEIGHTS);
      left -= entry - packed * WEIGHTS;
      if (left <= 0) return unpack16(packed);
    }
    return -1;
  }

  #sort(): void {
    if (!this.#isSorted) this.#entries.subarray(0, this.#used).sort();
    this.#isSorted = true;
  }

  #condense(): void {
    this.#sort();
    for (let i = 0; i < MOST; i += 2) {
      const [a, b] = [this.#entries[i] ?? 0, this.#entries[i + 1] ?? 0];
      const [weightA, weightB] = [a % WEIGHTS, b % WEIGHTS];
      // Both values in turn, so that nothing drifts up or down.
      const value = (i & 2) === 0 ? a - weightA : b - weightB;
      this.#entries[i / 2] = value + weightA + weightB;
    }
    this.#used = MOST / 2;
    this.#isSorted = false;
  }
}
