/** What each line of pieces may hold whatever others hold, bytes. */
const OWN_BYTES = 64 * 1024;
/** The most that one line may hold: 4 MiB at 250 ms are 16 MiB/s. */
const MOST_BYTES = 4 * 1024 * 1024;
/** The most that all lines hold beyond their own. */
const SHARED_BYTES = 64 * 1024 * 1024;

/** Memory for bytes on their way, shared by all connections: a delay needs room, stalled receivers must not take it all. */
export class BufferPool {
  #usedBytes = 0;

  /** Counts bytes in (or, negative, out). */
  count(bytes: number): void {
    this.#usedBytes += bytes;
  }

  /** Whether a line that holds `bytes` may take no more. */
  isFull(bytes: number): boolean {
    return bytes >= MOST_BYTES || (bytes >= OWN_BYTES && this.#usedBytes >= SHARED_BYTES);
  }

  /** Bytes that are held now. */
  get usedBytes(): number {
    return this.#usedBytes;
  }
}
