import type { Explained } from './explained.ts';
import type { Layer } from './layer.ts';
import { type Residue, residueOf } from './residue.ts';

/** The share of pairs that must be bad before a node or a pair of zones is named: nearly all, and chance aside. */
const NEARLY_ALL = 0.8;
/** More causes than this are not told apart; and fewer where each round looks at hundreds of thousands of pairs. */
const MAX_ROUNDS = 20;
const MAX_LOOKS = 5_000_000;

function roundsOf({ badPairs }: Layer): number {
  return Math.max(2, Math.min(MAX_ROUNDS, Math.floor(MAX_LOOKS / Math.max(1, badPairs))));
}

/** Bad pairs of what was judged and is not excused. */
function share(bad: number, judged: number, excused: number): number {
  return judged > excused ? bad / (judged - excused) : 0;
}

/**
 * Marks nodes with two judged pods or more, each of which nearly all pods elsewhere find bad, two at least. Where both
 * sides find each other bad, the smaller side is marked, and of equal ones not that of `servedBy`.
 */
export function* explainNodes(layer: Layer, explained: Explained, servedBy: number): Generator<void> {
  const { nodes, nodeOf } = layer.places;
  for (let rounds = roundsOf(layer); rounds > 0; rounds--) {
    const residue = yield* residueOf(layer, explained);
    yield;
    const suspects = nodes.flatMap((_, node) => (isNodeBad(layer, residue, node) ? [node] : []));
    yield;
    if (suspects.length === 0) return;
    const accused = new Set(suspects);
    const isWitness = (pod: number) => (layer.probedOut[pod] ?? 0) > 0 && !accused.has(nodeOf[pod] ?? -1);
    const witnesses = nodeOf.reduce((sum, _, pod) => sum + (isWitness(pod) ? 1 : 0), 0);
    if (witnesses >= 2) {
      for (const node of suspects) explained.nodes[node] = 1;
    } else {
      const size = (node: number) => (nodes[node]?.pods.length ?? 0) * 2 + (node === nodeOf[servedBy] ? 1 : 0);
      const smallest = suspects.reduce((a, b) => (size(b) < size(a) ? b : a));
      explained.nodes[smallest] = 1;
    }
  }
}

function isNodeBad(layer: Layer, residue: Residue, node: number): boolean {
  const pods = layer.places.nodes[node]?.pods ?? [];
  if (pods.length < 2 || (residue.nodeReporters[node] ?? 0) < 2) return false;
  return pods.every((pod) => {
    const bad = residue.crossBadIn[pod] ?? 0;
    return share(bad, layer.crossIn[pod] ?? 0, residue.crossExcusedIn[pod] ?? 0) >= NEARLY_ALL;
  });
}

/**
 * Marks pairs of zones between which nearly all pairs of pods are bad, of two pods at least on each side, while within
 * either zone most are fine: else it is the pods and not what lies between.
 */
export function* explainZones(layer: Layer, explained: Explained): Generator<void> {
  const count = layer.places.zones.length;
  if (count < 2) return;
  const residue = yield* residueOf(layer, explained);
  const shareOf = (pair: number) =>
    share(residue.zoneBad[pair] ?? 0, layer.zonePairs[pair] ?? 0, residue.zoneExcused[pair] ?? 0);
  const isFineWithin = (zone: number) => shareOf(zone * count + zone) < 0.5;
  for (let pair = 0; pair < count * count; pair++) {
    const [from, to] = [Math.floor(pair / count), pair % count];
    if (from === to || (residue.zoneReporters[pair] ?? 0) < 2 || (residue.zoneTargets[pair] ?? 0) < 2) continue;
    if (shareOf(pair) >= NEARLY_ALL && isFineWithin(from) && isFineWithin(to)) explained.zonePairs[pair] = 1;
  }
}

/** Below so many judged pairs, one in a hundred is less than one: nothing is put down to chance. */
export const FEW_PAIRS = 100;

/**
 * Marks pods that most others find bad, and pods that find most others bad; clear cases first, so that what they
 * explain confuses nobody. A quorum of two keeps one liar from accusing the rest: it is the odd one out itself.
 * `reported`: whether the pod's row is here, which speaks for it where both ends of the links could be the cause.
 */
export function* explainPods(layer: Layer, explained: Explained, reported: (pod: number) => boolean): Generator<void> {
  for (const level of [NEARLY_ALL, 0.5]) {
    for (let rounds = roundsOf(layer); rounds > 0; rounds--) {
      const residue = yield* residueOf(layer, explained);
      yield;
      const into = standOuts(level, layer, {
        ...{ bad: residue.badIn, stand: residue.standIn },
        ...{ judged: layer.probedIn, excused: residue.excusedIn },
      });
      const out = standOuts(level, layer, {
        ...{ bad: residue.badOut, stand: residue.standOut },
        ...{ judged: layer.probedOut, excused: residue.excusedOut },
      });
      if (into.pods.length + out.pods.length === 0) break;
      const isTie = into.share === out.share && into.pods.length > 0;
      const isInto = isTie ? into.pods.some((pod) => !reported(pod)) : into.share > out.share;
      for (const pod of isInto ? into.pods : []) explained.into[pod] = 1;
      for (const pod of isInto ? [] : out.pods) explained.outOf[pod] = 1;
    }
  }
  yield;
  // What has come out pod by pod is the node where it is all of its pods.
  for (const [node, { pods }] of layer.places.nodes.entries()) {
    if (pods.length < 2) continue;
    if (pods.every((pod) => explained.into[pod] === 1) || pods.every((pod) => explained.outOf[pod] === 1)) {
      explained.nodes[node] = 1;
    }
  }
}

interface Counts {
  bad: Uint32Array;
  stand: Uint32Array;
  judged: Uint32Array;
  excused: Uint32Array;
}

/** Pods of which more than `level` is bad, and the greatest share. */
function standOuts(level: number, layer: Layer, { bad, stand, judged, excused }: Counts) {
  const pods: number[] = [];
  let greatest = 0;
  for (let pod = 0; pod < bad.length; pod++) {
    const count = bad[pod] ?? 0;
    const of = (judged[pod] ?? 0) - (excused[pod] ?? 0);
    if (count <= of * level || !isQuorum(count, of, stand[pod] ?? 0, layer.judged)) continue;
    pods.push(pod);
    greatest = Math.max(greatest, count / of);
  }
  return { pods, share: greatest };
}

/**
 * Two, and where there are so many pods that a few coincidences among them are to be expected (each probed by a few
 * only: PING_NUMBER), two who have seen it twice, or all of three, or four.
 */
function isQuorum(count: number, of: number, stand: number, judged: number): boolean {
  if (count < 2) return false;
  return judged < FEW_PAIRS || stand >= 2 || count >= 4 || (count === of && count >= 3);
}
