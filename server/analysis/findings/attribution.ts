import type { MergedReport } from '../../protocol/mesh.ts';
import {
  type BadReport,
  Evidence,
  FRESH,
  increase,
  isApart,
  type Layer,
  type Places,
  SPIKE,
  STANDS,
  type Told,
} from './counts.ts';

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
const FEW_PAIRS = 100;

/**
 * Marks pods that most others find bad, and pods that find most others bad; clear cases first, so that what they
 * explain confuses nobody. A quorum of two keeps one liar from accusing the rest: it is the odd one out itself.
 * `reported`: whether the pod's report is here, which speaks for it where both ends of the links could be the cause.
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

/** Pods (1) all of whose links out of them or into them are explained, and whether any pair of zones is. */
interface Cover {
  from: Uint8Array;
  to: Uint8Array;
  hasZones: boolean;
}

/** What general causes have been found by one measure, and so which bad pairs need no finding of their own. */
export class Explained {
  /** 1 = all its pods, both directions. By index in `Places.nodes`. */
  readonly nodes: Uint8Array;
  /** 1 = from one zone to another: `from * zones + to`. */
  readonly zonePairs: Uint8Array;
  /** 1 = most others find this pod bad. */
  readonly into: Uint8Array;
  /** 1 = this pod finds most others bad. */
  readonly outOf: Uint8Array;
  readonly #places: Places;
  readonly #before: Explained | null;

  /** `before`: causes found by a graver measure, which explain bad pairs of this one too. */
  constructor(places: Places, before: Explained | null) {
    this.#places = places;
    this.#before = before;
    this.nodes = new Uint8Array(places.nodes.length);
    this.zonePairs = new Uint8Array(places.zones.length ** 2);
    this.into = new Uint8Array(places.pods.length);
    this.outOf = new Uint8Array(places.pods.length);
  }

  /** Whether a pair needs no finding of its own. */
  covers(from: number, to: number): boolean {
    return (
      this.into[to] === 1 ||
      this.outOf[from] === 1 ||
      this.isOnNode(to) ||
      this.isOnNode(from) ||
      this.isBlocked(from, to) ||
      this.coversBefore(from, to)
    );
  }

  /** What `covers` says, laid out for asking it a million times. */
  cover(): Cover {
    const before = this.#before?.cover();
    const mask = (own: Uint8Array, rest: Uint8Array | undefined) =>
      own.map((one, pod) => (one === 1 || this.isOnNode(pod) || rest?.[pod] === 1 ? 1 : 0));
    const hasZones = before?.hasZones === true || this.zonePairs.includes(1);
    return { from: mask(this.outOf, before?.from), to: mask(this.into, before?.to), hasZones };
  }

  /** Whether a graver measure's cause explains the pair. */
  coversBefore(from: number, to: number): boolean {
    return this.#before?.covers(from, to) === true;
  }

  /** Whether the pod's whole node is bad. */
  isOnNode(pod: number): boolean {
    const node = this.#places.nodeOf[pod] ?? -1;
    return node >= 0 && this.nodes[node] === 1;
  }

  /** Whether the pair leads from one zone to another that it does not reach. */
  isBlocked(from: number, to: number): boolean {
    const { zoneOf, zones } = this.#places;
    const [a, b] = [zoneOf[from] ?? -1, zoneOf[to] ?? -1];
    return a >= 0 && b >= 0 && this.zonePairs[a * zones.length + b] === 1;
  }
}

/** So many pairs are looked at between two looks at the clock. */
const SLICE = 512;

/**
 * The bad pairs that nothing explains yet, counted; `excused...` are the explained ones, which count neither for nor
 * against. Indexes as in `Layer`.
 */
interface Residue {
  badIn: Uint32Array;
  badOut: Uint32Array;
  standIn: Uint32Array;
  standOut: Uint32Array;
  excusedIn: Uint32Array;
  excusedOut: Uint32Array;
  /** Of pods on different nodes. */
  crossBadIn: Uint32Array;
  crossExcusedIn: Uint32Array;
  /** Pods elsewhere that find any pod of the node bad; by node. */
  nodeReporters: Uint32Array;
  zoneBad: Uint32Array;
  zoneExcused: Uint32Array;
  /** Pods that report a bad pair, and pods that are reported; by pair of zones. */
  zoneReporters: Uint32Array;
  zoneTargets: Uint32Array;
}

/** Counts what is left. O(bad pairs); yields after each report. */
function* residueOf(layer: Layer, explained: Explained): Generator<void, Residue> {
  const residue = emptyResidue(layer);
  const { nodes, zones, pods } = layer.places;
  const stamps = {
    nodes: new Int32Array(nodes.length).fill(-1),
    zones: new Int32Array(zones.length ** 2).fill(-1),
    targets: new Uint8Array(zones.length * pods.length),
  };
  const cover = explained.cover();
  for (const report of layer.reports) {
    for (let k = 0; k < report.to.length; k += SLICE) {
      countPart(residue, layer.places, stamps, { report, cover, explained }, k);
      yield;
    }
  }
  return residue;
}

interface Part {
  report: BadReport;
  cover: ReturnType<Explained['cover']>;
  explained: Explained;
}

/** Counts up to `SLICE` pairs of a report from entry `start` on. */
function countPart(residue: Residue, places: Places, stamps: Stamps, part: Part, start: number): void {
  const { report, cover, explained } = part;
  const { from, to: probed, weight } = report;
  const isReportCovered = cover.from[from] === 1;
  const end = Math.min(start + SLICE, probed.length);
  for (let k = start; k < end; k++) {
    const to = probed[k] ?? 0;
    if (isReportCovered || cover.to[to] === 1 || (cover.hasZones && explained.covers(from, to))) {
      excuse(residue, places, from, to);
      continue;
    }
    count(residue, places, stamps, from, to);
    if (weight[k] !== STANDS) continue;
    increase(residue.standIn, to);
    increase(residue.standOut, from);
  }
}

function excuse(residue: Residue, places: Places, from: number, to: number): void {
  increase(residue.excusedIn, to);
  increase(residue.excusedOut, from);
  if (isApart(places.nodeOf, from, to)) increase(residue.crossExcusedIn, to);
  const [a, b] = [places.zoneOf[from] ?? -1, places.zoneOf[to] ?? -1];
  if (a >= 0 && b >= 0) increase(residue.zoneExcused, a * places.zones.length + b);
}

interface Stamps {
  nodes: Int32Array;
  zones: Int32Array;
  targets: Uint8Array;
}

function count(residue: Residue, places: Places, stamps: Stamps, from: number, to: number): void {
  increase(residue.badIn, to);
  increase(residue.badOut, from);
  const { nodeOf, zoneOf, zones, pods } = places;
  const node = nodeOf[to] ?? -1;
  if (isApart(nodeOf, from, to)) {
    increase(residue.crossBadIn, to);
    if (node >= 0 && stamps.nodes[node] !== from) increase(residue.nodeReporters, node);
    if (node >= 0) stamps.nodes[node] = from;
  }
  const [a, b] = [zoneOf[from] ?? -1, zoneOf[to] ?? -1];
  if (a < 0 || b < 0) return;
  const pair = a * zones.length + b;
  increase(residue.zoneBad, pair);
  if (stamps.zones[pair] !== from) increase(residue.zoneReporters, pair);
  stamps.zones[pair] = from;
  const target = a * pods.length + to;
  if (stamps.targets[target] === 0) increase(residue.zoneTargets, pair);
  stamps.targets[target] = 1;
}

function emptyResidue({ places }: Layer): Residue {
  const pods = () => new Uint32Array(places.pods.length);
  const pairs = () => new Uint32Array(places.zones.length ** 2);
  return {
    ...{ badIn: pods(), badOut: pods(), standIn: pods(), standOut: pods(), excusedIn: pods(), excusedOut: pods() },
    ...{ crossBadIn: pods(), crossExcusedIn: pods(), nodeReporters: new Uint32Array(places.nodes.length) },
    ...{ zoneBad: pairs(), zoneExcused: pairs(), zoneReporters: pairs(), zoneTargets: pairs() },
  };
}

/** What the bad pairs of one measure came to: evidence by cause, and what is left. */
export interface Causes {
  /** Links into a bad node from elsewhere, and out of it. */
  nodesIn: Map<number, Evidence>;
  nodesOut: Map<number, Evidence>;
  zonePairs: Map<number, Evidence>;
  into: Map<number, Evidence>;
  outOf: Map<number, Evidence>;
  /** Bad pairs that another cause explains, by probed and by probing pod. */
  excusedIn: Uint32Array;
  excusedOut: Uint32Array;
  singles: Singles;
}

/** So many pairs are looked at between two looks at the clock. */
const CAUSES_SLICE = 256;

/**
 * Gives every bad pair to the most general cause that explains it. `isElse`: whether something else than this measure's
 * causes explains a pair that is left. O(bad pairs); yields after each few.
 */
export function* causesOf(
  layer: Layer,
  explained: Explained,
  told: Told,
  isElse: (report: MergedReport, to: number, link: number) => boolean,
): Generator<void, Causes> {
  const n = layer.places.pods.length;
  const causes: Causes = {
    ...{ nodesIn: new Map(), nodesOut: new Map(), zonePairs: new Map(), into: new Map(), outOf: new Map() },
    ...{ excusedIn: new Uint32Array(n), excusedOut: new Uint32Array(n), singles: new Singles(n) },
  };
  const evidenceOf = evidenceFinder(layer, explained, causes);
  const { into, outOf, excusedIn, excusedOut, singles } = causes;
  for (const { from, to: probed, link: links, families, weight } of layer.reports) {
    const report = told.reports.get(from);
    if (report === undefined) continue;
    for (let k = 0; k < probed.length; k++) {
      const [to, link] = [probed[k] ?? 0, links[k] ?? 0];
      const evidence = evidenceOf(from, to);
      if (evidence !== null) {
        evidence.add(report, link, families[k] ?? 0);
        if (evidence !== into.get(to)) increase(excusedIn, to);
        if (evidence !== outOf.get(from)) increase(excusedOut, from);
      } else if (explained.covers(from, to)) {
        increase(excusedIn, to);
        increase(excusedOut, from);
      } else if (!isElse(report, to, link)) singles.add(from, to, link, families[k] ?? 0, weight[k] ?? 0);
      if (k % CAUSES_SLICE === CAUSES_SLICE - 1) yield;
    }
    yield;
  }
  return causes;
}

/** Finds the evidence of the cause that explains a pair; null where none of this measure does. */
function evidenceFinder(
  layer: Layer,
  explained: Explained,
  causes: Causes,
): (from: number, to: number) => Evidence | null {
  const { nodeOf, zoneOf, zones } = layer.places;
  return (from, to) => {
    if (explained.coversBefore(from, to)) return null;
    if (isApart(nodeOf, from, to)) {
      if (explained.isOnNode(to)) return evidenceAt(causes.nodesIn, nodeOf[to] ?? -1);
      if (explained.isOnNode(from)) return evidenceAt(causes.nodesOut, nodeOf[from] ?? -1);
    }
    if (explained.isBlocked(from, to)) {
      return evidenceAt(causes.zonePairs, (zoneOf[from] ?? 0) * zones.length + (zoneOf[to] ?? 0));
    }
    if (explained.into[to] === 1) return evidenceAt(causes.into, to);
    if (explained.outOf[from] === 1) return evidenceAt(causes.outOf, from);
    return null;
  };
}

function evidenceAt(map: Map<number, Evidence>, key: number): Evidence {
  let evidence = map.get(key);
  if (evidence === undefined) {
    evidence = new Evidence();
    map.set(key, evidence);
  }
  return evidence;
}

/** A bad pair that no general cause explains. */
export interface Single {
  from: number;
  to: number;
  /** Index in the report's `LinkColumns`. */
  link: number;
  families: number;
}

/** The most singles of each kind that are kept to choose from: some 60 are worded. */
const MAX_KEPT = 1_000;
/**
 * Links that were bad once are told up to this share of so many at least: chance is taken to spoil a hundredth, and of
 * 1200 it spoils three or fewer once in 400 times.
 */
const FRESH_SHARE = 0.0025;
const MANY_PAIRS = 1_200;

/** Bad pairs that no general cause explains: all counted, the first few kept. */
class Singles {
  /** All of them, by probed and by probing pod. */
  readonly into: Uint32Array;
  readonly outOf: Uint32Array;
  /** At least two samples say so. */
  readonly #standing: Single[] = [];
  /** One sample does, and nothing is known of others. */
  readonly #fresh: Single[] = [];
  #freshCount = 0;

  constructor(podCount: number) {
    this.into = new Uint32Array(podCount);
    this.outOf = new Uint32Array(podCount);
  }

  /** Takes in a pair; `weight` as in `BadReport`. One sample against the others of its window is counted only. */
  add(from: number, to: number, link: number, families: number, weight: number): void {
    increase(this.into, to);
    increase(this.outOf, from);
    if (weight === SPIKE) return;
    if (weight === FRESH) this.#freshCount += 1;
    const kept = weight === STANDS ? this.#standing : this.#fresh;
    if (kept.length < MAX_KEPT) kept.push({ from, to, link, families });
  }

  /**
   * Those that are more than chance, of `judged` pairs: of few each; of more those that were bad twice in a report, and the
   * others only if they are too few for chance.
   */
  worthTelling(judged: number): Single[] {
    const isFew = judged < FEW_PAIRS;
    const isMoreThanChance = judged >= MANY_PAIRS && this.#freshCount <= judged * FRESH_SHARE;
    return isFew || isMoreThanChance ? [...this.#standing, ...this.#fresh] : this.#standing;
  }
}
