import { isSilent } from '../protocol/link-state.ts';
import { FLAG_NOT_YET, unpack16 } from '../protocol/links.ts';
import type { MergedReport, Mesh } from '../protocol/mesh.ts';
import { isJudged } from '../protocol/pod.ts';
import type { TimeRange } from '../runtime/time-range.ts';

/*
 * Which pods left a mesh, and since when their replacements are healthy: for `recovered<30s` of a verdict, and for the lost pods of a report.
 */

/** A pod that was lost in a time range, and how its replacement does. Pods are indexes in `Mesh.pods`; -1 = none. */
export interface LostPod {
  pod: number;
  /** When it left, ms since the epoch. */
  lostMs: number;
  /** Whether its owner (ReplicaSet, DaemonSet, ...) still has pods, so that it has to be replaced. */
  needsReplacement: boolean;
  /** The pod that took its place; if that is lost, too, the one that took its place, and so on. */
  replacement: number;
  /** Since when the replacement has been ready, ms since the epoch; null = it is not. */
  readyMs: number | null;
  /** Since when it has been ready and every link of other pods to it ok, ms since the epoch; null = it is not, or that is not known. */
  healthyMs: number | null;
  /** A pod whose link to the replacement is not ok; -1 = none. */
  failing: number;
  /** A pod that did not report its link to the replacement; -1 = none. */
  silent: number;
}

/** The moment that the state of a mesh is of, ms since the epoch. */
export function momentOf({ past, atMs }: Mesh): number {
  return past?.toMs ?? atMs;
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
  const replacementOf = (pod: number): number => {
    const next = byUid.get(pods[pod]?.replacedBy ?? '') ?? -1;
    // A replacement is younger than the pod, so that a chain has an end whatever a peer claims.
    if (next < 0 || (pods[next]?.createdMs ?? 0) < (pods[pod]?.createdMs ?? 0) || next === pod) return -1;
    return pods[next]?.lifecycle === 'gone' && pods[next].sinceMs > (pods[pod]?.sinceMs ?? 0)
      ? replacementOf(next)
      : next;
  };
  const owners = new Set(pods.filter(({ lifecycle }) => lifecycle !== 'gone').map(({ owner }) => owner));
  const lost: LostPod[] = [];
  for (const [pod, { lifecycle, sinceMs, owner }] of pods.entries()) {
    if (lifecycle !== 'gone' || sinceMs < fromMs || sinceMs > toMs) continue;
    const replacement = replacementOf(pod);
    const successor = pods[replacement];
    lost.push({
      pod,
      lostMs: sinceMs,
      needsReplacement: owner !== '' && owners.has(owner),
      replacement,
      readyMs: successor?.lifecycle === 'ready' ? Math.max(sinceMs, successor.sinceMs) : null,
      healthyMs: null,
      failing: -1,
      silent: -1,
    });
  }
  lost.sort((a, b) => a.lostMs - b.lostMs);
  const replaced = lost.filter(({ readyMs }) => readyMs !== null);
  if (replaced.length === 0) return lost;
  const okMs = new Float64Array(pods.length);
  const [failing, silent] = [new Int32Array(pods.length).fill(-1), new Int32Array(pods.length).fill(-1)];
  for (const report of reports) {
    const source = pods[report.pod];
    if (source === undefined || !isJudged(source) || !isSource(report.pod)) continue;
    if (report.missing === '') addReport(report, okMs, failing);
    else if (isSilent(report)) for (const { replacement } of replaced) silent[replacement] = report.pod;
    yield;
  }
  for (const one of replaced) {
    one.failing = failing[one.replacement] ?? -1;
    one.silent = silent[one.replacement] ?? -1;
    const sinceMs = okMs[one.replacement] ?? 0;
    if (one.failing < 0 && one.silent < 0 && sinceMs > 0) one.healthyMs = Math.max(one.readyMs ?? 0, sinceMs);
  }
  return lost;
}

/**
 * Notes for each destination since when all links to it are ok, and which pod's link to it is not. That of a pod to itself says nothing
 * about whether others reach it.
 */
function addReport({ pod, atMs, links }: MergedReport, okMs: Float64Array, failing: Int32Array): void {
  for (let i = 0; i < links.length; i++) {
    const to = links.to[i] ?? 0;
    if (to === pod) continue;
    const isOk = ((links.flags[i] ?? 0) & FLAG_NOT_YET) === 0 && links.outcome[i] === 0;
    if (!isOk) failing[to] = pod;
    else okMs[to] = Math.max(okMs[to] ?? 0, atMs - unpack16(links.sinceMs[i] ?? 0));
  }
}
