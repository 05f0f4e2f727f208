import { outcomeOfGoError } from '../protocol/go-errors.ts';
import type { GoldpingerCheck, GoldpingerPodResult } from '../protocol/goldpinger.ts';
import { emptyLinks, FLAG_IPV6, NONE16, pack16, phaseFlag } from '../protocol/links.ts';
import type { MergedReport } from '../protocol/mesh.ts';
import { MAX_DETAILS, MAX_PROBES } from '../protocol/pod-report.ts';
import { OUTCOMES, type ProbeProtocol, type ProbeResult } from '../protocol/sample.ts';
import { type Arrival, reportWith } from './merged-report.ts';
import type { PodIndex } from './pod-index.ts';

/** The greatest age that a ping can have: the clock of the other node may be wrong by any amount. */
const MAX_AGE_MS = 3_600_000;

/**
 * Turns Goldpinger's `/check` into a report of the mesh. It has latencies in whole milliseconds, no phases, and not since when a
 * link is as it is. Ages are computed from `PingTime`, which is by the other node's clock. `pingNumber`: PING_NUMBER, 0 = all;
 * with a limit, a pod may be missing in `/check` because it is not pinged.
 */
export function mergedReportOfCheck(
  check: GoldpingerCheck,
  arrival: Arrival,
  index: PodIndex,
  pingNumber: number,
): MergedReport {
  const placed: { to: number; result: GoldpingerPodResult }[] = [];
  let unknown = 0;
  for (const [key, result] of check.podResults) {
    const to = index.ofKey(key, result.podIP);
    if (to === -1) unknown += 1;
    else placed.push({ to, result });
  }
  const links = emptyLinks(placed.length);
  const details: MergedReport['details'] = [];
  let bootTimeMs = -1;
  for (const [i, { to, result }] of placed.entries()) {
    links.to[i] = to;
    fillLink(links, i, result, arrival.atMs);
    if (!result.OK && details.length < MAX_DETAILS) details.push([i, result.error.slice(0, 300)]);
    // A pod's boot time is only in its answer to its own ping.
    if (to === arrival.pod) bootTimeMs = timeOf(result.bootTime);
  }
  const lacks = pingNumber === 0 && index.lacks(new Set(placed.map(({ to }) => to)));
  return {
    ...reportWith(links, arrival),
    via: 'check',
    bootTimeMs,
    samePeers: unknown === 0 && !lacks,
    details,
    probes: probesOf(check.probeResults, arrival.atMs),
  };
}

function fillLink(links: MergedReport['links'], i: number, result: GoldpingerPodResult, nowMs: number): void {
  // The text of the error is the only source for the kind of a failure.
  const failure = result.OK ? null : outcomeOfGoError(result.error, result.podIP !== '');
  const pingMs = timeOf(result.pingTime);
  links.flags[i] = (result.podIP.includes(':') ? FLAG_IPV6 : 0) | phaseFlag(failure?.phase ?? null);
  links.outcome[i] = OUTCOMES.indexOf(failure?.outcome ?? 'ok');
  links.connectUs[i] = NONE16;
  links.firstByteUs[i] = NONE16;
  links.totalUs[i] = pack16(result.responseTimeMs * 1000);
  links.ageMs[i] = pingMs < 0 ? NONE16 : pack16(Math.min(Math.max(0, nowMs - pingMs), MAX_AGE_MS));
  links.sinceMs[i] = NONE16;
}

/** Parses an RFC 3339 time into ms since the epoch; -1 if it is not one. */
function timeOf(text: string): number {
  const ms = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? -1 : ms;
}

function probesOf(results: GoldpingerCheck['probeResults'], atMs: number): ProbeResult[] {
  const probes: ProbeResult[] = [];
  for (const [target, list] of results) {
    for (const { protocol, error, responseTimeMs } of list) {
      if (!isProtocol(protocol) || probes.length >= MAX_PROBES) continue;
      probes.push({ target, protocol, atMs, durationUs: responseTimeMs * 1000, error: error.slice(0, 300) });
    }
  }
  return probes;
}

function isProtocol(name: string): name is ProbeProtocol {
  return name === 'dns' || name === 'tcp' || name === 'http';
}
