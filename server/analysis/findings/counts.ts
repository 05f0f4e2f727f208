import {
  isDoubted,
  isDoubtedByDestination,
  isLossy,
  isReportMissing,
  isSlow,
  isStarved,
  type PingSettings,
  roundMsOf,
  wasStarvedDuring,
  wasStarvedLately,
  wasUnreliableLately,
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
import { recentOf, sentOf } from '../../protocol/udp.ts';
import { PairCounter, Topology } from './topology.ts';

/*
 * Step 1 of `findingsFrom`, for health too: sorts the pairs of pods of a mesh into failed, intermittent, slow, lossy and ok,
 * while reports arrive. A pair is ordered: source -> destination. It has one link, or two if both IP families are probed; then
 * the worse one counts.
 */

/** How a pair of pods can be bad, the gravest first. Each is analysed on its own. */
const DEFECTS = ['failed', 'intermittent', 'slow', 'lossy'] as const;
export type Defect = (typeof DEFECTS)[number];

/** States of a pair of pods, the worse the higher. */
const UNJUDGED = 0;
const OK = 1;
/** Pings are fine, and datagrams are lost. */
const LOSSY = 2;
/** As `RECOVERING`, and it has been ok for longer than a round of pings, so that its whole fault has ended. */
const RECOVERED = 3;
/** It failed until a moment ago. Other pairs of the same fault may not have been pinged since. */
const RECOVERING = 4;
const SLOW = 5;
const INTERMITTENT = 6;
const FAILED = 7;

const BAD: Record<Defect, number> = { failed: FAILED, intermittent: INTERMITTENT, slow: SLOW, lossy: LOSSY };
/**
 * By defect, one bit for each state that makes a pair a symptom: it is bad now, or was until a moment ago. Not all pairs of a fault
 * are pinged at the same time, so the search for its cause counts both. Only pairs that are bad now become evidence.
 */
const SYMPTOMS: Record<Defect, number> = {
  failed: (1 << FAILED) | (1 << RECOVERING),
  intermittent: (1 << INTERMITTENT) | (1 << RECOVERING) | (1 << RECOVERED),
  slow: 1 << SLOW,
  lossy: 1 << LOSSY,
};

/** Confidence in a bad pair: it counts for a cause that other pairs prove, and makes no finding itself. */
export const OUTLIER = 0;
/** Confidence in a bad pair: one or two samples, too few to tell. */
export const UNCONFIRMED = 1;
/** Confidence in a bad pair: several samples, so chance is no explanation. */
export const CONFIRMED = 2;

export const IPV4 = 1;
export const IPV6 = 2;

/** The pairs of one report that are not ok, in columns, because a mesh may have a million: entry k of each is about one pair. */
export interface NotOkPairs {
  report: MergedReport;
  /** The destination. The source is the pod that reports. */
  to: Uint16Array;
  /** Index of the link in the report; of two links (IPv4 and IPv6) the worse one. */
  link: Uint16Array;
  /** `UNJUDGED` if the pair has been dropped, because it is doubted. */
  state: Uint8Array;
  confidence: Uint8Array;
  families: Uint8Array;
}

export interface DefectPairs {
  defect: Defect;
  /** One entry for each report, by index of the source. Entries have pairs of other defects too: see `isSymptom`. */
  reports: readonly NotOkPairs[];
  /** Bad pairs and better ones that are not doubted. Worse ones are not judged: a pair that fails does not show whether it is slow. */
  judged: PairCounter;
  /** Those of `judged` that are not bad. */
  fine: PairCounter;
  /** All pairs that are probed. For `lossy`: those whose pings are fine and whose loss is measured. */
  probed: PairCounter;
  /** SLOW_LINK in us if the pairs are slow ones, else 0. */
  slowUs: number;
  /** How many are bad now. Without any there is no cause. */
  bad: number;
}

/** Whether pair `k` of a report is a symptom of a defect. */
export function isSymptom({ defect }: DefectPairs, { state }: NotOkPairs, k: number): boolean {
  return ((SYMPTOMS[defect] >>> (state[k] ?? UNJUDGED)) & 1) !== 0;
}

/** Whether pair `k` of a report is bad now, so that it is evidence for a cause of a defect. */
export function isBad({ defect }: DefectPairs, { state }: NotOkPairs, k: number): boolean {
  return state[k] === BAD[defect];
}

/** Whether pair `k` of a report fails now: it has failed, or it is intermittent and its newest ping failed. */
export function failsNow({ report, state, link }: NotOkPairs, k: number): boolean {
  return state[k] === FAILED || (state[k] === INTERMITTENT && report.links.outcome[link[k] ?? 0] !== 0);
}

/** `sinceMs` and `ageMs` are packed, each with an error of 1 in 8192 at most: 1 in 4096 together. This leaves some room. */
const PACKING_ERROR = 1.001;

/**
 * Judges the pairs of pods of a mesh, one report after the other. Pods that start, terminate or are gone do not count, nor does the
 * pair of a pod with itself, because it says nothing about other pods.
 */
export class MeshCounts {
  readonly topology: Topology;
  /** The reports that are present, of judged pods, by pod. */
  readonly reports = new Map<number, MergedReport>();
  /** Those of judged pods that should be here and are not. */
  readonly missing: MergedReport[] = [];
  /** Reports of pods that are or were starved: timeouts and delays of that time are not believed. */
  readonly starved: MergedReport[] = [];
  /** Pods that are starved, or were when the samples by which loss and intermittent links are judged may have been taken. */
  readonly #wereStarved = new Set<number>();
  /** Pods whose link to themselves fails, and the index of that link in their report. `families`: `IPV4`, `IPV6` or both. */
  readonly selfFailed: { pod: number; link: number; families: number }[] = [];
  /**
   * Pods because of which links or paths are doubted. Those that are not in `starved` have no finding: their shortage is over, but
   * many samples are of that time. Filled by `add`, `byDefect` and `pathFindings`.
   */
  readonly doubted = new Set<number>();
  /** Whether any pair is probed, that of a pod with itself included, and whether any is in both IP families. */
  isAnyProbed = false;
  bothFamilies = false;
  readonly #probed: PairCounter;
  /** Those of them whose pings are fine and whose loss is measured. */
  readonly #measured: PairCounter;
  readonly #notOk: NotOkPairs[] = [];
  readonly #slowUs: number;
  readonly settings: PingSettings;
  /** The pairs of the report that is being added: entry `to` of each column is about the pair that ends at pod `to`. */
  readonly #state: Uint8Array;
  readonly #link: Uint16Array;
  readonly #families: Uint8Array;

  constructor(pods: readonly Pod[], settings: PingSettings & Pick<MeshSettings, 'slowLinkMs'>) {
    this.topology = new Topology(pods);
    this.#probed = new PairCounter(this.topology);
    this.#measured = new PairCounter(this.topology);
    this.#slowUs = settings.slowLinkMs * 1000;
    this.settings = settings;
    this.#state = new Uint8Array(pods.length);
    this.#link = new Uint16Array(pods.length);
    this.#families = new Uint8Array(pods.length);
  }

  /** Takes the report of one pod into account, each pod's once. That of a pod that is not judged, or is passive, says nothing. */
  add(report: MergedReport): void {
    const { pod } = report;
    if (this.topology.judged[pod] !== 1) return;
    if (report.missing !== '') {
      if (isReportMissing(report)) this.missing.push(report);
      return;
    }
    this.reports.set(pod, report);
    const { starvation } = report;
    if (wasStarvedLately(starvation)) this.starved.push(report);
    if (isStarved(starvation) || wasUnreliableLately(report, this.settings)) this.#wereStarved.add(pod);
    this.#classify(report);
    this.#takeSelf(report);
    const notOk = this.#count(report);
    if (notOk.length > 0) this.#notOk.push(this.#notOkPairsOf(report, notOk));
  }

  /**
   * The pairs of each defect, when all reports have been added: without pairs that are doubted because a pod is starved, and
   * by index of the source, whatever the order in which the reports came. Yields after each report.
   */
  *byDefect(): Generator<void, Record<Defect, DefectPairs>> {
    const reports = this.#notOk.sort((a, b) => a.report.pod - b.report.pod);
    const starved = new Map(this.starved.map((report) => [report.pod, report]));
    const result = {} as Record<Defect, DefectPairs>;
    // What a graver defect leaves is judged for the next one. Loss is only measured of some pairs, whose pings are fine.
    let left = this.#probed;
    for (const defect of DEFECTS) {
      const probed = defect === 'lossy' ? this.#measured : this.#probed;
      const judged = (defect === 'lossy' ? probed : left).copy();
      const fine = judged.copy();
      left = fine;
      const slowUs = defect === 'slow' ? this.#slowUs : 0;
      const pairs = { defect, reports, judged, fine, probed, slowUs, bad: 0 };
      for (const ofReport of reports) {
        if (this.starved.length + this.#wereStarved.size > 0) this.#dropDoubted(ofReport, pairs, starved);
        for (let k = 0; k < ofReport.to.length; k++) {
          if (!isBad(pairs, ofReport, k)) continue;
          pairs.bad += 1;
          fine.add(ofReport.report.pod, ofReport.to[k] ?? 0, -1);
        }
        yield;
      }
      result[defect] = pairs;
    }
    return result;
  }

  /** Fills the columns of pairs. If a pair has links in both IP families, the worse one counts. */
  #classify(report: MergedReport): void {
    const { links } = report;
    const states = this.#state;
    const { judged } = this.topology;
    states.fill(UNJUDGED);
    for (let i = 0; i < links.length; i++) {
      const to = links.to[i] ?? 0;
      const flags = links.flags[i] ?? 0;
      if ((flags & FLAG_NOT_YET) !== 0 || judged[to] !== 1) continue;
      this.isAnyProbed = true;
      const state = stateOf(report, i, this.#slowUs);
      const before = states[to] ?? UNJUDGED;
      if (before !== UNJUDGED) this.bothFamilies = true;
      if (state < before) continue;
      const family = (flags & FLAG_IPV6) !== 0 ? IPV6 : IPV4;
      this.#families[to] = state === before ? (this.#families[to] ?? 0) | family : family;
      // Of two links that are bad in one way the one is taken that fails now, and of two that fail the one that a shortage of CPU
      // does not explain.
      const [outcome = 0, other = 0] = [links.outcome[i], links.outcome[this.#link[to] ?? 0]];
      if (state > before || (outcome !== 0 && (other === 0 || !isDoubted(outcome)))) this.#link[to] = i;
      states[to] = state;
    }
  }

  /** Takes the pair of a pod with itself out of the columns. If it fails, and the pod was not starved then, it is in `selfFailed`. */
  #takeSelf(report: MergedReport): void {
    const { pod, links } = report;
    const isJudged = this.#state[pod] !== UNJUDGED;
    this.#state[pod] = UNJUDGED;
    const link = this.#link[pod] ?? 0;
    const outcome = links.outcome[link] ?? 0;
    if (!isJudged || outcome === 0) return;
    if (isDoubted(outcome) && wasStarvedDuring(report, report, link)) this.doubted.add(pod);
    else this.selfFailed.push({ pod, link, families: this.#families[pod] ?? 0 });
  }

  /** Counts the pairs in the columns. Returns the destinations of those that are not ok. */
  #count({ pod, links, udp }: MergedReport): number[] {
    const notOk: number[] = [];
    for (let to = 0; to < this.#state.length; to++) {
      const state = this.#state[to] ?? UNJUDGED;
      if (state === UNJUDGED) continue;
      this.#probed.add(pod, to);
      if (state > OK) notOk.push(to);
    }
    if (udp === null) return notOk;
    const isMeasured = (to: number, i: number) => {
      const state = this.#state[to] ?? UNJUDGED;
      return state !== UNJUDGED && state <= LOSSY && sentOf(udp, i) > 0;
    };
    for (const to of new Set(links.to.filter(isMeasured))) this.#measured.add(pod, to);
    return notOk;
  }

  /** Moves the pairs in the columns that are not ok to columns of their own. */
  #notOkPairsOf(report: MergedReport, notOk: readonly number[]): NotOkPairs {
    const roundMs = roundMsOf(this.settings);
    const link = new Uint16Array(notOk.map((to) => this.#link[to] ?? 0));
    const states = notOk.map((to, k) => {
      const own = this.#state[to] ?? UNJUDGED;
      const isOver = own === RECOVERING && unpack16(report.links.sinceMs[link[k] ?? 0] ?? NONE16) > roundMs;
      return isOver ? RECOVERED : own;
    });
    const state = new Uint8Array(states);
    return {
      report,
      to: new Uint16Array(notOk),
      link,
      state,
      confidence: state.map((one, k) => confidenceIn(report, link[k] ?? 0, one)),
      families: new Uint8Array(notOk.map((to) => this.#families[to] ?? 0)),
    };
  }

  /**
   * Drops the symptoms that are doubted because a pod is or was starved. Those that are bad are not judged; one that has just
   * recovered is ok. `starved`: by pod.
   */
  #dropDoubted(ofReport: NotOkPairs, pairs: DefectPairs, starved: ReadonlyMap<number, MergedReport>): void {
    const { report } = ofReport;
    const { pod: from, links } = report;
    const { defect, judged, fine } = pairs;
    const wasShort = (pod: number, link: number) => {
      // What many samples or datagrams tell is not of one moment. If the newest ping has failed, it alone is enough.
      const isOfMany = defect === 'lossy' || (defect === 'intermittent' && links.outcome[link] === 0);
      if (isOfMany) return this.#wereStarved.has(pod);
      const ofPod = starved.get(pod);
      return ofPod !== undefined && wasStarvedDuring(ofPod, report, link);
    };
    for (let k = 0; k < ofReport.to.length; k++) {
      if (!isSymptom(pairs, ofReport, k)) continue;
      const to = ofReport.to[k] ?? 0;
      const link = ofReport.link[k] ?? 0;
      const isBySource = isDoubted(links.outcome[link] ?? 0) && wasShort(from, link);
      const isByDestination = isDoubtedByDestination(links, link) && wasShort(to, link);
      if (!isBySource && !isByDestination) continue;
      if (isBySource) this.doubted.add(from);
      if (isByDestination) this.doubted.add(to);
      if (isBad(pairs, ofReport, k)) for (const counter of [judged, fine]) counter.add(from, to, -1);
      ofReport.state[k] = UNJUDGED;
    }
  }
}

/** The state of a pair by one of its links, which has a sample. */
function stateOf({ links, udp }: MergedReport, i: number, slowUs: number): number {
  const flags = links.flags[i] ?? 0;
  if ((flags & FLAG_INTERMITTENT) !== 0) return INTERMITTENT;
  if (links.outcome[i] !== 0) return FAILED;
  if ((flags & FLAG_SLOW) !== 0 || isSlow(unpack16(links.totalUs[i] ?? NONE16), slowUs)) return SLOW;
  if ((flags & FLAG_RECOVERED) !== 0) return RECOVERING;
  return udp !== null && isLossy(recentOf(udp, i)) ? LOSSY : OK;
}

/** How sure it is that a pair is bad, by the link that stands for it. */
function confidenceIn({ links, via }: MergedReport, i: number, state: number): number {
  if (state === FAILED) {
    // Confirmed if the link was failing already before its newest sample. 1 ms: both times are rounded.
    const sinceMs = unpack16(links.sinceMs[i] ?? NONE16);
    const ageMs = unpack16(links.ageMs[i] ?? NONE16);
    return ageMs >= 0 && sinceMs > ageMs * PACKING_ERROR + 1 ? CONFIRMED : UNCONFIRMED;
  }
  if (state === SLOW) {
    // It takes SLOW_RUN samples in a row until a report calls a link slow. Goldpinger's `/check` has one sample of a link and
    // never calls it slow. Any other report has seen the link be late once or twice, which is chance.
    if (((links.flags[i] ?? 0) & FLAG_SLOW) !== 0) return CONFIRMED;
    return via === 'check' ? UNCONFIRMED : OUTLIER;
  }
  return state === INTERMITTENT || state === LOSSY ? CONFIRMED : OUTLIER;
}
