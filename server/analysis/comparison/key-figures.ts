import type { RangeFigures } from '../../protocol/comparison.ts';
import { DurationCounts } from '../duration-counts.ts';
import { isSlowLink, type LinkFigures } from './change.ts';

/** Key figures of a group of links in one range. */
export class KeyFigures {
  readonly #slowUs: number;
  readonly #p50s = new DurationCounts();
  readonly #p95s = new DurationCounts();
  readonly #maxima = new DurationCounts();
  #links = 0;
  #failed = 0;
  #slow = 0;
  #sent = 0;
  #lost = 0;

  /** `slowUs`: SLOW_LINK, us. */
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

  /** The figures of this group, or of this and another group together. */
  figures(other = new KeyFigures(this.#slowUs)): RangeFigures {
    const sent = this.#sent + other.#sent;
    return {
      links: this.#links + other.#links,
      failed: this.#failed + other.#failed,
      slow: this.#slow + other.#slow,
      p50Us: this.#p50s.medianUs(other.#p50s),
      p95Us: this.#p95s.medianUs(other.#p95s),
      maxUs: this.#maxima.medianUs(other.#maxima),
      ...(sent > 0 && { sent, lost: this.#lost + other.#lost }),
    };
  }
}
