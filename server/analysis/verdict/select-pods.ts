import { isJudged, type Pod } from '../../protocol/pod.ts';
import { type Clause, formatSelector, matchesGlob, type Selector } from './parse-clause.ts';

interface PodMask {
  /** By index in `Mesh.pods`: 1 = selected. */
  pods: Uint8Array;
  count: number;
}

export interface Selection {
  from: PodMask;
  to: PodMask;
}

/**
 * Finds the pods that each clause selects; each different selector is evaluated once. Without a selector, and by a
 * pattern, node, zone or label, only judged pods are selected (see `isJudged`). A pod that is named exactly is selected in
 * every stage but gone. `to` of `recovered` selects the pods that are gone instead. Yields after each pod, because a query
 * may have 20 clauses with a long pattern at both ends.
 */
export function* selectPods(
  clauses: readonly Clause[],
  pods: readonly Pod[],
): Generator<void, { clause: Clause; selection: Selection }[]> {
  const masks = new Map<string, PodMask>();
  const maskOf = function* (selector: Selector | null, ofGone: boolean): Generator<void, PodMask> {
    const key = `${ofGone} ${selector === null ? '' : formatSelector(selector)}`;
    const mask = masks.get(key) ?? (yield* selectBy(selector, pods, ofGone));
    masks.set(key, mask);
    return mask;
  };
  const selected: { clause: Clause; selection: Selection }[] = [];
  for (const clause of clauses) {
    const from = yield* maskOf(clause.from, false);
    const to = yield* maskOf(clause.to, clause.condition.kind === 'recovered');
    selected.push({ clause, selection: { from, to } });
  }
  return selected;
}

/** The pods that one selector selects; null = all. `ofGone`: of the pods that are gone, else of the others. */
function* selectBy(selector: Selector | null, pods: readonly Pod[], ofGone: boolean): Generator<void, PodMask> {
  const mask = { pods: new Uint8Array(pods.length), count: 0 };
  for (const [i, pod] of pods.entries()) {
    const isGone = pod.lifecycle === 'gone';
    if (isGone !== ofGone || (!isGone && !isExact(selector) && !isJudged(pod))) continue;
    if (selector !== null) {
      yield;
      const text = selectableText(selector, pod);
      if (text === null || !matchesGlob(selector.glob, text)) continue;
    }
    mask.pods[i] = 1;
    mask.count += 1;
  }
  return mask;
}

export function isExact(selector: Selector | null): boolean {
  return selector?.by === 'pod' && !/[*?]/.test(selector.glob);
}

/**
 * The text of a pod that a selector's pattern is matched against; null if the pod does not have the label. An unknown node or zone is
 * '', which only `*` matches.
 */
function selectableText({ by, key, glob }: Selector, pod: Pod): string | null {
  if (by === 'node') return pod.node;
  if (by === 'zone') return pod.zone;
  if (by === 'pod') return glob.includes('/') ? `${pod.namespace}/${pod.name}` : pod.name;
  const label = pod.labels.split(',').find((one) => one.startsWith(`${key}=`));
  return label?.slice(key.length + 1) ?? null;
}
