/** Times that nobody needs to set, and tests want shorter; all in ms. */
export interface Tuning {
  /** For one page of a list, for opening a watch, for preparing credentials. */
  listTimeoutMs: number;
  /** First wait after a failure. */
  backoffBaseMs: number;
  /** Longest wait after a failure. */
  backoffCapMs: number;
  /** Between the starts of two watches, or of two lists, that ended without a failure. */
  paceMs: number;
  /** When the server is asked to end a watch; up to twice that, at random. */
  watchLifetimeMs: number;
  /** A watch without a byte for so long is given up. */
  watchSilenceMs: number;
  /** When a forbidden watch is tried again. */
  watchRetryMs: number;
  /** Between two lists of the nodes. */
  nodesRefreshMs: number;
  /** At least between two lists of the nodes, when pods turn up on nodes we do not know. */
  nodesPaceMs: number;
  /** Changes within this time are told together. */
  coalesceMs: number;
  /** What stands before the paths of the pod's service account. */
  accountRoot: string;
}

/** What production runs with. Lifetime, pace and backoff are of the order that Kubernetes' own clients use. */
export const DEFAULT_TUNING: Tuning = {
  listTimeoutMs: 10_000,
  backoffBaseMs: 1_000,
  backoffCapMs: 30_000,
  paceMs: 1_000,
  watchLifetimeMs: 300_000,
  watchSilenceMs: 150_000,
  watchRetryMs: 600_000,
  nodesRefreshMs: 600_000,
  nodesPaceMs: 60_000,
  coalesceMs: 50,
  accountRoot: '',
};
