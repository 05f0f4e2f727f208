import { NONE16, unpack16 } from '../../contract/bytes16.ts';
import type { ReportFigures } from '../../contract/report.ts';
import type { LinkFigures } from './range-links.ts';
import { isSlow } from './worse.ts';

/** Every packed duration has a place of its own, so the median is exact. */
const PLACES = 65_536;

/** Links by the places of one of their durations; null until there is one: most groups of most reports stay empty. */
type Counts = Uint32Array | null;

type Duration = 'p50Us' | 'p95Us' | 'maxUs';

/** Sums up the key figures of some links in one range. */
export class KeyFigures {
  readonly #slowUs: number;
  readonly #counts: Record<Duration, Counts> = { p50Us: null, p95Us: null, maxUs: null };
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
    this.#count('p50Us', link.p50Us16);
    this.#count('p95Us', link.p95Us16);
    this.#count('maxUs', link.maxUs16);
  }

  /** What these links came to. */
  figures(): ReportFigures {
    return this.figuresWith(new KeyFigures(this.#slowUs));
  }

  /** What these links and those of another sum came to together. */
  figuresWith(others: KeyFigures): ReportFigures {
    const median = (duration: Duration) => medianUs(this.#counts[duration], others.#counts[duration]);
    return {
      links: this.#links + others.#links,
      failed: this.#failed + others.#failed,
      slow: this.#slow + others.#slow,
      p50Us: median('p50Us'),
      p95Us: median('p95Us'),
      maxUs: median('maxUs'),
    };
  }

  #count(duration: Duration, packed: number): void {
    if (packed === NONE16) return;
    const counts = this.#counts[duration] ?? new Uint32Array(PLACES);
    counts[packed] = (counts[packed] ?? 0) + 1;
    this.#counts[duration] = counts;
  }
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
