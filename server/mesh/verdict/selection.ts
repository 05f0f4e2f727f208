import { isJudged, type Pod } from '../../contract/pod.ts';
import { type Clause, formatSelector, type Selector } from './clause.ts';
import { hasWildcard, matchesGlob } from './glob.ts';

/** Which links a clause is about: by pod 1 = links from it, and 1 = links to it. */
export interface Selection {
  from: Uint8Array;
  to: Uint8Array;
  /** How many are 1. */
  fromCount: number;
  toCount: number;
}

/** The pods that one selector stands for. */
interface Mask {
  pods: Uint8Array;
  count: number;
}

/**
 * Between two looks at the clock a pattern takes at most about this many characters of a name, each as often as it has
 * characters itself: see `matchesGlob`.
 */
const STEP_CHARACTERS = 16_384;
/** What looking at a pod costs besides, in these. */
const POD_CHARACTERS = 64;

/**
 * The pods that clauses are about, found once for each selector however many clauses have it: without one all that are
 * ready, or were: a pod that hangs is not ready soon, and must not make a hypothesis hold by that. A pod that is named
 * exactly counts in whatever stage but gone; of those that a pattern, node, zone or label stands for no other ones do. Yields after each few pods (see `inSlices`): whoever asks may ask for 20 clauses with a
 * pattern at either end.
 */
export function* selecting<T extends Pick<Clause, 'from' | 'to'>>(
  clauses: readonly T[],
  pods: readonly Pod[],
): Generator<void, { clause: T; selection: Selection }[]> {
  const masks = new Map<string, Mask>();
  const maskOf = function* (selector: Selector | null): Generator<void, Mask> {
    const key = selector === null ? '' : formatSelector(selector);
    const mask = masks.get(key) ?? (yield* maskFor(selector, pods));
    masks.set(key, mask);
    return mask;
  };
  const selected: { clause: T; selection: Selection }[] = [];
  for (const clause of clauses) {
    const [from, to] = [yield* maskOf(clause.from), yield* maskOf(clause.to)];
    const selection = { from: from.pods, to: to.pods, fromCount: from.count, toCount: to.count };
    selected.push({ clause, selection });
  }
  return selected;
}

function* maskFor(selector: Selector | null, pods: readonly Pod[]): Generator<void, Mask> {
  const mask = { pods: new Uint8Array(pods.length), count: 0 };
  const isNamed = isExact(selector);
  let characters = 0;
  for (const [i, pod] of pods.entries()) {
    if (characters >= STEP_CHARACTERS) {
      characters = 0;
      yield;
    }
    characters += POD_CHARACTERS;
    if (pod.lifecycle === 'gone' || (!isNamed && !isJudged(pod))) continue;
    if (selector !== null) {
      const text = textOf(selector, pod);
      if (text === null) continue;
      characters += selector.glob.length * text.length;
      if (!matchesGlob(selector.glob, text)) continue;
    }
    mask.pods[i] = 1;
    mask.count += 1;
  }
  return mask;
}

/** Whether a selector stands for the pods of one name. */
export function isExact(selector: Selector | null): boolean {
  return selector?.by === 'pod' && !hasWildcard(selector.glob);
}

/** What of a pod a pattern is held against; null of a label that it does not have. */
function textOf({ by, key, glob }: Selector, pod: Pod): string | null {
  if (by === 'node') return pod.node;
  if (by === 'zone') return pod.zone;
  if (by === 'pod') return glob.includes('/') ? `${pod.namespace}/${pod.name}` : pod.name;
  return (
    pod.labels
      .split(',')
      .find((one) => one.startsWith(`${key}=`))
      ?.slice(key.length + 1) ?? null
  );
}
