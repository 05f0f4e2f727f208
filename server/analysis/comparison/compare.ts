import { type ChangedLink, MAX_CHANGED, type ReportData, type ReportFigures } from '../../protocol/comparison.ts';
import type { Finding } from '../../protocol/finding.ts';
import { isSlow as isSlowUs } from '../../protocol/link-state.ts';
import { NONE16, unpack16 } from '../../protocol/links.ts';
import { emptyFigures, type LinkFigures, linkOf, type RangeLinks, type RangeReport, readLink } from './ranges.ts';
import { Names, namesOf, type PodTable } from './tables.ts';

/** What is compared. */
interface Compared {
  ranges: ByRange<RangeLinks | null>;
  table: PodTable;
  slowUs: number;
}

/** What comparing the ranges comes to. */
type Comparison = Pick<ReportData, 'figures' | 'affected' | 'collateral' | 'lostFromView' | 'changed' | 'unlisted'>;

/** A link with samples in the range "during". */
type Seen = LinkTrio & { during: LinkFigures };

/** Affected links by number of the pod that they lead to or from. Yields after each report. */
export function* touchingOf({ ranges, table, slowUs }: Compared): Generator<void, Uint32Array> {
  const touching = new Uint32Array(table.pods.length);
  yield* eachLink(ranges, table.pods.length, (from, key, { before, during }) => {
    if (during === null || !isWorse(before, during, slowUs)) return;
    const { to } = linkOf(key);
    touching[from] = (touching[from] ?? 0) + 1;
    if (to !== from) touching[to] = (touching[to] ?? 0) + 1;
  });
  return touching;
}

/** Compares all links of the ranges. Yields after each report. */
export function* compare(compared: Compared, targets: ReadonlySet<number>): Generator<void, Comparison> {
  const counts = new LinkCounts(compared, targets);
  yield* eachLink(compared.ranges, compared.table.pods.length, (from, key, trio) => counts.add(from, key, trio));
  return yield* counts.result();
}

/** Tells by type what it tells: a copy of each of a million links would be work for the collector of garbage. */
function wasSeen(trio: LinkTrio): trio is Seen {
  return trio.during !== null;
}

/** Counts links one by one. */
class LinkCounts {
  readonly #compared: Compared;
  readonly #targets: ReadonlySet<number>;
  readonly #figures: Record<'affected' | 'others', ByRange<KeyFigures>>;
  readonly #changed: ChangedLinks;
  readonly #collateral = new Names();
  readonly #into = new Set<number>();
  readonly #outOf = new Set<number>();
  readonly #affected = { links: 0, of: 0, stillBad: 0, unprobed: 0 };
  #lostFromView = 0;

  constructor(compared: Compared, targets: ReadonlySet<number>) {
    const figures = () => new KeyFigures(compared.slowUs);
    const byRange = () => ({ before: figures(), during: figures(), after: figures() });
    this.#compared = compared;
    this.#targets = targets;
    this.#figures = { affected: byRange(), others: byRange() };
    this.#changed = new ChangedLinks(compared.table);
  }

  add(from: number, key: number, trio: LinkTrio): void {
    const { before, during } = trio;
    const isAffected = during !== null && isWorse(before, during, this.#compared.slowUs);
    const group = isAffected ? this.#figures.affected : this.#figures.others;
    for (const range of RANGES) {
      const link = trio[range];
      if (link !== null) group[range].add(link);
    }
    if (wasSeen(trio)) this.#addSeen(from, key, trio, isAffected);
    else if (before !== null) this.#lostFromView += 1;
  }

  #addSeen(from: number, key: number, trio: Seen, affected: boolean): void {
    const { to } = linkOf(key);
    const touchesTarget = this.#targets.has(from) || this.#targets.has(to);
    this.#affected.of += 1;
    this.#changed.add(from, key, trio, { affected, touchesTarget });
    if (!affected) return;
    this.#affected.links += 1;
    this.#into.add(to);
    this.#outOf.add(from);
    if (!touchesTarget) this.#collateral.add(() => this.#nameOf(from, key));
    const last = this.#compared.ranges.after === null ? trio.during : trio.after;
    if (last === null) this.#affected.unprobed += 1;
    else if (last.isBadAtEnd && (last.failures > 0 || isSlow(last, this.#compared.slowUs)))
      this.#affected.stillBad += 1;
  }

  #nameOf(from: number, key: number): string {
    const { table } = this.#compared;
    const { to, ipv6 } = linkOf(key);
    return `${table.name(from)} → ${table.name(to)}${ipv6 ? ' (IPv6)' : ''}`;
  }

  /** Medians are counted over 65 536 places each, so there is a pause between them. */
  *result(): Generator<void, Comparison> {
    const { ranges, table } = this.#compared;
    const told = function* (figuresOf: (range: keyof ByRange<unknown>) => ReportFigures) {
      const before = ranges.before === null ? null : figuresOf('before');
      yield;
      const during = figuresOf('during');
      yield;
      return { before, during, after: ranges.after === null ? null : figuresOf('after') };
    };
    const { affected: worse, others } = this.#figures;
    const figures = {
      all: yield* told((range) => worse[range].figuresWith(others[range])),
      affected: yield* told((range) => worse[range].figures()),
      others: yield* told((range) => others[range].figures()),
    };
    const names = (pods: ReadonlySet<number>) => {
      const all = new Names();
      for (const pod of pods) all.add(() => table.name(pod));
      return all.result();
    };
    const affected = { ...this.#affected, to: names(this.#into), from: names(this.#outOf) };
    const collateral = this.#collateral.result();
    return { figures, affected, collateral, lostFromView: this.#lostFromView, ...this.#changed.result() };
  }
}

/** A median that moved by less is not worth a line. */
const LEAST_US = 1_000;
/** A probe more or less that failed weighs more than any median can. */
const FAILURE_WEIGHT = 1e12;

/** A link among those that changed most, and how much. */
interface Ranked {
  weight: number;
  link: ChangedLink;
}

/** What is known of a link besides its figures. */
interface LinkSigns {
  affected: boolean;
  touchesTarget: boolean;
}

/** Keeps the links that changed most: first those that fail more or less often, then by their medians. */
class ChangedLinks {
  readonly #pods: PodTable;
  readonly #ranked: Ranked[] = [];
  #known = 0;
  #maxUs = 0;

  constructor(pods: PodTable) {
    this.#pods = pods;
  }

  /** Takes in one link that has samples in the range "during". */
  add(from: number, key: number, trio: LinkTrio & { during: LinkFigures }, signs: LinkSigns): void {
    const { before, during } = trio;
    if (before !== null) this.#known += 1;
    const weight = weightOf(before, during, signs.affected);
    const least = this.#ranked.length < MAX_CHANGED ? 0 : (this.#ranked.at(-1)?.weight ?? 0);
    if (weight <= least) {
      if (before !== null) this.#leave(Math.abs(changeUs(before, during)));
      return;
    }
    const place = this.#ranked.findIndex((other) => other.weight < weight);
    const ranked = { weight, link: this.#linkOf(from, key, trio, signs) };
    this.#ranked.splice(place === -1 ? this.#ranked.length : place, 0, ranked);
    const out = this.#ranked.length > MAX_CHANGED ? this.#ranked.pop() : undefined;
    if (out?.link.before && out.link.during) this.#leave(differenceUs(out.link.before, out.link.during));
  }

  /** The links that changed most, and what is to be said of the others that are known in both ranges. */
  result(): { changed: ChangedLink[]; unlisted: { links: number; maxChangeUs: number } } {
    const changed = this.#ranked.map(({ link }) => link);
    const listed = changed.filter(({ before }) => before !== null).length;
    return { changed, unlisted: { links: this.#known - listed, maxChangeUs: this.#maxUs } };
  }

  #leave(differenceUs: number): void {
    this.#maxUs = Math.max(this.#maxUs, differenceUs);
  }

  #linkOf(from: number, key: number, { before, during, after }: LinkTrio, signs: LinkSigns): ChangedLink {
    const { to, ipv6 } = linkOf(key);
    const ends = { from: this.#pods.name(from), to: this.#pods.name(to), ipv6 };
    return { ...ends, ...signs, before: told(before), during: told(during), after: told(after) };
  }
}

function told(link: LinkFigures | null): ChangedLink['during'] {
  if (link === null) return null;
  const { samples, failures, p50Us16 } = link;
  return { samples, failures, p50Us: p50Us16 === NONE16 ? -1 : unpack16(p50Us16) };
}

/** How much a link changed; 0 = not worth telling. */
function weightOf(before: LinkFigures | null, during: LinkFigures, isAffected: boolean): number {
  if (before === null && !isAffected) return 0;
  const shares = Math.abs(failedShare(during) - (before === null ? 0 : failedShare(before)));
  const us = Math.abs(before === null ? unpack16(during.p50Us16) : changeUs(before, during));
  const weight = shares * FAILURE_WEIGHT + us;
  return isAffected || weight >= LEAST_US ? Math.max(weight, LEAST_US) : 0;
}

function differenceUs(a: { p50Us: number }, b: { p50Us: number }): number {
  return a.p50Us < 0 || b.p50Us < 0 ? 0 : Math.abs(a.p50Us - b.p50Us);
}

/** Every packed duration has a place of its own, so the median is exact. */
const PLACES = 65_536;

/** Links by the places of one of their durations; null until there is one: most groups of most reports stay empty. */
type Counts = Uint32Array | null;

/** Sums up the key figures of some links in one range. */
export class KeyFigures {
  readonly #slowUs: number;
  #p50: Counts = null;
  #p95: Counts = null;
  #max: Counts = null;
  #links = 0;
  #failed = 0;
  #slow = 0;

  constructor(slowUs: number) {
    this.#slowUs = slowUs;
  }

  /** Takes a link in. */
  add(link: LinkFigures): void {
    this.#links += 1;
    if (link.failures > 0) this.#failed += 1;
    else if (isSlow(link, this.#slowUs)) this.#slow += 1;
    this.#p50 = counted(this.#p50, link.p50Us16);
    this.#p95 = counted(this.#p95, link.p95Us16);
    this.#max = counted(this.#max, link.maxUs16);
  }

  /** What these links came to. */
  figures(): ReportFigures {
    return this.figuresWith(new KeyFigures(this.#slowUs));
  }

  /** What these links and those of another sum came to together. */
  figuresWith(others: KeyFigures): ReportFigures {
    return {
      links: this.#links + others.#links,
      failed: this.#failed + others.#failed,
      slow: this.#slow + others.#slow,
      p50Us: medianUs(this.#p50, others.#p50),
      p95Us: medianUs(this.#p95, others.#p95),
      maxUs: medianUs(this.#max, others.#max),
    };
  }
}

/** The counts with one more; `NONE16` counts nowhere. */
function counted(counts: Counts, packed: number): Counts {
  if (packed === NONE16) return counts;
  const places = counts ?? new Uint32Array(PLACES);
  places[packed] = (places[packed] ?? 0) + 1;
  return places;
}

/** The lower median of two counts together, us; -1 of nothing. Packed durations are in the order of what they stand for. */
function medianUs(a: Counts, b: Counts): number {
  let total = 0;
  for (const counts of [a, b]) if (counts !== null) for (let i = 0; i < PLACES; i++) total += counts[i] ?? 0;
  let rank = Math.ceil(total / 2);
  for (let packed = 0; packed < PLACES && total > 0; packed++) {
    rank -= (a?.[packed] ?? 0) + (b?.[packed] ?? 0);
    if (rank <= 0) return unpack16(packed);
  }
  return -1;
}

/** The names of the ranges. */
export const RANGES = ['before', 'during', 'after'] as const;

/** One value a range. */
export type ByRange<T> = Record<(typeof RANGES)[number], T>;

/** One link in all ranges; null where it had no sample. Only good until the next link. */
type LinkTrio = ByRange<LinkFigures | null>;

/** Links visited in one turn: some microseconds each. */
const TURN_LINKS = 200;

/** Where the links of one report of one range are. */
interface Lookup {
  report: RangeReport | undefined;
  /** Entry by key, -1 = none. */
  entry: Int32Array;
  figures: LinkFigures;
}

/**
 * Visits every link that any of the ranges has, once, all ranges at a time. `podCount` is that of the table whose numbers
 * the ranges use. Yields after each report and each few links.
 */
export function* eachLink(
  ranges: ByRange<RangeLinks | null>,
  podCount: number,
  visit: (from: number, key: number, trio: LinkTrio) => void,
): Generator<void, void> {
  const lookup = (): Lookup => ({
    report: undefined,
    entry: new Int32Array(podCount * 2).fill(-1),
    figures: emptyFigures(),
  });
  const lookups: ByRange<Lookup> = { before: lookup(), during: lookup(), after: lookup() };
  const trio: LinkTrio = { before: null, during: null, after: null };
  let visits = 0;
  for (let from = 0; from < podCount; from++) {
    for (const name of RANGES) enter(lookups[name], ranges[name]?.get(from));
    // The same link is in up to three reports: whoever has it first takes it out of all.
    for (const name of RANGES) {
      const { report, entry } = lookups[name];
      const length = report?.keys.length ?? 0;
      for (let i = 0; i < length; i++) {
        const key = report?.keys[i] ?? 0;
        if (entry[key] === -1) continue;
        trio.before = takeOut(lookups.before, key);
        trio.during = takeOut(lookups.during, key);
        trio.after = takeOut(lookups.after, key);
        visit(from, key, trio);
        if (++visits % TURN_LINKS === 0) yield;
      }
    }
    yield;
  }
}

function enter(lookup: Lookup, report: RangeReport | undefined): void {
  lookup.report = report;
  if (report !== undefined) for (let i = 0; i < report.keys.length; i++) lookup.entry[report.keys[i] ?? 0] = i;
}

function takeOut({ report, entry, figures }: Lookup, key: number): LinkFigures | null {
  const i = entry[key] ?? -1;
  if (report === undefined || i === -1) return null;
  entry[key] = -1;
  return readLink(report, i, figures);
}

/** How a link did, as far as telling better from worse needs it. */
type Doing = Pick<LinkFigures, 'samples' | 'failures' | 'p50Us16'>;

/** Share (0..1) of the probes that failed. */
function failedShare({ samples, failures }: Doing): number {
  return samples === 0 ? 0 : failures / samples;
}

/** Whether a link is slow: its median is at `slowUs` or above. One without an ok sample is not slow, it fails. */
export function isSlow({ p50Us16 }: Doing, slowUs: number): boolean {
  return isSlowUs(unpack16(p50Us16), slowUs);
}

/**
 * Whether a link became worse: it failed, and at least twice before's share of its probes did; or it is slow, and its
 * median is at least twice before's. Without samples before (a new pod, a lost report) it is worse if it is bad.
 */
export function isWorse(before: Doing | null, during: Doing, slowUs: number): boolean {
  if (during.failures > 0 && (before === null || failedShare(during) >= 2 * failedShare(before))) return true;
  if (!isSlow(during, slowUs)) return false;
  return before === null || before.p50Us16 === NONE16 || unpack16(during.p50Us16) >= 2 * unpack16(before.p50Us16);
}

/** By how much the median changed, us; 0 where one of the two has none. */
export function changeUs(before: Doing, during: Doing): number {
  if (before.p50Us16 === NONE16 || during.p50Us16 === NONE16) return 0;
  return unpack16(during.p50Us16) - unpack16(before.p50Us16);
}

/** Where the fault was aimed, as far as can be told. */
interface Targets {
  by: ReportData['targets']['by'];
  /** Numbers of the pods. */
  pods: ReadonlySet<number>;
}

/** What targets are told by. */
interface TargetSigns {
  /** Numbers of the pods that the hypothesis names. */
  named: readonly number[];
  /** Findings of the range "during" that the range before does not have, the gravest first. */
  findings: readonly Finding[];
  /** Numbers of the pods of the mesh that the findings are from. */
  numbers: Int32Array;
  /** By number of a pod: affected links that lead to it or from it. */
  touching: Uint32Array;
}

/** More pods than this that are equally affected are no target, but everybody. */
const MOST_TIED = 3;

/**
 * The pods that the hypothesis names; else those of the gravest finding about links that is new; else those with the
 * most affected links.
 */
export function targetsOf({ named, findings, numbers, touching }: TargetSigns): Targets {
  if (named.length > 0) return { by: 'hypothesis', pods: new Set(named) };
  const isAboutLinks = ({ severity, pods }: Finding) =>
    (severity === 'failed' || severity === 'slow') && pods.length > 0;
  const gravest = findings.find(isAboutLinks);
  if (gravest !== undefined) {
    return { by: 'finding', pods: new Set(gravest.pods.map((pod) => numbers[pod] ?? -1).filter((pod) => pod >= 0)) };
  }
  const most = touching.reduce((largest, links) => Math.max(largest, links), 0);
  const tied = most === 0 ? [] : [...touching.keys()].filter((pod) => touching[pod] === most);
  if (tied.length === 0 || tied.length > MOST_TIED) return { by: 'none', pods: new Set() };
  return { by: 'most-affected', pods: new Set(tied) };
}

/** Targets by name. */
export function toldTargets({ by, pods }: Targets, table: PodTable): ReportData['targets'] {
  return { by, ...namesOf([...pods].map((pod) => table.name(pod))) };
}
