import type { Pod } from '../protocol/pod.ts';

/**
 * A pod as the store keeps it. The store counts the lists and events of the API server as they come. A `step` is the number of
 * the list or event that brought some news.
 */
export interface PodEntry {
  pod: Pod;
  ownerKind: string;
  /** When the pod first appeared: the step, and when it came, ms since the epoch by our clock. */
  appeared: { step: number; atMs: number };
  /** When it came back after it had left, as with a restored label, ms since the epoch by our clock; 0 = it never did. */
  backMs: number;
  /** What first said that the pod is leaving; null = it is not leaving. */
  left: Departure | null;
  /** uid of the pod that replaces this one; '' = not known. */
  replacement: string;
  /** Whether this pod replaces another. */
  isReplacement: boolean;
}

/** How and when a pod began to leave: it was deleted, has finished, or does not match the label selector any more. */
export interface Departure {
  step: number;
  /** When that step came, ms since the epoch by our clock. */
  atMs: number;
  /** It began to leave no earlier than this, ms since the epoch. */
  fromMs: number;
  /** Whether `fromMs` is the API's time of the departure itself. */
  isExact: boolean;
}

/** The times of the API server may be earlier than ours by this much: its clock may be behind, and its news may come late. */
const CLOCK_SLACK_MS = 5_000;

/**
 * A controller creates the replacement as soon as a pod begins to leave: within milliseconds, or seconds under load. A pod
 * that is created later was added by scaling up.
 */
const REPLACED_WITHIN_MS = 10_000;

/**
 * Finds the replacement of each pod that is leaving or gone and has none yet. A replacement has the same owner.
 *
 * - A DaemonSet has one pod per node, a StatefulSet one per name: the next pod on the same node or of the same name is it.
 * - For any other owner, a new pod replaces the pod that began to leave last before it was created. Pods that began to
 *   leave earlier were removed by scaling down: otherwise each would have been replaced by an earlier new pod.
 *
 * Steps and times of the API must both allow that a new pod came after the departure: see `canReplace`. `pod.replacedBy` is
 * set when the pod is gone. Changes the entries (by uid) in place; a changed pod is a new object.
 */
export function nameReplacements(byUid: ReadonlyMap<string, PodEntry>): void {
  const leaving: PodEntry[] = [];
  for (const entry of byUid.values()) {
    if (entry.left !== null) leaving.push(entry);
  }
  // A pod that the store forgot, and that came back, has a new entry without `isReplacement`. The pod that it replaced still
  // names it.
  for (const { replacement } of leaving) {
    const entry = byUid.get(replacement);
    if (entry !== undefined) entry.isReplacement = true;
  }
  const leavers = leaversOf(leaving);
  for (const newcomer of newcomersOf(byUid, leavers)) {
    const replaced = lastToLeave(newcomer, leavers.get(keyOf(newcomer))?.entries ?? []);
    if (replaced === null) continue;
    replaced.replacement = newcomer.pod.uid;
    newcomer.isReplacement = true;
  }
  for (const entry of leaving) {
    const replacedBy = entry.pod.lifecycle === 'gone' ? entry.replacement : '';
    if (entry.pod.replacedBy !== replacedBy) entry.pod = { ...entry.pod, replacedBy };
  }
}

/** Pods with the same key that are leaving and have no replacement. Pods that appeared before `fromStep` replace none of them. */
interface Leavers {
  fromStep: number;
  entries: PodEntry[];
}

/** Of the leaving pods those without a replacement, by key. */
function leaversOf(leaving: readonly PodEntry[]): Map<string, Leavers> {
  const leavers = new Map<string, Leavers>();
  for (const entry of leaving) {
    const { left, replacement } = entry;
    const key = keyOf(entry);
    if (left === null || replacement !== '' || entry.pod.owner === '' || key === '') continue;
    const { fromStep, entries: others } = leavers.get(key) ?? { fromStep: Number.POSITIVE_INFINITY, entries: [] };
    // A pod with a place of its own may be replaced before we hear that it is leaving.
    const ownFromStep = placeOf(entry) === null ? left.step : 0;
    leavers.set(key, { fromStep: Math.min(fromStep, ownFromStep), entries: others });
    others.push(entry);
  }
  return leavers;
}

/** The pods that may replace one of `leavers`, in the order in which they appeared. */
function newcomersOf(entries: ReadonlyMap<string, PodEntry>, leavers: ReadonlyMap<string, Leavers>): PodEntry[] {
  const fromStep = Math.min(...Array.from(leavers.values(), (group) => group.fromStep));
  const newcomers: PodEntry[] = [];
  for (const entry of entries.values()) {
    if (entry.isReplacement || entry.appeared.step < fromStep) continue;
    const ownFromStep = leavers.get(keyOf(entry))?.fromStep ?? Number.POSITIVE_INFINITY;
    if (entry.appeared.step >= ownFromStep) newcomers.push(entry);
  }
  return newcomers.sort((a, b) => a.appeared.step - b.appeared.step || compareCreation(a, b));
}

/** Of the pods that `newcomer` can replace, the one that began to leave last; null if there is none. */
function lastToLeave(newcomer: PodEntry, leavers: readonly PodEntry[]): PodEntry | null {
  let last: PodEntry | null = null;
  for (const leaver of leavers) {
    if (leaver.replacement !== '' || !canReplace(newcomer, leaver)) continue;
    if (last === null || compareDeparture(leaver, last) > 0) last = leaver;
  }
  return last;
}

/** Only pods with the same key can replace each other: so few of thousands are compared. */
function keyOf(entry: PodEntry): string {
  return placeOf(entry) ?? entry.pod.owner;
}

/** The place that only one pod of its owner has at a time: its node, or its name. null: the owner's pods have no such places. */
function placeOf({ pod, ownerKind }: PodEntry): string | null {
  if (ownerKind === 'DaemonSet') return pod.node;
  return ownerKind === 'StatefulSet' ? pod.name : null;
}

/**
 * Whether `newcomer` may have been created to replace `leaver`. It must have been created after `leaver` was, so pods never replace
 * each other in a circle. Both have the same key. For owners other than DaemonSets and StatefulSets two things must be true:
 * - by steps: it did not appear before we heard that `leaver` is leaving;
 * - by times: it was created no earlier than `leaver` began to leave, and soon after that or after we heard of it.
 */
function canReplace(newcomer: PodEntry, leaver: PodEntry): boolean {
  const { left } = leaver;
  if (left === null) return false;
  const { appeared } = newcomer;
  const { createdMs, owner, namespace } = newcomer.pod;
  if (owner !== leaver.pod.owner || namespace !== leaver.pod.namespace) return false;
  // If both were created in the same second, the one that appeared later.
  const isCreatedLater = (createdMs - leaver.pod.createdMs || appeared.step - leaver.appeared.step) > 0;
  if (!isCreatedLater) return false;
  if (placeOf(leaver) !== null) return true;
  if (appeared.step < left.step) return false;
  // The API cuts its times to whole seconds.
  const fromMs = Math.floor(left.fromMs / 1000) * 1000;
  const earliestMs = left.isExact ? fromMs : fromMs - CLOCK_SLACK_MS;
  if (createdMs < earliestMs) return false;
  if (createdMs <= fromMs + REPLACED_WITHIN_MS) return true;
  // It was created long after `fromMs`. It still counts if it appeared soon after we heard of the departure.
  if (appeared.step > left.step) return appeared.atMs - left.atMs <= REPLACED_WITHIN_MS;
  // One list brought both. Unless `fromMs` is exact, the other pod may have begun to leave long after it.
  return !left.isExact;
}

/**
 * Positive if `a` began to leave after `b`. Of pods that left together, the one that was created first counts as the later: a
 * ReplicaSet that scales down removes its younger pods first, so the older one is more likely to have been replaced.
 */
function compareDeparture(a: PodEntry, b: PodEntry): number {
  if (a.left === null || b.left === null) return 0;
  return a.left.step - b.left.step || a.left.fromMs - b.left.fromMs || compareCreation(b, a);
}

/** Negative if `a` was created before `b`; in the same second, the uid decides, so that the order never changes. */
function compareCreation(a: PodEntry, b: PodEntry): number {
  return a.pod.createdMs - b.pod.createdMs || (a.pod.uid < b.pod.uid ? -1 : 1);
}
