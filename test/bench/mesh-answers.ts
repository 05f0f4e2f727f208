/** Successful and failed pings of one process since its start, or between two scrapes. */
export interface PingTotals {
  count: number;
  /** Sum of their latencies, s. */
  sumS: number;
}

const PING_LINE = /^goldpinger_peers_response_time_s_(sum|count)\{([^}]*)\} (\S+)$/gm;

/**
 * Adds up the ping histograms of all peers in an answer of `/metrics`, ours or Goldpinger's. Histograms of other calls
 * (`call_type="check"`) are left out.
 */
export function pingTotals(metrics: string): PingTotals {
  const totals = { count: 0, sumS: 0 };
  for (const [, part, labels = '', value] of metrics.matchAll(PING_LINE)) {
    if (!labels.split(',').includes('call_type="ping"')) continue;
    if (part === 'count') totals.count += Number(value);
    else totals.sumS += Number(value);
  }
  return totals;
}

/** The mean latency (ms) of the pings between two scrapes; NaN if there were none. */
export function meanPingMs(before: readonly PingTotals[], after: readonly PingTotals[]): number {
  const sum = (totals: readonly PingTotals[], part: keyof PingTotals) =>
    totals.reduce((all, one) => all + one[part], 0);
  const count = sum(after, 'count') - sum(before, 'count');
  return count === 0 ? Number.NaN : ((sum(after, 'sumS') - sum(before, 'sumS')) / count) * 1000;
}

/** Whether an answer of `/check` says that pings to `peers` pods or more work, and that no ping fails. */
export function seesAllHealthy(check: string, peers: number): boolean {
  try {
    const { podResults } = JSON.parse(check) as { podResults?: Record<string, { OK?: boolean }> | null };
    const results = Object.values(podResults ?? {});
    return results.length >= peers && results.every((result) => result.OK === true);
  } catch {
    return false;
  }
}
