import { isSilent, roundMsOf } from '../protocol/link-state.ts';
import { FLAG_NOT_YET, NONE16, unpack16 } from '../protocol/links.ts';
import type { MergedReport, Mesh } from '../protocol/mesh.ts';
import { isJudged } from '../protocol/pod.ts';
import type { TimeRange } from '../runtime/time-range.ts';

/*
 * Which pods left a mesh, and since when their replacements are healthy: for `recovered<30s` of a verdict, and for the lost
 * pods of a report.
 */

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
  /**
   * Since when it has been ready and every link of other pods to it ok, ms since the epoch; null = it is not, or that is not
   * known.
   */
  healthyMs: number | null;
  /** The last time at which it was certainly not healthy, ms since the epoch; null = it is not ready. */
  unhealthyMs: number | null;
  links: LinksInto;
}

/** What the reports say about the links to one replacement. Pods are indexes in `Mesh.pods`; -1 = none. */
interface LinksInto {
  /** Since when all links that are ok have been so, ms since the epoch; 0 = none is ok. */
  okMs: number;
  /** The last time at which a link was certainly not ok, ms since the epoch; 0 = none is known. */
  notOkMs: number;
  /** A pod whose link is not ok. */
  failing: number;
  /** A pod that did not report its link, or whose report is not trusted. */
  silent: number;
  /** A pod that has not pinged the replacement yet. */
  unpinged: number;
}

/**
 * Finds the pods that left in a time range, in the order in which they left. A mesh of now has
 * those of the last GONE_RETENTION, a mesh of a past range has all.
 * `isSource`: whether the links of a pod count. Yields after each report.
 */
export function* lostPodsOf(
  mesh: Mesh,
  { fromMs, toMs }: TimeRange,
  isSource: (pod: number) => boolean = () => true,
): Generator<void, LostPod[]> {
  const { pods, reports } = mesh;
  const byUid = new Map(pods.map(({ uid }, i) => [uid, i]));
  /** The last in the chain of replacements; -1 = none. Peers can claim circles: each pod is followed once. */
  const replacementOf = (pod: number): number => {
    const seen = new Set([pod]);
    let last = -1;
    for (let at = pod; last < 0 || pods[last]?.lifecycle === 'gone'; at = last) {
      const next = byUid.get(pods[at]?.replacedBy ?? '') ?? -1;
      if (next < 0 || seen.has(next) || (pods[next]?.createdMs ?? 0) < (pods[at]?.createdMs ?? 0)) break;
      seen.add(next);
      last = next;
    }
    return last;
  };
  const owners = new Set(pods.filter(({ lifecycle }) => lifecycle !== 'gone').map(({ owner }) => owner));
  const lost = [...pods.entries()]
    .filter(([, { lifecycle, sinceMs }]) => lifecycle === 'gone' && sinceMs >= fromMs && sinceMs <= toMs)
    .sort(([, a], [, b]) => a.sinceMs - b.sinceMs)
    .map(([pod, { sinceMs, unseenMs, owner }]) => {
      const replacement = replacementOf(pod);
      const successor = pods[replacement];
      const readyMs = successor?.lifecycle === 'ready' ? Math.max(sinceMs, successor.sinceMs) : null;
      const needsReplacement = owner !== '' && owners.has(owner);
      return { pod, earliestMs: sinceMs - unseenMs, lostMs: sinceMs, needsReplacement, replacement, readyMs };
    });
  const states = new Map<number, LinksInto>();
  for (const { replacement, readyMs } of lost) if (readyMs !== null) states.set(replacement, newState());
  for (const report of states.size === 0 ? [] : reports) {
    const source = pods[report.pod];
    if (source === undefined || !isJudged(source) || !isSource(report.pod)) continue;
    if (report.missing === '') addReport(report, states, mesh);
    else if (isSilent(report)) {
      for (const [to, state] of states) if (to !== report.pod) state.silent = report.pod;
    }
    yield;
  }
  return lost.map((one) => {
    const links = states.get(one.replacement) ?? newState();
    const { okMs, notOkMs, failing, silent, unpinged } = links;
    if (one.readyMs === null) return { ...one, healthyMs: null, unhealthyMs: null, links };
    const isHealthy = failing < 0 && silent < 0 && unpinged < 0 && okMs > 0;
    const healthyMs = isHealthy ? Math.max(one.readyMs, okMs) : null;
    return { ...one, healthyMs, unhealthyMs: Math.max(one.readyMs, notOkMs), links };
  });
}

function newState(): LinksInto {
  return { okMs: 0, notOkMs: 0, failing: -1, silent: -1, unpinged: -1 };
}

/**
 * Adds the links of a report to what is known of each replacement. That of a pod to itself says nothing about whether others
 * reach it.
 */
function addReport(report: MergedReport, states: ReadonlyMap<number, LinksInto>, { pods, settings }: Mesh): void {
  const { pod, atMs, bootTimeMs, links } = report;
  const isTrusted = report.starvation?.unreliable !== true;
  const roundMs = roundMsOf(settings);
  const listed = new Set<number>();
  for (let i = 0; i < links.length; i++) {
    const to = links.to[i] ?? 0;
    const state = states.get(to);
    if (state === undefined || to === pod) continue;
    listed.add(to);
    const [age, since] = [links.ageMs[i] ?? NONE16, links.sinceMs[i] ?? NONE16];
    if (((links.flags[i] ?? 0) & FLAG_NOT_YET) !== 0) state.unpinged = pod;
    else if (links.outcome[i] !== 0) {
      if (isTrusted) {
        state.failing = pod;
        if (age !== NONE16) state.notOkMs = Math.max(state.notOkMs, atMs - unpack16(age));
      } else state.silent = pod;
    } else if (since === NONE16) {
      // A Goldpinger pod does not say since when a link is ok.
      state.okMs = Math.max(state.okMs, atMs - Math.max(0, unpack16(age)));
    } else {
      const sinceMs = atMs - unpack16(since);
      // A process that came later could not ping the replacement before. Its first ping says nothing about that time.
      const isFirst = sinceMs - roundMs <= bootTimeMs;
      if (isFirst && bootTimeMs > (pods[to]?.sinceMs ?? 0)) continue;
      state.okMs = Math.max(state.okMs, sinceMs);
      // The ping before was less than a round earlier, and not ok. If there was none, the pod that is pinged had just come.
      if (!isFirst) state.notOkMs = Math.max(state.notOkMs, sinceMs - roundMs);
    }
  }
  // With PING_NUMBER, a pod pings only some of the others.
  if (settings.pingNumber > 0 || settings.refreshIntervalMs === 0) return;
  for (const [to, state] of states) if (to !== pod && !listed.has(to)) state.unpinged = pod;
}
