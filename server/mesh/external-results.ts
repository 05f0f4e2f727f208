import type { ProbeResult } from '../contract/probe.ts';

/** One external probe's result as Goldpinger tells it; one not made yet is none. */
export function externalResult(probe: ProbeResult): string {
  const ms = Math.trunc(probe.durationUs / 1000);
  const error = probe.error === '' ? '' : `"error":${JSON.stringify(probe.error)},`;
  const time = ms > 0 ? `,"response-time-ms":${ms}` : '';
  return `{${error}"protocol":"${probe.protocol}"${time}}`;
}

/** Goldpinger's `probeResults` of one pod, with its key and a comma before it; '' if nothing has been probed. */
export function externalResults(probes: readonly ProbeResult[]): string {
  const byTarget = new Map<string, string[]>();
  for (const probe of probes) {
    if (probe.atMs === 0) continue;
    byTarget.set(probe.target, [...(byTarget.get(probe.target) ?? []), externalResult(probe)]);
  }
  if (byTarget.size === 0) return '';
  const entries = [...byTarget.keys()].sort().map((target) => `${JSON.stringify(target)}:[${byTarget.get(target)}]`);
  return `,"probeResults":{${entries.join(',')}}`;
}
