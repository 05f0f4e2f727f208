import { MAX_LIST_AGE_MS } from '../protocol/pod.ts';
import type { ApiError } from './api-error.ts';

/** How long discovery waits, and for what. Users cannot set these times; tests pass shorter ones. */
export const DEFAULT_TIMING = {
  /** Timeout of a page of a list, and of opening a watch. */
  requestTimeoutMs: 8_000,
  /** Wait after the first of several failures in a row; see `Backoff`. */
  backoffBaseMs: 1_000,
  /** Longest wait while the API server does not answer, so that its return is noticed within 5 s. */
  backoffCapMs: 3_000,
  /** Longest wait while the API server refuses us, for example for lack of rights. */
  refusalCapMs: 30_000,
  /** Shortest time between the starts of two watches, or of two lists, if the first ended without a failure. */
  paceMs: 1_000,
  /** How long a watch shall last. About 2 s before its end the API server sends a bookmark (k8s.io/apiserver, storage/cacher). */
  watchLifetimeMs: 10_000,
  /** A watch that the server does not end is ended this long after its lifetime. */
  watchSlackMs: 1_000,
  /** Without a watch the API server is asked for one pod this often. A watch that breaks after it without news: list again. */
  checkMs: 10_000,
  /** See `MAX_LIST_AGE_MS`. */
  unheardMs: MAX_LIST_AGE_MS,
  /** Where watching is forbidden, it is tried again after this time. */
  forbiddenRetryMs: 600_000,
  /** Time between two lists of the nodes. */
  nodesRefreshMs: 600_000,
  /** Shortest time between two lists of the nodes when pods appear on unknown nodes. */
  nodesPaceMs: 60_000,
  /** Changes that come within this time are announced together. */
  coalesceMs: 50,
};

/** See `DEFAULT_TIMING`. */
export type Timing = typeof DEFAULT_TIMING;

/** Waits after failures in a row: base, twice the base, and so on up to a cap, each shortened by a random part up to a half. */
export class Backoff {
  readonly #timing: Timing;
  readonly #random: () => number;
  #failures = 0;
  #isRefused = false;

  constructor(timing: Timing, random: () => number) {
    this.#timing = timing;
    this.#random = random;
  }

  /** How long to wait after one more failure, ms. What the server asks for counts if it is longer. */
  nextMs({ fault, retryAfterMs }: Pick<ApiError, 'fault' | 'retryAfterMs'>): number {
    const { backoffBaseMs, backoffCapMs, refusalCapMs } = this.#timing;
    const isRefused = ['unauthorized', 'forbidden', 'not-found', 'config'].includes(fault);
    // An API server that has just returned may refuse everybody at first: then the long wait would come too soon.
    if (isRefused !== this.#isRefused) this.#failures = 0;
    this.#isRefused = isRefused;
    const fullMs = Math.min(isRefused ? refusalCapMs : backoffCapMs, backoffBaseMs * 2 ** this.#failures);
    this.#failures += 1;
    return Math.max(fullMs * (0.5 + this.#random() / 2), retryAfterMs);
  }

  /** The API server works again. */
  reset(): void {
    this.#failures = 0;
  }
}
