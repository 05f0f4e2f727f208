import { NONE16, unpack16 } from '../contract/bytes16.ts';

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
