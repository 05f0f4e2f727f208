import type { Change } from '../../protocol/comparison.ts';
import { failedShare, MIN_CHANGE_US } from '../../protocol/link-quality.ts';
import { isLossy, isSlow } from '../../protocol/link-state.ts';
import { NONE16, unpack16 } from '../../protocol/links.ts';

/** What was measured of one link in one range. Durations are packed by `pack16`; `NONE16` if no sample is ok. */
export interface LinkFigures {
  samples: number;
  failures: number;
  p50Us16: number;
  p95Us16: number;
  maxUs16: number;
  jitterUs16: number;
  usualUs16: number;
  /** Datagrams of the UDP probe, and those that were lost; 0 and 0 if none was sent. */
  sent: number;
  lost: number;
  /** As in `Datagrams`. */
  lossCycles: number;
}

/** A median counts as changed only if it changed by at least MIN_CHANGE_US, and by this share of the median before. */
const MIN_CHANGE_SHARE = 0.2;
/** How many times worse a failed share, a slow median or a loss must be. */
const WORSE_FACTOR = 2;

/** Whether a link is affected: it fails, is slow or is lossy, and by WORSE_FACTOR more than before. `slowUs`: SLOW_LINK in us. */
export function isWorse(before: LinkFigures | null, during: LinkFigures, slowUs: number): boolean {
  return failsMore(before, during) || isMuchSlower(before, during, slowUs) || losesMore(before, during);
}

/** What became of a link; see `CHANGES`. null: it had no sample. `mayBeUnseen`: it may have existed then all the same. */
export function changeOf(
  before: LinkFigures | null,
  during: LinkFigures | null,
  slowUs: number,
  mayBeUnseen: boolean,
): Change {
  if (during === null) return before === null || mayBeUnseen ? 'unknown' : 'gone';
  if (before === null) {
    if (mayBeUnseen) return 'unknown';
    return isWorse(null, during, slowUs) ? 'new-bad' : 'new';
  }
  if (during.failures > 0) return failsMore(before, during) ? 'fails-more' : 'still-fails';
  // Before the medians are compared: a link that always failed before has none.
  if (isMuchSlower(before, during, slowUs)) return 'slower';
  if (losesMore(before, during)) return 'loses-more';
  if (before.failures > 0 && !isSlowLink(during, slowUs) && !isLossy(during)) return 'recovered';
  const us = changeUs(before, during);
  if (Math.abs(us) < Math.max(MIN_CHANGE_US, MIN_CHANGE_SHARE * unpack16(before.p50Us16))) return 'same';
  return us > 0 ? 'slower' : 'faster';
}

/** Whether a link is slow in a range: its median is SLOW_LINK or longer. A link without an ok sample is not slow. */
export function isSlowLink({ p50Us16 }: LinkFigures, slowUs: number): boolean {
  return isSlow(unpack16(p50Us16), slowUs);
}

/** By how much the median changed, us; 0 where one of the two ranges has no median. */
export function changeUs(before: LinkFigures, during: LinkFigures): number {
  if (before.p50Us16 === NONE16 || during.p50Us16 === NONE16) return 0;
  return unpack16(during.p50Us16) - unpack16(before.p50Us16);
}

function losesMore(before: LinkFigures | null, during: LinkFigures): boolean {
  if (!isLossy(during)) return false;
  if (before === null || before.sent === 0) return true;
  return during.lost / during.sent >= WORSE_FACTOR * (before.lost / before.sent);
}

function failsMore(before: LinkFigures | null, during: LinkFigures): boolean {
  if (during.failures === 0) return false;
  if (before === null) return true;
  return failedShare(during.samples, during.failures) >= WORSE_FACTOR * failedShare(before.samples, before.failures);
}

function isMuchSlower(before: LinkFigures | null, during: LinkFigures, slowUs: number): boolean {
  if (!isSlowLink(during, slowUs)) return false;
  if (before === null || before.p50Us16 === NONE16) return true;
  return unpack16(during.p50Us16) >= WORSE_FACTOR * unpack16(before.p50Us16);
}
