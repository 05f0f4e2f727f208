import { MAX_FINDING_PODS } from '../../protocol/finding.ts';
import { type LatePhase, latePhase } from '../../protocol/link-state.ts';
import { NONE16, outcomeOf, phaseOf, unpack16 } from '../../protocol/links.ts';
import type { MergedReport } from '../../protocol/mesh.ts';
import type { Outcome, Phase } from '../../protocol/sample.ts';
import { CAUSE, type Causes, FEW_PAIRS } from './attribution.ts';
import { type BadPairs, CONFIRMED, increase, type MeshCounts, OUTLIER, type PairCounts } from './counts.ts';

/** The bad pairs of one severity, by the cause that explains them. Keys are indexes in `Topology`. */
export interface CauseEvidence {
  /** Bad nodes: pairs that lead to them from other nodes, and pairs that lead from them to other nodes. */
  toNodes: Map<number, Evidence>;
  fromNodes: Map<number, Evidence>;
  zonePairs: Map<number, Evidence>;
  destinations: Map<number, Evidence>;
  sources: Map<number, Evidence>;
  /** Failed pairs into the pods that `silentSide` found. */
  silent: Evidence;
  /** By pod: bad pairs into it that are explained by a cause other than this pod as destination. */
  explainedTo: Uint32Array;
  /** The same for bad pairs out of the pod. */
  explainedFrom: Uint32Array;
  unexplained: UnexplainedPairs;
}

/** Says whether a cause of another severity explains the pair from the pod of `report` to pod `to`, by link `link`. */
type ExplainedElsewhere = (report: MergedReport, to: number, link: number) => boolean;

/** `collectEvidence` yields after this many pairs of a report, and after each report. */
const SLICE_PAIRS = 256;

/** Gives every pair that is bad now to the most general cause that explains it. O(bad pairs). */
export function* collectEvidence(
  mesh: MeshCounts,
  counts: PairCounts,
  causes: Causes,
  silent: ReadonlySet<number>,
  isExplainedElsewhere: ExplainedElsewhere,
): Generator<void, CauseEvidence> {
  const collector = new EvidenceCollector(counts, causes, silent, isExplainedElsewhere);
  if (counts.bad === 0) return collector.evidence;
  for (const pairs of counts.badReports) {
    const report = mesh.reports.get(pairs.from);
    if (report === undefined) continue;
    for (let start = 0; start < pairs.to.length; start += SLICE_PAIRS) {
      collector.add(report, pairs, start, Math.min(start + SLICE_PAIRS, pairs.to.length));
      yield;
    }
  }
  return collector.evidence;
}

class EvidenceCollector {
  readonly evidence: CauseEvidence;
  readonly #counts: PairCounts;
  readonly #causes: Causes;
  readonly #silent: ReadonlySet<number>;
  readonly #isExplainedElsewhere: ExplainedElsewhere;

  constructor(counts: PairCounts, causes: Causes, silent: ReadonlySet<number>, elsewhere: ExplainedElsewhere) {
    const podCount = counts.topology.pods.length;
    this.#counts = counts;
    this.#causes = causes;
    this.#silent = silent;
    this.#isExplainedElsewhere = elsewhere;
    this.evidence = {
      toNodes: new Map(),
      fromNodes: new Map(),
      zonePairs: new Map(),
      destinations: new Map(),
      sources: new Map(),
      silent: new Evidence(),
      explainedTo: new Uint32Array(podCount),
      explainedFrom: new Uint32Array(podCount),
      unexplained: new UnexplainedPairs(podCount),
    };
  }

  /** Adds the pairs `start` to `end` of a report. */
  add(report: MergedReport, pairs: BadPairs, start: number, end: number): void {
    const { destinations, sources, explainedTo, explainedFrom, unexplained } = this.evidence;
    const { from } = pairs;
    for (let k = start; k < end; k++) {
      if (pairs.isBad[k] !== 1) continue;
      const to = pairs.to[k] ?? 0;
      const link = pairs.link[k] ?? 0;
      const isExplained = this.#causes.explains(from, to);
      if (!isExplained && !this.#isExplainedElsewhere(report, to, link)) {
        unexplained.add(pairs, k);
        continue;
      }
      const evidence = isExplained ? this.#evidenceFor(from, to) : null;
      evidence?.add(report, link, pairs.families[k] ?? 0);
      if (evidence === null || evidence !== destinations.get(to)) increase(explainedTo, to);
      if (evidence === null || evidence !== sources.get(from)) increase(explainedFrom, from);
    }
  }

  /** The evidence that an explained pair belongs to; null if a graver cause explains it, or the pods of one bad node. */
  #evidenceFor(from: number, to: number): Evidence | null {
    const causes = this.#causes;
    const { evidence } = this;
    if (this.#silent.has(to)) return evidence.silent;
    if (causes.graver?.explains(from, to) === true) return null;
    const { topology } = this.#counts;
    const { nodeOf } = topology;
    if (topology.isAcrossNodes(from, to)) {
      if (causes.hasNodeOf(to)) return entryOf(evidence.toNodes, nodeOf[to] ?? -1);
      if (causes.hasNodeOf(from)) return entryOf(evidence.fromNodes, nodeOf[from] ?? -1);
    }
    const zonePair = topology.zonePair(from, to);
    if (causes.zonePairs[zonePair] === CAUSE) return entryOf(evidence.zonePairs, zonePair);
    if (causes.destinations[to] === CAUSE) return entryOf(evidence.destinations, to);
    if (causes.sources[from] === CAUSE) return entryOf(evidence.sources, from);
    return null;
  }
}

function entryOf(map: Map<number, Evidence>, key: number): Evidence {
  let evidence = map.get(key);
  if (evidence === undefined) {
    evidence = new Evidence();
    map.set(key, evidence);
  }
  return evidence;
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
  /** Entry k of both lists is about the same link. One list of objects would need far more memory for 1000 causes. */
  readonly #reports: MergedReport[] = [];
  readonly #links: number[] = [];
  #lastFrom = -1;
  #medians: Medians | null = null;

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
    const [report] = this.#reports;
    return report?.details.find(([link]) => link === this.#links[0])?.[1] ?? '';
  }

  /** The outcome and the phase that most links share; `ok` if none fails now. */
  commonOutcome(): { outcome: Outcome; phase: Phase | null } {
    const counts = new Map<string, { outcome: Outcome; phase: Phase | null; count: number }>();
    for (const [k, { links }] of this.#reports.entries()) {
      const link = this.#links[k] ?? 0;
      const outcome = outcomeOf(links, link);
      const phase = phaseOf(links, link);
      const entry = counts.get(`${outcome} ${phase}`) ?? { outcome, phase, count: 0 };
      entry.count += 1;
      counts.set(`${outcome} ${phase}`, entry);
    }
    const [most] = [...counts.values()].sort((a, b) => b.count - a.count);
    return { outcome: most?.outcome ?? 'ok', phase: most?.phase ?? null };
  }

  /** The share of the last pings that failed, over the links whose report says it; -1 = none does. */
  failedShare(): number {
    let [failures, samples] = [0, 0];
    for (const [k, report] of this.#reports.entries()) {
      const recent = report.recent?.find(([link]) => link === this.#links[k]);
      failures += recent?.[1] ?? 0;
      samples += recent?.[2] ?? 0;
    }
    return samples === 0 ? -1 : failures / samples;
  }

  /** Medians over the links; call it when all links have been added. */
  medians(): Medians {
    this.#medians ??= {
      connectUs: this.#median('connectUs'),
      firstByteUs: this.#median('firstByteUs'),
      totalUs: this.#median('totalUs'),
    };
    return this.#medians;
  }

  /** Which phase of the median link is late. */
  latePhase(): LatePhase {
    const { connectUs, firstByteUs, totalUs } = this.medians();
    return latePhase(connectUs, firstByteUs, totalUs);
  }

  /** Since when the median link fails, or with `isSlow` is slow: ms since the epoch, 0 = not known. */
  sinceMs(isSlow = false): number {
    const since = this.#reports.flatMap((report, k) => {
      const link = this.#links[k] ?? 0;
      const slowForMs = report.slow?.find(([at]) => at === link)?.[1] ?? -1;
      const forMs = isSlow ? slowForMs : unpack16(report.links.sinceMs[link] ?? NONE16);
      return forMs < 0 ? [] : [Math.round(report.atMs - forMs)];
    });
    return lowerMedian(since) ?? 0;
  }

  #median(column: keyof Medians): number {
    const values = this.#reports.map(({ links }, k) => unpack16(links[column][this.#links[k] ?? 0] ?? NONE16));
    return lowerMedian(values.filter((us) => us >= 0)) ?? -1;
  }
}

function lowerMedian(values: number[]): number | undefined {
  values.sort((a, b) => a - b);
  return values[Math.floor((values.length - 1) / 2)];
}

/** A bad pair. */
export interface BadPair {
  from: number;
  to: number;
  /** Index in the `LinkColumns` of the report. */
  link: number;
  families: number;
}

/** At most this many unexplained pairs of each confidence are kept; 60 of them become findings. */
const MAX_KEPT = 1_000;
/**
 * Unconfirmed pairs become findings of their own if at most this share of at least `MANY_PAIRS` judged pairs is unconfirmed. Chance
 * makes about 12 of 1200 pairs look bad, and three or fewer in only one of 400 meshes. So three or fewer are probably real.
 */
const UNCONFIRMED_SHARE = 0.0025;
const MANY_PAIRS = 1_200;
/** So few unconfirmed pairs become findings of their own in a mesh of any size. */
const FEW_UNCONFIRMED = 3;

/** Bad pairs that no general cause explains: all are counted, the first ones are kept. */
export class UnexplainedPairs {
  /** Number of pairs by destination and by source. */
  readonly to: Uint32Array;
  readonly from: Uint32Array;
  readonly #confirmed: BadPair[] = [];
  readonly #unconfirmed: BadPair[] = [];
  #unconfirmedCount = 0;

  constructor(podCount: number) {
    this.to = new Uint32Array(podCount);
    this.from = new Uint32Array(podCount);
  }

  /** Adds pair `k` of `pairs`. An outlier is only counted. */
  add(pairs: BadPairs, k: number): void {
    const to = pairs.to[k] ?? 0;
    const confidence = pairs.confidence[k];
    increase(this.to, to);
    increase(this.from, pairs.from);
    if (confidence === OUTLIER) return;
    if (confidence !== CONFIRMED) this.#unconfirmedCount += 1;
    const kept = confidence === CONFIRMED ? this.#confirmed : this.#unconfirmed;
    if (kept.length >= MAX_KEPT) return;
    kept.push({ from: pairs.from, to, link: pairs.link[k] ?? 0, families: pairs.families[k] ?? 0 });
  }

  /**
   * The pairs to make findings of, in a mesh with `judged` judged pairs. Confirmed pairs always are among them; unconfirmed ones
   * only if the mesh is small, or if they are few. Many unconfirmed pairs are what chance makes: `byChance`.
   */
  found(judged: number): { pairs: BadPair[]; byChance: BadPair[] } {
    const isRare = judged >= MANY_PAIRS && this.#unconfirmedCount <= judged * UNCONFIRMED_SHARE;
    const isTold = judged < FEW_PAIRS || isRare || this.#unconfirmedCount <= FEW_UNCONFIRMED;
    if (isTold) return { pairs: [...this.#confirmed, ...this.#unconfirmed], byChance: [] };
    return { pairs: this.#confirmed, byChance: this.#unconfirmed };
  }
}
