import {
  CHANGES,
  type Change,
  type ComparedColumns,
  emptyComparedColumns,
  FLAG_AFFECTED,
  failedPercent,
  type InRanges,
  type LinkSummary,
  MAX_CHANGED,
  MAX_REPORT_NAME,
  MAX_REPORT_NAMES,
  type NameList,
  RANGE_NAMES,
  type RangeFigures,
  type ReportData,
} from '../../protocol/comparison.ts';
import { failedShare } from '../../protocol/link-quality.ts';
import { isLossy } from '../../protocol/link-state.ts';
import { FLAG_IPV6, NONE16, unpack16 } from '../../protocol/links.ts';
import { DurationCounts } from '../duration-counts.ts';
import { countedNames } from '../text.ts';
import { changeOf, changeUs, isSlowLink, isWorse, type LinkFigures } from './change.ts';
import type { ByRange, Link, LinkTable } from './link-table.ts';
import type { Targets } from './targets.ts';

/* A target of a comparison is a pod at which the fault was aimed (see targets.ts), not a pod that is pinged. */

/** Chooses the targets by the number of affected links that each pod has, as source or destination. */
type ChooseTargets = (affectedByPod: Uint32Array) => Targets;

/** Links compared between two yields; each takes some microseconds. */
const LINKS_PER_STEP = 200;

/**
 * Compares all links of a table. Returns what `ReportData` has of links (`figures`, `affected`, `collateral`,
 * `changed`, ...), the targets (by number of the pod), and the links themselves: columns for each source that has some. Yields
 * after each source and every `LINKS_PER_STEP` links.
 */
export function* compareLinks(table: LinkTable, chooseTargets: ChooseTargets) {
  const comparer = new LinkComparer(table);
  const columns: ComparedColumns[] = [];
  for (const from of table.sources()) {
    const links = table.linksOf(from);
    yield;
    const ofSource = emptyComparedColumns(from, links.length);
    for (const [i, link] of links.entries()) {
      comparer.add(link, i, ofSource);
      if (i % LINKS_PER_STEP === LINKS_PER_STEP - 1) yield;
    }
    if (links.length > 0) columns.push(ofSource);
    yield;
  }
  return yield* comparer.result(columns, chooseTargets);
}

/** Compares one link after the other, and counts. */
class LinkComparer {
  readonly #table: LinkTable;
  readonly #figures: Record<keyof ReportData['figures'], ByRange<GroupFigures>>;
  /** By number of the pod: of how many affected links it is source or destination. */
  readonly #affectedByPod: Uint32Array;
  readonly #affectedDestinations = new Set<number>();
  readonly #affectedSources = new Set<number>();
  /** As in `ReportData.affected`. */
  readonly #counts = { links: 0, of: 0, stillBad: 0, unprobed: 0, notKnown: 0 };
  readonly #changes = Object.fromEntries(CHANGES.map((change) => [change, 0])) as Record<Change, number>;
  /** As in `ReportData`. */
  #lostFromView = 0;
  /** The `MAX_CHANGED` links with the largest weights, the largest first. */
  readonly #listed: { link: Link; change: Change; affected: boolean; weight: number }[] = [];
  /** Links with a sample in "before" and in "during". */
  #seenInBoth = 0;
  /** The largest change of a median among the links that are not listed, us. */
  #maxUnlistedUs = 0;

  constructor(table: LinkTable) {
    const group = () => new GroupFigures(table.slowUs);
    const byRange = () => ({ before: group(), during: group(), after: group() });
    this.#table = table;
    this.#figures = { all: byRange(), affected: byRange(), others: byRange() };
    this.#affectedByPod = new Uint32Array(table.pods.length);
  }

  /** Compares a link, and fills its entry `i` in the columns of its source. */
  add(link: Link, i: number, columns: ComparedColumns): void {
    const { slowUs } = this.#table;
    const { from, to, ipv6, before, during, after } = link;
    // A link without a sample in one range is new or gone only if it would have a sample there.
    const mayBeUnseen = this.#table.mayBeUnseen(during === null ? 'during' : 'before', from, to);
    const change = changeOf(before, during, slowUs, mayBeUnseen);
    const affected = during !== null && isWorse(before, during, slowUs);
    columns.to[i] = to;
    columns.flags[i] = (ipv6 ? FLAG_IPV6 : 0) | (affected ? FLAG_AFFECTED : 0);
    columns.change[i] = CHANGES.indexOf(change);
    // A link that is only in "after" is not counted: nothing became of it from before to during.
    if (before !== null || during !== null) this.#changes[change] += 1;
    const { all, affected: bad, others } = this.#figures;
    for (const range of RANGE_NAMES) {
      const figures = link[range];
      columns[`${range}P50Us`][i] = figures?.p50Us16 ?? NONE16;
      columns[`${range}Failed`][i] = failedPercent(figures);
      if (figures === null) continue;
      for (const group of [all, affected ? bad : others]) group[range].add(figures);
    }
    if (during !== null) {
      this.#counts.of += 1;
      if (before !== null) this.#seenInBoth += 1;
      this.#list(link, change, affected);
    } else if (before !== null && mayBeUnseen) this.#lostFromView += 1;
    if (affected) this.#addAffected(from, to, link.isBadAtEnd, after !== null);
  }

  /** `isBad`: at the end of the last range in which it has a sample. `isSeenAfter`: it has a sample in "after". */
  #addAffected(from: number, to: number, isBad: boolean, isSeenAfter: boolean): void {
    this.#counts.links += 1;
    this.#affectedDestinations.add(to);
    this.#affectedSources.add(from);
    for (const pod of new Set([from, to])) this.#affectedByPod[pod] = (this.#affectedByPod[pod] ?? 0) + 1;
    const last = this.#table.has('after') ? 'after' : 'during';
    const isSeen = last === 'during' || isSeenAfter;
    // The last ping of a pod that was killed has often failed. Nobody can say that this link is still bad.
    const isGone = [from, to].some((pod) => !this.#table.isPresent(last, pod));
    if (isGone && (isBad || !isSeen)) this.#counts.unprobed += 1;
    else if (isSeen) this.#counts.stillBad += isBad ? 1 : 0;
    // There is an "after" without a sample, so `isBad` is about the end of "during". A link that was well then is taken to be well.
    else if (isBad || this.#table.hasNoReport('after', from)) this.#counts.notKnown += 1;
  }

  /** Puts a link that has samples during into the list if it is one of those that changed most. */
  #list(link: Link, change: Change, affected: boolean): void {
    const listed = this.#listed;
    const entry = { link, change, affected, weight: weightOf(change, link) };
    let unlisted: typeof entry | undefined = entry;
    if (affected || !LISTED_IF_AFFECTED.includes(change)) {
      const place = listed.findLastIndex(({ weight }) => weight >= entry.weight) + 1;
      listed.splice(place, 0, entry);
      unlisted = listed.length > MAX_CHANGED ? listed.pop() : undefined;
    }
    const { before = null, during = null } = unlisted?.link ?? {};
    if (before === null || during === null) return;
    this.#maxUnlistedUs = Math.max(this.#maxUnlistedUs, Math.abs(changeUs(before, during)));
  }

  /** The result of `compareLinks`. Yields between the medians, each over up to 65,535 counters. */
  *result(links: ComparedColumns[], chooseTargets: ChooseTargets) {
    const table = this.#table;
    const inRanges = function* (group: ByRange<GroupFigures>): Generator<void, InRanges> {
      const before = table.has('before') ? group.before.figures() : null;
      yield;
      const during = group.during.figures();
      yield;
      const after = table.has('after') ? group.after.figures() : null;
      yield;
      return { before, during, after };
    };
    const { all, affected, others } = this.#figures;
    const namesOf = (pods: ReadonlySet<number>) => countedNames(Array.from(pods, (pod) => table.name(pod)));
    const targets = chooseTargets(this.#affectedByPod);
    return {
      figures: {
        all: yield* inRanges(all),
        affected: yield* inRanges(affected),
        others: yield* inRanges(others),
      },
      affected: { ...this.#counts, to: namesOf(this.#affectedDestinations), from: namesOf(this.#affectedSources) },
      collateral: yield* this.#collateral(links, targets),
      lostFromView: this.#lostFromView,
      changes: this.#changes,
      ...this.#changedLinks(targets.pods),
      targets,
      links,
    };
  }

  #changedLinks(targets: ReadonlySet<number>) {
    const { pods } = this.#table;
    const changed = this.#listed.map(({ link: { from, to, ipv6, before, during, after }, change, affected }) => ({
      from: this.#table.name(from),
      to: this.#table.name(to),
      fromUid: pods[from]?.uid ?? '',
      toUid: pods[to]?.uid ?? '',
      ipv6,
      change,
      affected,
      touchesTarget: targets.has(from) || targets.has(to),
      before: summaryOf(before),
      during: summaryOf(during),
      after: summaryOf(after),
    }));
    const listedInBoth = changed.filter(({ before }) => before !== null).length;
    return { changed, unlisted: { links: this.#seenInBoth - listedInBoth, maxChangeUs: this.#maxUnlistedUs } };
  }

  /** The affected links that touch no target. Yields after each source. */
  *#collateral(links: readonly ComparedColumns[], targets: Targets): Generator<void, NameList> {
    const list: NameList = { count: 0, names: [] };
    for (const { from, to, flags } of links) {
      for (const [i, flag] of flags.entries()) {
        const destination = to[i] ?? 0;
        if ((flag & FLAG_AFFECTED) === 0 || targets.pods.has(from) || targets.pods.has(destination)) continue;
        list.count += 1;
        if (list.names.length >= MAX_REPORT_NAMES) continue;
        const family = (flag & FLAG_IPV6) === 0 ? '' : ' (IPv6)';
        const name = `${this.#table.name(from)} → ${this.#table.name(destination)}${family}`;
        list.names.push(name.slice(0, MAX_REPORT_NAME));
      }
      yield;
    }
    return list;
  }
}

/** Links with these changes are listed only if they are affected; else they are only counted. */
const LISTED_IF_AFFECTED: readonly Change[] = ['same', 'unknown', 'new'];

/**
 * The list has the links with the largest weights. New bad ones come first. Then the weight adds up: the change of the failed share
 * (1 % of it weighs as much as the next), whether it fails, its loss, and the change of its median in us (at most 1.4e8; of a link
 * without samples before its median).
 */
function weightOf(change: Change, { before, during }: Link): number {
  if (during === null) return 0;
  const shareBefore = before === null ? 0 : failedShare(before.samples, before.failures);
  const shareChange = Math.abs(failedShare(during.samples, during.failures) - shareBefore);
  const loss = isLossy(during) ? during.lost / during.sent : 0;
  const us = before === null ? unpack16(during.p50Us16) : Math.abs(changeUs(before, during));
  const isNewBad = change === 'new-bad';
  return (isNewBad ? 1e13 : 0) + shareChange * 1e12 + (during.failures > 0 ? 1e10 : 0) + loss * 1e9 + us;
}

/** The figures of a link as a report has them; what is not known is absent. */
function summaryOf(link: LinkFigures | null): LinkSummary | null {
  if (link === null) return null;
  const { samples, failures, p50Us16, jitterUs16, usualUs16, sent, lost, lossCycles } = link;
  return {
    samples,
    failures,
    p50Us: unpack16(p50Us16),
    ...(jitterUs16 !== NONE16 && { jitterUs: unpack16(jitterUs16) }),
    ...(usualUs16 !== NONE16 && { usualUs: unpack16(usualUs16) }),
    ...(sent > 0 && { sent, lost }),
    ...(lossCycles > 0 && { lossCycles }),
  };
}

/** The figures of a group of links in one range: counts, and medians over the links of each link's own figure. */
export class GroupFigures {
  readonly #slowUs: number;
  readonly #p50s = new DurationCounts();
  readonly #p95s = new DurationCounts();
  readonly #maxima = new DurationCounts();
  #links = 0;
  #failed = 0;
  #slow = 0;
  #sent = 0;
  #lost = 0;

  constructor(slowUs: number) {
    this.#slowUs = slowUs;
  }

  add(link: LinkFigures): void {
    this.#links += 1;
    if (link.failures > 0) this.#failed += 1;
    else if (isSlowLink(link, this.#slowUs)) this.#slow += 1;
    this.#sent += link.sent;
    this.#lost += link.lost;
    this.#p50s.add(link.p50Us16);
    this.#p95s.add(link.p95Us16);
    this.#maxima.add(link.maxUs16);
  }

  figures(): RangeFigures {
    return {
      links: this.#links,
      failed: this.#failed,
      slow: this.#slow,
      p50Us: this.#p50s.medianUs(),
      p95Us: this.#p95s.medianUs(),
      maxUs: this.#maxima.medianUs(),
      ...(this.#sent > 0 && { sent: this.#sent, lost: this.#lost }),
    };
  }
}
