/** Growing waits between failed attempts: base, twice that, ... up to the cap, each shortened by up to half at random. */
export class Backoff {
  readonly #baseMs: number;
  readonly #capMs: number;
  readonly #random: () => number;
  #failures = 0;

  /** `random` gives 0 <= x < 1; without it all pods would come back to a restarted API server in the same second. */
  constructor(baseMs: number, capMs: number, random: () => number) {
    this.#baseMs = baseMs;
    this.#capMs = capMs;
    this.#random = random;
  }

  /** Notes a failure and gives the wait until the next attempt, ms. */
  next(): number {
    const fullMs = Math.min(this.#capMs, this.#baseMs * 2 ** Math.min(this.#failures, 30));
    this.#failures += 1;
    return fullMs * (0.5 + this.#random() / 2);
  }

  /** After a success: the next failure waits as briefly as the first. */
  reset(): void {
    this.#failures = 0;
  }
}
