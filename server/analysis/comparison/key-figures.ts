import type { RangeFigures } from '../../protocol/comparison.ts';
import { NONE16, unpack16 } from '../../protocol/links.ts';
import { isSlowLink, type LinkFigures } from './change.ts';

/** There are so many packed durations. One counter for each makes the medians exact. */
const PACKED_DURATIONS = 65_536;

/** How many links have each packed duration. There are no counters while there is no link: most groups stay empty. */
interface Histogram {
  total: number;
  counts: Uint32Array | null;
}

/** Key figures of a group of links in one range. */
export class KeyFigures {
  readonly #slowUs: number;
  readonly #p50: Histogram = { total: 0, counts: null };
  readonly #p95: Histogram = { total: 0, counts: null };
  readonly #max: Histogram = { total: 0, counts: null };
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
    count(this.#p50, link.p50Us16);
    count(this.#p95, link.p95Us16);
    count(this.#max, link.maxUs16);
  }

  /** The figures of this group, or of this and another group together. */
  figures(other = new KeyFigures(this.#slowUs)): RangeFigures {
    const sent = this.#sent + other.#sent;
    return {
      links: this.#links + other.#links,
      failed: this.#failed + other.#failed,
      slow: this.#slow + other.#slow,
      p50Us: medianUs(this.#p50, other.#p50),
      p95Us: medianUs(this.#p95, other.#p95),
      maxUs: medianUs(this.#max, other.#max),
      ...(sent > 0 && { sent, lost: this.#lost + other.#lost }),
    };
  }
}

function count(histogram: Histogram, packed: number): void {
  if (packed === NONE16) return;
  histogram.counts ??= new Uint32Array(PACKED_DURATIONS);
  histogram.counts[packed] = (histogram.counts[packed] ?? 0) + 1;
  histogram.total += 1;
}

/** The lower median of two histograms together, us; -1 if both are empty. Packed durations sort like durations. */
function medianUs(a: Histogram, b: Histogram): number {
  let rank = Math.ceil((a.total + b.total) / 2);
  for (let packed = 0; packed < PACKED_DURATIONS && rank > 0; packed++) {
    rank -= (a.counts?.[packed] ?? 0) + (b.counts?.[packed] ?? 0);
    if (rank <= 0) return unpack16(packed);
  }
  return -1;
}
