import type { ApiError } from './api-error.ts';
import type { Timing } from './timing.ts';

/** Waits after failures in a row: base, twice the base, and so on up to a cap, each shortened by up to a half. */
export class Backoff {
  readonly #timing: Timing;
  readonly #random: () => number;
  #failures = 0;
  #isRefused = false;

  /** `random` gives 0 <= x < 1; it keeps the pods from returning to a restarted API server in the same second. */
  constructor(timing: Timing, random: () => number) {
    this.#timing = timing;
    this.#random = random;
  }

  /** How long to wait after one more failure, ms. What the server asks for counts if it is longer. */
  nextMs({ fault, retryAfterMs }: Pick<ApiError, 'fault' | 'retryAfterMs'>): number {
    const { backoffBaseMs, backoffCapMs, refusalCapMs } = this.#timing;
    const isRefused = ['unauthorized', 'forbidden', 'not-found', 'config'].includes(fault);
    // Counts anew when failures become refusals or the other way round: an API server that has just returned may refuse
    // everybody at first, and the long wait of refusals would then come too soon.
    if (isRefused !== this.#isRefused) this.#failures = 0;
    this.#isRefused = isRefused;
    const fullMs = Math.min(isRefused ? refusalCapMs : backoffCapMs, backoffBaseMs * 2 ** Math.min(this.#failures, 30));
    this.#failures += 1;
    return Math.max(fullMs * (0.5 + this.#random() / 2), retryAfterMs);
  }

  /** The API server works again. */
  reset(): void {
    this.#failures = 0;
  }
}
