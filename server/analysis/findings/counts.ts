import {
  isDoubted,
  isDoubtedByDestination,
  isLossy,
  isSilent,
  isSlow,
  isStarved,
  INTERMITTENT as LAPSES,
} from '../../protocol/link-state.ts';
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
import type { Pod } from '../../protocol/pod.ts';
import { lostOf, sentOf, type UdpColumns } from '../../protocol/udp.ts';
import { isAnswered } from '../sides.ts';
import { Topology } from './topology.ts';

/** How a pair of pods can be bad, the gravest first. Each is analysed on its own. */
const SEVERITIES = ['failed', 'intermittent', 'slow', 'lossy'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** States of a pair of pods, the worse the higher. */
const UNJUDGED = 0;
const OK = 1;
/** Pings are fine, and datagrams are lost. */
const LOSSY = 2;
/** It failed in the last minutes, and its whole fault has ended. What it lost meanwhile says nothing new. */
const RECOVERED = 3;
/** It failed until a moment ago. Other pairs of the same fault may not have been pinged since. */
const RECOVERING = 4;
const SLOW = 5;
const INTERMITTENT = 6;
const FAILED = 7;

/** The state of the pairs that are bad now, by severity. */
const BAD: Record<Severity, number> = { failed: FAILED, intermittent: INTERMITTENT, slow: SLOW, lossy: LOSSY };
/** By severity, one bit for each state of the pairs that speak for a cause. Those that are not bad now are no evidence of it. */
const SPEAKING: Record<Severity, number> = {
  failed: (1 << FAILED) | (1 << RECOVERING),
  intermittent: (1 << INTERMITTENT) | (1 << RECOVERING) | (1 << RECOVERED),
  slow: 1 << SLOW,
  lossy: 1 << LOSSY,
};

/** Confidence in a bad pair: it speaks for a cause that others prove, and makes no finding itself. */
export const OUTLIER = 0;
/** Confidence in a bad pair: one sample, and no other is known. */
const UNCONFIRMED = 1;
/** Confidence in a bad pair: several samples, so chance is no explanation. */
export const CONFIRMED = 2;

/** Bits of IP families. */
export const IPV4 = 1;
export const IPV6 = 2;

/*
 * A pair that is not ok is packed into 32 bits, because there may be a million of them: bits 0-15 are the index of its link
 * in the report (of two links the worse one), then come its state, its confidence, the IP families in which it is bad, and
 * whether something answered.
 */
const STATE_SHIFT = 16;
const CONFIDENCE_SHIFT = 20;
const FAMILIES_SHIFT = 24;
const ANSWERED = 1 << 28;
/** A pair that has been dropped. Its state is `UNJUDGED`. */
const DROPPED = 0;

/** Whether a pod is starved, or was when the samples that make a link intermittent may have been taken. */
const WAS_STARVED = 1;
const IS_STARVED = 2;

/** Index of the link of a packed pair. */
export function linkOf(pair: number): number {
  return pair & 0xffff;
}

/** `OUTLIER`, `UNCONFIRMED` or `CONFIRMED`. */
export function confidenceOf(pair: number): number {
  return (pair >>> CONFIDENCE_SHIFT) & 3;
}

/** `IPV4`, `IPV6` or both. */
export function familiesOf(pair: number): number {
  return (pair >>> FAMILIES_SHIFT) & 3;
}

/** See `isAnswered`. */
export function isAnsweredPair(pair: number): boolean {
  return (pair & ANSWERED) !== 0;
}

function stateOf(pair: number): number {
  return (pair >>> STATE_SHIFT) & 7;
}

/** The pairs of one report that are not ok, packed; and one bit for each state that occurs. */
export interface BadPairs {
  report: MergedReport;
  pairs: Uint32Array;
  states: number;
}

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
  /** Pods that are not starved any more, but were when the samples that make a link intermittent may have been taken. */
  readonly #wereStarved = new Set<number>();
  /** Pods whose link to themselves fails, and the index of that link in their report. `families`: `IPV4`, `IPV6` or both. */
  readonly selfFailed: { pod: number; link: number; families: number }[] = [];
  /** Starved pods that pairs are doubted because of. Filled by `bySeverity`. */
  readonly doubted = new Set<number>();
  /** Whether any pair is probed in both IP families. */
  bothFamilies = false;
  /** The pairs that are probed, before those are left out that are doubted or bad in a graver way. */
  readonly probed: Judged;
  /** Those of them whose pings are fine and whose loss is measured. */
  readonly #measured: Judged;
  readonly #bad: BadPairs[] = [];
  readonly #slowUs: number;
  readonly #roundMs: number;
  /** The pairs of the report that is being added: entry `to` of each column is about the pair that ends at pod `to`. */
  readonly #state: Uint8Array;
  readonly #link: Uint16Array;
  readonly #families: Uint8Array;

  constructor(pods: readonly Pod[], settings: Pick<MeshSettings, 'slowLinkMs' | 'refreshIntervalMs'>) {
    this.topology = new Topology(pods);
    this.probed = new Judged(this.topology);
    this.#measured = new Judged(this.topology);
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
      if (isSilent(report)) this.missing.push(report);
      return;
    }
    this.reports.set(pod, report);
    const isOwnStarved = isStarved(report.starvation);
    if (isOwnStarved) this.starved.push(report);
    else if (wasStarved(report, this.#roundMs * LAPSES.samples)) this.#wereStarved.add(pod);
    this.#classify(report);
    const selfLink = this.#link[pod] ?? 0;
    const isSelfDoubted = isOwnStarved && isDoubted(report.links.outcome[selfLink] ?? 0);
    if (this.#state[pod] === FAILED && !isSelfDoubted) {
      this.selfFailed.push({ pod, link: selfLink, families: this.#families[pod] ?? 0 });
    }
    this.#state[pod] = UNJUDGED;
    const notOk = this.probed.addReport(pod, this.#state);
    if (notOk > 0) this.#bad.push(this.#badPairsOf(report, notOk));
    if (report.udp !== null) this.#measured.addReport(pod, this.#measuredStates(report, report.udp));
  }

  /**
   * The pairs of each severity, when all reports have been added: without pairs that are doubted because a pod is starved, and
   * by index of the source, whatever the order in which the reports came. Yields after each report.
   */
  *bySeverity(): Generator<void, Record<Severity, PairCounts>> {
    this.#bad.sort((a, b) => a.report.pod - b.report.pod);
    const starved = new Uint8Array(this.topology.pods.length);
    for (const pod of this.#wereStarved) starved[pod] = WAS_STARVED;
    for (const { pod } of this.starved) starved[pod] = IS_STARVED;
    const result = {} as Record<Severity, PairCounts>;
    let judged = this.probed.copy();
    for (const severity of SEVERITIES) {
      const badReports = this.#bad.filter(({ states }) => (states & SPEAKING[severity]) !== 0);
      if (severity === 'lossy') judged = this.#measured.copy();
      const counts = new PairCounts(
        this.topology,
        severity,
        badReports,
        judged,
        severity === 'lossy' ? this.#measured : this.probed,
        severity === 'slow' ? this.#slowUs : 0,
      );
      // A pair that is worse says nothing about whether it would be milder.
      const milder = judged.copy();
      for (const pairs of badReports) {
        if (this.starved.length + this.#wereStarved.size > 0) this.#dropDoubted(pairs, counts, milder, starved);
        counts.count(pairs, milder);
        yield;
      }
      judged = milder;
      result[severity] = counts;
    }
    return result;
  }

  /** Fills the columns of pairs. If a pair has links in both IP families, the worse one counts. */
  #classify({ links, udp }: MergedReport): void {
    const states = this.#state;
    const { judged } = this.topology;
    const slowUs = this.#slowUs;
    states.fill(UNJUDGED);
    for (let i = 0; i < links.length; i++) {
      const to = links.to[i] ?? 0;
      const flags = links.flags[i] ?? 0;
      if ((flags & FLAG_NOT_YET) !== 0 || judged[to] !== 1) continue;
      let state = OK;
      if ((flags & FLAG_INTERMITTENT) !== 0) state = INTERMITTENT;
      else if (links.outcome[i] !== 0) state = FAILED;
      else if ((flags & FLAG_SLOW) !== 0 || isSlow(unpack16(links.totalUs[i] ?? NONE16), slowUs)) state = SLOW;
      else if ((flags & FLAG_RECOVERED) !== 0) state = RECOVERING;
      else if (udp !== null && isLossy(sentOf(udp, i), lostOf(udp, i))) state = LOSSY;
      const before = states[to] ?? UNJUDGED;
      if (before !== UNJUDGED) this.bothFamilies = true;
      if (state < before) continue;
      const family = (flags & FLAG_IPV6) !== 0 ? IPV6 : IPV4;
      this.#families[to] = state === before ? (this.#families[to] ?? 0) | family : family;
      if (state > before) this.#link[to] = i;
      states[to] = state;
    }
  }

  /** By destination: the state of a pair whose pings are fine and whose loss is measured, else `UNJUDGED`. */
  #measuredStates({ links }: MergedReport, udp: UdpColumns): Uint8Array {
    const measured = new Uint8Array(this.#state.length);
    for (let i = 0; i < links.length; i++) {
      const to = links.to[i] ?? 0;
      const state = this.#state[to] ?? UNJUDGED;
      if (state <= LOSSY && sentOf(udp, i) > 0) measured[to] = state;
    }
    return measured;
  }

  /** Packs the pairs in the columns that are not ok; `count` of them. */
  #badPairsOf(report: MergedReport, count: number): BadPairs {
    const pairs = new Uint32Array(count);
    let [k, states] = [0, 0];
    for (let to = 0; to < this.#state.length; to++) {
      let state = this.#state[to] ?? UNJUDGED;
      if (state <= OK) continue;
      const link = this.#link[to] ?? 0;
      if (state === RECOVERING && unpack16(report.links.sinceMs[link] ?? NONE16) > this.#roundMs) state = RECOVERED;
      const confidence = confidenceIn(report, link, state, this.#slowUs) << CONFIDENCE_SHIFT;
      const families = (this.#families[to] ?? 0) << FAMILIES_SHIFT;
      pairs[k++] = link | (state << STATE_SHIFT) | confidence | families | (isAnswered(report, link) ? ANSWERED : 0);
      states |= 1 << state;
    }
    return { report, pairs, states };
  }

  /**
   * Drops the pairs that are doubted because a pod is starved; they are not judged. Neither is a pair that is ok now and was
   * bad while a pod was starved, nor one that lost datagrams in a window in which a pod was starved. `starved`: by pod, `IS_STARVED`, `WAS_STARVED` or 0.
   */
  #dropDoubted({ report, pairs }: BadPairs, counts: PairCounts, milder: Judged, starved: Uint8Array): void {
    const { pod: from, links } = report;
    for (let k = 0; k < pairs.length; k++) {
      const pair = pairs[k] ?? 0;
      const link = linkOf(pair);
      const to = links.to[link] ?? 0;
      const wasBad = counts.severity === 'intermittent' && links.outcome[link] === 0;
      const least = wasBad || counts.severity === 'lossy' ? WAS_STARVED : IS_STARVED;
      const [source = 0, destination = 0] = [starved[from], starved[to]];
      if ((source < least && destination < least) || !counts.isSpeaking(pair)) continue;
      const isBySource = source >= least && isDoubted(links.outcome[link] ?? 0);
      const isByDestination = destination >= least && isDoubtedByDestination(links, link);
      if (!isBySource && !isByDestination) continue;
      for (const pod of [from, to]) if (starved[pod] === IS_STARVED) this.doubted.add(pod);
      if (counts.isBad(pair)) for (const judged of [counts.judged, milder]) judged.takeBack(from, to);
      pairs[k] = DROPPED;
    }
  }
}

function confidenceIn(report: MergedReport, link: number, state: number, slowUs: number): number {
  if (state === FAILED) return failedConfidence(report, link);
  if (state === SLOW) return slowConfidence(report, link, slowUs);
  return state === INTERMITTENT || state === LOSSY ? CONFIRMED : OUTLIER;
}

/** A process can't have become starved and recovered again so soon after its start, ms. */
const FIRST_RECOVERY_MS = 10_000;

/** Whether a pod was starved until less than `withinMs` before its report. A process that has just started was not. */
function wasStarved({ starvation, bootTimeMs, atMs }: MergedReport, withinMs: number): boolean {
  if (starvation === null || starvation.unreliable) return false;
  const { sinceMs } = starvation;
  return sinceMs - bootTimeMs > FIRST_RECOVERY_MS && atMs - sinceMs < withinMs;
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

/** Numbers of judged pairs. The pair of a pod with itself is left out, because it says nothing about other pods. */
class Judged {
  readonly #topology: Topology;
  all = 0;
  /** By destination and by source. */
  readonly to: Uint32Array;
  readonly from: Uint32Array;
  /** The same for pairs of pods on different nodes. */
  readonly toAcrossNodes: Uint32Array;
  readonly fromAcrossNodes: Uint32Array;
  /** By `Topology.zonePair`. */
  readonly zonePairs: Uint32Array;

  constructor(topology: Topology) {
    const { pods, zones } = topology;
    this.#topology = topology;
    this.to = new Uint32Array(pods.length);
    this.from = new Uint32Array(pods.length);
    this.toAcrossNodes = new Uint32Array(pods.length);
    this.fromAcrossNodes = new Uint32Array(pods.length);
    this.zonePairs = new Uint32Array(zones.length ** 2);
  }

  copy(): Judged {
    const copy = new Judged(this.#topology);
    copy.all = this.all;
    for (const name of ['to', 'from', 'toAcrossNodes', 'fromAcrossNodes', 'zonePairs'] as const) {
      copy[name].set(this[name]);
    }
    return copy;
  }

  /** Counts the pairs of one report; `states`: by destination. Returns how many are worse than `OK`. */
  addReport(from: number, states: Uint8Array): number {
    const { nodeOf, zoneOf, zones } = this.#topology;
    const { to: byDestination, toAcrossNodes, zonePairs } = this;
    const [node = -1, zone = -1] = [nodeOf[from], zoneOf[from]];
    let [all, across, notOk] = [0, 0, 0];
    for (let to = 0; to < states.length; to++) {
      const state = states[to] ?? UNJUDGED;
      if (state === UNJUDGED) continue;
      all += 1;
      if (state > OK) notOk += 1;
      increase(byDestination, to);
      if (node === -1 || nodeOf[to] !== node) {
        across += 1;
        increase(toAcrossNodes, to);
      }
      const toZone = zoneOf[to] ?? -1;
      if (zone >= 0 && toZone >= 0) increase(zonePairs, zone * zones.length + toZone);
    }
    this.all += all;
    this.from[from] = (this.from[from] ?? 0) + all;
    this.fromAcrossNodes[from] = (this.fromAcrossNodes[from] ?? 0) + across;
    return notOk;
  }

  /** Counts one pair less. */
  takeBack(from: number, to: number): void {
    const topology = this.#topology;
    this.all -= 1;
    decrease(this.to, to);
    decrease(this.from, from);
    if (topology.isAcrossNodes(from, to)) {
      decrease(this.toAcrossNodes, to);
      decrease(this.fromAcrossNodes, from);
    }
    const zonePair = topology.zonePair(from, to);
    if (zonePair >= 0) decrease(this.zonePairs, zonePair);
  }
}

/** The bad pairs of one severity, and how many pairs are judged: those that are bad or better. */
export class PairCounts {
  readonly topology: Topology;
  readonly severity: Severity;
  /**
   * One entry for each report that has pairs of this severity, by index of the source. Entries have pairs of other severities too:
   * see `isSpeaking`.
   */
  readonly badReports: readonly BadPairs[];
  readonly judged: Judged;
  /** The pairs that are probed, whatever their state; of lossy pairs those whose loss is measured. */
  readonly probed: Judged;
  /** SLOW_LINK in us if the pairs are slow ones, else 0. */
  readonly slowUs: number;
  /** Number of pairs that speak for a cause, and of those that are bad now. Without any of these there is no cause. */
  speaking = 0;
  bad = 0;
  readonly #speaking: number;
  readonly #bad: number;

  constructor(
    topology: Topology,
    severity: Severity,
    badReports: readonly BadPairs[],
    judged: Judged,
    probed: Judged,
    slowUs: number,
  ) {
    this.topology = topology;
    this.slowUs = slowUs;
    this.severity = severity;
    this.badReports = badReports;
    this.judged = judged;
    this.probed = probed;
    this.#speaking = SPEAKING[severity];
    this.#bad = BAD[severity];
  }

  /** Whether a pair speaks for a cause of this severity. */
  isSpeaking(pair: number): boolean {
    return ((this.#speaking >>> stateOf(pair)) & 1) !== 0;
  }

  /** Whether a pair is bad now, so that it is evidence for a cause of this severity. */
  isBad(pair: number): boolean {
    return stateOf(pair) === this.#bad;
  }

  /** Counts the pairs of a report, and takes those that are bad now out of `milder`. */
  count({ report, pairs }: BadPairs, milder: Judged): void {
    for (let k = 0; k < pairs.length; k++) {
      const pair = pairs[k] ?? 0;
      if (!this.isSpeaking(pair)) continue;
      this.speaking += 1;
      if (!this.isBad(pair)) continue;
      this.bad += 1;
      milder.takeBack(report.pod, report.links.to[linkOf(pair)] ?? 0);
    }
  }
}

/** Adds one to a counter. */
export function increase(counters: Uint32Array, i: number): void {
  counters[i] = (counters[i] ?? 0) + 1;
}

function decrease(counters: Uint32Array, i: number): void {
  counters[i] = (counters[i] ?? 0) - 1;
}
