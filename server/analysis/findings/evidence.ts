import { MAX_FINDING_PODS } from '../../protocol/finding.ts';
import { failedShare } from '../../protocol/link-quality.ts';
import { isSlow, type LatePhase, latePhase as latePhaseOf } from '../../protocol/link-state.ts';
import { NONE16, outcomeOf, phaseOf, unpack16 } from '../../protocol/links.ts';
import type { MergedReport } from '../../protocol/mesh.ts';
import type { FailsOnly, Outcome, Phase } from '../../protocol/sample.ts';
import { lostOf, sentOf } from '../../protocol/udp.ts';
import { type CausePlace, type Causes, causesOf } from './attribution.ts';
import {
  CONFIRMED,
  type Defect,
  type DefectPairs,
  failsNow,
  isBad,
  type MeshCounts,
  type NotOkPairs,
  OUTLIER,
} from './counts.ts';
import { PairCounter } from './topology.ts';

/* Step 4 of `findingsFrom`: gives every bad pair to the cause that explains it, and says what the links of a cause have in common. */

export interface BadPair {
  /** Source and destination, indexes in `Mesh.pods`. */
  from: number;
  to: number;
  /** As in `NotOkPairs`. */
  link: number;
  families: number;
}

/** The bad pairs of a mesh by defect. */
export type Analysis = Record<Defect, DefectAnalysis>;

/**
 * Finds what explains the bad pairs of a mesh when all reports have been added: steps 2 to 4 of `findingsFrom`, for health too.
 * `servedBy`: the pod that collected the mesh, -1 = none. O(bad pairs) for each step. Yields after each report.
 */
export function* analysisOf(mesh: MeshCounts, servedBy: number): Generator<void, Analysis> {
  const causes = yield* causesOf(mesh, servedBy);
  const intermittent = yield* new DefectAnalysis(causes.intermittent).collect();
  const slow = yield* new DefectAnalysis(causes.slow).collect();
  const lossy = yield* new DefectAnalysis(causes.lossy).collect();
  // A pod that is intermittent also fails now, and one that answers slowly answers some pings too late.
  const failed = yield* new DefectAnalysis(causes.failed).collect(({ pod, links }, link) => {
    const to = links.to[link] ?? 0;
    const isTimeout = outcomeOf(links, link) === 'timeout';
    const evidence = intermittent.evidenceOf(pod, to) ?? (isTimeout ? slow.evidenceOf(pod, to) : undefined);
    if (evidence === undefined) return false;
    evidence.isFailing = true;
    return true;
  });
  return { failed, intermittent, slow, lossy };
}

/**
 * At most this many unexplained pairs of each confidence are kept, and described; a mesh has fewer findings. There is room for as many
 * more that fail now.
 */
const MAX_KEPT = 300;

/** The bad pairs of one defect, by the cause that explains them. */
export class DefectAnalysis {
  readonly mesh: MeshCounts;
  readonly pairs: DefectPairs;
  /** By place, and by the index of the cause there. */
  readonly found: Record<CausePlace, Map<number, Evidence>> = {
    intoNode: new Map(),
    outOfNode: new Map(),
    zonePair: new Map(),
    intoPod: new Map(),
    outOfPod: new Map(),
  };
  /** Failed pairs into the silent pods: see `silentSide` in `../sides.ts`. */
  readonly silent = new Evidence(0);
  /** The first of the pairs that no cause explains: those that are `CONFIRMED`, and those that are `UNCONFIRMED`. */
  readonly confirmed: BadPair[] = [];
  readonly unconfirmed: BadPair[] = [];
  /** How many of these are `UNCONFIRMED`, also beyond the first. */
  unconfirmedCount = 0;
  /** The bad pairs that any cause explains. They count for the place of that cause alone. */
  readonly #explained: PairCounter;
  /** The bad nodes with a link that fails now between two of their own pods. It is no evidence, but health counts it. */
  readonly #failingWithin = new Set<number>();
  readonly causes: Causes;

  constructor(causes: Causes) {
    this.mesh = causes.mesh;
    this.pairs = causes.pairs;
    this.causes = causes;
    this.#explained = new PairCounter(causes.mesh.topology);
  }

  /**
   * Gives every bad pair to the most general cause that explains it. `isExplainedElsewhere`: asked for each pair that no cause of this
   * defect explains, whether a cause of another one does. Yields after each report.
   */
  *collect(isExplainedElsewhere: (report: MergedReport, link: number) => boolean = () => false): Generator<void, this> {
    const { pairs } = this;
    if (pairs.bad === 0) return this;
    for (const ofReport of pairs.reports) {
      const { report, to: destinations, link: links } = ofReport;
      for (let k = 0; k < destinations.length; k++) {
        if (!isBad(pairs, ofReport, k)) continue;
        const to = destinations[k] ?? 0;
        if (this.causes.explains(report.pod, to)) this.#addExplained(ofReport, k);
        else if (isExplainedElsewhere(report, links[k] ?? 0)) this.#explained.add(report.pod, to);
        else this.#addUnexplained(ofReport, k);
      }
      yield;
    }
    for (const node of this.#failingWithin) {
      const evidence = this.found.intoNode.get(node) ?? this.found.outOfNode.get(node);
      if (evidence !== undefined) evidence.isFailing = true;
    }
    return this;
  }

  /** The evidence at a place, and how many links could show a cause there (`of`), and are probed. */
  linksAt(place: CausePlace, key: number): { evidence: Evidence; of: number; probed: number } {
    const { judged, probed, slowUs } = this.pairs;
    const evidence = this.found[place].get(key) ?? new Evidence(slowUs);
    // All that are judged, less those that a cause elsewhere explains.
    const of = judged.at(place, key) - this.#explained.at(place, key) + evidence.affected;
    return { evidence, of, probed: probed.at(place, key) };
  }

  /** The evidence for the cause that explains a pair, bad in this way or not; undefined: the cause is no finding. */
  evidenceOf(from: number, to: number): Evidence | undefined {
    const place = this.causes.placeOf(from, to) ?? (this.causes.hasNodeOf(to) ? 'intoNode' : null);
    if (place === null) return undefined;
    const key = this.mesh.topology.keyAt(place, from, to);
    return this.found[place].get(key) ?? this.found[OPPOSITE[place]].get(key);
  }

  /** Makes a pair that a cause explains evidence of that cause. If a cause of a graver defect explains it, that one has other evidence. */
  #addExplained({ report, to: destinations, link: links, families }: NotOkPairs, k: number): void {
    const { causes } = this;
    const { topology } = this.mesh;
    const from = report.pod;
    const to = destinations[k] ?? 0;
    const link = links[k] ?? 0;
    this.#explained.add(from, to);
    if (causes.silent.has(to)) this.silent.add(report, link, families[k] ?? 0);
    else if (causes.graver?.explains(from, to) !== true) {
      const place = causes.placeOf(from, to);
      if (place !== null) {
        const key = topology.keyAt(place, from, to);
        const evidence = this.found[place].get(key) ?? new Evidence(this.pairs.slowUs);
        this.found[place].set(key, evidence);
        evidence.add(report, link, families[k] ?? 0);
      } else if (report.links.outcome[link] !== 0) this.#failingWithin.add(topology.nodeOf[to] ?? -1);
    }
  }

  /** An `OUTLIER` makes no finding. */
  #addUnexplained(ofReport: NotOkPairs, k: number): void {
    const { report, to, link, families, confidence } = ofReport;
    if (confidence[k] === OUTLIER) return;
    if (confidence[k] !== CONFIRMED) this.unconfirmedCount += 1;
    const kept = confidence[k] === CONFIRMED ? this.confirmed : this.unconfirmed;
    if (kept.length >= (failsNow(ofReport, k) ? 2 * MAX_KEPT : MAX_KEPT)) return;
    kept.push({ from: report.pod, to: to[k] ?? 0, link: link[k] ?? 0, families: families[k] ?? 0 });
  }
}

/** The place of the same node or pod in the other direction. */
const OPPOSITE: Record<CausePlace, CausePlace> = {
  intoNode: 'outOfNode',
  outOfNode: 'intoNode',
  intoPod: 'outOfPod',
  outOfPod: 'intoPod',
  zonePair: 'zonePair',
};

/** Medians and outcomes are taken from this many links of a cause at most. */
const MAX_LINKS = 128;

/** Medians in us; -1 = no link has this duration. */
interface Medians {
  connectUs: number;
  firstByteUs: number;
  totalUs: number;
}

/** The bad pairs that one cause explains, and what their links have in common. */
export class Evidence {
  affected = 0;
  /** Whether any link that the cause explains fails now, evidence or not: its newest believed ping failed. */
  isFailing = false;
  /** The first sources of these pairs, and how many there are. */
  from: number[] = [];
  fromCount = 0;
  /** Bits of the IP families in which the pairs are bad. */
  families = 0;
  /** The first links: the report of each, and its index there. */
  readonly #links: [report: MergedReport, link: number][] = [];
  #lastFrom = -1;
  #medians: Medians | null = null;
  readonly #slowUs: number;

  /** `slowUs`: for slow pairs, from when on an answer is slow (SLOW_LINK); 0 for others. */
  constructor(slowUs: number) {
    this.#slowUs = slowUs;
  }

  /** Adds link `link` of `report`, which is bad in `families`. All links of a report are added in a row. */
  add(report: MergedReport, link: number, families: number): void {
    this.affected += 1;
    if (report.links.outcome[link] !== 0) this.isFailing = true;
    this.families |= families;
    if (report.pod !== this.#lastFrom) {
      this.#lastFrom = report.pod;
      this.fromCount += 1;
      if (this.from.length < MAX_FINDING_PODS) this.from.push(report.pod);
    }
    if (this.#links.length < MAX_LINKS) this.#links.push([report, link]);
  }

  /** Adds the pairs of `other`. A source pod of both is counted twice in `fromCount`. */
  addAll(other: Evidence): void {
    this.affected += other.affected;
    this.isFailing ||= other.isFailing;
    this.families |= other.families;
    this.fromCount += other.fromCount;
    const added = other.from.filter((pod) => !this.from.includes(pod));
    this.from.push(...added.slice(0, MAX_FINDING_PODS - this.from.length));
    this.#links.push(...other.#links.slice(0, MAX_LINKS - this.#links.length));
  }

  /** The error text of the first link; '' = none is known. */
  firstErrorText(): string {
    const [first] = this.#values(({ details }, link) => entryOf(details, link));
    return first ?? '';
  }

  /** The outcome and the phase that most links share. It is `ok` if the newest pings of most slow or intermittent links were. */
  commonOutcome(): { outcome: Outcome; phase: Phase | null } {
    const all = this.#values(({ links }, i) => ({ outcome: outcomeOf(links, i), phase: phaseOf(links, i) }));
    const keyOf = ({ outcome, phase }: (typeof all)[number]) => `${outcome} ${phase}`;
    const most = mostCommon(all.map(keyOf));
    return all.find((one) => keyOf(one) === most) ?? { outcome: 'ok', phase: null };
  }

  /** The share of the last pings that failed, over the links whose report says it; -1 = none does. */
  shareOfFailedPings(): number {
    const [failures, samples] = this.#sums((report, link) => {
      const [, ofFailed = 0, ofAll = 0] = report.recent?.find(([at]) => at === link) ?? [];
      return [ofFailed, ofAll];
    });
    return failedShare(samples, failures);
  }

  /** The share of the datagrams of these links that were lost; 0 if none were sent, which never makes a link lossy. */
  shareOfLostDatagrams(): number {
    const [lost, sent] = this.#sums(({ udp }, i) => (udp === null ? [0, 0] : [lostOf(udp, i), sentOf(udp, i)]));
    return sent === 0 ? 0 : lost / sent;
  }

  /** Which kind of connection alone fails, on most of the links; '' = both, or not known. */
  failsOnly(): FailsOnly {
    const kinds = this.#values(({ failsOnly }, link) => entryOf(failsOnly, link) ?? '');
    const isMost = (kind: FailsOnly) => kinds.filter((one) => one === kind).length > kinds.length / 2;
    return isMost('new') ? 'new' : isMost('open') ? 'open' : '';
  }

  /**
   * Medians over the links; call it when all links have been added. Of slow pairs only slow figures count: a link is still slow
   * after its first fast answers, and those do not show what was late. -1 = there are none.
   */
  medians(): Medians {
    if (this.#medians !== null) return this.#medians;
    const isCounted = ({ totalUs }: Medians) => this.#slowUs === 0 || isSlow(totalUs, this.#slowUs);
    const all = this.#values(({ links, stats }, link) => {
      const newest = figuresOf(links.connectUs[link], links.firstByteUs[link], links.totalUs[link]);
      if (isCounted(newest)) return newest;
      return figuresOf(stats?.connectP50Us[link], stats?.firstByteP50Us[link], stats?.p50Us[link]);
    }).filter(isCounted);
    const median = (name: keyof Medians) => lowerMedian(all.map((one) => one[name])) ?? -1;
    this.#medians = { connectUs: median('connectUs'), firstByteUs: median('firstByteUs'), totalUs: median('totalUs') };
    return this.#medians;
  }

  /** Which phase of the median link is late. */
  latePhase(): LatePhase {
    const { connectUs, firstByteUs, totalUs } = this.medians();
    return latePhaseOf(connectUs, firstByteUs, totalUs);
  }

  /** Since when the median link fails, or is slow if `ofSlowness`: ms since the epoch, 0 = not known. */
  sinceMs(ofSlowness = false): number {
    const since = this.#values(({ slow, links, atMs }, link) => {
      const slowForMs = entryOf(slow, link) ?? -1;
      const forMs = ofSlowness ? slowForMs : unpack16(links.sinceMs[link] ?? NONE16);
      return forMs < 0 ? -1 : Math.round(atMs - forMs);
    });
    return lowerMedian(since) ?? 0;
  }

  /**
   * When the links were certainly failing, or slow if `ofSlowness`, ms since the epoch. Where no report says since when they are (that of
   * a Goldpinger pod does not), it is the first of their newest pings.
   */
  certainMs(ofSlowness: boolean): number {
    const pingsMs = this.#values(({ links, atMs }, link) => atMs - Math.max(0, unpack16(links.ageMs[link] ?? NONE16)));
    return this.sinceMs(ofSlowness) || Math.min(...pingsMs);
  }

  #values<T>(read: (report: MergedReport, link: number) => T): T[] {
    return this.#links.map(([report, link]) => read(report, link));
  }

  #sums(read: (report: MergedReport, link: number) => readonly [number, number]): [number, number] {
    return this.#values(read).reduce<[number, number]>(([a, b], [c, d]) => [a + c, b + d], [0, 0]);
  }
}

/** The value of a link in a list that has only some links. */
function entryOf<T>(list: readonly (readonly [link: number, value: T])[] | undefined, link: number): T | undefined {
  return list?.find(([at]) => at === link)?.[1];
}

function figuresOf(connect16 = NONE16, firstByte16 = NONE16, total16 = NONE16): Medians {
  return { connectUs: unpack16(connect16), firstByteUs: unpack16(firstByte16), totalUs: unpack16(total16) };
}

/** The value that occurs most often; of several the first. undefined: there is no value. */
export function mostCommon<T>(values: readonly T[]): T | undefined {
  const counts = new Map<T, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const most = Math.max(...counts.values());
  return values.find((value) => counts.get(value) === most);
}

/** The lower median of the values that are known (not negative). */
function lowerMedian(values: readonly number[]): number | undefined {
  const known = values.filter((value) => value >= 0).sort((a, b) => a - b);
  return known[Math.floor((known.length - 1) / 2)];
}
