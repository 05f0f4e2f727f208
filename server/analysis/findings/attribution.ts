import {
  type BadPairs,
  CONFIRMED,
  increase,
  type MeshCounts,
  OUTLIER,
  type PairCounts,
  type Topology,
} from './counts.ts';
import { isAnswered } from './sides.ts';

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
  const unexplained = new Unexplained(counts, causes);
  yield* findNodes(mesh, counts, causes, unexplained, servedBy);
  yield* findZonePairs(counts, causes, unexplained);
  yield* findPods(counts, causes, unexplained, mesh);
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
  /** `CAUSE`: the node explains the bad pairs into and out of all its pods. One bad direction is enough to find it. */
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

/** Each round costs O(bad pairs). This limits how often pairs are looked at in one loop of rounds; two rounds are always made. */
const MAX_LOOKS = 5_000_000;
const MAX_ROUNDS = 20;

function roundsFor({ bad }: PairCounts): number {
  return Math.max(2, Math.min(MAX_ROUNDS, Math.floor(MAX_LOOKS / Math.max(1, bad))));
}

/**
 * Finds nodes with at least two judged pods, each of which nearly all pods on other nodes find bad. If the two sides of a
 * cut find each other bad and fewer than two pods outside of them report, the smaller side is the cause; of two equal sides, the one without the
 * pod that collected the mesh.
 */
function* findNodes(
  mesh: MeshCounts,
  counts: PairCounts,
  causes: Causes,
  unexplained: Unexplained,
  servedBy: number,
): Generator<void> {
  const { nodes, nodeOf, pods } = counts.topology;
  for (let rounds = roundsFor(counts); rounds > 0; rounds--) {
    yield* unexplained.count();
    const bad = [...nodes.keys()].filter((node) => isNodeBad(counts, unexplained, node));
    const candidates = bad.filter((node) => !isZoneCut(mesh, counts, bad, node));
    yield;
    if (candidates.length === 0) return;
    unexplained.isOutdated = true;
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
 * Whether all nodes of a node's zone are bad, two or more, and nothing answers there: then what lies between the zones is
 * the likelier cause, and `findZonePairs` finds it.
 */
function isZoneCut({ reports }: MeshCounts, counts: PairCounts, bad: readonly number[], node: number): boolean {
  const { nodes, nodeOf, zones } = counts.topology;
  const zone = zones.find(({ pods }) => pods.includes(nodes[node]?.pods[0] ?? -1));
  const nodesOfZone = new Set(zone?.pods.map((pod) => nodeOf[pod] ?? -1));
  if (zones.length < 2 || nodesOfZone.size < 2 || ![...nodesOfZone].every((one) => bad.includes(one))) return false;
  return !counts.badReports.some(({ from, to, link }) => {
    const report = reports.get(from);
    const k = to.findIndex((pod) => nodeOf[pod] === node);
    return report !== undefined && k >= 0 && nodeOf[from] !== node && isAnswered(report, link[k] ?? 0);
  });
}

function isNodeBad(counts: PairCounts, { nodeSources, toAcrossNodes }: Unexplained, node: number): boolean {
  const pods = counts.topology.nodes[node]?.pods ?? [];
  if (pods.length < 2 || (nodeSources[node] ?? 0) < 2) return false;
  return pods.every((pod) => toAcrossNodes.shareOf(counts.judged.toAcrossNodes, pod) >= CLEAR_SHARE);
}

/**
 * Finds pairs of zones between which nearly all pairs of pods are bad (at least two pods on each side), while most pairs
 * within either zone are fine. If they were bad too, the pods would be the cause and not what lies between the zones.
 */
function* findZonePairs(counts: PairCounts, causes: Causes, unexplained: Unexplained): Generator<void> {
  const zoneCount = counts.topology.zones.length;
  if (zoneCount < 2) return;
  yield* unexplained.count();
  const { zonePairs, zonePairSources, zonePairDestinations } = unexplained;
  const share = (zonePair: number) => zonePairs.shareOf(counts.judged.zonePairs, zonePair);
  const isFineWithin = (zone: number) => share(zone * zoneCount + zone) < 0.5;
  for (let zonePair = 0; zonePair < zoneCount ** 2; zonePair++) {
    const from = Math.floor(zonePair / zoneCount);
    const to = zonePair % zoneCount;
    const hasQuorum = (zonePairSources[zonePair] ?? 0) >= 2 && (zonePairDestinations[zonePair] ?? 0) >= 2;
    if (from === to || !hasQuorum || share(zonePair) < CLEAR_SHARE) continue;
    if (!isFineWithin(from) || !isFineWithin(to) || causes.zonePairs[zonePair] !== 0) continue;
    causes.zonePairs[zonePair] = CAUSE;
    unexplained.isOutdated = true;
  }
}

/**
 * Finds pods that most others find bad, and pods that find most others bad. Clear cases come first, so that the pairs that
 * they explain do not confuse the others. A pod is named only if at least two of its pairs are bad. Otherwise one bad
 * source would make every pod that it probes look bad. If both ends of the same links could be the cause, a pod that does not report is the likelier one.
 */
function* findPods(
  counts: PairCounts,
  causes: Causes,
  unexplained: Unexplained,
  { reports }: MeshCounts,
): Generator<void> {
  const { judged } = counts;
  for (const level of [CLEAR_SHARE, MAJORITY]) {
    for (let rounds = roundsFor(counts); rounds > 0; rounds--) {
      yield* unexplained.count();
      const destinations = podsAbove(level, unexplained.to, judged.to, judged.all);
      const sources = podsAbove(level, unexplained.from, judged.from, judged.all);
      if (destinations.pods.length + sources.pods.length === 0) break;
      unexplained.isOutdated = true;
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
  for (const [node, { pods }] of counts.topology.nodes.entries()) {
    if (pods.length < 2) continue;
    if (pods.every((pod) => causes.destinations[pod] === CAUSE) || pods.every((pod) => causes.sources[pod] === CAUSE)) {
      causes.addNode(node);
    }
  }
}

/** The pods of whose pairs more than `level` are bad, and the largest share among them. */
function podsAbove(level: number, tally: Tally, judged: Int32Array, allJudged: number) {
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
function findInTwoPods({ topology, reports }: MeshCounts, { badReports }: PairCounts, causes: Causes): void {
  if (topology.judgedCount !== 2) return;
  for (const { from, to, link, isBad } of badReports) {
    const report = reports.get(from);
    if (report !== undefined && isBad[0] === 1 && isAnswered(report, link[0] ?? 0))
      causes.destinations[to[0] ?? 0] = CAUSE;
  }
}

/** Counts of bad pairs, by pod or by pair of zones. */
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

  clear(): void {
    for (const counters of [this.bad, this.proofs, this.confirmed, this.explained]) counters.fill(0);
  }

  add(i: number, confidence: number): void {
    increase(this.bad, i);
    if (confidence !== OUTLIER) increase(this.proofs, i);
    if (confidence === CONFIRMED) increase(this.confirmed, i);
  }

  /** The share of unexplained bad pairs among the judged pairs that are not explained; 0 without a proof. */
  shareOf(judged: Int32Array, i: number): number {
    const of = (judged[i] ?? 0) - (this.explained[i] ?? 0);
    return of > 0 && (this.proofs[i] ?? 0) > 0 ? (this.bad[i] ?? 0) / of : 0;
  }
}

/** `Unexplained.count` yields after this many pairs. */
const SLICE_PAIRS = 512;

/** Bad pairs that no cause explains, counted by pod, node and pair of zones. */
class Unexplained {
  /** Whether causes have been found since the last count. */
  isOutdated = true;
  /** By destination and by source. */
  readonly to: Tally;
  readonly from: Tally;
  /** By destination, pairs of pods on different nodes only. */
  readonly toAcrossNodes: Tally;
  readonly zonePairs: Tally;
  /** By node: pods on other nodes that find at least one pod of the node bad. */
  readonly nodeSources: Uint32Array;
  /** By pair of zones: pods with a bad pair, at either end. */
  readonly zonePairSources: Uint32Array;
  readonly zonePairDestinations: Uint32Array;
  readonly #counts: PairCounts;
  readonly #causes: Causes;
  /** The last source that was counted, and the destinations that were, by zone of the source: each counts once. */
  readonly #lastNodeSource: Int32Array;
  readonly #lastZonePairSource: Int32Array;
  readonly #seenDestinations: Uint8Array;

  constructor(counts: PairCounts, causes: Causes) {
    const { pods, nodes, zones } = counts.topology;
    this.#counts = counts;
    this.#causes = causes;
    this.to = new Tally(pods.length);
    this.from = new Tally(pods.length);
    this.toAcrossNodes = new Tally(pods.length);
    this.zonePairs = new Tally(zones.length ** 2);
    this.nodeSources = new Uint32Array(nodes.length);
    this.zonePairSources = new Uint32Array(zones.length ** 2);
    this.zonePairDestinations = new Uint32Array(zones.length ** 2);
    this.#lastNodeSource = new Int32Array(nodes.length);
    this.#lastZonePairSource = new Int32Array(zones.length ** 2);
    this.#seenDestinations = new Uint8Array(zones.length * pods.length);
  }

  /** Counts again, if causes have been found since the last time. O(bad pairs). */
  *count(): Generator<void> {
    if (!this.isOutdated) return;
    this.isOutdated = false;
    for (const tally of [this.to, this.from, this.toAcrossNodes, this.zonePairs]) tally.clear();
    for (const counters of [this.nodeSources, this.zonePairSources, this.zonePairDestinations]) counters.fill(0);
    this.#lastNodeSource.fill(-1);
    this.#lastZonePairSource.fill(-1);
    this.#seenDestinations.fill(0);
    for (const pairs of this.#counts.badReports) {
      for (let start = 0; start < pairs.to.length; start += SLICE_PAIRS) {
        this.#add(pairs, start, Math.min(start + SLICE_PAIRS, pairs.to.length));
        yield;
      }
    }
    yield;
  }

  #add({ from: source, to: destinations, confidence }: BadPairs, start: number, end: number): void {
    const { topology } = this.#counts;
    const { to, from, toAcrossNodes, zonePairs } = this;
    const causes = this.#causes;
    for (let k = start; k < end; k++) {
      const destination = destinations[k] ?? 0;
      const zonePair = topology.zonePair(source, destination);
      const isAcrossNodes = topology.isAcrossNodes(source, destination);
      if (causes.explains(source, destination)) {
        increase(to.explained, destination);
        increase(from.explained, source);
        if (isAcrossNodes) increase(toAcrossNodes.explained, destination);
        if (zonePair >= 0) increase(zonePairs.explained, zonePair);
        continue;
      }
      const sure = confidence[k] ?? OUTLIER;
      to.add(destination, sure);
      from.add(source, sure);
      if (isAcrossNodes) {
        toAcrossNodes.add(destination, sure);
        this.#addNodeSource(source, topology.nodeOf[destination] ?? -1);
      }
      if (zonePair >= 0) {
        zonePairs.add(zonePair, sure);
        this.#addZonePair(source, destination, zonePair);
      }
    }
  }

  #addNodeSource(source: number, node: number): void {
    if (node < 0 || this.#lastNodeSource[node] === source) return;
    this.#lastNodeSource[node] = source;
    increase(this.nodeSources, node);
  }

  #addZonePair(source: number, destination: number, zonePair: number): void {
    const { zoneOf, pods } = this.#counts.topology;
    if (this.#lastZonePairSource[zonePair] !== source) increase(this.zonePairSources, zonePair);
    this.#lastZonePairSource[zonePair] = source;
    const seen = (zoneOf[source] ?? 0) * pods.length + destination;
    if (this.#seenDestinations[seen] === 0) increase(this.zonePairDestinations, zonePair);
    this.#seenDestinations[seen] = 1;
  }
}
