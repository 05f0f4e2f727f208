import {
  type ChangedLink,
  type InRanges,
  type LinkMedian,
  MAX_CHANGED,
  medianChangeUs,
  type RangeFigures,
  type ReportData,
} from '../../protocol/comparison.ts';
import { unpack16 } from '../../protocol/links.ts';
import { changeOf, changeUs, failedShare, isSlowLink, isWorse, type LinkFigures } from './change.ts';
import { KeyFigures } from './key-figures.ts';
import type { LinkColumnsBuilder } from './link-columns.ts';
import { countedNames, NameCounter, type PodTable } from './names.ts';
import {
  type ByRange,
  type ComparedLink,
  eachLink,
  isSeenDuring,
  type LinkSeenDuring,
  type RangeLinks,
} from './range-links.ts';

/** What is compared. */
export interface CompareInput {
  /** Links by the numbers of `table`; "before" and "after" may be null. */
  ranges: ByRange<RangeLinks | null>;
  table: PodTable;
  /** SLOW_LINK, us. */
  slowUs: number;
}

/** The part of a report that is counted from links. */
type ComparedFigures = Pick<
  ReportData,
  'figures' | 'affected' | 'collateral' | 'lostFromView' | 'changed' | 'unlisted'
>;

/**
 * Compares all links of the ranges. `targets`: numbers of the pods at which the fault was aimed. `columns` also takes
 * every link, for clients that draw them all. Yields after each pod and every few links.
 */
export function* compareLinks(
  input: CompareInput,
  targets: ReadonlySet<number>,
  columns: LinkColumnsBuilder | null,
): Generator<void, ComparedFigures> {
  const counts = new LinkCounts(input, targets);
  yield* eachLink(input.ranges, input.table.pods.length, (link) => {
    counts.add(link);
    columns?.add(link);
  });
  return yield* counts.result();
}

/** The number of affected links that each pod has, as source or destination. Yields as `eachLink`. */
export function* affectedByPod({ ranges, table, slowUs }: CompareInput): Generator<void, Uint32Array> {
  const counts = new Uint32Array(table.pods.length);
  yield* eachLink(ranges, table.pods.length, ({ from, to, before, during }) => {
    if (during === null || !isWorse(before, during, slowUs)) return;
    counts[from] = (counts[from] ?? 0) + 1;
    if (to !== from) counts[to] = (counts[to] ?? 0) + 1;
  });
  return counts;
}

/** Counts links one by one. */
class LinkCounts {
  readonly #input: CompareInput;
  readonly #targets: ReadonlySet<number>;
  readonly #affectedFigures: ByRange<KeyFigures>;
  readonly #otherFigures: ByRange<KeyFigures>;
  readonly #changed: ChangedLinks;
  readonly #collateral = new NameCounter();
  readonly #destinations = new Set<number>();
  readonly #sources = new Set<number>();
  readonly #affected = { links: 0, of: 0, stillBad: 0, unprobed: 0 };
  #lostFromView = 0;

  constructor(input: CompareInput, targets: ReadonlySet<number>) {
    const figures = () => new KeyFigures(input.slowUs);
    this.#input = input;
    this.#targets = targets;
    this.#affectedFigures = { before: figures(), during: figures(), after: figures() };
    this.#otherFigures = { before: figures(), during: figures(), after: figures() };
    this.#changed = new ChangedLinks(input);
  }

  add(link: ComparedLink): void {
    const { before, during, after } = link;
    const affected = during !== null && isWorse(before, during, this.#input.slowUs);
    const figures = affected ? this.#affectedFigures : this.#otherFigures;
    if (before !== null) figures.before.add(before);
    if (during !== null) figures.during.add(during);
    if (after !== null) figures.after.add(after);
    if (isSeenDuring(link)) this.#addSeen(link, affected);
    else if (before !== null) this.#lostFromView += 1;
  }

  #addSeen(link: LinkSeenDuring, affected: boolean): void {
    const { from, to } = link;
    const touchesTarget = this.#targets.has(from) || this.#targets.has(to);
    this.#affected.of += 1;
    this.#changed.add(link, affected, touchesTarget);
    if (!affected) return;
    this.#affected.links += 1;
    this.#destinations.add(to);
    this.#sources.add(from);
    if (!touchesTarget) this.#collateral.add(() => this.#nameOf(link));
    const last = this.#input.ranges.after === null ? link.during : link.after;
    if (last === null) this.#affected.unprobed += 1;
    else if (last.isBadAtEnd && (last.failures > 0 || isSlowLink(last, this.#input.slowUs)))
      this.#affected.stillBad += 1;
  }

  #nameOf({ from, to, ipv6 }: ComparedLink): string {
    const { table } = this.#input;
    return `${table.name(from)} → ${table.name(to)}${ipv6 ? ' (IPv6)' : ''}`;
  }

  /** The result. Yields between the medians, because each looks at 65 536 counters. */
  *result(): Generator<void, ComparedFigures> {
    const { ranges, table } = this.#input;
    const inRanges = function* (figuresOf: (range: keyof ByRange<unknown>) => RangeFigures): Generator<void, InRanges> {
      const before = ranges.before === null ? null : figuresOf('before');
      yield;
      const during = figuresOf('during');
      yield;
      return { before, during, after: ranges.after === null ? null : figuresOf('after') };
    };
    const [affected, others] = [this.#affectedFigures, this.#otherFigures];
    const namesOf = (pods: ReadonlySet<number>) => countedNames(Array.from(pods, (pod) => table.name(pod)));
    return {
      figures: {
        all: yield* inRanges((range) => affected[range].figures(others[range])),
        affected: yield* inRanges((range) => affected[range].figures()),
        others: yield* inRanges((range) => others[range].figures()),
      },
      affected: { ...this.#affected, to: namesOf(this.#destinations), from: namesOf(this.#sources) },
      collateral: this.#collateral.result(),
      lostFromView: this.#lostFromView,
      ...this.#changed.result(),
    };
  }
}

/** Order of the list: a changed share of failures weighs more than failing as before, and that more than any median. */
const FAILED_SHARE_WEIGHT = 1e12;
const FAILING_WEIGHT = 1e10;

/** Keeps the links that changed most: first those that fail more or less often, then those that still fail, then by median. */
class ChangedLinks {
  readonly #input: CompareInput;
  /** The heaviest first. */
  readonly #listed: { weight: number; link: ChangedLink }[] = [];
  #knownInBoth = 0;
  #maxUnlistedUs = 0;

  constructor(input: CompareInput) {
    this.#input = input;
  }

  add(link: LinkSeenDuring, affected: boolean, touchesTarget: boolean): void {
    const { before, during } = link;
    if (before !== null) this.#knownInBoth += 1;
    const change = changeOf(before, during, this.#input.slowUs);
    const isWorthListing = affected || (change !== 'same' && change !== 'unknown');
    const weight = isWorthListing ? weightOf(before, during) : 0;
    const isFull = this.#listed.length >= MAX_CHANGED;
    if (!isWorthListing || (isFull && weight <= (this.#listed.at(-1)?.weight ?? 0))) {
      if (before !== null) this.#addUnlisted(Math.abs(changeUs(before, during)));
      return;
    }
    const place = this.#listed.findIndex((other) => other.weight < weight);
    const entry = { weight, link: { ...this.#describe(link), change, affected, touchesTarget } };
    this.#listed.splice(place === -1 ? this.#listed.length : place, 0, entry);
    const dropped = isFull ? this.#listed.pop()?.link : undefined;
    if (dropped !== undefined) this.#addUnlisted(Math.abs(medianChangeUs(dropped) ?? 0));
  }

  result(): Pick<ReportData, 'changed' | 'unlisted'> {
    const changed = this.#listed.map(({ link }) => link);
    const listedInBoth = changed.filter(({ before }) => before !== null).length;
    return { changed, unlisted: { links: this.#knownInBoth - listedInBoth, maxChangeUs: this.#maxUnlistedUs } };
  }

  #addUnlisted(us: number): void {
    this.#maxUnlistedUs = Math.max(this.#maxUnlistedUs, us);
  }

  #describe({ from, to, ipv6, before, during, after }: LinkSeenDuring) {
    const [source, destination] = [this.#input.table.pods[from], this.#input.table.pods[to]];
    return {
      from: source?.name ?? '',
      to: destination?.name ?? '',
      fromUid: source?.uid ?? '',
      toUid: destination?.uid ?? '',
      ipv6,
      before: medianOf(before),
      during: medianOf(during),
      after: medianOf(after),
    };
  }
}

function weightOf(before: LinkFigures | null, during: LinkFigures): number {
  const shareChange = Math.abs(failedShare(during) - (before === null ? 0 : failedShare(before)));
  const isFailing = during.failures > 0;
  const us = before === null ? unpack16(during.p50Us16) : Math.abs(changeUs(before, during));
  return shareChange * FAILED_SHARE_WEIGHT + (isFailing ? FAILING_WEIGHT : 0) + us;
}

function medianOf(link: LinkFigures | null): LinkMedian | null {
  if (link === null) return null;
  return { samples: link.samples, failures: link.failures, p50Us: unpack16(link.p50Us16) };
}
