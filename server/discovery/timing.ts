import { MAX_LIST_AGE_MS } from '../protocol/pod.ts';
import type { ApiError } from './api-error.ts';

/** How long discovery waits, and for what. Users cannot set these times; tests pass shorter ones. */
export const DEFAULT_TIMING = {
  /**
   * Timeout of the request for one page of a list, and of the request that opens a watch. While the list is up to date, the
   * timeout is what is left of `unheardMs`, if that is shorter, but not below `minTimeoutMs`.
   */
  requestTimeoutMs: 8_000,
  /** Wait after the first of several failures in a row; see `Backoff`. */
  backoffBaseMs: 1_000,
  /**
   * Longest wait while the API server does not answer, so that its return is noticed within 5 s. If its answer has a longer
   * `Retry-After`, that counts, up to a minute (list.ts); so it does for refusals.
   */
  backoffCapMs: 3_000,
  /** Longest wait while the API server refuses us, for example for lack of rights. */
  refusalCapMs: 30_000,
  /** Shortest time between the starts of two watches, or of two lists, if the first ended without a failure. */
  paceMs: 1_000,
  /**
   * The API server is asked to end a watch after this time. About 2 s before, it sends a bookmark (k8s.io/apiserver,
   * storage/cacher), so that something is heard at least this often.
   */
  watchLifetimeMs: 10_000,
  /** A watch that the server does not end is ended this long after its lifetime. */
  watchSlackMs: 1_000,
  /**
   * Where watching is forbidden, one pod is asked for this often until the next list is due, to notice an API server that
   * hangs. A watch that breaks after such a time without news is followed by a list.
   */
  checkMs: 10_000,
  /** See `MAX_LIST_AGE_MS`. */
  unheardMs: MAX_LIST_AGE_MS,
  /** Shortest timeout of a request, even if less is left of `unheardMs`. */
  minTimeoutMs: 3_000,
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
    const fullMs = Math.min(isRefused ? refusalCapMs : backoffCapMs, backoffBaseMs * 2 ** this.#failures);
    this.#failures += 1;
    return Math.max(fullMs * (0.5 + this.#random() / 2), retryAfterMs);
  }

  /** The API server works again. */
  reset(): void {
    this.#failures = 0;
  }
}
