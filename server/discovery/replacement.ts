import type { Pod } from '../protocol/pod.ts';

/** A pod as the store keeps it. A step numbers the lists and events of the API server in the order in which they came: a list or an event. */
export interface PodEntry {
  pod: Pod;
  ownerKind: string;
  /** The news in which the pod first appeared; `atMs` is ms since the epoch by our clock. */
  appeared: { step: number; atMs: number };
  /** The news that first said that the pod is leaving; null = it is not leaving. */
  left: Departure | null;
  /** uid of the pod that replaces this one; '' = not known. */
  replacement: string;
  /** Whether this pod replaces another. */
  isReplacement: boolean;
}

/** How and when a pod began to leave: it was deleted, has finished, or does not match the label selector any more. */
export interface Departure {
  step: number;
  /** When the news came, ms since the epoch by our clock. */
  atMs: number;
  /** It began to leave no earlier than this, ms since the epoch. */
  fromMs: number;
  /** Whether `fromMs` is the API's time of the departure itself. */
  isExact: boolean;
}

/** By how much the times of the API server may be earlier than ours, because of its clock or because its news come late. */
const CLOCK_SLACK_MS = 5_000;

/**
 * A controller creates the replacement as soon as a pod begins to leave: within milliseconds, or seconds under load. A pod
 * that is created later is there because the owner was scaled up.
 */
const REPLACED_WITHIN_MS = 10_000;

/**
 * Names, for each pod that is leaving or gone and has no replacement yet, the pod that takes its place. Replacements have the
 * same owner.
 *
 * - A DaemonSet has one pod on a node, and a StatefulSet one of a name: the next such pod is the replacement.
 * - For any other owner, a new pod replaces the pod that began to leave last before it was created. Pods that began to
 *   leave earlier were removed by scaling down, or else their replacement would have come before.
 *
 * What came first is decided by the order of the news, and where one list holds both, by the times of the API.
 * `pod.replacedBy` is set when the pod is gone. Changes the entries in place; a changed pod is a new object.
 */
export function nameReplacements(entries: readonly PodEntry[]): void {
  // A pod that was forgotten and has returned has lost `isReplacement`, but the pods that it replaced still name it.
  const named = new Set(entries.map((entry) => entry.replacement));
  const newcomers: PodEntry[] = [];
  const leavers = new Map<string, PodEntry[]>();
  for (const entry of entries) {
    if (named.has(entry.pod.uid)) entry.isReplacement = true;
    if (entry.pod.owner === '') continue;
    if (!entry.isReplacement) newcomers.push(entry);
    if (entry.left === null || entry.replacement !== '') continue;
    const ofOwner = leavers.get(entry.pod.owner);
    if (ofOwner === undefined) leavers.set(entry.pod.owner, [entry]);
    else ofOwner.push(entry);
  }
  newcomers.sort((a, b) => a.appeared.step - b.appeared.step || compareCreation(a, b));
  for (const newcomer of newcomers) {
    let replaced: PodEntry | null = null;
    for (const leaver of leavers.get(newcomer.pod.owner) ?? []) {
      if (leaver.replacement !== '' || !canReplace(newcomer, leaver)) continue;
      if (replaced === null || compareDeparture(leaver, replaced) > 0) replaced = leaver;
    }
    if (replaced === null) continue;
    replaced.replacement = newcomer.pod.uid;
    newcomer.isReplacement = true;
  }
  for (const entry of entries) {
    const replacedBy = entry.pod.lifecycle === 'gone' ? entry.replacement : '';
    if (entry.pod.replacedBy !== replacedBy) entry.pod = { ...entry.pod, replacedBy };
  }
}

/** Whether `entry` may have been created in the place of `leaver`. Pods never replace each other in a circle, because the newer one must be created later. */
function canReplace(entry: PodEntry, leaver: PodEntry): boolean {
  const { left } = leaver;
  if (left === null) return false;
  const { createdMs, node, name, namespace } = entry.pod;
  const isCreatedLater = (createdMs - leaver.pod.createdMs || entry.appeared.step - leaver.appeared.step) > 0;
  if (!isCreatedLater) return false;
  if (leaver.ownerKind === 'DaemonSet') return node !== '' && node === leaver.pod.node;
  if (leaver.ownerKind === 'StatefulSet') return name === leaver.pod.name && namespace === leaver.pod.namespace;
  if (entry.appeared.step < left.step) return false;
  const isLaterNews = entry.appeared.step > left.step;
  // The API cuts its times to whole seconds.
  const fromMs = Math.floor(left.fromMs / 1000) * 1000;
  if (createdMs < fromMs - (left.isExact ? 0 : CLOCK_SLACK_MS)) return false;
  if (createdMs - fromMs <= REPLACED_WITHIN_MS) return true;
  return isLaterNews ? entry.appeared.atMs - left.atMs <= REPLACED_WITHIN_MS : !left.isExact;
}

/** Positive if `a` began to leave after `b`; among those that left together, if it was created before `b`. */
function compareDeparture(a: PodEntry, b: PodEntry): number {
  const [first, second] = [a.left, b.left];
  if (first === null || second === null) return 0;
  return first.step - second.step || first.fromMs - second.fromMs || compareCreation(b, a);
}

function compareCreation(a: PodEntry, b: PodEntry): number {
  return a.pod.createdMs - b.pod.createdMs || (a.pod.uid < b.pod.uid ? -1 : 1);
}
