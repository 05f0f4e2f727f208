import { isSlow } from '../../protocol/link-state.ts';
import { FLAG_IPV6, FLAG_NOT_YET, FLAG_SUSPECT, NONE16, unpack16 } from '../../protocol/links.ts';
import type { MergedReport } from '../../protocol/mesh.ts';
import { isJudged, type Pod } from '../../protocol/pod.ts';

/** Bits of IP families. */
export const IPV4 = 1;
export const IPV6 = 2;

/** Confidence that a pair is bad: one slow sample, while the other samples of its window are not slow. */
export const OUTLIER = 0;
/** Confidence that a pair is bad: one sample, and no other is known. */
export const UNCONFIRMED = 1;
/** Confidence that a pair is bad: at least two samples, so chance is no explanation. */
export const CONFIRMED = 2;

/** States of a pair of pods, the worse the higher. */
const UNJUDGED = 0;
const OK = 1;
const SLOW = 2;
const FAILED = 3;

/** `sinceMs` and `ageMs` are packed with an error of 1 in 8192 each. */
const PACKING_ERROR = 1.001;

/**
 * Counts the failed and slow pairs of pods of a mesh, one report after the other, so that no single step looks at a
 * million links. Reports that are missing or starved, and reports of pods that start, terminate or are gone, are not
 * counted.
 */
export class MeshCounts {
  readonly topology: Topology;
  /** By pod: its report, if it is present and trusted. */
  readonly reports = new Map<number, MergedReport>();
  readonly missing: MergedReport[] = [];
  /** Reports that are present, but not trusted because their process is starved. */
  readonly starved: MergedReport[] = [];
  readonly failed: PairCounts;
  /** Slow pairs; pairs that fail are left out. */
  readonly slow: PairCounts;
  /** Pods whose link to themselves fails, and the index of that link in their report. */
  readonly selfFailed: { pod: number; link: number }[] = [];
  /** Whether any pair is probed in both IP families. */
  bothFamilies = false;
  readonly #slowUs: number;
  /** The pairs of the report that is being added. */
  readonly #pairs: PairStates;

  /** `slowLinkMs`: from this latency on a link is slow (SLOW_LINK). */
  constructor(pods: readonly Pod[], slowLinkMs: number) {
    this.topology = new Topology(pods);
    this.failed = new PairCounts(this.topology, FAILED);
    this.slow = new PairCounts(this.topology, SLOW);
    this.#slowUs = slowLinkMs * 1000;
    this.#pairs = {
      state: new Uint8Array(pods.length),
      link: new Uint16Array(pods.length),
      families: new Uint8Array(pods.length),
      confidence: new Uint8Array(pods.length),
    };
  }

  /** Adds one report. O(links + pods). */
  add(report: MergedReport): void {
    const { pod } = report;
    if (this.topology.judged[pod] !== 1) return;
    if (report.missing !== '') this.missing.push(report);
    else if (report.starvation?.unreliable === true) this.starved.push(report);
    else {
      this.reports.set(pod, report);
      this.#classify(report);
      if (this.#pairs.state[pod] === FAILED) this.selfFailed.push({ pod, link: this.#pairs.link[pod] ?? 0 });
      this.failed.addReport(pod, this.#pairs);
      this.slow.addReport(pod, this.#pairs);
    }
  }

  /** Fills `#pairs`. If a pair has links in both IP families, the worse one counts. */
  #classify(report: MergedReport): void {
    const { links } = report;
    const { judged } = this.topology;
    const { state: states, link, families, confidence } = this.#pairs;
    states.fill(UNJUDGED);
    for (let i = 0; i < links.length; i++) {
      const to = links.to[i] ?? 0;
      const flags = links.flags[i] ?? 0;
      if ((flags & FLAG_NOT_YET) !== 0 || judged[to] !== 1) continue;
      const isLate = isSlow(unpack16(links.totalUs[i] ?? NONE16), this.#slowUs);
      const state = links.outcome[i] !== 0 ? FAILED : isLate ? SLOW : OK;
      const family = (flags & FLAG_IPV6) !== 0 ? IPV6 : IPV4;
      const before = states[to] ?? UNJUDGED;
      if (before !== UNJUDGED) this.bothFamilies = true;
      if (state < before) continue;
      families[to] = state === before ? (families[to] ?? 0) | family : family;
      if (state > before) link[to] = i;
      states[to] = state;
    }
    for (let to = 0; to < states.length; to++) {
      if (states[to] === FAILED) confidence[to] = failedConfidence(report, link[to] ?? 0);
      else if (states[to] === SLOW) confidence[to] = slowConfidence(report, link[to] ?? 0, this.#slowUs);
    }
  }
}

/** Confirmed if the link was failing already before its newest sample. */
function failedConfidence({ links }: MergedReport, i: number): number {
  const sinceMs = unpack16(links.sinceMs[i] ?? NONE16);
  const ageMs = unpack16(links.ageMs[i] ?? NONE16);
  const isSuspect = ((links.flags[i] ?? 0) & FLAG_SUSPECT) !== 0;
  return ageMs >= 0 && sinceMs > ageMs * PACKING_ERROR + 1 && !isSuspect ? CONFIRMED : UNCONFIRMED;
}

/** Confirmed if the median of the window is slow too. */
function slowConfidence({ stats }: MergedReport, i: number, slowUs: number): number {
  const samples = stats?.samples[i] ?? 0;
  if (isSlow(unpack16(stats?.p50Us[i] ?? NONE16), slowUs)) return samples >= 2 ? CONFIRMED : UNCONFIRMED;
  return samples >= 3 ? OUTLIER : UNCONFIRMED;
}

/** The pairs of one report, by destination: entry `to` of each column is about the pair that ends at pod `to`. */
interface PairStates {
  state: Uint8Array;
  /** Index in the report's `LinkColumns`: the worse link of the pair. */
  link: Uint16Array;
  /** `IPV4`, `IPV6` or both: the families in which the pair has this state. */
  families: Uint8Array;
  /** Of failed and slow pairs: `OUTLIER`, `UNCONFIRMED` or `CONFIRMED`. */
  confidence: Uint8Array;
}

/** The bad pairs of one report: entry k of each column is about the same pair. */
export interface BadPairs {
  /** The pod that reports. */
  from: number;
  to: Uint16Array;
  /** The other columns are as in `PairStates`. */
  link: Uint16Array;
  families: Uint8Array;
  confidence: Uint8Array;
}

/**
 * Counts judged and bad pairs of one severity (failed or slow). The pair of a pod with itself is left out, because it says
 * nothing about other pods. Pods, nodes and zones are indexes in `Topology`.
 */
export class PairCounts {
  readonly topology: Topology;
  /** Bad pairs, for each report that has any. */
  readonly badReports: BadPairs[] = [];
  /** All bad pairs, and all judged ones. */
  bad = 0;
  judged = 0;
  /** Judged pairs by destination and by source. */
  readonly judgedTo: Uint32Array;
  readonly judgedFrom: Uint32Array;
  /** The same for pairs of pods on different nodes. */
  readonly judgedToAcrossNodes: Uint32Array;
  readonly judgedFromAcrossNodes: Uint32Array;
  /** Judged pairs by `Topology.zonePair`. */
  readonly judgedZonePairs: Uint32Array;
  readonly #badState: number;

  /** `badState`: pairs in this state are bad, and pairs in a better state are judged and fine. */
  constructor(topology: Topology, badState: number) {
    const podCount = topology.pods.length;
    this.topology = topology;
    this.#badState = badState;
    this.judgedTo = new Uint32Array(podCount);
    this.judgedFrom = new Uint32Array(podCount);
    this.judgedToAcrossNodes = new Uint32Array(podCount);
    this.judgedFromAcrossNodes = new Uint32Array(podCount);
    this.judgedZonePairs = new Uint32Array(topology.zones.length ** 2);
  }

  /** Adds the pairs of the report of pod `from`. O(pods). */
  addReport(from: number, pairs: PairStates): void {
    const { topology, judgedTo, judgedToAcrossNodes, judgedZonePairs } = this;
    const badState = this.#badState;
    let [judged, acrossNodes, bad] = [0, 0, 0];
    for (let to = 0; to < pairs.state.length; to++) {
      const state = pairs.state[to] ?? UNJUDGED;
      if (state === UNJUDGED || state > badState || to === from) continue;
      judged += 1;
      if (state === badState) bad += 1;
      increase(judgedTo, to);
      if (topology.isAcrossNodes(from, to)) {
        acrossNodes += 1;
        increase(judgedToAcrossNodes, to);
      }
      const zonePair = topology.zonePair(from, to);
      if (zonePair >= 0) increase(judgedZonePairs, zonePair);
    }
    this.judged += judged;
    this.bad += bad;
    this.judgedFrom[from] = (this.judgedFrom[from] ?? 0) + judged;
    this.judgedFromAcrossNodes[from] = (this.judgedFromAcrossNodes[from] ?? 0) + acrossNodes;
    if (bad > 0) this.badReports.push(badPairsOf(from, pairs, badState, bad));
  }
}

function badPairsOf(from: number, pairs: PairStates, badState: number, count: number): BadPairs {
  const bad = {
    from,
    to: new Uint16Array(count),
    link: new Uint16Array(count),
    families: new Uint8Array(count),
    confidence: new Uint8Array(count),
  };
  let k = 0;
  for (let to = 0; to < pairs.state.length; to++) {
    if (pairs.state[to] !== badState || to === from) continue;
    bad.to[k] = to;
    bad.link[k] = pairs.link[to] ?? 0;
    bad.families[k] = pairs.families[to] ?? 0;
    bad.confidence[k] = pairs.confidence[to] ?? 0;
    k += 1;
  }
  return bad;
}

/** Adds one to a counter. */
export function increase(counters: Uint32Array, i: number): void {
  counters[i] = (counters[i] ?? 0) + 1;
}

/** Blocked pairs are looked for among this many zones; clusters have three, seldom ten. */
const MAX_ZONES = 32;
const MAX_NAME = 120;

/** A node or a zone. */
interface Place {
  name: string;
  /** Its judged pods. */
  pods: number[];
}

/** The nodes and zones of the judged pods (see `isJudged`). Pods are indexes in `Mesh.pods`. */
export class Topology {
  readonly pods: readonly Pod[];
  /** By pod: 1 = judged. */
  readonly judged: Uint8Array;
  readonly judgedCount: number;
  readonly nodes: Place[] = [];
  readonly zones: Place[] = [];
  /** By pod: index in `nodes`, -1 = not known. */
  readonly nodeOf: Int32Array;
  /** By pod: index in `zones`, -1 = not known. */
  readonly zoneOf: Int32Array;

  constructor(pods: readonly Pod[]) {
    this.pods = pods;
    this.judged = Uint8Array.from(pods, (pod) => (isJudged(pod) ? 1 : 0));
    this.judgedCount = this.judged.reduce((sum, one) => sum + one, 0);
    this.nodeOf = this.#group(this.nodes, pods.length, ({ node }) => node);
    this.zoneOf = this.#group(this.zones, MAX_ZONES, ({ zone }) => zone);
  }

  /** The name of a pod in messages, bounded. */
  name(pod: number): string {
    return this.pods[pod]?.name.slice(0, MAX_NAME) ?? '';
  }

  /** Whether two pods are on different nodes, or their nodes are not known. */
  isAcrossNodes(from: number, to: number): boolean {
    return this.nodeOf[from] === -1 || this.nodeOf[from] !== this.nodeOf[to];
  }

  /** The index of the pair of zones that two pods are in: `from * zones + to`; -1 if a zone is not known. */
  zonePair(from: number, to: number): number {
    const a = this.zoneOf[from] ?? -1;
    const b = this.zoneOf[to] ?? -1;
    return a < 0 || b < 0 ? -1 : a * this.zones.length + b;
  }

  #group(places: Place[], limit: number, nameOf: (pod: Pod) => string): Int32Array {
    const indexes = new Map<string, number>();
    return Int32Array.from(this.pods, (pod, i) => {
      const name = nameOf(pod);
      if (name === '' || this.judged[i] !== 1) return -1;
      const index = indexes.get(name) ?? indexes.size;
      if (index >= limit) return -1;
      indexes.set(name, index);
      places[index] ??= { name: name.slice(0, MAX_NAME), pods: [] };
      places[index].pods.push(i);
      return index;
    });
  }
}
