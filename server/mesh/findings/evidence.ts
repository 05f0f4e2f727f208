import { NONE16, unpack16 } from '../../contract/bytes16.ts';
import { MAX_FINDING_PODS } from '../../contract/finding.ts';
import { outcomeOf, phaseOf } from '../../contract/links.ts';
import type { MeshRow } from '../../contract/mesh.ts';
import type { Outcome, Phase } from '../../contract/outcome.ts';

/** The most links of one cause that figures are taken from. */
const MAX_LINKS = 128;
/** A phase is late if it takes at least this share of the whole time. */
const LATE_SHARE = 0.25;

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
  readonly #rows: MeshRow[] = [];
  readonly #links: number[] = [];
  #last = -1;
  #medians: Medians | null = null;

  /** Takes a pair into account: `link` of `row`, bad in `families`. Rows come one after the other. */
  add(row: MeshRow, link: number, families: number): void {
    this.affected += 1;
    this.families |= families;
    if (row.pod !== this.#last) {
      this.#last = row.pod;
      this.fromCount += 1;
      if (this.from.length < MAX_FINDING_PODS) this.from.push(row.pod);
    }
    if (this.#links.length >= MAX_LINKS) return;
    this.#rows.push(row);
    this.#links.push(link);
  }

  /** The first of its links. */
  get first(): { row: MeshRow; link: number } | undefined {
    const [row] = this.#rows;
    const [link] = this.#links;
    return row === undefined || link === undefined ? undefined : { row, link };
  }

  /** Takes over what other evidence has, of other probing pods. */
  absorb(other: Evidence): void {
    this.affected += other.affected;
    this.families |= other.families;
    this.fromCount += other.fromCount;
    this.from.push(...other.from.slice(0, MAX_FINDING_PODS - this.from.length));
    const room = MAX_LINKS - this.#links.length;
    this.#rows.push(...other.#rows.slice(0, room));
    this.#links.push(...other.#links.slice(0, room));
  }

  /** The outcome and phase that most links share. */
  ending(): { outcome: Outcome; phase: Phase | null } {
    const counts = new Map<string, { outcome: Outcome; phase: Phase | null; count: number }>();
    for (const [k, { links }] of this.#rows.entries()) {
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
    if (connectUs < 0 || firstByteUs < 0) return null;
    const isLate = (us: number) => us >= totalUs * LATE_SHARE;
    if (isLate(connectUs)) return isLate(firstByteUs) ? null : 'connect';
    return isLate(firstByteUs) ? 'first-byte' : 'body';
  }

  /** Whether the phases are known at all: Goldpinger's own rows have none. */
  get knowsPhases(): boolean {
    return this.medians().connectUs >= 0;
  }

  /** Since when they fail, or are slow, by the median link; ms since the epoch, 0 = not known. */
  sinceMs(isFailed: boolean): number {
    const since = this.#rows.flatMap((row, k) => {
      const link = this.#links[k] ?? 0;
      const forMs = isFailed ? unpack16(row.links.sinceMs[link] ?? NONE16) : slowForMs(row, link);
      return forMs < 0 ? [] : [Math.round(row.atMs - forMs)];
    });
    return middle(since, 0);
  }

  #median(column: 'connectUs' | 'firstByteUs' | 'totalUs'): number {
    const values = this.#rows.map(({ links }, k) => unpack16(links[column][this.#links[k] ?? 0] ?? NONE16));
    return middle(
      values.filter((us) => us >= 0),
      -1,
    );
  }
}

function slowForMs({ slow = [] }: MeshRow, link: number): number {
  return slow.find(([at]) => at === link)?.[1] ?? -1;
}

/** The median; `none` of nothing. */
function middle(values: number[], none: number): number {
  values.sort((a, b) => a - b);
  return values[Math.floor((values.length - 1) / 2)] ?? none;
}
