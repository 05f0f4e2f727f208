/** Keeps the `limit` links with the highest keys that were offered. A binary heap with the lowest key at its root. */
export class Worst {
  private readonly keys: number[] = [];
  private readonly pairs: number[] = [];
  private readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Offers a link. Among equal keys, the first offered stays. */
  offer(pair: number, key: number): void {
    if (this.keys.length < this.limit) {
      this.rise(this.keys.length, pair, key);
    } else if (key > (this.keys[0] ?? 0)) {
      this.sink(pair, key);
    }
  }

  /** The kept links, the highest key last. Among equal keys, the lower link index comes later. */
  ascending(): number[] {
    const at = this.pairs.map((_, i) => i);
    const by = (list: number[], i: number) => list[i] ?? 0;
    at.sort((i, j) => by(this.keys, i) - by(this.keys, j) || by(this.pairs, j) - by(this.pairs, i));
    return at.map((i) => by(this.pairs, i));
  }

  private rise(start: number, pair: number, key: number): void {
    let hole = start;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if ((this.keys[parent] ?? 0) <= key) break;
      this.fill(hole, parent);
      hole = parent;
    }
    this.keys[hole] = key;
    this.pairs[hole] = pair;
  }

  private sink(pair: number, key: number): void {
    let hole = 0;
    for (;;) {
      let child = hole * 2 + 1;
      if (child >= this.keys.length) break;
      if ((this.keys[child + 1] ?? Number.POSITIVE_INFINITY) < (this.keys[child] ?? 0)) child++;
      if ((this.keys[child] ?? 0) >= key) break;
      this.fill(hole, child);
      hole = child;
    }
    this.keys[hole] = key;
    this.pairs[hole] = pair;
  }

  private fill(hole: number, from: number): void {
    this.keys[hole] = this.keys[from] ?? 0;
    this.pairs[hole] = this.pairs[from] ?? 0;
  }
}
