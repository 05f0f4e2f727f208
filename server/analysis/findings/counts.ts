import { isDoubted, isDoubtedByDestination, isSlow, isStarved } from '../../protocol/link-state.ts';
import {
  FLAG_INTERMITTENT,
  FLAG_IPV6,
  FLAG_NOT_YET,
  FLAG_RECOVERED,
  FLAG_SLOW,
  NONE16,
  unpack16,
} from '../../protocol/links.ts';
import type { MergedReport, MeshSettings } from '../../protocol/mesh.ts';
import { isJudged, type Pod } from '../../protocol/pod.ts';

/** Bits of IP families. */
export const IPV4 = 1;
export const IPV6 = 2;

/** How a pair of pods can be bad, the gravest first. Each is analysed on its own. */
export type Severity = 'failed' | 'intermittent' | 'slow';

/** Confidence in a bad pair: it speaks for a cause that others prove, and makes no finding itself. */
export const OUTLIER = 0;
/** Confidence in a bad pair: one sample, and no other is known. */
export const UNCONFIRMED = 1;
/** Confidence in a bad pair: several samples, so chance is no explanation. */
export const CONFIRMED = 2;

/** States of a pair of pods, the worse the higher. */
const UNJUDGED = 0;
const OK = 1;
/** It failed until a moment ago. Other pairs of the same fault may not have been pinged since. */
const RECOVERING = 2;
const SLOW = 3;
const INTERMITTENT = 4;
const FAILED = 5;

/** `sinceMs` and `ageMs` are packed with an error of 1 in 8192 each. */
const PACKING_ERROR = 1.001;
/** Every link has been pinged again after this many intervals, jitter included. */
const ROUND_INTERVALS = 1.2;

/**
 * Judges the pairs of pods of a mesh, one report after the other, so that no single step looks at a million links. Reports
 * that are missing, and reports of pods that start, terminate or are gone, are not counted.
 */
export class MeshCounts {
  readonly topology: Topology;
  /** By pod: its report, if it is present. */
  readonly reports = new Map<number, MergedReport>();
  readonly missing: MergedReport[] = [];
  /** Reports of starved pods: their timeouts and delays are not believed, and neither are those of links into them. */
  readonly starved: MergedReport[] = [];
  /** Pods whose link to themselves fails, and the index of that link in their report. */
  readonly selfFailed: { pod: number; link: number }[] = [];
  /** Starved pods that pairs are doubted because of. Filled by `bySeverity`. */
  readonly doubted = new Set<number>();
  /** Whether any pair is probed in both IP families. */
  bothFamilies = false;
  readonly #judged: Judged;
  readonly #bad: Record<Severity, BadPairs[]> = { failed: [], intermittent: [], slow: [] };
  readonly #slowUs: number;
  readonly #roundMs: number;
  /** The pairs of the report that is being added: entry `to` of each column is about the pair that ends at pod `to`. */
  readonly #state: Uint8Array;
  readonly #link: Uint16Array;
  readonly #families: Uint8Array;

  constructor(pods: readonly Pod[], settings: Pick<MeshSettings, 'slowLinkMs' | 'refreshIntervalMs'>) {
    this.topology = new Topology(pods);
    this.#judged = new Judged(this.topology);
    this.#slowUs = settings.slowLinkMs * 1000;
    this.#roundMs = settings.refreshIntervalMs * ROUND_INTERVALS;
    this.#state = new Uint8Array(pods.length);
    this.#link = new Uint16Array(pods.length);
    this.#families = new Uint8Array(pods.length);
  }

  /** Adds one report. O(links + pods). */
  add(report: MergedReport): void {
    const { pod } = report;
    if (this.topology.judged[pod] !== 1) return;
    if (report.missing !== '') {
      this.missing.push(report);
      return;
    }
    this.reports.set(pod, report);
    const isOwnStarved = isStarved(report.starvation);
    if (isOwnStarved) this.starved.push(report);
    this.#classify(report);
    const selfLink = this.#link[pod] ?? 0;
    const isSelfDoubted = isOwnStarved && isDoubted(report.links.outcome[selfLink] ?? 0);
    if (this.#state[pod] === FAILED && !isSelfDoubted) this.selfFailed.push({ pod, link: selfLink });
    this.#state[pod] = UNJUDGED;
    this.#count(report);
  }

  /**
   * The pairs of each severity, when all reports have been added: without pairs that are doubted because a pod is starved, and
   * by index of the source, whatever the order in which the reports came. Yields after each report.
   */
  *bySeverity(): Generator<void, Record<Severity, PairCounts>> {
    const judged = this.#judged;
    const starved = new Uint8Array(this.topology.pods.length);
    for (const { pod } of this.starved) starved[pod] = 1;
    const result = {} as Record<Severity, PairCounts>;
    for (const severity of ['failed', 'intermittent', 'slow'] as const) {
      const badReports = this.#bad[severity].sort((a, b) => a.from - b.from);
      if (this.starved.length > 0) {
        for (const pairs of badReports) {
          this.#dropDoubted(pairs, starved);
          yield;
        }
      }
      result[severity] = new PairCounts(this.topology, severity, badReports, judged.copy());
      // A pair that is worse says nothing about whether it would be slow.
      for (const pairs of badReports) {
        judged.subtractBad(pairs);
        yield;
      }
    }
    return result;
  }

  /** Fills the columns of pairs. If a pair has links in both IP families, the worse one counts. */
  #classify({ links }: MergedReport): void {
    const states = this.#state;
    const { judged } = this.topology;
    states.fill(UNJUDGED);
    for (let i = 0; i < links.length; i++) {
      const to = links.to[i] ?? 0;
      const flags = links.flags[i] ?? 0;
      if ((flags & FLAG_NOT_YET) !== 0 || judged[to] !== 1) continue;
      let state = OK;
      if ((flags & FLAG_INTERMITTENT) !== 0) state = INTERMITTENT;
      else if (links.outcome[i] !== 0) state = FAILED;
      else if ((flags & FLAG_SLOW) !== 0 || isSlow(unpack16(links.totalUs[i] ?? NONE16), this.#slowUs)) state = SLOW;
      else if ((flags & FLAG_RECOVERED) !== 0) state = RECOVERING;
      const before = states[to] ?? UNJUDGED;
      if (before !== UNJUDGED) this.bothFamilies = true;
      if (state < before) continue;
      const family = (flags & FLAG_IPV6) !== 0 ? IPV6 : IPV4;
      this.#families[to] = state === before ? (this.#families[to] ?? 0) | family : family;
      if (state > before) this.#link[to] = i;
      states[to] = state;
    }
  }

  /** Counts the pairs in the columns, and keeps the bad ones. */
  #count(report: MergedReport): void {
    const from = report.pod;
    const states = this.#state;
    const counts = [0, 0, 0, 0, 0, 0];
    for (let to = 0; to < states.length; to++) {
      const state = states[to] ?? UNJUDGED;
      if (state === UNJUDGED) continue;
      counts[state] = (counts[state] ?? 0) + 1;
      this.#judged.change(from, to, 1);
    }
    const of = (state: number) => counts[state] ?? 0;
    const { failed, intermittent, slow } = this.#bad;
    if (of(FAILED) + of(RECOVERING) > 0) failed.push(this.#pairsOf(report, FAILED, of(FAILED) + of(RECOVERING)));
    if (of(INTERMITTENT) + of(RECOVERING) > 0) {
      intermittent.push(this.#pairsOf(report, INTERMITTENT, of(INTERMITTENT) + of(RECOVERING)));
    }
    if (of(SLOW) > 0) slow.push(this.#pairsOf(report, SLOW, of(SLOW)));
  }

  /** The `count` pairs in `badState`; if that is not `SLOW`, recovering ones too. */
  #pairsOf(report: MergedReport, badState: number, count: number): BadPairs {
    const pairs = emptyPairs(report.pod, count);
    let k = 0;
    for (let to = 0; to < this.#state.length; to++) {
      const state = this.#state[to];
      const isRecovering = state === RECOVERING && badState !== SLOW;
      if (state !== badState && !isRecovering) continue;
      const link = this.#link[to] ?? 0;
      pairs.to[k] = to;
      pairs.link[k] = link;
      pairs.families[k] = this.#families[to] ?? 0;
      if (!isRecovering) {
        pairs.isBad[k] = 1;
        pairs.confidence[k] = confidenceIn(report, link, badState, this.#slowUs);
      } else if (badState === FAILED && unpack16(report.links.sinceMs[link] ?? NONE16) > this.#roundMs) {
        // Its whole fault has ended.
        continue;
      }
      k += 1;
    }
    return k === count ? pairs : firstPairs(pairs, k);
  }

  /** Removes the pairs that are doubted because a pod is starved; they are not judged. `starved`: by pod, 1 = starved. */
  #dropDoubted(pairs: BadPairs, starved: Uint8Array): void {
    const { from, to: destinations } = pairs;
    const links = this.reports.get(from)?.links;
    const isDropped = (k: number) => {
      if (links === undefined) return false;
      const link = pairs.link[k] ?? 0;
      if (starved[from] === 1 && isDoubted(links.outcome[link] ?? 0)) return true;
      return starved[destinations[k] ?? 0] === 1 && isDoubtedByDestination(links, link);
    };
    let kept = 0;
    for (let k = 0; k < destinations.length; k++) {
      const to = destinations[k] ?? 0;
      if (isDropped(k)) {
        for (const pod of [from, to]) if (starved[pod] === 1) this.doubted.add(pod);
        if (pairs.isBad[k] === 1) this.#judged.change(from, to, -1);
        continue;
      }
      if (kept !== k) {
        pairs.to[kept] = to;
        pairs.link[kept] = pairs.link[k] ?? 0;
        pairs.families[kept] = pairs.families[k] ?? 0;
        pairs.confidence[kept] = pairs.confidence[k] ?? 0;
        pairs.isBad[kept] = pairs.isBad[k] ?? 0;
      }
      kept += 1;
    }
    if (kept < destinations.length) Object.assign(pairs, firstPairs(pairs, kept));
  }
}

function confidenceIn(report: MergedReport, link: number, badState: number, slowUs: number): number {
  if (badState === FAILED) return failedConfidence(report, link);
  return badState === SLOW ? slowConfidence(report, link, slowUs) : CONFIRMED;
}

/** Confirmed if the link was failing already before its newest sample. */
function failedConfidence({ links }: MergedReport, i: number): number {
  const sinceMs = unpack16(links.sinceMs[i] ?? NONE16);
  const ageMs = unpack16(links.ageMs[i] ?? NONE16);
  return ageMs >= 0 && sinceMs > ageMs * PACKING_ERROR + 1 ? CONFIRMED : UNCONFIRMED;
}

/** Confirmed if the report calls the link slow, or the median of the window is slow too. */
function slowConfidence({ links, stats }: MergedReport, i: number, slowUs: number): number {
  if (((links.flags[i] ?? 0) & FLAG_SLOW) !== 0) return CONFIRMED;
  const samples = stats?.samples[i] ?? 0;
  if (isSlow(unpack16(stats?.p50Us[i] ?? NONE16), slowUs)) return samples >= 2 ? CONFIRMED : UNCONFIRMED;
  return samples >= 3 ? OUTLIER : UNCONFIRMED;
}

/** Bad pairs of one report: entry k of each column is about the same pair. */
export interface BadPairs {
  /** The pod that reports. */
  from: number;
  to: Uint16Array;
  /** Index in the report's `LinkColumns`: the worse link of the pair. */
  link: Uint16Array;
  /** `IPV4`, `IPV6` or both: the families in which the pair is bad. */
  families: Uint8Array;
  /** `OUTLIER`, `UNCONFIRMED` or `CONFIRMED`. */
  confidence: Uint8Array;
  /** 1 = bad now, 0 = recovering: it speaks for a cause, but is no evidence of it. */
  isBad: Uint8Array;
}

/** One buffer for all columns: a thousand reports with five buffers each would keep the garbage collector busy. */
function emptyPairs(from: number, count: number): BadPairs {
  const buffer = new ArrayBuffer(7 * count);
  return {
    from,
    to: new Uint16Array(buffer, 0, count),
    link: new Uint16Array(buffer, 2 * count, count),
    families: new Uint8Array(buffer, 4 * count, count),
    confidence: new Uint8Array(buffer, 5 * count, count),
    isBad: new Uint8Array(buffer, 6 * count, count),
  };
}

function firstPairs({ from, to, link, families, confidence, isBad }: BadPairs, count: number): BadPairs {
  const cut = <T extends Uint8Array | Uint16Array>(column: T) => column.subarray(0, count) as T;
  const columns = { to: cut(to), link: cut(link), families: cut(families), confidence: cut(confidence) };
  return { from, ...columns, isBad: cut(isBad) };
}

/**
 * Numbers of judged pairs. The pair of a pod with itself is left out, because it says nothing about other pods.
 */
export class Judged {
  readonly #topology: Topology;
  all = 0;
  /** By destination and by source. */
  readonly to: Int32Array;
  readonly from: Int32Array;
  /** The same for pairs of pods on different nodes. */
  readonly toAcrossNodes: Int32Array;
  readonly fromAcrossNodes: Int32Array;
  /** By `Topology.zonePair`. */
  readonly zonePairs: Int32Array;

  constructor(topology: Topology) {
    const { pods, zones } = topology;
    this.#topology = topology;
    this.to = new Int32Array(pods.length);
    this.from = new Int32Array(pods.length);
    this.toAcrossNodes = new Int32Array(pods.length);
    this.fromAcrossNodes = new Int32Array(pods.length);
    this.zonePairs = new Int32Array(zones.length ** 2);
  }

  copy(): Judged {
    const copy = new Judged(this.#topology);
    copy.all = this.all;
    for (const name of ['to', 'from', 'toAcrossNodes', 'fromAcrossNodes', 'zonePairs'] as const) {
      copy[name].set(this[name]);
    }
    return copy;
  }

  /** Counts one pair, or takes it back (`by` -1). */
  change(from: number, to: number, by: 1 | -1): void {
    const topology = this.#topology;
    this.all += by;
    this.to[to] = (this.to[to] ?? 0) + by;
    this.from[from] = (this.from[from] ?? 0) + by;
    if (topology.isAcrossNodes(from, to)) {
      this.toAcrossNodes[to] = (this.toAcrossNodes[to] ?? 0) + by;
      this.fromAcrossNodes[from] = (this.fromAcrossNodes[from] ?? 0) + by;
    }
    const zonePair = topology.zonePair(from, to);
    if (zonePair >= 0) this.zonePairs[zonePair] = (this.zonePairs[zonePair] ?? 0) + by;
  }

  /** Takes back the pairs that are bad now. */
  subtractBad({ from, to, isBad }: BadPairs): void {
    for (let k = 0; k < to.length; k++) if (isBad[k] === 1) this.change(from, to[k] ?? 0, -1);
  }
}

/** The bad pairs of one severity, and how many pairs are judged: those that are bad or better. */
export class PairCounts {
  readonly topology: Topology;
  readonly severity: Severity;
  /** One entry for each report that has bad pairs, by index of the source. */
  readonly badReports: readonly BadPairs[];
  readonly judged: Judged;
  /** The number of pairs in `badReports`; 0 if none of them is bad now. */
  readonly bad: number;

  constructor(topology: Topology, severity: Severity, badReports: readonly BadPairs[], judged: Judged) {
    this.topology = topology;
    this.severity = severity;
    this.badReports = badReports;
    this.judged = judged;
    const isAnyBad = badReports.some(({ isBad }) => isBad.includes(1));
    this.bad = isAnyBad ? badReports.reduce((sum, { to }) => sum + to.length, 0) : 0;
  }
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
