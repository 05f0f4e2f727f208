/**
 * How long discovery waits, and for what. These are no settings: only tests use other values. Lifetime, pace and backoff are
 * of the same order as those of Kubernetes' own clients.
 */
export const DEFAULT_TIMING = {
  /** Timeout of one page of a list, of opening a watch, and of preparing credentials. */
  requestTimeoutMs: 10_000,
  /** First wait after a failure. */
  backoffBaseMs: 1_000,
  /** Longest wait after a failure. */
  backoffCapMs: 30_000,
  /** Shortest time between the starts of two watches, or of two lists, that ended without a failure. */
  paceMs: 1_000,
  /** The API server is asked to end a watch after this time, or up to twice as long, at random. */
  watchLifetimeMs: 300_000,
  /** A watch that receives no event for this long is given up. Bookmarks come about every minute. */
  watchSilenceMs: 150_000,
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

/**
 * The wait after the n-th failure in a row (n = 1, 2, ...), ms: base, twice the base, and so on up to the cap, each shortened
 * by up to a half. `random` gives 0 <= x < 1; it keeps the pods from returning to a restarted API server in the same second.
 */
export function backoffMs(failures: number, { backoffBaseMs, backoffCapMs }: Timing, random: () => number): number {
  const fullMs = Math.min(backoffCapMs, backoffBaseMs * 2 ** Math.min(failures - 1, 30));
  return fullMs * (0.5 + random() / 2);
}
