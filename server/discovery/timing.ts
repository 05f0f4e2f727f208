/** How long discovery waits, and for what. These are no settings: only tests use other values than `DEFAULT_TIMING`. */
export interface Timing {
  /** Timeout of one page of a list, of opening a watch, and of preparing credentials. */
  requestTimeoutMs: number;
  /** First wait after a failure. */
  backoffBaseMs: number;
  /** Longest wait after a failure. */
  backoffCapMs: number;
  /** Shortest time between the starts of two watches, or of two lists, that ended without a failure. */
  paceMs: number;
  /** The API server is asked to end a watch after this time, or up to twice as long, at random. */
  watchLifetimeMs: number;
  /** A watch that receives no event for this long is given up. */
  watchSilenceMs: number;
  /** Where watching is forbidden, it is tried again after this time. */
  forbiddenRetryMs: number;
  /** Time between two lists of the nodes. */
  nodesRefreshMs: number;
  /** Shortest time between two lists of the nodes when pods appear on unknown nodes. */
  nodesPaceMs: number;
  /** Changes that come within this time are announced together. */
  coalesceMs: number;
}

/** The times of production. Lifetime, pace and backoff are of the same order as those of Kubernetes' own clients. */
export const DEFAULT_TIMING: Timing = {
  requestTimeoutMs: 10_000,
  backoffBaseMs: 1_000,
  backoffCapMs: 30_000,
  paceMs: 1_000,
  watchLifetimeMs: 300_000,
  // Bookmarks come about every minute.
  watchSilenceMs: 150_000,
  forbiddenRetryMs: 600_000,
  nodesRefreshMs: 600_000,
  nodesPaceMs: 60_000,
  coalesceMs: 50,
};

/**
 * The wait after the n-th failure in a row (n = 1, 2, ...), ms: base, twice the base, and so on up to the cap, each shortened
 * by up to a half. `random` gives 0 <= x < 1; it keeps the pods from returning to a restarted API server in the same second.
 */
export function backoffMs(failures: number, { backoffBaseMs, backoffCapMs }: Timing, random: () => number): number {
  const fullMs = Math.min(backoffCapMs, backoffBaseMs * 2 ** Math.min(failures - 1, 30));
  return fullMs * (0.5 + random() / 2);
}
