import {
  type BadPairs,
  CONFIRMED,
  confidenceOf,
  increase,
  isAnsweredPair,
  linkOf,
  type MeshCounts,
  OUTLIER,
  type PairCounts,
} from './counts.ts';
import type { Topology } from './topology.ts';

/** The share of bad pairs from which a node, a pair of zones or a pod is clearly the cause. */
const CLEAR_SHARE = 0.8;
/** The share of bad pairs above which a pod is the cause, once clear cases have been found. */
const MAJORITY = 0.5;

/**
 * Finds the general causes of the bad pairs of one severity: nodes first, then pairs of zones, then pods. Each step counts
 * only bad pairs that no cause explains so far. `graver`: the causes of graver severities; they explain these pairs too.
 * `servedBy`: the pod that collected the mesh, -1 = none. `silent`: see `silentSide`. O(bad pairs) for each step.
 */
export function* findCauses(
  mesh: MeshCounts,
  counts: PairCounts,
  graver: Causes | null,
  servedBy: number,
  silent: ReadonlySet<number>,
): Generator<void, Causes> {
  const causes = new Causes(counts.topology, graver, silent);
  if (counts.bad === 0) return causes;
  yield* findNodes(counts, causes, servedBy);
  yield* findZonePairs(counts, causes);
  yield* findPods(counts, causes, mesh);
  if (counts.severity === 'failed') findInTwoPods(mesh, counts, causes);
  return causes;
}

/** A pod or a pair of zones is a cause itself. */
export const CAUSE = 1;
/** A pod or a pair of zones is no cause itself, but a node or a graver cause explains its bad pairs. */
const EXPLAINED = 2;

/** The causes found for one severity, by index in `Topology`. 0 = no cause. */
export class Causes {
  /** The causes of the next graver severity. */
  readonly graver: Causes | null;
  /** `CAUSE`: the node explains the bad pairs into and out of all its pods. It is found if only the pairs into it, or only those out of it, are bad. */
  readonly nodes: Uint8Array;
  /** Pairs from one zone to the other are bad (by `Topology.zonePair`): `CAUSE` or `EXPLAINED`. */
  readonly zonePairs: Uint8Array;
  /** Most other pods find this pod bad: `CAUSE` or `EXPLAINED`. */
  readonly destinations: Uint8Array;
  /** This pod finds most other pods bad: `CAUSE` or `EXPLAINED`. */
  readonly sources: Uint8Array;
  readonly #topology: Topology;

  /** `silent`: see `silentSide`; bad pairs into these pods are explained. */
  constructor(topology: Topology, graver: Causes | null, silent: ReadonlySet<number>) {
    const { pods, zones, nodes } = topology;
    const explainedBy = (graverCauses: Uint8Array | undefined, length: number) =>
      graverCauses?.map((one) => (one === 0 ? 0 : EXPLAINED)) ?? new Uint8Array(length);
    this.#topology = topology;
    this.graver = graver;
    this.nodes = new Uint8Array(nodes.length);
    this.zonePairs = explainedBy(graver?.zonePairs, zones.length ** 2);
    this.destinations = explainedBy(graver?.destinations, pods.length);
    this.sources = explainedBy(graver?.sources, pods.length);
    for (const pod of silent) this.destinations[pod] = EXPLAINED;
  }

  addNode(node: number): void {
    this.nodes[node] = CAUSE;
    for (const pod of this.#topology.nodes[node]?.pods ?? []) {
      this.destinations[pod] ||= EXPLAINED;
      this.sources[pod] ||= EXPLAINED;
    }
  }

  /** Whether a cause, or a graver one, explains a bad pair. */
  explains(from: number, to: number): boolean {
    if (this.destinations[to] !== 0 || this.sources[from] !== 0) return true;
    const zonePair = this.#topology.zonePair(from, to);
    return zonePair >= 0 && this.zonePairs[zonePair] !== 0;
  }

  /** Whether the node of a pod is a cause. */
  hasNodeOf(pod: number): boolean {
    return this.nodes[this.#topology.nodeOf[pod] ?? -1] === CAUSE;
  }
}

/** Each round looks at all bad pairs. Two rounds are always made, more only while a search has looked at fewer pairs than this. */
const MAX_LOOKS = 5_000_000;
const MAX_ROUNDS = 20;

function roundsFor({ speaking }: PairCounts): number {
  return Math.max(2, Math.min(MAX_ROUNDS, Math.floor(MAX_LOOKS / Math.max(1, speaking))));
}

/**
 * Finds nodes with at least two judged pods, each of which nearly all pods on other nodes find bad. If the two sides of a
 * cut find each other bad and fewer than two pods outside of them report, the smaller side is the cause; of two equal sides,
 * the one without the pod that collected the mesh.
 */
function* findNodes(counts: PairCounts, causes: Causes, servedBy: number): Generator<void> {
  const { nodes, nodeOf, pods } = counts.topology;
  if (!nodes.some((node) => node.pods.length >= 2)) return;
  for (let rounds = roundsFor(counts); rounds > 0; rounds--) {
    const tally = yield* countedIn(new NodeTally(counts.topology), counts, causes);
    const bad = new Set([...nodes.keys()].filter((node) => tally.isBad(node, counts.judged)));
    const inCutZones = nodesInCutZones(counts.topology, bad, tally.isAnswered);
    const candidates = [...bad].filter((node) => !inCutZones.has(node));
    yield;
    if (candidates.length === 0) return;
    const isCandidate = new Set(candidates);
    const witnesses = [...pods.keys()].filter(
      (pod) => (counts.judged.from[pod] ?? 0) > 0 && !isCandidate.has(nodeOf[pod] ?? -1),
    );
    if (witnesses.length >= 2) {
      for (const node of candidates) causes.addNode(node);
    } else {
      const size = (node: number) => (nodes[node]?.pods.length ?? 0) * 2 + (node === nodeOf[servedBy] ? 1 : 0);
      causes.addNode(candidates.reduce((a, b) => (size(b) < size(a) ? b : a)));
    }
  }
}

/**
 * All nodes of a zone, if it has two or more, all of them are bad and none answers: then what lies between the zones is
 * the likelier cause, and `findZonePairs` finds it. `isAnswered`: by node.
 */
function nodesInCutZones({ zones, nodeOf }: Topology, bad: ReadonlySet<number>, isAnswered: Uint8Array): Set<number> {
  if (zones.length < 2) return new Set();
  const cut = zones
    .map(({ pods }) => [...new Set(pods.map((pod) => nodeOf[pod] ?? -1))])
    .filter((nodes) => nodes.length >= 2 && nodes.every((node) => bad.has(node) && isAnswered[node] !== 1));
  return new Set(cut.flat());
}

/**
 * Finds pairs of zones between which nearly all pairs of pods are bad (at least two pods on each side), while most pairs
 * within either zone are fine. If they were bad too, the pods would be the cause and not what lies between the zones.
 */
function* findZonePairs(counts: PairCounts, causes: Causes): Generator<void> {
  const zoneCount = counts.topology.zones.length;
  if (zoneCount < 2) return;
  const tally = yield* countedIn(new ZoneTally(counts.topology), counts, causes);
  const share = (zonePair: number) => tally.shareOf(zonePair, counts.judged);
  const isFineWithin = (zone: number) => share(zone * zoneCount + zone) < MAJORITY;
  for (let zonePair = 0; zonePair < zoneCount ** 2; zonePair++) {
    const from = Math.floor(zonePair / zoneCount);
    const to = zonePair % zoneCount;
    if (from === to || causes.zonePairs[zonePair] !== 0) continue;
    if (!tally.hasQuorum(zonePair) || share(zonePair) < CLEAR_SHARE) continue;
    if (isFineWithin(from) && isFineWithin(to)) causes.zonePairs[zonePair] = CAUSE;
  }
}

/**
 * Finds pods that most others find bad, and pods that find most others bad. Clear cases come first, so that the pairs that
 * they explain do not confuse the others. A pod is named only if at least two of its pairs are bad. Otherwise one bad
 * source would make every pod that it probes look bad. If both ends of the same links could be the cause, a pod that does
 * not report is the likelier one.
 */
function* findPods(counts: PairCounts, causes: Causes, { reports }: MeshCounts): Generator<void> {
  const { judged, topology } = counts;
  let tally: PodTally | null = null;
  for (const level of [CLEAR_SHARE, MAJORITY]) {
    for (let rounds = roundsFor(counts); rounds > 0; rounds--) {
      tally ??= yield* countedIn(new PodTally(topology), counts, causes);
      const destinations = podsAbove(level, tally.to, judged.to, judged.all);
      const sources = podsAbove(level, tally.from, judged.from, judged.all);
      if (destinations.pods.length + sources.pods.length === 0) break;
      tally = null;
      const isTie = destinations.largestShare === sources.largestShare && destinations.pods.length > 0;
      const takeDestinations = isTie
        ? destinations.pods.some((pod) => !reports.has(pod))
        : destinations.largestShare > sources.largestShare;
      if (takeDestinations) for (const pod of destinations.pods) causes.destinations[pod] = CAUSE;
      else for (const pod of sources.pods) causes.sources[pod] = CAUSE;
    }
  }
  yield;
  // If all pods of a node have been found one by one, the node is the cause.
  for (const [node, { pods }] of topology.nodes.entries()) {
    if (pods.length < 2) continue;
    if (pods.every((pod) => causes.destinations[pod] === CAUSE) || pods.every((pod) => causes.sources[pod] === CAUSE)) {
      causes.addNode(node);
    }
  }
}

/** The pods of whose pairs more than `level` are bad, and the largest share among them. */
function podsAbove(level: number, tally: Tally, judged: Uint32Array, allJudged: number) {
  const pods: number[] = [];
  let largestShare = 0;
  for (let pod = 0; pod < judged.length; pod++) {
    const count = tally.bad[pod] ?? 0;
    if (count < 2) continue;
    const of = (judged[pod] ?? 0) - (tally.explained[pod] ?? 0);
    if (count <= of * level || tally.proofs[pod] === 0) continue;
    if (!isQuorum(count, of, tally.confirmed[pod] ?? 0, allJudged)) continue;
    pods.push(pod);
    largestShare = Math.max(largestShare, count / of);
  }
  return { pods, largestShare };
}

/** Chance makes about one judged pair in a hundred look bad. With fewer pairs than this, less than one such pair is expected. */
export const FEW_PAIRS = 100;

/**
 * Whether enough pairs are bad to name a pod: two. In a large mesh where few pods probe each pod (PING_NUMBER) a few
 * coincidences are expected. There it takes two confirmed bad pairs, or all of three or more, or four.
 */
function isQuorum(count: number, of: number, confirmed: number, allJudged: number): boolean {
  return allJudged < FEW_PAIRS || confirmed >= 2 || count >= 4 || (count === of && count >= 3);
}

/**
 * If two pods do not reach each other, nobody can tell which one is the cause, unless something answered: then the network
 * works, and the pod that should have answered is the cause.
 */
function findInTwoPods({ topology }: MeshCounts, counts: PairCounts, causes: Causes): void {
  if (topology.judgedCount !== 2) return;
  for (const { report, pairs } of counts.badReports) {
    for (const pair of pairs) {
      if (counts.isBad(pair) && isAnsweredPair(pair)) causes.destinations[report.links.to[linkOf(pair)] ?? 0] = CAUSE;
    }
  }
}

/** Numbers of bad pairs, by pod or by pair of zones. */
class Tally {
  /** Bad pairs that no cause explains. */
  readonly bad: Uint32Array;
  /** Those of `bad` that are more than an `OUTLIER`: without one there is no cause. */
  readonly proofs: Uint32Array;
  /** Those of `bad` that are `CONFIRMED`. */
  readonly confirmed: Uint32Array;
  /** Bad pairs that a cause explains. They count neither for nor against anything. */
  readonly explained: Uint32Array;

  constructor(size: number) {
    this.bad = new Uint32Array(size);
    this.proofs = new Uint32Array(size);
    this.confirmed = new Uint32Array(size);
    this.explained = new Uint32Array(size);
  }

  add(i: number, pair: number, isExplained: boolean): void {
    if (isExplained) {
      increase(this.explained, i);
      return;
    }
    const confidence = confidenceOf(pair);
    increase(this.bad, i);
    if (confidence !== OUTLIER) increase(this.proofs, i);
    if (confidence === CONFIRMED) increase(this.confirmed, i);
  }

  /** The share of unexplained bad pairs among the judged pairs that are not explained; 0 without a proof. */
  shareOf(judged: Uint32Array, i: number): number {
    const of = (judged[i] ?? 0) - (this.explained[i] ?? 0);
    return of > 0 && (this.proofs[i] ?? 0) > 0 ? (this.bad[i] ?? 0) / of : 0;
  }
}

/** Counts bad pairs by pods, nodes or zones. `pair`: packed; see `BadPairs`. `isExplained`: a cause that has been found explains the pair. */
interface PairTally {
  add(from: number, to: number, pair: number, isExplained: boolean): void;
}

/** Counts all bad pairs in `tally`, which it returns. Yields after each report. */
function* countedIn<T extends PairTally>(tally: T, counts: PairCounts, causes: Causes): Generator<void, T> {
  for (const pairs of counts.badReports) {
    countReport(tally, counts, causes, pairs);
    yield;
  }
  return tally;
}

function countReport(tally: PairTally, counts: PairCounts, causes: Causes, { report, pairs }: BadPairs): void {
  const { pod: from, links } = report;
  for (let k = 0; k < pairs.length; k++) {
    const pair = pairs[k] ?? 0;
    if (!counts.isSpeaking(pair)) continue;
    const to = links.to[linkOf(pair)] ?? 0;
    tally.add(from, to, pair, causes.explains(from, to));
  }
}

/** By destination and by source. */
class PodTally implements PairTally {
  readonly to: Tally;
  readonly from: Tally;

  constructor({ pods }: Topology) {
    this.to = new Tally(pods.length);
    this.from = new Tally(pods.length);
  }

  add(from: number, to: number, pair: number, isExplained: boolean): void {
    this.to.add(to, pair, isExplained);
    this.from.add(from, pair, isExplained);
  }
}

/** By destination, pairs of pods on different nodes only. */
class NodeTally implements PairTally {
  readonly #topology: Topology;
  readonly #to: Tally;
  /** By node: pods on other nodes that find at least one pod of the node bad, and the last of them. */
  readonly #sources: Uint32Array;
  readonly #lastSource: Int32Array;
  /** By node: 1 = something answered a pod on another node. */
  readonly isAnswered: Uint8Array;

  constructor(topology: Topology) {
    this.#topology = topology;
    this.isAnswered = new Uint8Array(topology.nodes.length);
    this.#to = new Tally(topology.pods.length);
    this.#sources = new Uint32Array(topology.nodes.length);
    this.#lastSource = new Int32Array(topology.nodes.length).fill(-1);
  }

  add(from: number, to: number, pair: number, isExplained: boolean): void {
    if (!this.#topology.isAcrossNodes(from, to)) return;
    this.#to.add(to, pair, isExplained);
    const node = this.#topology.nodeOf[to] ?? -1;
    if (node >= 0 && isAnsweredPair(pair)) this.isAnswered[node] = 1;
    if (isExplained || node < 0 || this.#lastSource[node] === from) return;
    this.#lastSource[node] = from;
    increase(this.#sources, node);
  }

  /** Whether two sources find a node bad, and most find each of its pods bad. */
  isBad(node: number, { toAcrossNodes }: PairCounts['judged']): boolean {
    const pods = this.#topology.nodes[node]?.pods ?? [];
    if (pods.length < 2 || (this.#sources[node] ?? 0) < 2) return false;
    return pods.every((pod) => this.#to.shareOf(toAcrossNodes, pod) >= CLEAR_SHARE);
  }
}

/** By pair of zones. */
class ZoneTally implements PairTally {
  readonly #topology: Topology;
  readonly #pairs: Tally;
  /** By pair of zones: pods with a bad pair, at either end. */
  readonly #sources: Uint32Array;
  readonly #destinations: Uint32Array;
  /** The last source that was counted, and the destinations that were, by zone of the source: each counts once. */
  readonly #lastSource: Int32Array;
  readonly #seenDestinations: Uint8Array;

  constructor(topology: Topology) {
    const { zones, pods } = topology;
    this.#topology = topology;
    this.#pairs = new Tally(zones.length ** 2);
    this.#sources = new Uint32Array(zones.length ** 2);
    this.#destinations = new Uint32Array(zones.length ** 2);
    this.#lastSource = new Int32Array(zones.length ** 2).fill(-1);
    this.#seenDestinations = new Uint8Array(zones.length * pods.length);
  }

  add(from: number, to: number, pair: number, isExplained: boolean): void {
    const { zoneOf, pods } = this.#topology;
    const zonePair = this.#topology.zonePair(from, to);
    if (zonePair < 0) return;
    this.#pairs.add(zonePair, pair, isExplained);
    if (isExplained) return;
    if (this.#lastSource[zonePair] !== from) increase(this.#sources, zonePair);
    this.#lastSource[zonePair] = from;
    const seen = (zoneOf[from] ?? 0) * pods.length + to;
    if (this.#seenDestinations[seen] === 0) increase(this.#destinations, zonePair);
    this.#seenDestinations[seen] = 1;
  }

  /** The share of bad pairs between two zones. */
  shareOf(zonePair: number, judged: PairCounts['judged']): number {
    return this.#pairs.shareOf(judged.zonePairs, zonePair);
  }

  /** Whether two pods on each side have bad pairs. */
  hasQuorum(zonePair: number): boolean {
    return (this.#sources[zonePair] ?? 0) >= 2 && (this.#destinations[zonePair] ?? 0) >= 2;
  }
}
