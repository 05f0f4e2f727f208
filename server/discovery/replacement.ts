import type { Pod } from '../protocol/pod.ts';

/** A pod as the store keeps it. A step is the number of one piece of news from the API server. */
export interface PodEntry {
  pod: Pod;
  ownerKind: string;
  /** When a gone pod began to leave, ms since the epoch. Its replacement was created no earlier. */
  leftMs: number;
  /** The step in which the pod first appeared. */
  firstStep: number;
  /** The step in which the pod first was leaving; 0 = it is not leaving. */
  leftStep: number;
  /** Whether this pod has already been named as the replacement of another. */
  replaces: boolean;
}

/**
 * How far the times of the API server may lie before ours, because of its clock or because its news come late. Within
 * this time the order of the news says what came first.
 */
const CLOCK_SLACK_MS = 5_000;

/**
 * Names, for each gone pod that has none yet, the pod that took its place (`pod.replacedBy`). A replacement has the same
 * owner, was created at or after the time the gone pod began to leave, and replaces no other pod. The pod that left first
 * gets the pod that was created first, but a pod on its own node before others; a pod of a DaemonSet is only replaced on
 * its own node. Creation times are whole seconds, and so they are compared in whole seconds. Where that is undecided, or
 * only our clock says when the pod left, the order of the news decides.
 *
 * Changes the entries in place; a named replacement means a new `pod` object.
 */
export function nameReplacements(entries: readonly PodEntry[]): void {
  // A pod that was forgotten and has returned has lost `replaces`, but the pods it replaced still name it.
  const named = new Set(entries.map((entry) => entry.pod.replacedBy));
  for (const entry of entries) if (named.has(entry.pod.uid)) entry.replaces = true;
  const withOwner = entries.filter((entry) => entry.pod.owner !== '');
  const candidatesOf = new Map<string, PodEntry[]>();
  for (const entry of withOwner) {
    const candidates = candidatesOf.get(entry.pod.owner);
    if (candidates === undefined) candidatesOf.set(entry.pod.owner, [entry]);
    else candidates.push(entry);
  }
  const leavers = withOwner.filter(({ pod }) => pod.lifecycle === 'gone' && pod.replacedBy === '');
  leavers.sort((a, b) => a.leftMs - b.leftMs || (a.pod.uid < b.pod.uid ? -1 : 1));
  for (const leaver of leavers) {
    const replacement = findReplacement(leaver, candidatesOf.get(leaver.pod.owner) ?? []);
    if (replacement === null) continue;
    replacement.replaces = true;
    leaver.pod = { ...leaver.pod, replacedBy: replacement.pod.uid };
  }
}

function findReplacement(leaver: PodEntry, candidates: readonly PodEntry[]): PodEntry | null {
  const isNear = (entry: PodEntry) => entry.pod.node === leaver.pod.node;
  let best: PodEntry | null = null;
  for (const entry of candidates) {
    if (entry.replaces || !isLater(entry, leaver)) continue;
    if (leaver.ownerKind === 'DaemonSet' && !isNear(entry)) continue;
    const isBetter =
      best === null || (isNear(entry) === isNear(best) ? compareCreation(entry, best) < 0 : isNear(entry));
    if (isBetter) best = entry;
  }
  return best;
}

/** Whether `entry` was created when `leaver` was already leaving. It is never true in a circle of pods. */
function isLater(entry: PodEntry, leaver: PodEntry): boolean {
  const { createdMs } = entry.pod;
  const appearedLater = entry.firstStep > leaver.leftStep;
  if (createdMs < leaver.pod.createdMs || (createdMs === leaver.pod.createdMs && !appearedLater)) return false;
  const fromMs = Math.floor(leaver.leftMs / 1000) * 1000;
  return createdMs >= fromMs || (appearedLater && createdMs >= fromMs - CLOCK_SLACK_MS);
}

function compareCreation(a: PodEntry, b: PodEntry): number {
  return a.pod.createdMs - b.pod.createdMs || (a.pod.uid < b.pod.uid ? -1 : 1);
}
