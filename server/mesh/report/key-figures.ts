import { NONE16, unpack16 } from '../../contract/bytes16.ts';
import type { ReportFigures } from '../../contract/report.ts';
import type { LinkFigures } from './range-links.ts';
import { isSlow } from './worse.ts';

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
