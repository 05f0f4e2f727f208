import type { Pod } from '../protocol/pod.ts';

/** A pod as the store keeps it. A `step` is the number of the list or event of the API server that brought some news. */
export interface PodEntry {
  pod: Pod;
  ownerKind: string;
  /** When the pod first appeared: the step, and when it came, ms since the epoch by our clock. */
  appeared: { step: number; atMs: number };
  /** When it came back after it had left, as with a restored label, ms since the epoch by our clock; 0 = it never did. */
  backMs: number;
  /** When it left, monotonic ms. Means nothing while it is not gone. */
  goneMs: number;
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
}

/** The times of the API server may be earlier than ours by this much: its clock may be behind, and its news may come late. */
const CLOCK_SLACK_MS = 5_000;

/** A controller creates the replacement within milliseconds, or seconds under load. A later pod was added by scaling up. */
const REPLACED_WITHIN_MS = 10_000;

/** A pod that is leaving or gone. */
type Leaver = PodEntry & { left: Departure };

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
  const leaving = [...byUid.values()].filter((entry): entry is Leaver => entry.left !== null);
  // A replacement that the store forgot, and that came back, has a new entry: mark it again.
  for (const { replacement } of leaving) {
    const entry = byUid.get(replacement);
    if (entry !== undefined) entry.isReplacement = true;
  }
  const leavers = new Map<string, Leaver[]>();
  for (const entry of leaving) {
    const key = keyOf(entry);
    if (entry.replacement !== '' || entry.pod.owner === '' || key === '') continue;
    const others = leavers.get(key);
    if (others === undefined) leavers.set(key, [entry]);
    else others.push(entry);
  }
  for (const newcomer of newcomersOf(byUid, leavers)) {
    const candidates = leavers.get(keyOf(newcomer))?.filter((leaver) => leaver.replacement === '') ?? [];
    const replaced = candidates
      .filter((leaver) => canReplace(newcomer, leaver))
      .sort(compareDeparture)
      .at(-1);
    if (replaced === undefined) continue;
    replaced.replacement = newcomer.pod.uid;
    newcomer.isReplacement = true;
  }
  for (const entry of leaving) {
    const replacedBy = entry.pod.lifecycle === 'gone' ? entry.replacement : '';
    if (entry.pod.replacedBy !== replacedBy) entry.pod = { ...entry.pod, replacedBy };
  }
}

/** The pods that may replace one of `leavers` (by key), in the order in which they appeared. */
function newcomersOf(
  byUid: ReadonlyMap<string, PodEntry>,
  leavers: ReadonlyMap<string, readonly Leaver[]>,
): PodEntry[] {
  if (leavers.size === 0) return [];
  const firstStep = new Map<string, number>();
  for (const [key, group] of leavers) {
    // A pod with a place of its own may be replaced before we hear that it is leaving.
    firstStep.set(key, Math.min(...group.map((leaver) => (placeOf(leaver) === null ? leaver.left.step : 0))));
  }
  const newcomers = [...byUid.values()].filter((entry) => {
    const step = firstStep.get(keyOf(entry));
    return step !== undefined && entry.appeared.step >= step && !entry.isReplacement;
  });
  return newcomers.sort((a, b) => a.appeared.step - b.appeared.step || compareCreation(a, b));
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
function canReplace({ appeared, pod }: PodEntry, leaver: Leaver): boolean {
  const { left } = leaver;
  const { createdMs, owner, namespace } = pod;
  if (owner !== leaver.pod.owner || namespace !== leaver.pod.namespace) return false;
  // If both were created in the same second, the one that appeared later.
  const isCreatedLater = (createdMs - leaver.pod.createdMs || appeared.step - leaver.appeared.step) > 0;
  if (!isCreatedLater) return false;
  if (placeOf(leaver) !== null) return true;
  if (appeared.step < left.step) return false;
  // The API cuts its times to whole seconds.
  const fromMs = Math.floor(left.fromMs / 1000) * 1000;
  if (createdMs < fromMs - CLOCK_SLACK_MS) return false;
  // One that was created later still counts if it appeared soon after we heard of the departure, which may be long after `fromMs`.
  return createdMs <= fromMs + REPLACED_WITHIN_MS || appeared.atMs - left.atMs <= REPLACED_WITHIN_MS;
}

/**
 * Positive if `a` began to leave after `b`. Of pods that left together, the one that was created first counts as the later: a
 * ReplicaSet that scales down removes its younger pods first, so the older one is more likely to have been replaced.
 */
function compareDeparture(a: Leaver, b: Leaver): number {
  return a.left.step - b.left.step || a.left.fromMs - b.left.fromMs || compareCreation(b, a);
}

/** Negative if `a` was created before `b`; in the same second, the uid decides, so that the order never changes. */
function compareCreation(a: PodEntry, b: PodEntry): number {
  return a.pod.createdMs - b.pod.createdMs || (a.pod.uid < b.pod.uid ? -1 : 1);
}
