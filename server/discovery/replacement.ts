import type { Pod } from '../protocol/pod.ts';

/** A pod as the store keeps it. */
export interface Entry {
  pod: Pod;
  ownerKind: string;
  /** When a gone pod began to leave, ms since the epoch: its replacement was created no earlier. */
  leftMs: number;
  /** The number of the answer of the API server in which this pod was first there. */
  firstStep: number;
  /** That in which it was first leaving; 0 = it is not. */
  leftStep: number;
  /** Whether this pod has already been named as another's replacement. */
  replaces: boolean;
}

/** How far our clock may be from the API server's, and its news late, where the order of the news says what came first. */
const CLOCK_SLACK_MS = 5_000;

/**
 * Names for each gone pod that has none yet the pod that took its place: of the same owner, created at or after it
 * began to leave, and not named for another. The earliest leaver gets the earliest created, one on its own node before
 * others; a DaemonSet's pod is only ever replaced on its own node. Creation times are whole seconds, so is the comparison;
 * where that leaves it open, or the time of leaving is only ours, the order in which the API server told of them decides.
 * Changes `entries` in place (a new `pod` object where a replacement was found).
 */
export function nameReplacements(entries: Iterable<Entry>): void {
  const leavers: Entry[] = [];
  const byOwner = new Map<string, Entry[]>();
  const all = [...entries];
  // A pod that was forgotten and is back has lost its mark, but not what it was named for.
  const named = new Set(all.map((entry) => entry.pod.replacedBy));
  for (const entry of all) {
    if (named.has(entry.pod.uid)) entry.replaces = true;
    const { owner, lifecycle, replacedBy } = entry.pod;
    if (owner === '') continue;
    if (lifecycle === 'gone' && replacedBy === '') leavers.push(entry);
    if (entry.replaces) continue;
    const siblings = byOwner.get(owner);
    if (siblings) siblings.push(entry);
    else byOwner.set(owner, [entry]);
  }
  leavers.sort((a, b) => a.leftMs - b.leftMs || compare(a.pod.uid, b.pod.uid));
  for (const leaver of leavers) {
    const next = successor(leaver, byOwner.get(leaver.pod.owner) ?? []);
    if (next === null) continue;
    next.replaces = true;
    leaver.pod = { ...leaver.pod, replacedBy: next.pod.uid };
  }
}

function successor(leaver: Entry, siblings: Entry[]): Entry | null {
  let best: Entry | null = null;
  for (const entry of siblings) {
    if (entry.replaces || !isLater(entry, leaver)) continue;
    if (leaver.ownerKind === 'DaemonSet' && entry.pod.node !== leaver.pod.node) continue;
    if (best === null || rank(entry, leaver) < rank(best, leaver)) best = entry;
    else if (rank(entry, leaver) === rank(best, leaver) && compareCreation(entry, best) < 0) best = entry;
  }
  return best;
}

/** Whether `entry` was created when `leaver` was leaving. Never true both ways, nor in any circle. */
function isLater(entry: Entry, leaver: Entry): boolean {
  const { createdMs } = entry.pod;
  const isToldLater = entry.firstStep > leaver.leftStep;
  if (createdMs < leaver.pod.createdMs || (createdMs === leaver.pod.createdMs && !isToldLater)) return false;
  const fromMs = Math.floor(leaver.leftMs / 1000) * 1000;
  return createdMs >= fromMs || (isToldLater && createdMs >= fromMs - CLOCK_SLACK_MS);
}

function rank(entry: Entry, leaver: Entry): number {
  return entry.pod.node === leaver.pod.node ? 0 : 1;
}

function compareCreation(a: Entry, b: Entry): number {
  return a.pod.createdMs - b.pod.createdMs || compare(a.pod.uid, b.pod.uid);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
