import { MAX_FINDING_PODS } from '../../protocol/finding.ts';
import { latePhase } from '../../protocol/link-state.ts';
import { NONE16, outcomeOf, phaseOf, unpack16 } from '../../protocol/links.ts';
import type { MergedReport } from '../../protocol/mesh.ts';
import { isJudged, type Pod } from '../../protocol/pod.ts';
import type { Outcome, Phase } from '../../protocol/sample.ts';

/** Families in which a pair is bad: bits. */
export const IPV4 = 1;
export const IPV6 = 2;

/** One sample against the others of its window. */
export const SPIKE = 0;
/** One sample, and nothing is known of others. */
export const FRESH = 1;
/** At least two samples say so: chance is no explanation. */
export const STANDS = 2;

/** What is bad in one pod's report: entry k of each column is about the same pair of pods. */
export interface BadReport {
  /** The pod that probes. */
  from: number;
  /** The probed pods. */
  to: Uint16Array;
  /** Index in the report's `LinkColumns`, of the worse where a pair has two. */
  link: Uint16Array;
  /** How far more than one sample says so: `SPIKE`, `FRESH` or `STANDS`. */
  weight: Uint8Array;
  /** `IPV4`, `IPV6` or both. */
  families: Uint8Array;
}

/**
 * What is judged and what is bad by one measure (failed, or slow), counted while reports come in. The link of a pod to
 * itself is not in it: it says nothing of others.
 */
export class Layer {
  readonly places: Places;
  /** Reports with anything bad. */
  readonly reports: BadReport[] = [];
  /** Judged pairs by probed and by probing pod. */
  readonly probedIn: Uint32Array;
  readonly probedOut: Uint32Array;
  /** The same, of pairs of pods on different nodes. */
  readonly crossIn: Uint32Array;
  readonly crossOut: Uint32Array;
  /** Judged pairs from zone to zone: `from * zones + to`. */
  readonly zonePairs: Uint32Array;
  /** All judged pairs, and all bad ones. */
  judged = 0;
  badPairs = 0;
  readonly #to: Uint16Array;
  readonly #link: Uint16Array;
  readonly #weight: Uint8Array;
  readonly #families: Uint8Array;
  #from = -1;
  #bad = 0;

  constructor(places: Places) {
    const n = places.pods.length;
    this.places = places;
    this.probedIn = new Uint32Array(n);
    this.probedOut = new Uint32Array(n);
    this.crossIn = new Uint32Array(n);
    this.crossOut = new Uint32Array(n);
    this.zonePairs = new Uint32Array(places.zones.length ** 2);
    this.#to = new Uint16Array(n);
    this.#link = new Uint16Array(n);
    this.#weight = new Uint8Array(n);
    this.#families = new Uint8Array(n);
  }

  /** Begins the report of pod `from`. */
  begin(from: number): void {
    this.#from = from;
    this.#bad = 0;
  }

  /** Counts the pairs of the report that was begun whose state is from 1 to `worst`. O(pods). */
  judge(states: Uint8Array, worst: number): void {
    const { nodeOf, zoneOf, zones } = this.places;
    const { probedIn, crossIn, zonePairs } = this;
    const from = this.#from;
    const [node, zone] = [nodeOf[from] ?? -1, zoneOf[from] ?? -1];
    let [judged, apart] = [0, 0];
    for (let to = 0; to < states.length; to++) {
      const state = states[to] ?? 0;
      if (state === 0 || state > worst || to === from) continue;
      judged += 1;
      increase(probedIn, to);
      if (node === -1 || node !== nodeOf[to]) {
        apart += 1;
        increase(crossIn, to);
      }
      const other = zoneOf[to] ?? -1;
      if (zone >= 0 && other >= 0) increase(zonePairs, zone * zones.length + other);
    }
    this.judged += judged;
    this.probedOut[from] = (this.probedOut[from] ?? 0) + judged;
    this.crossOut[from] = (this.crossOut[from] ?? 0) + apart;
  }

  /** Keeps a pair, counted by `judge`, as bad. At most once a pair. */
  keep(to: number, link: number, weight: number, families: number): void {
    const k = this.#bad++;
    this.#to[k] = to;
    this.#link[k] = link;
    this.#weight[k] = weight;
    this.#families[k] = families;
  }

  /** Ends the report. */
  end(): void {
    const count = this.#bad;
    if (count === 0) return;
    this.badPairs += count;
    this.reports.push({
      from: this.#from,
      to: this.#to.slice(0, count),
      link: this.#link.slice(0, count),
      weight: this.#weight.slice(0, count),
      families: this.#families.slice(0, count),
    });
  }
}

/** Whether two pods are on different nodes, as far as is known. */
export function isApart(nodeOf: Int32Array, a: number, b: number): boolean {
  return nodeOf[a] === -1 || nodeOf[a] !== nodeOf[b];
}

/** Adds one to a count. */
export function increase(counts: Uint32Array, i: number): void {
  counts[i] = (counts[i] ?? 0) + 1;
}

/** What reports have told, as far as findings need it. */
export interface Told {
  places: Places;
  /** By pod: its report, if it is here and to be believed. */
  reports: Map<number, MergedReport>;
  missing: MergedReport[];
  /** Reports that are here and not to be believed. */
  starved: MergedReport[];
  failed: Layer;
  /** Of the pairs that do not fail. */
  slow: Layer;
  /** Pods whose link to themselves fails, with its index in the report. */
  selfFailed: { pod: number; link: number }[];
  slowUs: number;
  /** Whether any pair was probed in both IP families. */
  bothFamilies: boolean;
}

/** The most zones between which blocks are looked for; clusters have three, seldom ten. */
const MAX_ZONES = 32;

/** Pods that share a node or a zone. */
interface Place {
  name: string;
  /** Those of its pods that are judged: indexes in `Mesh.pods`. */
  pods: number[];
}

/** Where the pods are that are judged and believed: ready, or were; all others are about to come or to go. */
export class Places {
  readonly pods: readonly Pod[];
  readonly judged: Uint8Array;
  readonly judgedCount: number;
  /** By pod: index in `nodes`, -1 = not known. */
  readonly nodeOf: Int32Array;
  readonly nodes: Place[] = [];
  /** By pod: index in `zones`, -1 = not known. */
  readonly zoneOf: Int32Array;
  readonly zones: Place[] = [];

  constructor(pods: readonly Pod[]) {
    this.pods = pods;
    this.judged = Uint8Array.from(pods, (pod) => (isJudged(pod) ? 1 : 0));
    this.judgedCount = this.judged.reduce((sum, one) => sum + one, 0);
    this.nodeOf = this.#place(this.nodes, (pod) => pod.node, pods.length);
    this.zoneOf = this.#place(this.zones, (pod) => pod.zone, MAX_ZONES);
  }

  /** The pod's name, as a sentence has it. */
  name(pod: number): string {
    return this.pods[pod]?.name.slice(0, 120) ?? '';
  }

  #place(places: Place[], nameOf: (pod: Pod) => string, limit: number): Int32Array {
    const byName = new Map<string, number>();
    return Int32Array.from(this.pods, (pod, i) => {
      const name = nameOf(pod);
      if (name === '' || this.judged[i] !== 1) return -1;
      const index = byName.get(name) ?? byName.size;
      if (index >= limit) return -1;
      byName.set(name, index);
      places[index] ??= { name: name.slice(0, 120), pods: [] };
      places[index].pods.push(i);
      return index;
    });
  }
}

/** The most links of one cause that figures are taken from. */
const MAX_LINKS = 128;

/** Medians over links, us; -1 without any. */
interface Medians {
  connectUs: number;
  firstByteUs: number;
  totalUs: number;
}

/** The links that one cause explains, and what they have in common. */
export class Evidence {
  /** Pairs that show it. */
  affected = 0;
  /** Probing pods: the first few, and how many. */
  readonly from: number[] = [];
  fromCount = 0;
  /** Bits of the IP families in which the pairs are bad. */
  families = 0;
  /** Entry k of both is about the same link; two lists, because a thousand causes may have as many as are taken. */
  readonly #reports: MergedReport[] = [];
  readonly #links: number[] = [];
  #last = -1;
  #medians: Medians | null = null;

  /** Takes a pair into account: `link` of `report`, bad in `families`. Reports come one after the other. */
  add(report: MergedReport, link: number, families: number): void {
    this.affected += 1;
    this.families |= families;
    if (report.pod !== this.#last) {
      this.#last = report.pod;
      this.fromCount += 1;
      if (this.from.length < MAX_FINDING_PODS) this.from.push(report.pod);
    }
    if (this.#links.length >= MAX_LINKS) return;
    this.#reports.push(report);
    this.#links.push(link);
  }

  /** The first of its links. */
  get first(): { report: MergedReport; link: number } | undefined {
    const [report] = this.#reports;
    const [link] = this.#links;
    return report === undefined || link === undefined ? undefined : { report, link };
  }

  /** Takes over what other evidence has, of other probing pods. */
  absorb(other: Evidence): void {
    this.affected += other.affected;
    this.families |= other.families;
    this.fromCount += other.fromCount;
    this.from.push(...other.from.slice(0, MAX_FINDING_PODS - this.from.length));
    const room = MAX_LINKS - this.#links.length;
    this.#reports.push(...other.#reports.slice(0, room));
    this.#links.push(...other.#links.slice(0, room));
  }

  /** The outcome and phase that most links share. */
  ending(): { outcome: Outcome; phase: Phase | null } {
    const counts = new Map<string, { outcome: Outcome; phase: Phase | null; count: number }>();
    for (const [k, { links }] of this.#reports.entries()) {
      const link = this.#links[k] ?? 0;
      const [outcome, phase] = [outcomeOf(links, link), phaseOf(links, link)];
      const key = `${outcome} ${phase}`;
      const entry = counts.get(key) ?? { outcome, phase, count: 0 };
      entry.count += 1;
      counts.set(key, entry);
    }
    const most = [...counts.values()].sort((a, b) => b.count - a.count)[0];
    return { outcome: most?.outcome ?? 'ok', phase: most?.phase ?? null };
  }

  /** Medians, once all links have been added. */
  medians(): Medians {
    this.#medians ??= {
      connectUs: this.#median('connectUs'),
      firstByteUs: this.#median('firstByteUs'),
      totalUs: this.#median('totalUs'),
    };
    return this.#medians;
  }

  /** The one phase that is late; null where both are, or where nothing is known of phases. */
  latePhase(): Phase | null {
    const { connectUs, firstByteUs, totalUs } = this.medians();
    const late = latePhase(connectUs, firstByteUs, totalUs);
    return late === 'both' || late === 'unmeasured' ? null : late;
  }

  /** Whether the phases are known at all: Goldpinger's own reports have none. */
  get knowsPhases(): boolean {
    return this.medians().connectUs >= 0;
  }

  /** Since when they fail, or are slow, by the median link; ms since the epoch, 0 = not known. */
  sinceMs(isFailed: boolean): number {
    const since = this.#reports.flatMap((report, k) => {
      const link = this.#links[k] ?? 0;
      const forMs = isFailed ? unpack16(report.links.sinceMs[link] ?? NONE16) : slowForMs(report, link);
      return forMs < 0 ? [] : [Math.round(report.atMs - forMs)];
    });
    return middle(since, 0);
  }

  #median(column: 'connectUs' | 'firstByteUs' | 'totalUs'): number {
    const values = this.#reports.map(({ links }, k) => unpack16(links[column][this.#links[k] ?? 0] ?? NONE16));
    return middle(
      values.filter((us) => us >= 0),
      -1,
    );
  }
}

function slowForMs({ slow = [] }: MergedReport, link: number): number {
  return slow.find(([at]) => at === link)?.[1] ?? -1;
}

/** The median; `none` of nothing. */
function middle(values: number[], none: number): number {
  values.sort((a, b) => a - b);
  return values[Math.floor((values.length - 1) / 2)] ?? none;
}
