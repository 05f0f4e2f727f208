import { isAnswered, silentSide } from '../sides.ts';
import {
  CONFIRMED,
  type Defect,
  type DefectPairs,
  isBad,
  isSymptom,
  type MeshCounts,
  type NotOkPairs,
  OUTLIER,
  UNCONFIRMED,
} from './counts.ts';
import { PairCounter, type Place, type Topology } from './topology.ts';

/*
 * Steps 2 and 3 of `findingsFrom`, for health too: finds the causes of bad pairs by their symptoms: pairs that are bad now or were
 * until a moment ago (`SYMPTOMS` in counts.ts). Where this file says that pods find a pod bad, their pairs are symptoms.
 */

/** A node, a pair of zones or a pod is clearly the cause if at least this share of its pairs are symptoms. */
const CLEAR_SHARE = 0.8;
/** Once the clear cases have been found, a pod is the cause if more than this share of its pairs are symptoms. */
const MAJORITY = 0.5;

/** Finds the general causes of the bad pairs of a mesh, by defect: see `analysisOf` in evidence.ts. */
export function* causesOf(mesh: MeshCounts, servedBy: number): Generator<void, Record<Defect, Causes>> {
  const silent = silentSide(mesh.topology.pods, [...mesh.reports.values(), ...mesh.missing]);
  const pairs = yield* mesh.byDefect();
  const failed = yield* findCauses(new Causes(mesh, pairs.failed, null, silent), servedBy);
  const intermittent = yield* findCauses(new Causes(mesh, pairs.intermittent, failed, silent), servedBy);
  const slow = yield* findCauses(new Causes(mesh, pairs.slow, intermittent, silent), servedBy);
  const lossy = yield* findCauses(new Causes(mesh, pairs.lossy, slow, silent), servedBy);
  return { failed, intermittent, slow, lossy };
}

/** Nodes first, then pairs of zones, then pods. Each step counts only symptoms that no cause explains so far. */
function* findCauses(causes: Causes, servedBy: number): Generator<void, Causes> {
  if (causes.pairs.bad === 0) return causes;
  yield* findNodes(causes, servedBy);
  yield* findZonePairs(causes);
  yield* findPods(causes);
  if (causes.pairs.defect === 'failed') findInTwoPods(causes);
  return causes;
}

/** A node, a pair of zones or a pod is a cause itself. */
export const CAUSE = 1;
/** No cause itself: a graver cause explains its bad pairs, or the node of the pod does, or the pod is on the silent side. */
const EXPLAINED = 2;

export type CausePlace = 'intoNode' | 'outOfNode' | 'zonePair' | 'intoPod' | 'outOfPod';

/** The general causes of the bad pairs of one defect, by index in `Topology`. 0 = no cause. */
export class Causes {
  readonly mesh: MeshCounts;
  readonly pairs: DefectPairs;
  /** The causes of the next graver defect. They explain these pairs too. */
  readonly graver: Causes | null;
  /** See `silentSide`; bad pairs into these pods are explained. */
  readonly silent: ReadonlySet<number>;
  /** A node explains the bad pairs into and out of all its pods, though those of one direction are enough to find it. */
  readonly nodes: Uint8Array;
  /** By `Topology.zonePair`: the pairs from one zone to the other are bad. */
  readonly zonePairs: Uint8Array;
  /** Most other pods find this pod bad. */
  readonly destinations: Uint8Array;
  /** This pod finds most other pods bad. */
  readonly sources: Uint8Array;
  /** null: not counted since the last cause was found. */
  #tally: Tally | null = null;

  constructor(mesh: MeshCounts, pairs: DefectPairs, graver: Causes | null, silent: ReadonlySet<number>) {
    const { pods, zones, nodes } = mesh.topology;
    const explainedBy = (graverCauses: Uint8Array | undefined, length: number) =>
      graverCauses?.map((one) => (one === 0 ? 0 : EXPLAINED)) ?? new Uint8Array(length);
    this.mesh = mesh;
    this.pairs = pairs;
    this.graver = graver;
    this.silent = silent;
    this.nodes = new Uint8Array(nodes.length);
    this.zonePairs = explainedBy(graver?.zonePairs, zones.length ** 2);
    this.destinations = explainedBy(graver?.destinations, pods.length);
    this.sources = explainedBy(graver?.sources, pods.length);
    for (const pod of silent) this.destinations[pod] = EXPLAINED;
  }

  *tally(): Generator<void, Tally> {
    if (this.#tally !== null) return this.#tally;
    const { pairs } = this;
    const tally = new Tally(this.mesh.topology, pairs.judged);
    for (const ofReport of pairs.reports) {
      for (let k = 0; k < ofReport.to.length; k++) {
        if (!isSymptom(pairs, ofReport, k)) continue;
        tally.add(ofReport, k, this.explains(ofReport.report.pod, ofReport.to[k] ?? 0));
      }
      yield;
    }
    this.#tally = tally;
    return tally;
  }

  add(place: 'zonePairs' | 'destinations' | 'sources', key: number): void {
    this[place][key] = CAUSE;
    this.#tally = null;
  }

  addNode(node: number): void {
    this.nodes[node] = CAUSE;
    this.#tally = null;
    for (const pod of this.mesh.topology.nodes[node]?.pods ?? []) {
      this.destinations[pod] ||= EXPLAINED;
      this.sources[pod] ||= EXPLAINED;
    }
  }

  /** Whether one of these causes explains that a pair is bad. `from` -1: a pod that is not in the mesh. */
  explains(from: number, to: number): boolean {
    if (this.destinations[to] !== 0 || (this.sources[from] ?? 0) !== 0) return true;
    const zonePair = this.mesh.topology.zonePair(from, to);
    return zonePair >= 0 && this.zonePairs[zonePair] !== 0;
  }

  /** Where the most general cause of a pair is. null: a graver defect has it, its pods are on one bad node, or there is none. */
  placeOf(from: number, to: number): CausePlace | null {
    const { topology } = this.mesh;
    if (this.hasNodeOf(to)) return topology.isAcrossNodes(from, to) ? 'intoNode' : null;
    if (this.hasNodeOf(from)) return 'outOfNode';
    if (this.zonePairs[topology.zonePair(from, to)] === CAUSE) return 'zonePair';
    if (this.destinations[to] === CAUSE) return 'intoPod';
    return this.sources[from] === CAUSE ? 'outOfPod' : null;
  }

  /** Whether the source of a pair that is explained is to blame, and not its destination. */
  blamesSource(from: number, to: number): boolean {
    const place = this.placeOf(from, to);
    return place === 'outOfNode' || place === 'outOfPod';
  }

  hasNodeOf(pod: number): boolean {
    return this.nodes[this.mesh.topology.nodeOf[pod] ?? -1] === CAUSE;
  }
}

/** The search for nodes, and each step of the search for pods, makes at most this many rounds. Each counts all symptoms. */
const MAX_ROUNDS = 10;

/**
 * Finds nodes with at least two judged pods, if two or more pods on other nodes, and nearly all of them, find each of these pods bad.
 * If two nodes are cut off from each other, each finds the other bad. If fewer than two pods on further nodes report, nobody can
 * tell which of them is the cause, and the node with fewer pods is named. If both have as many, the one is named on which the pod
 * that collected the mesh does not run, because whoever asked has reached that pod.
 */
function* findNodes(causes: Causes, servedBy: number): Generator<void> {
  const { mesh, pairs } = causes;
  const { nodes, nodeOf, pods } = mesh.topology;
  if (!nodes.some((node) => node.pods.length >= 2)) return;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const tally = yield* causes.tally();
    const isCut = (node: number) => {
      const ofNode = nodes[node]?.pods ?? [];
      if (ofNode.length < 2 || tally.nodeSources[node] !== SEVERAL) return false;
      return ofNode.every((pod) => tally.share('intoPodFromOtherNodes', pod) >= CLEAR_SHARE);
    };
    const bad = new Set([...nodes.keys()].filter(isCut));
    const inCutZones = nodesInCutZones(mesh.topology, tally, bad);
    const candidates = [...bad].filter((node) => !inCutZones.has(node));
    yield;
    if (candidates.length === 0) return;
    const isCandidate = new Set(candidates);
    const witnesses = [...pods.keys()].filter(
      (pod) => pairs.judged.at('outOfPod', pod) > 0 && !isCandidate.has(nodeOf[pod] ?? -1),
    );
    if (witnesses.length >= 2) {
      for (const node of candidates) causes.addNode(node);
    } else {
      // Twice the number of pods, so that the collecting pod only decides between nodes with as many.
      const rank = (node: number) => (nodes[node]?.pods.length ?? 0) * 2 + (node === nodeOf[servedBy] ? 1 : 0);
      causes.addNode(candidates.reduce((a, b) => (rank(b) < rank(a) ? b : a)));
    }
  }
}

/**
 * All nodes of a zone, if it has two or more, all of them are `bad` and none of them is in `Tally.reachedNodes`: then
 * what lies between the zones is the likelier cause, and `findZonePairs` finds it.
 */
function nodesInCutZones({ zones, nodeOf }: Topology, { reachedNodes }: Tally, bad: ReadonlySet<number>): Set<number> {
  if (zones.length < 2) return new Set();
  const cut = zones
    .map(({ pods }) => [...new Set(pods.map((pod) => nodeOf[pod] ?? -1))])
    .filter((nodes) => nodes.length >= 2 && nodes.every((node) => bad.has(node) && !reachedNodes.has(node)));
  return new Set(cut.flat());
}

/** Finds pairs of zones between which nearly all pairs of pods are bad, while most within either zone are fine. */
function* findZonePairs(causes: Causes): Generator<void> {
  const zoneCount = causes.mesh.topology.zones.length;
  if (zoneCount < 2) return;
  const tally = yield* causes.tally();
  const isFineWithin = (zone: number) => tally.share('zonePair', zone * zoneCount + zone) < MAJORITY;
  for (const [zonePair, cause] of causes.zonePairs.entries()) {
    const from = Math.floor(zonePair / zoneCount);
    const to = zonePair % zoneCount;
    if (from === to || cause !== 0 || tally.share('zonePair', zonePair) < CLEAR_SHARE) continue;
    if (tally.zoneSources[zonePair] !== SEVERAL || tally.zoneDestinations[zonePair] !== SEVERAL) continue;
    if (isFineWithin(from) && isFineWithin(to)) causes.add('zonePairs', zonePair);
  }
}

/**
 * Finds pods that most others find bad (destinations), and pods that find most others bad (sources). Clear cases come first, so
 * that the pairs that they explain do not confuse the others. Each round names either destinations or sources: those with the
 * larger share. In a tie, a destination that does not report is the likelier cause, because it seems to be down. If all of them
 * report, they work, and the sources are named.
 */
function* findPods(causes: Causes): Generator<void> {
  const { mesh } = causes;
  for (const isEnough of [(share: number) => share >= CLEAR_SHARE, (share: number) => share > MAJORITY]) {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const tally = yield* causes.tally();
      const destinations = tally.podsWith(isEnough, 'intoPod');
      const sources = tally.podsWith(isEnough, 'outOfPod');
      if (destinations.pods.length + sources.pods.length === 0) break;
      const isTie = destinations.largestShare === sources.largestShare && destinations.pods.length > 0;
      const takeDestinations = isTie
        ? destinations.pods.some((pod) => !mesh.reports.has(pod))
        : destinations.largestShare > sources.largestShare;
      if (takeDestinations) for (const pod of destinations.pods) causes.add('destinations', pod);
      else for (const pod of sources.pods) causes.add('sources', pod);
    }
  }
  yield* findNodesOfPods(causes);
}

/**
 * If all pods of a node have been found one by one, the node is the cause; but not if only their links within the node are bad, as
 * in a cluster of one node.
 */
function* findNodesOfPods(causes: Causes): Generator<void> {
  const { mesh, pairs, graver, silent, destinations, sources } = causes;
  // A new tally, without the causes found here, which have taken the symptoms away: it counts all that no graver defect explains.
  const tally = yield* new Causes(mesh, pairs, graver, silent).tally();
  for (const [node, { pods }] of mesh.topology.nodes.entries()) {
    if (pods.length < 2) continue;
    const isInto = pods.every((pod) => destinations[pod] === CAUSE) && tally.share('intoNode', node) > MAJORITY;
    const isOutOf = pods.every((pod) => sources[pod] === CAUSE) && tally.share('outOfNode', node) > MAJORITY;
    if (isInto || isOutOf) causes.addNode(node);
  }
}

/** A mesh with fewer judged pairs than this is small: chance makes about one judged pair in a hundred look bad. */
export const FEW_PAIRS = 100;

/** In a mesh of two pods, the one that answered the failed ping is the cause: its answer shows that the network works. */
function findInTwoPods(causes: Causes): void {
  const { mesh, pairs } = causes;
  if (mesh.topology.judgedCount !== 2) return;
  for (const ofReport of pairs.reports) {
    for (const [k, to] of ofReport.to.entries()) {
      const isProof = isBad(pairs, ofReport, k) && isAnswered(ofReport.report, ofReport.link[k] ?? 0);
      if (isProof) causes.add('destinations', to);
    }
  }
}

/** Counts the symptoms of one defect at each place. */
class Tally {
  /** Symptoms that no cause explains, by their confidence (`OUTLIER`, `UNCONFIRMED`, `CONFIRMED`). */
  readonly #symptoms: readonly PairCounter[];
  /** Symptoms that a cause explains. They count neither for another cause nor against it. */
  readonly explained: PairCounter;
  readonly judged: PairCounter;
  /** By node: the only pod on other nodes that finds a pod of the node bad; or `NONE`, or `SEVERAL`. */
  readonly nodeSources: Int32Array;
  /** The nodes on which something answered a failed ping of another node, so that the network reaches them. */
  readonly reachedNodes = new Set<number>();
  /** By pair of zones, as `nodeSources`: the source of its symptoms that no cause explains, and their destination. */
  readonly zoneSources: Int32Array;
  readonly zoneDestinations: Int32Array;
  readonly #topology: Topology;

  constructor(topology: Topology, judged: PairCounter) {
    this.#topology = topology;
    this.judged = judged;
    this.#symptoms = Array.from({ length: CONFIRMED + 1 }, () => new PairCounter(topology));
    this.explained = new PairCounter(topology);
    this.nodeSources = new Int32Array(topology.nodes.length).fill(NONE);
    this.zoneSources = new Int32Array(topology.zones.length ** 2).fill(NONE);
    this.zoneDestinations = this.zoneSources.slice();
  }

  add({ report, to: destinations, link, confidence }: NotOkPairs, k: number, isExplained: boolean): void {
    const from = report.pod;
    const to = destinations[k] ?? 0;
    const isAcross = this.#topology.isAcrossNodes(from, to);
    const node = this.#topology.nodeOf[to] ?? -1;
    if (isAcross && !this.reachedNodes.has(node) && isAnswered(report, link[k] ?? 0)) this.reachedNodes.add(node);
    if (isExplained) {
      this.explained.add(from, to);
      return;
    }
    this.#symptoms[confidence[k] ?? OUTLIER]?.add(from, to);
    if (isAcross) see(this.nodeSources, node, from);
    const zonePair = this.#topology.zonePair(from, to);
    see(this.zoneSources, zonePair, from);
    see(this.zoneDestinations, zonePair, to);
  }

  /** How many of the symptoms at a place have at least this confidence and are not explained. */
  symptomsAt(place: Place, key: number, confidence = OUTLIER): number {
    let sum = 0;
    for (let one = confidence; one <= CONFIRMED; one++) sum += this.#symptoms[one]?.at(place, key) ?? 0;
    return sum;
  }

  /** The share of symptoms among the judged pairs at a place, without explained ones; 0 if all are `OUTLIER`s, which prove nothing. */
  share(place: Place, key: number): number {
    const of = this.judged.at(place, key) - this.explained.at(place, key);
    const isProved = this.symptomsAt(place, key, UNCONFIRMED) > 0;
    return of > 0 && isProved ? this.symptomsAt(place, key) / of : 0;
  }

  /** The pods with a share of symptoms that is enough, of enough of them, and the largest share among these pods. */
  podsWith(isEnough: (share: number) => boolean, place: 'intoPod' | 'outOfPod') {
    const pods: number[] = [];
    let largestShare = 0;
    for (const pod of this.#topology.pods.keys()) {
      const share = this.share(place, pod);
      if (!isEnough(share) || !this.#isQuorum(place, pod)) continue;
      pods.push(pod);
      largestShare = Math.max(largestShare, share);
    }
    return { pods, largestShare };
  }

  /**
   * Whether enough of a pod's pairs are symptoms to name it, whatever their share is. One is never enough. Two are in a small mesh. In
   * a larger one two can be bad by chance: it takes two that are `CONFIRMED`, or three that are all its pairs (PING_NUMBER), or four.
   */
  #isQuorum(place: 'intoPod' | 'outOfPod', pod: number): boolean {
    const count = this.symptomsAt(place, pod);
    if (count < 2 || this.judged.all < FEW_PAIRS) return count >= 2;
    const isAll = this.share(place, pod) === 1;
    return this.symptomsAt(place, pod, CONFIRMED) >= 2 || count >= 4 || (count >= 3 && isAll);
  }
}

/** No pod has been seen at a place, or several; any other number is the only one. */
const [NONE, SEVERAL] = [-1, -2];

/** Notes that `pod` was seen at a place. Does nothing at place -1: the node or the zone is not known. */
function see(seen: Int32Array, key: number, pod: number): void {
  if (key < 0) return;
  if (seen[key] === NONE) seen[key] = pod;
  else if (seen[key] !== pod) seen[key] = SEVERAL;
}
