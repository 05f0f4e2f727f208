import { NONE16, unpack16 } from '../protocol/links.ts';

/** Counts packed durations (see `pack16`), so that the median of a million links is exact and takes no sorting. */
export class DurationCounts {
  #total = 0;
  #counts: Uint32Array | null = null;

  /** Counts one packed duration; `NONE16` is none. */
  add(packed: number): void {
    if (packed === NONE16) return;
    this.#counts ??= new Uint32Array(NONE16);
    this.#counts[packed] = (this.#counts[packed] ?? 0) + 1;
    this.#total += 1;
  }

  /** The lower median of these durations, us; -1 if there are none. */
  medianUs(): number {
    let rank = Math.ceil(this.#total / 2);
    if (rank === 0) return -1;
    // Packed durations sort like the durations they stand for.
    for (let packed = 0; ; packed++) {
      rank -= this.#counts?.[packed] ?? 0;
      if (rank <= 0) return unpack16(packed);
    }
  }
}
