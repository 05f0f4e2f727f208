import type { RangeFigures } from '../../protocol/comparison.ts';
import { NONE16, unpack16 } from '../../protocol/links.ts';
import { isSlowLink, type LinkFigures } from './change.ts';

/** There are so many packed durations. One counter for each makes the medians exact. */
const PACKED_DURATIONS = 65_536;

/** How many links have each packed duration; null while there is none: most groups of most reports stay empty. */
type Histogram = Uint32Array | null;

/** Key figures of a group of links in one range. */
export class KeyFigures {
  readonly #slowUs: number;
  #p50: Histogram = null;
  #p95: Histogram = null;
  #max: Histogram = null;
  #links = 0;
  #failed = 0;
  #slow = 0;

  constructor(slowUs: number) {
    this.#slowUs = slowUs;
  }

  add(link: LinkFigures): void {
    this.#links += 1;
    if (link.failures > 0) this.#failed += 1;
    else if (isSlowLink(link, this.#slowUs)) this.#slow += 1;
    this.#p50 = counted(this.#p50, link.p50Us16);
    this.#p95 = counted(this.#p95, link.p95Us16);
    this.#max = counted(this.#max, link.maxUs16);
  }

  /** The figures of this group, or of this and another group together. */
  figures(other = new KeyFigures(this.#slowUs)): RangeFigures {
    return {
      links: this.#links + other.#links,
      failed: this.#failed + other.#failed,
      slow: this.#slow + other.#slow,
      p50Us: medianUs(this.#p50, other.#p50),
      p95Us: medianUs(this.#p95, other.#p95),
      maxUs: medianUs(this.#max, other.#max),
    };
  }
}

function counted(histogram: Histogram, packed: number): Histogram {
  if (packed === NONE16) return histogram;
  const counts = histogram ?? new Uint32Array(PACKED_DURATIONS);
  counts[packed] = (counts[packed] ?? 0) + 1;
  return counts;
}

/** The lower median of two histograms together, us; -1 if both are empty. Packed durations sort like durations. */
function medianUs(a: Histogram, b: Histogram): number {
  let total = 0;
  for (const counts of [a, b]) if (counts !== null) for (let i = 0; i < PACKED_DURATIONS; i++) total += counts[i] ?? 0;
  let rank = Math.ceil(total / 2);
  for (let packed = 0; packed < PACKED_DURATIONS && total > 0; packed++) {
    rank -= (a?.[packed] ?? 0) + (b?.[packed] ?? 0);
    if (rank <= 0) return unpack16(packed);
  }
  return -1;
}
