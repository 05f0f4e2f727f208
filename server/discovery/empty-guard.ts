/** How many successive empty lists it takes, at least. */
const CONFIRMATIONS = 3;

/**
 * Whether an empty list is to be believed. While we know live peers, an API server that lists none is more likely
 * confused (restored from a backup, behind a wrong proxy, a selector typed wrong) than right, and believing it would stop
 * all pinging. It is believed once three successive lists were empty and the first of them is `confirmMs` old.
 * With nobody known, as at start-up, an empty list is just that.
 */
export class EmptyGuard {
  readonly #confirmMs: number;
  #answers = 0;
  #firstMs = 0;

  /** `confirmMs`: two refresh intervals. */
  constructor(confirmMs: number) {
    this.#confirmMs = confirmMs;
  }

  /** Takes a list's length, the number of live peers known and the monotonic time; true if the list is to be believed. */
  believes(listed: number, knownLive: number, monotonicMs: number): boolean {
    if (listed > 0 || knownLive === 0) {
      this.#answers = 0;
      return true;
    }
    if (this.#answers === 0) this.#firstMs = monotonicMs;
    this.#answers += 1;
    if (this.#answers < CONFIRMATIONS || monotonicMs - this.#firstMs < this.#confirmMs) return false;
    this.#answers = 0;
    return true;
  }
}
