import type { JournalEntry } from '../contract/event.ts';

/** An entry as it is kept: by monotonic time instead of its age. */
export interface KeptEntry extends Omit<JournalEntry, 'ageMs'> {
  atMs: number;
}

/** What one entry takes besides its words, about: an object of nine fields, its pod's is shared. */
const ENTRY_BYTES = 200;

/** Keeps the newest entries, bounded by number and bytes; the oldest makes room. */
export class EventRing {
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  #entries: KeptEntry[] = [];
  #bytes = 0;
  #lostToMs = Number.NEGATIVE_INFINITY;

  constructor(maxEntries: number, maxBytes: number) {
    this.#maxEntries = maxEntries;
    this.#maxBytes = maxBytes;
  }

  /** Takes one more. */
  add(entry: KeptEntry): void {
    this.#entries.push(entry);
    this.#bytes += bytesOf(entry);
    if (this.#entries.length > this.#maxEntries || this.#bytes > this.#maxBytes) this.#makeRoom();
  }

  /** All that is kept since `fromMs`, oldest first: it may have been entered in another order. */
  since(fromMs: number): KeptEntry[] {
    return this.#entries.filter(({ atMs }) => atMs >= fromMs).sort((a, b) => a.atMs - b.atMs || a.seq - b.seq);
  }

  /** Whether anything since `fromMs` has had to make room. */
  hasLost(fromMs: number): boolean {
    return this.#lostToMs >= fromMs;
  }

  /** A tenth at once: moving the rest up costs as much for one as for many. */
  #makeRoom(): void {
    let count = 0;
    const [entries, bytes] = [this.#maxEntries * 0.9, this.#maxBytes * 0.9];
    while (count < this.#entries.length && (this.#entries.length - count > entries || this.#bytes > bytes)) {
      const entry = this.#entries[count++];
      if (entry === undefined) break;
      this.#bytes -= bytesOf(entry);
      this.#lostToMs = Math.max(this.#lostToMs, entry.atMs);
    }
    this.#entries = this.#entries.slice(count);
  }
}

function bytesOf({ detail }: KeptEntry): number {
  return ENTRY_BYTES + 2 * detail.length;
}
