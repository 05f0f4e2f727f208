import type { ReportData, ReportFigures } from '../../contract/report.ts';
import { ChangedLinks } from './changed-links.ts';
import { type ByRange, eachLink, type LinkTrio, RANGES } from './each-link.ts';
import { KeyFigures } from './key-figures.ts';
import { Names } from './names.ts';
import type { PodTable } from './pod-table.ts';
import { type LinkFigures, linkOf, type RangeLinks } from './range-links.ts';
import { isSlow, isWorse } from './worse.ts';

/** What is compared. */
export interface Compared {
  ranges: ByRange<RangeLinks | null>;
  table: PodTable;
  slowUs: number;
}

/** What comparing the ranges comes to. */
export type Comparison = Pick<
  ReportData,
  'figures' | 'affected' | 'collateral' | 'lostFromView' | 'changed' | 'unlisted'
>;

/** A link with samples in the range "during". */
type Seen = LinkTrio & { during: LinkFigures };

/** Affected links by number of the pod that they lead to or from. Yields after each row. */
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

/** Compares all links of the ranges. Yields after each row. */
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
