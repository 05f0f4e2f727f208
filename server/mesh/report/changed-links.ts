import { NONE16, unpack16 } from '../../contract/bytes16.ts';
import { type ChangedLink, MAX_CHANGED } from '../../contract/report.ts';
import type { LinkTrio } from './each-link.ts';
import type { PodTable } from './pod-table.ts';
import { type LinkFigures, linkOf } from './range-links.ts';
import { changeUs, failedShare } from './worse.ts';

/** A median that moved by less is not worth a line. */
const LEAST_US = 1_000;
/** A probe more or less that failed weighs more than any median can. */
const FAILURE_WEIGHT = 1e12;

/** A link among those that changed most, and how much. */
interface Ranked {
  weight: number;
  link: ChangedLink;
}

/** What is known of a link besides its figures. */
export interface LinkSigns {
  affected: boolean;
  touchesTarget: boolean;
}

/** Keeps the links that changed most: first those that fail more or less often, then by their medians. */
export class ChangedLinks {
  readonly #pods: PodTable;
  readonly #ranked: Ranked[] = [];
  #known = 0;
  #maxUs = 0;

  constructor(pods: PodTable) {
    this.#pods = pods;
  }

  /** Takes in one link that has samples in the range "during". */
  add(from: number, key: number, trio: LinkTrio & { during: LinkFigures }, signs: LinkSigns): void {
    const { before, during } = trio;
    if (before !== null) this.#known += 1;
    const weight = weightOf(before, during, signs.affected);
    const least = this.#ranked.length < MAX_CHANGED ? 0 : (this.#ranked.at(-1)?.weight ?? 0);
    if (weight <= least) {
      if (before !== null) this.#leave(Math.abs(changeUs(before, during)));
      return;
    }
    const place = this.#ranked.findIndex((other) => other.weight < weight);
    const ranked = { weight, link: this.#linkOf(from, key, trio, signs) };
    this.#ranked.splice(place === -1 ? this.#ranked.length : place, 0, ranked);
    const out = this.#ranked.length > MAX_CHANGED ? this.#ranked.pop() : undefined;
    if (out?.link.before && out.link.during) this.#leave(differenceUs(out.link.before, out.link.during));
  }

  /** The links that changed most, and what is to be said of the others that are known in both ranges. */
  result(): { changed: ChangedLink[]; unlisted: { links: number; maxChangeUs: number } } {
    const changed = this.#ranked.map(({ link }) => link);
    const listed = changed.filter(({ before }) => before !== null).length;
    return { changed, unlisted: { links: this.#known - listed, maxChangeUs: this.#maxUs } };
  }

  #leave(differenceUs: number): void {
    this.#maxUs = Math.max(this.#maxUs, differenceUs);
  }

  #linkOf(from: number, key: number, { before, during, after }: LinkTrio, signs: LinkSigns): ChangedLink {
    const { to, ipv6 } = linkOf(key);
    const ends = { from: this.#pods.name(from), to: this.#pods.name(to), ipv6 };
    return { ...ends, ...signs, before: told(before), during: told(during), after: told(after) };
  }
}

function told(link: LinkFigures | null): ChangedLink['during'] {
  if (link === null) return null;
  const { samples, failures, p50Us16 } = link;
  return { samples, failures, p50Us: p50Us16 === NONE16 ? -1 : unpack16(p50Us16) };
}

/** How much a link changed; 0 = not worth telling. */
function weightOf(before: LinkFigures | null, during: LinkFigures, isAffected: boolean): number {
  if (before === null && !isAffected) return 0;
  const shares = Math.abs(failedShare(during) - (before === null ? 0 : failedShare(before)));
  const us = Math.abs(before === null ? unpack16(during.p50Us16) : changeUs(before, during));
  const weight = shares * FAILURE_WEIGHT + us;
  return isAffected || weight >= LEAST_US ? Math.max(weight, LEAST_US) : 0;
}

function differenceUs(a: { p50Us: number }, b: { p50Us: number }): number {
  return a.p50Us < 0 || b.p50Us < 0 ? 0 : Math.abs(a.p50Us - b.p50Us);
}
