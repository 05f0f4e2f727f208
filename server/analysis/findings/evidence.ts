import { MAX_FINDING_PODS } from '../../protocol/finding.ts';
import { failedShare } from '../../protocol/link-quality.ts';
import { isSlow, type LatePhase, latePhase as latePhaseOf } from '../../protocol/link-state.ts';
import { NONE16, outcomeOf, phaseOf, unpack16 } from '../../protocol/links.ts';
import type { MergedReport } from '../../protocol/mesh.ts';
import type { FailsOnly, Outcome, Phase } from '../../protocol/sample.ts';
import { lostOf, sentOf } from '../../protocol/udp.ts';
import { CAUSE, type Causes, FEW_PAIRS } from './attribution.ts';
import { CONFIRMED, type MeshCounts, type NotOkPairs, OUTLIER, type SeverityPairs } from './counts.ts';
import { PairCounter, type Place, type Topology } from './topology.ts';

/*
 * Step 4 of `findingsFrom`: gives every bad pair to the cause that explains it, and says what the links of a cause have in
 * common. The pairs that no cause explains become findings about single links.
 */

/** The bad pairs of one severity, by the cause that explains them. */
export class CauseEvidence {
  /** By place, and by the index of the cause there. */
  readonly found: Record<Place, Map<number, Evidence>> = {
    intoNode: new Map(),
    outOfNode: new Map(),
    zonePair: new Map(),
    intoPod: new Map(),
    outOfPod: new Map(),
  };
  /** Failed pairs into the silent pods: see `silentSide` in `../sides.ts`. */
  readonly silent: Evidence;
  /**
   * The bad pairs that any cause explains. They count for the place of that cause alone. Example: node-b is down, so pod-1 on
   * node-a does not reach the pods on node-b. This is evidence for node-b, and says neither that pod-1 is bad nor that it is
   * fine.
   */
  readonly #explained: PairCounter;
  readonly unexplained: UnexplainedPairs;
  readonly #mesh: MeshCounts;
  readonly #pairs: SeverityPairs;
  readonly #causes: Causes;
  readonly #silentPods: ReadonlySet<number>;

  constructor(mesh: MeshCounts, pairs: SeverityPairs, causes: Causes, silentPods: ReadonlySet<number>) {
    this.#mesh = mesh;
    this.#pairs = pairs;
    this.#causes = causes;
    this.#silentPods = silentPods;
    this.silent = new Evidence(0);
    this.#explained = new PairCounter(mesh.topology);
    this.unexplained = new UnexplainedPairs(mesh.topology);
  }

  /**
   * Gives every pair that is bad now to the most general cause that explains it. `isExplainedElsewhere`: whether a cause of
   * another severity explains a link of a report. Yields after each report.
   */
  *collect(isExplainedElsewhere: (report: MergedReport, link: number) => boolean): Generator<void, this> {
    if (this.#pairs.bad === 0) return this;
    for (const ofReport of this.#pairs.reports) {
      const { report, length, to, link, families } = ofReport;
      for (let k = 0; k < length; k++) {
        if (!this.#pairs.isBad(ofReport, k)) continue;
        const destination = to[k] ?? 0;
        const isExplained = this.#causes.explains(report.pod, destination);
        if (isExplained) this.#evidenceFor(report.pod, destination)?.add(report, link[k] ?? 0, families[k] ?? 0);
        if (isExplained || isExplainedElsewhere(report, link[k] ?? 0)) this.#explained.add(report.pod, destination);
        else this.unexplained.add(ofReport, k);
      }
      yield;
    }
    return this;
  }

  /**
   * The number of links at a place that could show a cause there: all that are judged, less those that a cause elsewhere explains.
   * `#explained` also has the links that the cause at this very place explains, so these are added back.
   */
  linksAt(place: Place, key: number): number {
    const explainedHere = this.found[place].get(key)?.affected ?? 0;
    return this.#pairs.judged.at(place, key) - this.#explained.at(place, key) + explainedHere;
  }

  /** The number of links at a place that are judged and not bad. */
  fineLinksAt(place: Place, key: number): number {
    return this.#pairs.judged.at(place, key) - this.#explained.at(place, key) - this.unexplained.counter.at(place, key);
  }

  /**
   * The evidence to which a pair that is explained belongs; null if it is evidence of nothing: a graver cause explains it, or it is
   * between two pods on the same bad node, which says nothing about the node's network.
   */
  #evidenceFor(from: number, to: number): Evidence | null {
    const causes = this.#causes;
    const { topology } = this.#mesh;
    if (this.#silentPods.has(to)) return this.silent;
    if (causes.graver?.explains(from, to) === true) return null;
    if (topology.isAcrossNodes(from, to)) {
      if (causes.hasNodeOf(to)) return this.#evidenceAt('intoNode', topology.nodeOf[to] ?? -1);
      if (causes.hasNodeOf(from)) return this.#evidenceAt('outOfNode', topology.nodeOf[from] ?? -1);
    }
    const zonePair = topology.zonePair(from, to);
    if (causes.zonePairs[zonePair] === CAUSE) return this.#evidenceAt('zonePair', zonePair);
    if (causes.destinations[to] === CAUSE) return this.#evidenceAt('intoPod', to);
    return causes.sources[from] === CAUSE ? this.#evidenceAt('outOfPod', from) : null;
  }

  #evidenceAt(place: Place, key: number): Evidence {
    const found = this.found[place];
    const evidence = found.get(key) ?? new Evidence(this.#pairs.slowUs);
    found.set(key, evidence);
    return evidence;
  }
}

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
  /** Number of pairs. */
  affected = 0;
  /** Number of those that fail now. */
  failing = 0;
  /** The first sources of these pairs, and how many there are. */
  readonly from: number[] = [];
  fromCount = 0;
  /** Bits of the IP families in which the pairs are bad. */
  families = 0;
  /**
   * The first links: the report of each, and its index there. A mesh can have a thousand causes, so there is no object for
   * each link.
   */
  readonly #reports: MergedReport[] = [];
  readonly #links: number[] = [];
  #lastFrom = -1;
  #medians: Medians | null = null;
  #outcome: { outcome: Outcome; phase: Phase | null } | null = null;
  readonly #slowUs: number;

  /** `slowUs`: for slow pairs, from when on an answer is slow (SLOW_LINK); 0 for others. */
  constructor(slowUs: number) {
    this.#slowUs = slowUs;
  }

  /** Adds link `link` of `report`, which is bad in `families`. All links of a report are added in a row. */
  add(report: MergedReport, link: number, families: number): void {
    this.affected += 1;
    if (report.links.outcome[link] !== 0) this.failing += 1;
    this.families |= families;
    if (report.pod !== this.#lastFrom) {
      this.#lastFrom = report.pod;
      this.fromCount += 1;
      if (this.from.length < MAX_FINDING_PODS) this.from.push(report.pod);
    }
    if (this.#links.length >= MAX_LINKS) return;
    this.#reports.push(report);
    this.#links.push(link);
  }

  /** Adds the pairs of `other`. A source pod of both is counted twice in `fromCount`. */
  addAll(other: Evidence): void {
    this.affected += other.affected;
    this.failing += other.failing;
    this.families |= other.families;
    this.fromCount += other.fromCount;
    const added = other.from.filter((pod) => !this.from.includes(pod));
    this.from.push(...added.slice(0, MAX_FINDING_PODS - this.from.length));
    const room = MAX_LINKS - this.#links.length;
    this.#reports.push(...other.#reports.slice(0, room));
    this.#links.push(...other.#links.slice(0, room));
  }

  /** The error text of the first link; '' = none. */
  firstErrorText(): string {
    const [first] = this.#values((report, link) => report.details.find(([at]) => at === link)?.[1] ?? '');
    return first ?? '';
  }

  /** The outcome and the phase that most links share; `ok` if none fails now. */
  commonOutcome(): { outcome: Outcome; phase: Phase | null } {
    if (this.#outcome !== null) return this.#outcome;
    const all = this.#values(({ links }, i) => ({ outcome: outcomeOf(links, i), phase: phaseOf(links, i) }));
    const keyOf = ({ outcome, phase }: (typeof all)[number]) => `${outcome} ${phase}`;
    const most = mostCommon(all.map(keyOf));
    this.#outcome = all.find((one) => keyOf(one) === most) ?? { outcome: 'ok', phase: null };
    return this.#outcome;
  }

  /** The share of the last pings that failed, over the links whose report says it; -1 = none does. */
  shareOfFailedPings(): number {
    let [failures, samples] = [0, 0];
    for (const recent of this.#values((report, link) => report.recent?.find(([at]) => at === link))) {
      const [, failuresOfLink = 0, samplesOfLink = 0] = recent ?? [];
      failures += failuresOfLink;
      samples += samplesOfLink;
    }
    return failedShare(samples, failures);
  }

  /** The share of the datagrams of these links that were lost; 0 if none were sent, which never makes a link lossy. */
  shareOfLostDatagrams(): number {
    let [sent, lost] = [0, 0];
    for (const [ofLink, lostOfLink] of this.#values(({ udp }, i) =>
      udp === null ? [0, 0] : [sentOf(udp, i), lostOf(udp, i)],
    )) {
      sent += ofLink ?? 0;
      lost += lostOfLink ?? 0;
    }
    return sent === 0 ? 0 : lost / sent;
  }

  /** Which kind of connection alone fails, on most of the links; '' = both, or not known. */
  failsOnly(): FailsOnly {
    const kinds = this.#values(({ failsOnly }, link) => failsOnly?.find(([at]) => at === link)?.[1] ?? '');
    const isMost = (kind: FailsOnly) => kinds.filter((one) => one === kind).length > kinds.length / 2;
    return isMost('new') ? 'new' : isMost('open') ? 'open' : '';
  }

  /**
   * Medians over the links; call it when all links have been added. Of slow pairs only slow figures count: a link is still slow
   * after its first fast answers, and those do not show what was late. -1 = there are none.
   */
  medians(): Medians {
    this.#medians ??= this.#mediansOf(
      this.#values(({ links, stats }, link) => {
        const newest = figuresOf(links.connectUs[link], links.firstByteUs[link], links.totalUs[link]);
        if (this.#slowUs === 0 || isSlow(newest.totalUs, this.#slowUs)) return newest;
        return figuresOf(stats?.connectP50Us[link], stats?.firstByteP50Us[link], stats?.p50Us[link]);
      }),
    );
    return this.#medians;
  }

  #mediansOf(all: readonly Medians[]): Medians {
    const counted = this.#slowUs === 0 ? all : all.filter(({ totalUs }) => isSlow(totalUs, this.#slowUs));
    const median = (name: keyof Medians) => lowerMedian(counted.map((one) => one[name]).filter((us) => us >= 0)) ?? -1;
    return { connectUs: median('connectUs'), firstByteUs: median('firstByteUs'), totalUs: median('totalUs') };
  }

  /** Which phase of the median link is late. */
  latePhase(): LatePhase {
    const { connectUs, firstByteUs, totalUs } = this.medians();
    return latePhaseOf(connectUs, firstByteUs, totalUs);
  }

  /** Since when the median link fails, or is slow if `ofSlowness`: ms since the epoch, 0 = not known. */
  sinceMs(ofSlowness = false): number {
    const since = this.#values(({ slow, links, atMs }, link) => {
      const slowForMs = slow?.find(([at]) => at === link)?.[1] ?? -1;
      const forMs = ofSlowness ? slowForMs : unpack16(links.sinceMs[link] ?? NONE16);
      return forMs < 0 ? -1 : Math.round(atMs - forMs);
    });
    return lowerMedian(since.filter((ms) => ms >= 0)) ?? 0;
  }

  /** The result of `read` for each of the first links. */
  #values<T>(read: (report: MergedReport, link: number) => T): T[] {
    return this.#reports.map((report, i) => read(report, this.#links[i] ?? 0));
  }
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

function lowerMedian(values: number[]): number | undefined {
  values.sort((a, b) => a - b);
  return values[Math.floor((values.length - 1) / 2)];
}

/** One bad pair. */
export interface BadPair {
  from: number;
  to: number;
  /** As in `NotOkPairs`. */
  link: number;
  families: number;
}

/** At most this many unexplained pairs of each confidence are kept; `single-links.ts` says how many become findings. */
const MAX_KEPT = 1_000;
/** So few unconfirmed pairs become findings of their own in a mesh of any size: a reader sees at a glance whether they matter. */
const FEW_UNCONFIRMED = 3;
/**
 * More unconfirmed pairs become findings of their own if at most this share of all pairs is unconfirmed. Reason: chance makes about
 * 12 of 1200 pairs look bad; it makes three or fewer look bad in only one of 400 meshes. So so few are probably real faults.
 */
const UNCONFIRMED_SHARE = 0.0025;

/**
 * Bad pairs that no general cause explains: all are counted, the first ones are kept. `counts.ts` says what makes a pair `OUTLIER`,
 * `UNCONFIRMED` or `CONFIRMED`.
 */
export class UnexplainedPairs {
  readonly counter: PairCounter;
  readonly #confirmed: BadPair[] = [];
  readonly #unconfirmed: BadPair[] = [];
  #unconfirmedCount = 0;

  constructor(topology: Topology) {
    this.counter = new PairCounter(topology);
  }

  /** Adds pair `k` of a report. An `OUTLIER` is only counted. */
  add({ report, to, link, families, confidence }: NotOkPairs, k: number): void {
    const pair = { from: report.pod, to: to[k] ?? 0, link: link[k] ?? 0, families: families[k] ?? 0 };
    this.counter.add(pair.from, pair.to);
    if (confidence[k] === OUTLIER) return;
    if (confidence[k] !== CONFIRMED) this.#unconfirmedCount += 1;
    const kept = confidence[k] === CONFIRMED ? this.#confirmed : this.#unconfirmed;
    if (kept.length < MAX_KEPT) kept.push(pair);
  }

  /**
   * The pairs to make findings of, in a mesh with `judged` judged pairs. Confirmed pairs always are among them; unconfirmed
   * ones only if the mesh is small, or if they are few. Many unconfirmed pairs are what chance makes: then `byChance` are the
   * first of them, and `byChanceCount` is their number.
   */
  found(judged: number): { pairs: BadPair[]; byChance: BadPair[]; byChanceCount: number } {
    const count = this.#unconfirmedCount;
    const isRare = count <= Math.max(FEW_UNCONFIRMED, judged * UNCONFIRMED_SHARE);
    if (judged < FEW_PAIRS || isRare)
      return { pairs: [...this.#confirmed, ...this.#unconfirmed], byChance: [], byChanceCount: 0 };
    return { pairs: this.#confirmed, byChance: this.#unconfirmed, byChanceCount: count };
  }
}
