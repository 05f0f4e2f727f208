/** An empty list is believed after at least this many empty lists in a row. */
const MIN_EMPTY_LISTS = 3;

/**
 * Returns a function that decides whether to believe a list of `listedCount` pods while `liveCount` live pods are known. An API server
 * that suddenly lists none is probably wrong (restored from a backup, behind a wrong proxy), and believing it would stop all pings. So
 * an empty list is believed once MIN_EMPTY_LISTS in a row were empty and the first of them is `confirmMs` old; or at once while no
 * live pod is known. `nowMs`: monotonic.
 */
export function emptyGuard(confirmMs: number) {
  let emptyLists = 0;
  let firstEmptyMs = 0;
  return (listedCount: number, liveCount: number, nowMs: number): boolean => {
    const isSuspicious = listedCount === 0 && liveCount > 0;
    emptyLists = isSuspicious ? emptyLists + 1 : 0;
    if (emptyLists === 1) firstEmptyMs = nowMs;
    if (isSuspicious && (emptyLists < MIN_EMPTY_LISTS || nowMs - firstEmptyMs < confirmMs)) return false;
    emptyLists = 0;
    return true;
  };
}
