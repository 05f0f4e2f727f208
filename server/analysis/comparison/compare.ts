import {
  CHANGES,
  type Change,
  type ChangedLink,
  type ComparedColumns,
  emptyComparedColumns,
  FLAG_AFFECTED,
  failedPercent,
  type InRanges,
  type LinkMedian,
  MAX_CHANGED,
  MAX_REPORT_NAMES,
  medianChangeUs,
  type NameList,
  type RangeFigures,
  type RangeName,
  type ReportData,
} from '../../protocol/comparison.ts';
import { FLAG_IPV6, NONE16, unpack16 } from '../../protocol/links.ts';
import { countedNames } from '../text.ts';
import { changeOf, changeUs, isLossyLink, isWorse, type LinkFigures, shareOf } from './change.ts';
import { KeyFigures } from './key-figures.ts';
import { type ByRange, figuresAt, type LinkTable, type SourceLinks } from './link-table.ts';
import type { Targets } from './targets.ts';

/*
 * Compares the links of up to three ranges one by one: which became worse, how much, and which of them touch no target.
 * change.ts has the rules for one link; this file applies them to all links and counts. A target of a comparison is a pod at
 * which the fault was aimed (see targets.ts), not a pod that is pinged.
 */

/** Chooses the targets by the number of affected links that each pod has, as source or destination. */
type ChooseTargets = (affectedByPod: Uint32Array) => Targets;

/** All links compared: the part of a report that is counted from links, the targets, and the links in columns, by source. */
export interface ComparedLinks
  extends Pick<
    ReportData,
    'figures' | 'affected' | 'collateral' | 'lostFromView' | 'changes' | 'changed' | 'unlisted'
  > {
  targets: Targets;
  links: ComparedColumns[];
}

/** Links compared between two yields; each takes some microseconds. */
const LINKS_PER_STEP = 200;

/** Compares all links of a table. Yields after each source and every `LINKS_PER_STEP` links. */
export function* compareLinks(table: LinkTable, chooseTargets: ChooseTargets): Generator<void, ComparedLinks> {
  const comparer = new LinkComparer(table);
  const links: ComparedColumns[] = [];
  for (const source of table.sources()) {
    const columns = columnsFor(source);
    for (let i = 0; i < columns.length; i++) {
      comparer.add(source, i, columns);
      if (i % LINKS_PER_STEP === LINKS_PER_STEP - 1) yield;
    }
    if (columns.length > 0) links.push(columns);
    yield;
  }
  return yield* comparer.result(links, chooseTargets);
}

/** Columns that share the destinations and medians of a source, with a copy of its flags. The others are still to be filled. */
function columnsFor({ from, to, flags, before, during, after }: SourceLinks): ComparedColumns {
  const { length } = to;
  return {
    ...emptyComparedColumns(from, length),
    to,
    flags: flags.slice(),
    beforeP50Us: medians(before.p50Us16, length),
    duringP50Us: medians(during.p50Us16, length),
    afterP50Us: medians(after.p50Us16, length),
  };
}

function medians(p50Us16: Uint16Array<ArrayBuffer>, length: number): Uint16Array<ArrayBuffer> {
  if (p50Us16.length === length) return p50Us16;
  const longer = new Uint16Array(length).fill(NONE16);
  longer.set(p50Us16);
  return longer;
}

/** Compares links one by one. */
class LinkComparer {
  readonly #table: LinkTable;
  readonly #affectedFigures: ByRange<KeyFigures>;
  readonly #otherFigures: ByRange<KeyFigures>;
  readonly #changed: ChangedLinks;
  readonly #affectedByPod: Uint32Array;
  readonly #affectedDestinations = new Set<number>();
  readonly #affectedSources = new Set<number>();
  readonly #counts = { links: 0, of: 0, stillBad: 0, unprobed: 0, notKnown: 0 };
  /** By index in `CHANGES`. */
  readonly #changes = new Uint32Array(CHANGES.length);
  #lostFromView = 0;

  constructor(table: LinkTable) {
    const figures = () => new KeyFigures(table.slowUs);
    this.#table = table;
    this.#affectedFigures = { before: figures(), during: figures(), after: figures() };
    this.#otherFigures = { before: figures(), during: figures(), after: figures() };
    this.#changed = new ChangedLinks(table);
    this.#affectedByPod = new Uint32Array(table.pods.length);
  }

  /** Compares link `i` of a source, and fills its entry in the columns. */
  add(source: SourceLinks, i: number, columns: ComparedColumns): void {
    const { slowUs } = this.#table;
    const before = figuresAt(source.before, i);
    const during = figuresAt(source.during, i);
    const after = figuresAt(source.after, i);
    // A link without a sample in one range is new or gone only if it would have a sample there.
    const rangeWithoutSample = during === null ? 'during' : 'before';
    const mayBeUnseen = this.#table.mayBeUnseen(rangeWithoutSample, source.from, source.to[i] ?? 0);
    const change = CHANGES.indexOf(changeOf(before, during, slowUs, mayBeUnseen));
    const affected = during !== null && isWorse(before, during, slowUs);
    columns.change[i] = change;
    // A link that is only in "after" is not counted: nothing became of it from before to during.
    if (before !== null || during !== null) this.#changes[change] = (this.#changes[change] ?? 0) + 1;
    columns.beforeFailed[i] = failedPercent(before);
    columns.duringFailed[i] = failedPercent(during);
    columns.afterFailed[i] = failedPercent(after);
    if (affected) columns.flags[i] = (columns.flags[i] ?? 0) | FLAG_AFFECTED;

    const figures = affected ? this.#affectedFigures : this.#otherFigures;
    if (before !== null) figures.before.add(before);
    if (during !== null) figures.during.add(during);
    if (after !== null) figures.after.add(after);

    if (during !== null) {
      this.#counts.of += 1;
      this.#changed.add({ source, i, change: CHANGES[change] ?? 'unknown', affected, before, during, after });
    } else if (before !== null && mayBeUnseen) this.#lostFromView += 1;
    if (affected) this.#addAffected(source, i, this.#table.has('after') && after === null);
  }

  /** `hasNoEnd`: there is a range "after", and the link has no sample in it. */
  #addAffected({ from, to, isBadAtEnd }: SourceLinks, i: number, hasNoEnd: boolean): void {
    const destination = to[i] ?? 0;
    const isBad = isBadAtEnd[i] === 1;
    this.#counts.links += 1;
    this.#affectedDestinations.add(destination);
    this.#affectedSources.add(from);
    this.#affectedByPod[from] = (this.#affectedByPod[from] ?? 0) + 1;
    if (destination !== from) this.#affectedByPod[destination] = (this.#affectedByPod[destination] ?? 0) + 1;
    if (!hasNoEnd) this.#counts.stillBad += isBad ? 1 : 0;
    else if ([from, destination].some((pod) => !this.#table.isPresent('after', pod))) this.#counts.unprobed += 1;
    // Here `isBad` is about the end of "during". A link that was well then and has not been pinged since is well.
    else if (isBad || this.#table.isSilent('after', from)) this.#counts.notKnown += 1;
  }

  /** The result. Yields between the ranges: each needs three medians over up to 65 536 counters. */
  *result(links: ComparedColumns[], chooseTargets: ChooseTargets): Generator<void, ComparedLinks> {
    const table = this.#table;
    const inRanges = function* (figuresOf: (range: RangeName) => RangeFigures): Generator<void, InRanges> {
      const before = table.has('before') ? figuresOf('before') : null;
      yield;
      const during = figuresOf('during');
      yield;
      const after = table.has('after') ? figuresOf('after') : null;
      yield;
      return { before, during, after };
    };
    const [affected, others] = [this.#affectedFigures, this.#otherFigures];
    const namesOf = (pods: ReadonlySet<number>) => countedNames(Array.from(pods, (pod) => table.name(pod)));
    const targets = chooseTargets(this.#affectedByPod);
    return {
      figures: {
        all: yield* inRanges((range) => affected[range].figures(others[range])),
        affected: yield* inRanges((range) => affected[range].figures()),
        others: yield* inRanges((range) => others[range].figures()),
      },
      affected: { ...this.#counts, to: namesOf(this.#affectedDestinations), from: namesOf(this.#affectedSources) },
      collateral: yield* this.#collateral(links, targets),
      lostFromView: this.#lostFromView,
      changes: Object.fromEntries(CHANGES.map((name, i) => [name, this.#changes[i] ?? 0])) as Record<Change, number>,
      ...this.#changed.result(targets),
      targets,
      links,
    };
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
        list.names.push(`${this.#table.name(from)} → ${this.#table.name(destination)}${family}`);
      }
      yield;
    }
    return list;
  }
}

/** A link with samples in the range "during". */
interface LinkSeenDuring extends Pick<ChangedLink, 'change' | 'affected'> {
  source: SourceLinks;
  i: number;
  before: LinkFigures | null;
  during: LinkFigures;
  after: LinkFigures | null;
}

/** A link in the list of changed links, with its weight and its pods' numbers in the table. */
interface ListedLink {
  weight: number;
  from: number;
  to: number;
  link: Omit<ChangedLink, 'touchesTarget'>;
}

/** Links with these changes are listed only if they are affected; else they are only counted. */
const LISTED_IF_AFFECTED: readonly Change[] = ['same', 'unknown', 'new'];
/*
 * The weight of a link is the change of its median in us (of a link without samples before: its median), plus what the following
 * constants add. Each of them is far larger than what the ones below it add, so links are listed in this order.
 */
/** Added for a link with the change `new-bad`. */
const NEW_BAD_WEIGHT = 1e13;
/** Multiplied by the change (0..1) of the failed share. A change by 0.01 weighs as much as FAILING_WEIGHT. */
const FAILED_SHARE_WEIGHT = 1e12;
/**
 * Added for a link that fails during. So a link that fails as before comes before one that has recovered from a failed share of
 * less than 0.01.
 */
const FAILING_WEIGHT = 1e10;
/** Multiplied by the share (0..1) of lost datagrams of a lossy link. The least, 0.02 (LOSSY), weighs as much as 20 s of median. */
const LOSS_WEIGHT = 1e9;

/** Keeps the `MAX_CHANGED` links with the largest weights, the largest first. */
class ChangedLinks {
  readonly #table: LinkTable;
  /** Sorted by weight, the largest first. */
  readonly #listed: ListedLink[] = [];
  /** Links with samples both before and during. */
  #seenInBoth = 0;
  /** The largest change of a median among the links that are not listed, us. */
  #maxUnlistedUs = 0;

  constructor(table: LinkTable) {
    this.#table = table;
  }

  add(link: LinkSeenDuring): void {
    const { before, during, change, affected } = link;
    if (before !== null) this.#seenInBoth += 1;
    const isWorthListing = affected || !LISTED_IF_AFFECTED.includes(change);
    const weight = isWorthListing ? weightOf(change, before, during) : 0;
    const isFull = this.#listed.length >= MAX_CHANGED;
    if (!isWorthListing || (isFull && weight <= (this.#listed.at(-1)?.weight ?? 0))) {
      if (before !== null) this.#noteUnlistedChange(Math.abs(changeUs(before, during)));
      return;
    }
    const place = this.#listed.findIndex((other) => other.weight < weight);
    this.#listed.splice(place === -1 ? this.#listed.length : place, 0, this.#listedLink(link, weight));
    const dropped = isFull ? this.#listed.pop()?.link : undefined;
    if (dropped !== undefined) this.#noteUnlistedChange(Math.abs(medianChangeUs(dropped) ?? 0));
  }

  result({ pods }: Targets): Pick<ReportData, 'changed' | 'unlisted'> {
    const changed = this.#listed.map(({ from, to, link }) => ({
      ...link,
      touchesTarget: pods.has(from) || pods.has(to),
    }));
    const listedInBoth = changed.filter(({ before }) => before !== null).length;
    return { changed, unlisted: { links: this.#seenInBoth - listedInBoth, maxChangeUs: this.#maxUnlistedUs } };
  }

  #noteUnlistedChange(us: number): void {
    this.#maxUnlistedUs = Math.max(this.#maxUnlistedUs, us);
  }

  #listedLink({ source, i, change, affected, before, during, after }: LinkSeenDuring, weight: number): ListedLink {
    const { from } = source;
    const to = source.to[i] ?? 0;
    const link = {
      from: this.#table.name(from),
      to: this.#table.name(to),
      fromUid: this.#table.pods[from]?.uid ?? '',
      toUid: this.#table.pods[to]?.uid ?? '',
      ipv6: ((source.flags[i] ?? 0) & FLAG_IPV6) !== 0,
      change,
      affected,
      before: medianOf(before),
      during: medianOf(during),
      after: medianOf(after),
    };
    return { weight, from, to, link };
  }
}

/** The weight of a link: see the constants above `ChangedLinks`. */
function weightOf(change: Change, before: LinkFigures | null, during: LinkFigures): number {
  const shareChange = Math.abs(shareOf(during) - (before === null ? 0 : shareOf(before)));
  const isFailing = during.failures > 0;
  const us = before === null ? unpack16(during.p50Us16) : Math.abs(changeUs(before, during));
  const loss = isLossyLink(during) ? during.lost / during.sent : 0;
  const added = (change === 'new-bad' ? NEW_BAD_WEIGHT : 0) + (isFailing ? FAILING_WEIGHT : 0);
  return added + shareChange * FAILED_SHARE_WEIGHT + loss * LOSS_WEIGHT + us;
}

function medianOf(link: LinkFigures | null): LinkMedian | null {
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
