import { isReportMissing, roundMsOf } from '../protocol/link-state.ts';
import { FLAG_NOT_YET, NONE16, unpack16 } from '../protocol/links.ts';
import type { MergedReport, UnjudgedMesh } from '../protocol/mesh.ts';
import { isJudged, type Pod } from '../protocol/pod.ts';
import type { TimeRange } from '../runtime/time-range.ts';

/* For `recovered<30s` of a verdict, and for the lost pods of a report. */

/** A pod that was lost in a time range, and how its replacement does. Pods are indexes in `Mesh.pods`; -1 = none. */
export interface LostPod {
  pod: number;
  /** When it left, ms since the epoch: not before `earliestMs`, and by `lostMs`. */
  earliestMs: number;
  lostMs: number;
  /** Whether its owner (ReplicaSet, DaemonSet, ...) still has pods, so that it has to be replaced. */
  needsReplacement: boolean;
  /** The pod that took its place; if that is lost, too, the one that took its place, and so on. */
  replacement: number;
  /** Since when the replacement has been ready, ms since the epoch, not before the loss; null = it is not. */
  readyMs: number | null;
  /** Since when it has been ready and every link of other pods to it ok; null = it is not, or that is not known. */
  healthyMs: number | null;
  /** Until when at least it was not healthy: `readyMs`, or `notOkMs` if that is later. null = it is not ready. */
  unhealthyMs: number | null;
  links: LinksInto;
}

/** What the reports say about the links to one replacement. Pods are indexes in `Mesh.pods`; -1 = none. */
interface LinksInto {
  /** Since when all links that are ok have been so, ms since the epoch; 0 = none is ok. */
  okMs: number;
  /** Until when at least a link was not ok, ms since the epoch; 0 = none is known. */
  notOkMs: number;
  failing: number;
  /** A pod that did not report its link, or whose report is not trusted. */
  unreported: number;
  /** A pod that has not pinged the replacement yet. */
  unpinged: number;
}

/**
 * Finds the pods that left in a time range, in the order in which they left. A mesh of now has those of the last GONE_RETENTION, a
 * mesh of a past range has all. `isSource`: whether the links of a pod count. Yields after each report.
 */
export function* lostPodsOf(
  mesh: UnjudgedMesh,
  range: TimeRange,
  isSource: (pod: number) => boolean = () => true,
): Generator<void, LostPod[]> {
  const departures = departuresIn(mesh, range);
  const linksInto = new Map<number, LinksInto>();
  for (const { replacement, readyMs } of departures) if (readyMs !== null) linksInto.set(replacement, nothingKnown());
  for (const report of linksInto.size === 0 ? [] : mesh.reports) {
    const source = mesh.pods[report.pod];
    if (source === undefined || !isJudged(source) || !isSource(report.pod)) continue;
    if (report.missing === '') addReport(report, linksInto, mesh);
    else if (isReportMissing(report)) {
      for (const [to, links] of linksInto) if (to !== report.pod) links.unreported = report.pod;
    }
    yield;
  }
  return departures.map((one) => {
    const links = linksInto.get(one.replacement) ?? nothingKnown();
    const { okMs, notOkMs, failing, unreported, unpinged } = links;
    if (one.readyMs === null) return { ...one, healthyMs: null, unhealthyMs: null, links };
    const isHealthy = failing < 0 && unreported < 0 && unpinged < 0 && okMs > 0;
    const healthyMs = isHealthy ? Math.max(one.readyMs, okMs) : null;
    return { ...one, healthyMs, unhealthyMs: Math.max(one.readyMs, notOkMs), links };
  });
}

function nothingKnown(): LinksInto {
  return { okMs: 0, notOkMs: 0, failing: -1, unreported: -1, unpinged: -1 };
}

/** What the list of pods alone says of the pods that left in a range, in the order in which they left. */
function departuresIn(
  { pods }: UnjudgedMesh,
  { fromMs, toMs }: TimeRange,
): Omit<LostPod, 'healthyMs' | 'unhealthyMs' | 'links'>[] {
  const indexOf = new Map(pods.map(({ uid }, i) => [uid, i]));
  const owners = new Set(pods.filter(({ lifecycle }) => lifecycle !== 'gone').map(({ owner }) => owner));
  return [...pods.entries()]
    .filter(([, { lifecycle, sinceMs }]) => lifecycle === 'gone' && sinceMs >= fromMs && sinceMs <= toMs)
    .sort(([, a], [, b]) => a.sinceMs - b.sinceMs)
    .map(([pod, { sinceMs, unseenMs, owner }]) => {
      const replacement = replacementOf(pod, pods, indexOf);
      const successor = pods[replacement];
      const readyMs = successor?.lifecycle === 'ready' ? Math.max(sinceMs, successor.sinceMs) : null;
      const needsReplacement = owner !== '' && owners.has(owner);
      return { pod, earliestMs: sinceMs - unseenMs, lostMs: sinceMs, needsReplacement, replacement, readyMs };
    });
}

/** The last in the chain of replacements of a pod; -1 = none. Peers can claim circles, so each pod is followed only once. */
function replacementOf(pod: number, pods: readonly Pod[], indexOf: ReadonlyMap<string, number>): number {
  const seen = new Set([pod]);
  let last = -1;
  for (let at = pod; last < 0 || pods[last]?.lifecycle === 'gone'; at = last) {
    const next = indexOf.get(pods[at]?.replacedBy ?? '') ?? -1;
    if (next < 0 || seen.has(next) || (pods[next]?.createdMs ?? 0) < (pods[at]?.createdMs ?? 0)) break;
    seen.add(next);
    last = next;
  }
  return last;
}

/** Adds the links of a report to what is known of each replacement. Its link to itself does not count. */
function addReport(
  report: MergedReport,
  linksInto: ReadonlyMap<number, LinksInto>,
  { pods, settings }: UnjudgedMesh,
): void {
  const { pod, links } = report;
  const listed = new Set([pod]);
  for (const [i, to] of links.to.entries()) {
    const into = linksInto.get(to);
    if (into === undefined || to === pod) continue;
    listed.add(to);
    addLink(into, report, i, pods[to]?.sinceMs ?? 0, roundMsOf(settings));
  }
  // With PING_NUMBER, a pod pings only some of the others.
  if (settings.pingNumber > 0 || settings.refreshIntervalMs === 0) return;
  for (const [to, into] of linksInto) if (!listed.has(to)) into.unpinged = pod;
}

/**
 * Adds link `i` of a report to what is known of its destination, a replacement that has been ready since `readyMs` (ms since the
 * epoch). `roundMs`: how long a round of pings lasts.
 */
function addLink(into: LinksInto, report: MergedReport, i: number, readyMs: number, roundMs: number): void {
  const { pod, atMs, clockOffsetMs = 0, links } = report;
  const startedMs = report.bootTimeMs + clockOffsetMs;
  const ageMs = unpack16(links.ageMs[i] ?? NONE16);
  const stateMs = unpack16(links.sinceMs[i] ?? NONE16);
  if (((links.flags[i] ?? 0) & FLAG_NOT_YET) !== 0) into.unpinged = pod;
  else if (links.outcome[i] !== 0 && report.starvation?.unreliable === true) into.unreported = pod;
  else if (links.outcome[i] !== 0) {
    into.failing = pod;
    if (ageMs >= 0) into.notOkMs = Math.max(into.notOkMs, atMs - ageMs);
  } else if (stateMs < 0) {
    // A Goldpinger pod does not say since when a link is ok, only that it was at its newest ping.
    into.okMs = Math.max(into.okMs, atMs - Math.max(0, ageMs));
  } else {
    const okSinceMs = atMs - stateMs;
    const isFirstPingOfSource = okSinceMs - roundMs <= startedMs;
    // The first ping of a process that started after the replacement was ready says nothing about the time before.
    if (isFirstPingOfSource && startedMs > readyMs) return;
    into.okMs = Math.max(into.okMs, okSinceMs);
    // The ping before the first ok one was not ok, at most a round earlier. If that was the first of all, no ping has failed.
    if (!isFirstPingOfSource) into.notOkMs = Math.max(into.notOkMs, okSinceMs - roundMs);
  }
}
