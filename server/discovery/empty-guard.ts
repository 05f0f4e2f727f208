/** An empty list is believed after at least this many empty lists in a row. */
const MIN_EMPTY_LISTS = 3;

/**
 * Decides whether to believe an empty list. While live pods are known, an API server that lists none is probably wrong
 * (restored from a backup, behind a wrong proxy, a mistyped selector), and believing it would stop all pings. The list is
 * believed once MIN_EMPTY_LISTS lists in a row were empty and the first of them is `confirmMs` old. While no live pod is
 * known, as at start-up, an empty list is believed at once.
 */
export class EmptyGuard {
  readonly #confirmMs: number;
  #emptyLists = 0;
  #firstEmptyMs = 0;

  /** `confirmMs`: two refresh intervals. */
  constructor(confirmMs: number) {
    this.#confirmMs = confirmMs;
  }

  /**
   * Whether to believe a list of `listedCount` pods while `liveCount` live pods are known. `monotonicMs` is the present
   * time of the monotonic clock.
   */
  believes(listedCount: number, liveCount: number, monotonicMs: number): boolean {
    if (listedCount > 0 || liveCount === 0) {
      this.#emptyLists = 0;
      return true;
    }
    if (this.#emptyLists === 0) this.#firstEmptyMs = monotonicMs;
    this.#emptyLists += 1;
    if (this.#emptyLists < MIN_EMPTY_LISTS || monotonicMs - this.#firstEmptyMs < this.#confirmMs) return false;
    this.#emptyLists = 0;
    return true;
  }
}
