/** Something that is due at a time. */
export interface Due {
  dueMs: number;
}

/** A binary heap that gives what is due first, in O(log n); ties in no particular order. */
export class DueHeap<T extends Due> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** The item that is due first, which stays; undefined if there is none. */
  peek(): T | undefined {
    return this.#items[0];
  }

  /** Adds an item; its `dueMs` must not change while it is in. */
  push(item: T): void {
    const items = this.#items;
    let hole = items.length;
    items.push(item);
    while (hole > 0) {
      const above = (hole - 1) >> 1;
      const parent = items[above];
      if (parent === undefined || parent.dueMs <= item.dueMs) break;
      items[hole] = parent;
      hole = above;
    }
    items[hole] = item;
  }

  /** Takes out the item that is due first. */
  pop(): T | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return first;
    let hole = 0;
    for (;;) {
      const left = 2 * hole + 1;
      const right = items[left + 1];
      let child = items[left];
      let place = left;
      if (child !== undefined && right !== undefined && right.dueMs < child.dueMs) {
        child = right;
        place = left + 1;
      }
      if (child === undefined || child.dueMs >= last.dueMs) break;
      items[hole] = child;
      hole = place;
    }
    items[hole] = last;
    return first;
  }

  /** Keeps only the items that pass. */
  retain(passes: (item: T) => boolean): void {
    const kept = this.#items.filter(passes);
    this.#items.length = 0;
    for (const item of kept) this.push(item);
  }
}
