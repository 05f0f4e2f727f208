interface Offered {
  pair: number;
  key: number;
}

/** Keeps the `limit` links with the highest keys that were offered. */
export class Worst {
  readonly #limit: number;
  /** At most twice as many as are kept, so that they are sorted rarely. */
  #offered: Offered[] = [];
  /** What a key must exceed to be kept, as far as is known. */
  #least = Number.NEGATIVE_INFINITY;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Offers a link. Among equal keys, the first offered stays. */
  offer(pair: number, key: number): void {
    if (key <= this.#least) return;
    this.#offered.push({ pair, key });
    if (this.#offered.length >= 2 * this.#limit) this.#cut();
  }

  /** The kept links, the highest key last. Among equal keys, the lower link index comes later. */
  ascending(): number[] {
    this.#cut();
    return this.#offered.map(({ pair }) => pair).reverse();
  }

  #cut(): void {
    this.#offered.sort((a, b) => b.key - a.key || a.pair - b.pair);
    this.#offered.length = Math.min(this.#offered.length, this.#limit);
    if (this.#offered.length === this.#limit) this.#least = this.#offered.at(-1)?.key ?? 0;
  }
}
