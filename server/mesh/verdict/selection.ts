import type { Pod } from '../../contract/pod.ts';
import type { Clause, Selector } from './clause.ts';
import { hasWildcard, matchesGlob } from './glob.ts';

/** Which links a clause is about: by pod 1 = links from it, and 1 = links to it. */
export interface Selection {
  from: Uint8Array;
  to: Uint8Array;
  /** How many are 1. */
  fromCount: number;
  toCount: number;
}

/** So many pods are looked at between two looks at the clock: a pattern may take some microseconds each. */
const SLICE = 64;

/**
 * The pods that a clause is about: without a selector all that are ready. A pod that is named exactly counts in whatever
 * stage but gone; of those that a pattern, node, zone or label stands for only the ready ones do. Yields after each few
 * pods (see `inSlices`): whoever asks may ask for 20 clauses with a pattern at either end.
 */
export function* selecting(
  { from, to }: Pick<Clause, 'from' | 'to'>,
  pods: readonly Pod[],
): Generator<void, Selection> {
  const masks = { from: new Uint8Array(pods.length), to: new Uint8Array(pods.length) };
  for (const [i, pod] of pods.entries()) {
    if (isSelected(from, pod)) masks.from[i] = 1;
    if (isSelected(to, pod)) masks.to[i] = 1;
    if (i % SLICE === SLICE - 1) yield;
  }
  return { ...masks, fromCount: countOf(masks.from), toCount: countOf(masks.to) };
}

function countOf(mask: Uint8Array): number {
  return mask.reduce((sum, one) => sum + one, 0);
}

function isSelected(selector: Selector | null, pod: Pod): boolean {
  if (pod.lifecycle === 'gone') return false;
  if (selector === null) return pod.lifecycle === 'ready';
  const isExact = selector.by === 'pod' && !hasWildcard(selector.glob);
  return (isExact || pod.lifecycle === 'ready') && fits(selector, pod);
}

function fits({ by, key, glob }: Selector, pod: Pod): boolean {
  if (by === 'node') return matchesGlob(glob, pod.node);
  if (by === 'zone') return matchesGlob(glob, pod.zone);
  if (by === 'pod') return matchesGlob(glob, glob.includes('/') ? `${pod.namespace}/${pod.name}` : pod.name);
  const label = pod.labels.split(',').find((one) => one.startsWith(`${key}=`));
  return label !== undefined && matchesGlob(glob, label.slice(key.length + 1));
}
